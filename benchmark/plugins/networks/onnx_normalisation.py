"""The range of values that an ONNX graph takes, where the graph itself begins with their normalisation.

    normalised_range(read_model(path), "images", path.parent)      # 255 for Keras' Rescaling(1 / 255), None without one

Graphs of Keras, of TensorFlow and of hand-made wrappers often begin with Sub, Add, Mul or Div by constants, which make `scale *
value + shift`. Networks are trained on values that then span 1 to 10 around 0, which tells 0..1 from 0..255.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALL_SCALE = 0.1
"""Scales below this one are of 0..255: 1 / 255 / 0.2 is 0.02; those of 0..1 are 1 / 0.3 and alike."""
LARGE_SHIFT = 10
"""Shifts above this one are of 0..255, as in networks of Caffe, which subtract 104, 117 and 123 and do not divide."""
UNCHANGED = {"Identity", "Cast", "Transpose"}
"""Operators before or between which normalisation may stand."""
Affine = tuple[NDArray[np.float64], NDArray[np.float64]]


def normalised_range(model: Any, name: str, folder: Path) -> int | None:
    """The value of white, 1 or 255, that a graph takes, or None where it does not begin with a normalisation.

    Args:
        model: the model's protobuf.
        name: the name of its input.
        folder: its folder, in which it may keep constants.
    """
    affine = first_affine(model.graph, name, folder)
    return None if affine is None else white_of(*affine)


def white_of(scale: NDArray[np.float64], shift: NDArray[np.float64]) -> int | None:
    """The value of white for which `scale * value + shift` normalises.

    Args:
        scale: factors, shape () or (3,).
        shift: what is added, likewise.

    Returns:
        1 or 255, or None where a scale is 0 or negative, which is no normalisation.

    Examples:
        >>> white_of(np.float64(1 / 127.5), np.float64(-1)), white_of(np.float64(1 / 0.25), np.float64(-2))
        (255, 1)
    """
    if not (scale > 0).all():
        return None
    return 255 if (scale < SMALL_SCALE).all() or (np.abs(shift) > LARGE_SHIFT).any() else 1


def first_affine(graph: Any, name: str, folder: Path) -> Affine | None:
    """Scale and shift of the affine operators with which a graph begins, or None if there are none."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    constants |= {
        node.output[0]: attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    scale, shift, count = np.ones(()), np.zeros(()), 0
    while True:
        users = [node for node in graph.node if name in node.input]
        if len(users) != 1:
            break
        (node,) = users
        if node.op_type not in UNCHANGED:
            step = affine_step(node, name, constants, folder)
            if step is None:
                break
            scale, shift, count = scale * step[0], shift * step[0] + step[1], count + 1
        name = node.output[0]
    return (scale, shift) if count else None


def affine_step(node: Any, name: str, constants: dict[str, Any], folder: Path) -> Affine | None:
    """Scale and shift of one operator applied to the value of this name, or None if it is no such operator."""
    from onnx import numpy_helper

    if node.op_type not in ("Add", "Sub", "Mul", "Div") or len(node.input) != 2:
        return None
    is_first = node.input[0] == name
    tensor = constants.get(node.input[1] if is_first else node.input[0])
    if tensor is None or int(np.prod(tensor.dims)) not in (1, 3):
        return None
    value = numpy_helper.to_array(tensor, str(folder)).astype(np.float64).reshape(-1)
    if node.op_type == "Div":
        return (1 / value, np.zeros(())) if is_first and value.all() else None
    if node.op_type == "Mul":
        return value, np.zeros(())
    if node.op_type == "Sub" and not is_first:
        return -np.ones(()), value
    return np.ones(()), value if node.op_type == "Add" else -value
