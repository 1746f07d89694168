"""Runs an ONNX file on images: from RGB in 0..1 to what its graph takes, and back to float32 tensors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmark.core.messages import cause
from benchmark.plugins.networks.answers import probes
from benchmark.plugins.networks.onnx_contract import FLOATS, KINDS, InputForm, OnnxModel, described, type_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_ONCE = 2
"""Number of parts that run at once: a second one fills the cores that the first leaves idle."""


def as_input(images: torch.Tensor, form: InputForm) -> NDArray[Any]:
    """Images as a network takes them.

    Args:
        images: RGB in 0..1, float32 (N, 3, S, S) on any device.
        form: the input's form; uint8 is rounded.

    Returns:
        (N, 3, S, S) or (N, S, S, 3), of the form's type.
    """
    if form.is_bgr:
        images = images.flip(1)
    if form.white != 1:
        images = images * form.white
    if any(form.mean) or set(form.std) != {1.0}:
        images = (images - images.new_tensor(form.mean).view(3, 1, 1)) / images.new_tensor(form.std).view(3, 1, 1)
    if form.channels_last:
        images = images.permute(0, 2, 3, 1)
    if form.kind == "uint8":
        images = images.round()
    return np.asarray(images.contiguous().cpu().numpy().astype(KINDS[form.kind], copy=False))


def run(session: Any, form: InputForm, images: torch.Tensor, names: list[str]) -> list[torch.Tensor]:
    """These outputs for float32 images (N, 3, S, S) in 0..1, as float32; N rows where the graph gives one per image."""
    parts = run_parts(session, form, images, names)
    return [torch.cat(columns) for columns in zip(*parts, strict=True)]


def run_parts(session: Any, form: InputForm, images: torch.Tensor, names: list[str]) -> list[list[torch.Tensor]]:
    """The same for each part of the images that the graph takes at once, whose outputs may differ in shape."""

    def answers(part: torch.Tensor) -> list[torch.Tensor]:
        array = as_input(part, form)
        missing = (form.batch or 0) - len(part)
        if missing > 0:
            array = np.concatenate([array, np.repeat(array[-1:], missing, 0)])
        outputs = session.run(names, {form.name: array})
        return [torch.from_numpy(output).float()[: len(part)] for output in outputs]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(answers, images.split(form.batch or len(images))))


def probe(model: OnnxModel, form: InputForm, output: str) -> tuple[InputForm, torch.Tensor]:
    """What a network answers to the two `probes`, and the form by which it does.

    Some graphs whose batch is free by their declaration hold a batch of 1 inside; these get one image at a time.

    Raises:
        NetworkError: the output is not of floats, the network fails, or it does not answer two rows.
    """
    node = model.outputs[output]
    if type_name(node.type) not in FLOATS:
        raise model.error(f"{described(node)}; valid is {', '.join(FLOATS)}")
    problems = []
    for attempt in [form] if form.batch else [form, replace(form, batch=1)]:
        try:
            (values,) = run(model.session, attempt, probes(form.size), [output])
        except Exception as error:  # onnxruntime's errors have no common base
            problems.append(f"fails at an image of noise ({cause(error)})")
            continue
        if values.ndim and len(values) == 2:
            return attempt, values
        problems.append(f"it answers {tuple(values.shape)} to two images; valid are two rows")
    raise model.error(problems[0])


def explained(form: InputForm) -> str:
    """An input's form in words, for the log."""
    order, layout = "BGR" if form.is_bgr else "RGB", "NHWC" if form.channels_last else "NCHW"
    scale = f"0..{form.white}, mean {list(form.mean)}, std {list(form.std)}"
    return f"takes {order} {layout} {form.kind} of {form.size} px, {scale}"
