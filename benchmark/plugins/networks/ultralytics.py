"""Answers of Ultralytics' detectors (YOLO) as detections, from the arrays that their exports give for an image.

    (4 + C, A)     centre x, centre y, width, height in px of the input, then a score per class, of A anchors; also (A, 4 + C)
    (5 + C, 3 A)   the same of YOLOv5, whose fifth value, that there is an object at all, multiplies the scores; also transposed
    (K, 6)         end to end: left, top, right, bottom in px of the input, score, class; nothing is to be suppressed

Ultralytics' code (https://docs.ultralytics.com/modes/export) letterboxes an image at the centre, on grey of level 114. It
resizes without antialiasing and keeps one class of an anchor; here images are antialiased, as for all networks of the
benchmark, and each class of an anchor is a detection, with the thresholds of `detector`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from benchmark.plugins.networks.answers import Answer, WrongAnswer, check_candidates
from benchmark.plugins.networks.detector import LEAST_SCORE, MOST, suppress

if TYPE_CHECKING:
    from torch import Tensor

GREY = 114
COCO = 80
"""Classes of a network that is end to end, where nothing says how many it has."""
STRIDES = (8, 16, 32)


@dataclass(frozen=True)
class OutputForm:
    """How an output of three dimensions holds detections."""

    is_end_to_end: bool
    is_transposed: bool
    """Whether anchors come before values, (A, 4 + C)."""
    has_objectness: bool
    classes: int


def anchor_count(side: int) -> int:
    """Number of anchors of a square input, one at each position of the three strides.

    Examples:
        >>> anchor_count(640)
        8400
    """
    return sum((side // stride) ** 2 for stride in STRIDES)


def output_form(shape: tuple[int, int], side: int, classes: int | None) -> OutputForm | None:
    """The form of an output.

    Args:
        shape: its last two dimensions.
        side: side of the square input, in px.
        classes: number of classes, None if it is not known.

    Returns:
        The form, or None if the shape fits none or contradicts the number of classes.

    Examples:
        >>> output_form((84, 8400), 640, None)
        OutputForm(is_end_to_end=False, is_transposed=False, has_objectness=False, classes=80)
        >>> output_form((300, 6), 640, None).is_end_to_end, output_form((25200, 85), 640, None).classes
        (True, 80)
    """
    rows, columns = shape
    anchors = anchor_count(side)
    if columns == 6 and rows != anchors:
        return OutputForm(True, False, False, classes or COCO)
    is_transposed = columns in (4 + classes, 5 + classes) if classes else columns < rows
    values, count = (columns, rows) if is_transposed else (rows, columns)
    has_objectness = values == 5 + classes if classes else count == 3 * anchors
    score_count = values - (5 if has_objectness else 4)
    if score_count < 1 or classes not in (None, score_count):
        return None
    return OutputForm(False, is_transposed, has_objectness, score_count)


def detections(output: Tensor, form: OutputForm, side: int, position: int) -> Answer:
    """The detections of an image, with boxes in 0..1 of the square.

    Args:
        output: float32, of the shape that the form says.
        form: its form.
        side: side of the square input, in px.
        position: index of the image in its batch, for errors.

    Raises:
        WrongAnswer: a score is not in 0..1, a box of a detection is not finite, or a class is no whole number.
    """
    if form.is_end_to_end:
        return end_to_end(output, side, position)
    values = output if form.is_transposed else output.T
    centre, size, scores = values[:, :2], values[:, 2:4], values[:, 4:]
    if form.has_objectness:
        scores = scores[:, 1:] * scores[:, :1]
    boxes = torch.cat([centre - size / 2, centre + size / 2], 1) / side
    check_candidates(boxes[None], scores[None], form.classes, least=LEAST_SCORE, position=position)
    return suppress(boxes, scores)


def end_to_end(output: Tensor, side: int, position: int) -> Answer:
    """The detections of an image from float32 (K, 6), best score first, see `detections`."""
    boxes, scores, numbers = output[:, :4] / side, output[:, 4], output[:, 5]
    check_candidates(boxes[None], scores[None, :, None], 1, least=LEAST_SCORE, position=position)
    order = torch.argsort(scores, descending=True, stable=True)
    order = order[scores[order] > LEAST_SCORE][:MOST]
    classes = numbers[order].round()
    if not torch.equal(classes, numbers[order]):
        wrong = numbers[order][classes != numbers[order]][0].item()
        raise WrongAnswer(position, f"it has a class of {wrong:.4g}; valid are whole numbers")
    return boxes[order], scores[order], classes.long()
