"""What an ONNX file says about its network, and what settings beside it must say, see `settings`.

Read from the graph: the input's name, type (float16, float32, float64, or uint8, which has the values 0 to 255), layout, batch
and size, and the outputs' names and shapes. From the metadata that Ultralytics writes: task, classes and size. Then:

- *Files of the house*, `images` -> `probabilities` or `boxes` and `scores`, take RGB in 0..1, as was agreed.
- *Detectors of Ultralytics*, told by an output of three dimensions, take RGB in 0..1, letterboxed, of 640 px if any.
- *Where a graph begins with its own normalisation*, or takes uint8, mean and std are 0 and 1.
- *Of all others* mean and std are asked for, and the size where it is free: a wrong guess costs accuracy without a sign.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.core.errors import NetworkError
from benchmark.plugins.networks.onnx_files import read_model, settings_file
from benchmark.plugins.networks.onnx_normalisation import normalised_range
from benchmark.plugins.networks.settings import Channels, Settings, asked, refuse

FLOATS: dict[str, Any] = {"float16": np.float16, "float32": np.float32, "float64": np.float64}
KINDS: dict[str, Any] = FLOATS | {"uint8": np.uint8}
ONNX_NAMES = {"float": "float32", "double": "float64"}
"""What ONNX calls the types whose names differ from NumPy's."""
VALID_INPUT = f"{', '.join(KINDS)} (N, 3, S, S) or (N, S, S, 3)"
ULTRALYTICS_SIZE = 640
TASKS = {"detect": "detection", "classify": "classification"}
"""Ultralytics' names of tasks."""
BY_RANK = {2: "classification", 3: "detection", 4: "classification"}
"""Task by the number of the output's dimensions; some classifiers of Caffe answer (N, classes, 1, 1)."""
FOREIGN_KEYS = {
    "classification": ("letterbox", "grey", "classes"),
    "detection": ("resize", "interpolation", "answers", "offset"),
}
"""Keys that mean nothing for a task."""


@dataclass(frozen=True)
class OnnxModel:
    """An open ONNX file."""

    name: str
    """The network's name, as suites write it."""
    path: Path
    session: Any
    """An onnxruntime.InferenceSession."""
    settings: Settings
    """What the file of settings beside it says."""

    @property
    def caption(self) -> str:
        """Name and path, for messages."""
        return f"{self.name} ({self.path})"

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs' nodes by name."""
        return {node.name: node for node in self.session.get_inputs()}

    @property
    def outputs(self) -> dict[str, Any]:
        """The outputs' nodes by name."""
        return {node.name: node for node in self.session.get_outputs()}

    @property
    def is_house(self) -> bool:
        """Whether inputs and outputs have the names that were agreed for networks of this project."""
        return set(self.inputs) == {"images"} and ("probabilities" in self.outputs or self.has_boxes)

    @property
    def has_boxes(self) -> bool:
        """Whether boxes and scores are separate outputs."""
        return {"boxes", "scores"} <= set(self.outputs)

    def metadata(self, key: str) -> Any:
        """A value of the metadata that Ultralytics writes, or None where there is none."""
        table = self.session.get_modelmeta().custom_metadata_map
        if "ultralytics" not in f"{table.get('author', '')} {table.get('description', '')}".lower():
            return None
        try:
            return ast.literal_eval(table.get(key, "None"))
        except (ValueError, SyntaxError):
            return table[key]

    def error(self, problem: str) -> NetworkError:
        """An error of this file."""
        return NetworkError(f"{self.caption}: {problem}")

    def missing(self, keys: list[str], *, reason: str = "cannot be read from an ONNX file") -> NetworkError:
        """The error that asks for keys of the settings."""
        return self.error(asked(keys, reason, str(settings_file(self.path))))


@dataclass(frozen=True)
class InputForm:
    """The input that a network takes: `(value in 0..1 * white - mean) / std`, in a type, layout and order."""

    name: str
    kind: str
    """A key of KINDS."""
    channels_last: bool
    batch: int | None
    """Number of images that each run takes; None if any number."""
    size: int
    """Side of the square, in px."""
    white: int
    """The value of white, 1 or 255."""
    is_bgr: bool
    mean: Channels
    """In the order of the network's channels."""
    std: Channels


def type_name(onnx_type: str) -> str:
    """The name of a type, as NumPy has it.

    Examples:
        >>> type_name("tensor(double)"), type_name("tensor(uint8)")
        ('float64', 'uint8')
    """
    name = onnx_type.removeprefix("tensor(").removesuffix(")")
    return ONNX_NAMES.get(name, name)


def sizes(node: Any) -> list[int | None]:
    """The sizes of a node's dimensions, None where one is free."""
    return [size if isinstance(size, int) else None for size in node.shape]


def described(node: Any) -> str:
    """A node's name, type and shape, for messages."""
    return f"{node.name} is {type_name(node.type)} ({', '.join(str(size or 'free') for size in node.shape)})"


def find_task(model: OnnxModel) -> tuple[str, str]:
    """The task, and the name of the output to read (`boxes` where scores are beside it).

    Raises:
        NetworkError: the task is none of the benchmark's, or it or the output must be told.
    """
    settings, outputs = model.settings, model.outputs
    written = model.metadata("task")
    if written is not None and written not in TASKS:
        raise model.error(f"its task is {written}; valid are {', '.join(TASKS)}")
    if model.is_house:
        task, output = ("detection", "boxes") if model.has_boxes else ("classification", "probabilities")
    else:
        output = find_output(model)
        task = settings.task or TASKS.get(written, "") or BY_RANK.get(len(outputs[output].shape), "")
    if not task:
        raise model.missing(["task"], reason=f"cannot be told from its output ({described(outputs[output])})")
    refuse(settings, FOREIGN_KEYS[task], str(settings_file(model.path)), f"the network's task is {task}")
    return task, output


def find_output(model: OnnxModel) -> str:
    """The name of the output to read, of a network whose outputs have any names."""
    outputs, name = model.outputs, model.settings.output
    if name is not None and name not in outputs:
        raise NetworkError(f"{settings_file(model.path)}: output is {name!r}; valid are {', '.join(outputs)}")
    candidates = [name] if name else [key for key, node in outputs.items() if len(node.shape) in BY_RANK]
    if len(outputs) > 1 and len(candidates) != 1:
        raise model.missing(["output"], reason=f"cannot be told from its outputs ({', '.join(outputs)})")
    return candidates[0] if candidates else next(iter(outputs))


def find_input(model: OnnxModel, task: str) -> InputForm:
    """The input's form.

    Raises:
        NetworkError: the input is no batch of square images of three channels, settings contradict it, or something must be
            told; the message names all keys to be told.
    """
    settings, nodes = model.settings, list(model.inputs.values())
    if len(nodes) != 1:
        raise model.error(f"its inputs are {', '.join(model.inputs) or 'none'}; valid is a single one, of images")
    (node,) = nodes
    kind, shape = type_name(node.type), sizes(node)
    layout = find_layout(model, node)
    height, width = shape[1:3] if layout == "nhwc" else shape[2:4]
    if layout and None not in (height, width) and height != width:
        raise model.error(f"{described(node)}; valid is {VALID_INPUT}, a square")
    size = (height or width or free_size(model, task)) if layout else settings.size or 1
    if size and settings.size not in (None, size):
        raise NetworkError(f"{settings_file(model.path)}: size is {settings.size}, but {described(node)}")
    mean, std, white = find_normalisation(model, task, kind)
    values = {"layout": layout, "size": size, "mean": mean, "std": std}
    if absent := [key for key, value in values.items() if not value]:
        raise model.missing(absent)
    assert size and mean and std
    is_bgr = settings.channel_order == "bgr"
    return InputForm(node.name, kind, layout == "nhwc", shape[0], size, white, is_bgr, mean, std)


def find_layout(model: OnnxModel, node: Any) -> str:
    """`nchw` or `nhwc`, or an empty text where it must be told.

    Raises:
        NetworkError: the input is no batch of images of three channels, or the settings contradict it.
    """
    shape, choice = sizes(node), model.settings.layout
    if type_name(node.type) not in KINDS or len(shape) != 4:
        raise model.error(f"{described(node)}; valid is {VALID_INPUT}")
    channels = {"nchw": shape[1], "nhwc": shape[3]}
    layouts = [name for name, size in channels.items() if size == 3]
    if not layouts and None not in channels.values():
        raise model.error(f"{described(node)}; valid is {VALID_INPUT}")
    if choice is not None and channels[choice] not in (3, None):
        raise NetworkError(f"{settings_file(model.path)}: layout is {choice!r}, but {described(node)}")
    return choice or (layouts[0] if len(layouts) == 1 else "")


def free_size(model: OnnxModel, task: str) -> int | None:
    """The side of the square, in px, of a network that takes any; None if it must be told."""
    if model.settings.size:
        return model.settings.size
    written = model.metadata("imgsz")
    if isinstance(written, list) and len(set(written)) == 1 and isinstance(written[0], int):
        return written[0]
    return ULTRALYTICS_SIZE if task == "detection" else None


def find_normalisation(model: OnnxModel, task: str, kind: str) -> tuple[Channels | None, Channels | None, int]:
    """Mean, std (each None if it must be told) and the value of white."""
    settings = model.settings
    nothing: tuple[Channels, Channels] = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if kind == "uint8":
        refuse(settings, ("mean", "std", "range"), str(settings_file(model.path)), "the input is uint8, 0 to 255")
        return *nothing, 255
    if model.is_house or task == "detection" or model.metadata("task") is not None:
        white: int | None = 1
    else:
        white = normalised_range(read_model(model.path), next(iter(model.inputs)), model.path.parent)
    defaults = (None, None) if white is None else nothing
    return settings.mean or defaults[0], settings.std or defaults[1], settings.range or white or 1
