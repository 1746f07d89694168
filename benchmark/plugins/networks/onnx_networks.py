"""`onnx:` networks: files in the networks folder, with a contract that is checked when they are opened.

    images           RGB in 0..1, (N, 3, S, S), N free or 1, S fixed
    probabilities    (N, classes), of a classifier: 0 to 1, each row sums to 1
    boxes            (1, A, 4), of a detector: left, top, right, bottom in 0..1 of the square
    scores           (1, A, classes), of a detector: 0 to 1; non-maximum suppression is applied afterwards

Each may be float16, float32 or float64; answers become float32. A model may keep tensors in other files, which it names
("external data", as in `X.onnx.data`); the digest of the weights covers them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.core.errors import MissingWeights, NetworkError
from benchmark.core.messages import cause
from benchmark.plugins.networks.answers import Answer, check_candidates
from benchmark.plugins.networks.detector import LEAST_SCORE, suppress
from benchmark.plugins.networks.network import Letterbox, Network, Preprocessing
from benchmark.plugins.networks.weights import files_digest, local_file

FLOATS: dict[str, Any] = {"float16": np.float16, "float32": np.float32, "float64": np.float64}
ONNX_NAMES = {"float": "float32", "double": "float64"}
"""What ONNX calls the types whose names differ from NumPy's."""
VALID = {
    "images": "(N, 3, S, S), RGB in 0..1, with N free or 1 and S fixed",
    "probabilities": "(N, classes) with N as in images and classes fixed",
    "boxes": "(1, A, 4)",
    "scores": "(1, A, classes) with A as in boxes and classes fixed",
}
LETTERBOXES: dict[str, tuple[str, int]] = {"yolox_nano": ("corner", 114), "nanodet_m_416": ("centre", 0)}
"""Where detectors expect an image that is not square, and the grey beside it; all others expect it stretched."""


def onnx_network(model: str, folder: Path | None, device: str, download: bool) -> Network:
    """The network in `<folder>/<model>.onnx`.

    Raises:
        MissingWeights: there is no such file.
        NetworkError: the file is damaged or breaks the contract, a file of its tensors is missing or outside the folder, or
            onnxruntime is not installed.
    """
    path = onnx_file(model, folder)
    weights, session = onnx_weights(path), open_session(path)
    network = f"onnx:{model} ({path})"
    inputs, outputs = ({node.name: node for node in nodes} for nodes in (session.get_inputs(), session.get_outputs()))
    if set(inputs) != {"images"}:
        raise NetworkError(f"{network}: its inputs are {', '.join(inputs) or 'none'}; valid is images alone")
    batch, channels, side, width = checked(network, inputs["images"], 4)
    if batch not in (None, 1) or channels != 3 or side is None or side != width:
        raise invalid(network, inputs["images"])
    if {"boxes", "scores"} <= set(outputs):
        return detector(network, model, session, side, weights)
    if "probabilities" not in outputs:
        valid = "probabilities, of a classifier, or boxes and scores, of a detector"
        raise NetworkError(f"{network}: its outputs are {', '.join(outputs)}; valid are {valid}")
    rows, classes = checked(network, outputs["probabilities"], 2)
    if classes is None or rows not in (None, batch):
        raise invalid(network, outputs["probabilities"])

    def classify(images: torch.Tensor) -> torch.Tensor:
        parts = images.split(1 if batch == 1 else len(images))
        return torch.cat([run(session, part, ["probabilities"])[0] for part in parts])

    prepare = Preprocessing(int(side / 0.875), side)
    return Network(f"onnx:{model}", classes, prepare, weights, logits=False, forward=classify)


def onnx_file(model: str, folder: Path | None) -> Path:
    """The path of a model's file.

    Raises:
        MissingWeights: there is no such file.
    """
    path = local_file(folder, f"{model}.onnx")
    if path is None:
        location = folder or "a networks folder (none given: set UTILBENCH_NETWORKS or --networks)"
        raise MissingWeights(f"onnx:{model}: no file {model}.onnx in {location}; put it there")
    return path


def onnx_weights(path: Path) -> str:
    """Digest of a model's file and of all files in which it keeps tensors, see `tensor_files`."""
    return files_digest(path, tensor_files(path))


def detector(network: str, model: str, session: Any, side: int, weights: str) -> Network:
    """The network around a session with the outputs `boxes` and `scores`."""
    outputs = {node.name: node for node in session.get_outputs()}
    count, anchors, corners = checked(network, outputs["boxes"], 3)
    if count not in (None, 1) or corners not in (None, 4):
        raise invalid(network, outputs["boxes"])
    count, scored, classes = checked(network, outputs["scores"], 3)
    if count not in (None, 1) or classes is None or (None not in (anchors, scored) and anchors != scored):
        raise invalid(network, outputs["scores"])

    def detect(images: torch.Tensor) -> list[Answer]:
        answers = []
        for position, image in enumerate(images.split(1)):
            boxes, scores = run(session, image, ["boxes", "scores"])
            check_candidates(boxes, scores, classes, least=LEAST_SCORE, position=position)
            answers.append(suppress(boxes[0], scores[0]))
        return answers

    letterbox, grey = LETTERBOXES.get(model, ("", 0))
    canvas = Letterbox(side, letterbox=letterbox, grey=grey)
    return Network(f"onnx:{model}", classes, canvas, weights, logits=False, forward=detect, task="detection")


def run(session: Any, images: torch.Tensor, names: list[str]) -> list[torch.Tensor]:
    """These outputs for float32 images (N, 3, S, S), as float32."""
    (node,) = session.get_inputs()
    array = images.contiguous().cpu().numpy().astype(FLOATS[float_type(node.type)], copy=False)
    return [torch.from_numpy(output).float() for output in session.run(names, {node.name: array})]


def open_session(path: Path) -> Any:
    """An inference session of onnxruntime on the processor, with as many threads as torch has."""
    try:
        import onnxruntime
    except ImportError as error:
        raise NetworkError(f"{path}: needs onnxruntime; pip install 'utilbench[lite]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what it would log it raises
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base
        raise NetworkError(f"{path}: not readable as ONNX ({cause(error)})") from error


def checked(network: str, node: Any, rank: int) -> list[int | None]:
    """The sizes of a node's dimensions, None where one is free, if it has so many and is of floats."""
    if float_type(node.type) not in FLOATS or len(node.shape) != rank:
        raise invalid(network, node)
    return [size if isinstance(size, int) else None for size in node.shape]


def invalid(network: str, node: Any) -> NetworkError:
    """The error that says what an input or output is, and what is valid."""
    shape = ", ".join(str(size or "free") for size in node.shape)
    return NetworkError(
        f"{network}: {node.name} is {float_type(node.type)} ({shape}); valid is {', '.join(FLOATS)} {VALID[node.name]}"
    )


def float_type(onnx_type: str) -> str:
    """The name of a type, as NumPy has it.

    Examples:
        >>> float_type("tensor(double)"), float_type("tensor(uint8)")
        ('float64', 'uint8')
    """
    name = onnx_type.removeprefix("tensor(").removesuffix(")")
    return ONNX_NAMES.get(name, name)


def tensor_files(path: Path) -> list[str]:
    """The names, relative to its folder, of the other files that hold tensors of a model.

    Raises:
        NetworkError: the model is damaged, or such a file is missing or not inside the folder.
    """
    try:
        import onnx
    except ImportError as error:
        raise NetworkError(f"{path}: needs onnx; pip install 'utilbench[lite]'") from error
    try:
        graph = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's errors have no common base
        raise NetworkError(f"{path}: not readable as ONNX ({cause(error)})") from error
    folder = path.parent.resolve()
    names = {
        entry.value
        for tensor in messages(graph, onnx.TensorProto)
        if tensor.data_location == onnx.TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
    for name in sorted(names):
        if "\0" in name or not (folder / name).resolve().is_relative_to(folder):
            raise NetworkError(f"{path}: keeps tensors in {name!r}; valid is a file inside {folder}")
        if not (folder / name).is_file():
            raise MissingWeights(f"{path}: keeps tensors in {name}, and {folder} has no such file; put it there")
    return sorted(names)


def messages(message: Any, kind: type) -> Iterator[Any]:
    """All parts of a protobuf message that are of this kind, at any depth."""
    if isinstance(message, kind):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from messages(part, kind)
