"""Answers of networks: one check for all sources, made before anything is derived from an answer.

    with wrong_answers_named("onnx:yolox_nano", ["cat.jpg, jpeg 5"]):
        check_detections(network.forward(batch), frames, classes=80)

A check raises WrongAnswer with the position of the image in its batch; the context turns it, and any error of the network's own
code, into a NetworkError that names the network and the photograph.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.core.errors import ANY_ERROR, NetworkError
from benchmark.core.messages import cause

if TYPE_CHECKING:
    from torch import Tensor

Answer = tuple["Tensor", "Tensor", "Tensor"]
"""Boxes (D, 4), scores (D,) and classes (D,) from 0, sorted by falling score."""
SUM_TOLERANCE = 0.01
"""Largest error of a probability or of their sum: half precision and quantisation round, logits are far off."""
SCORE_TOLERANCE = 1e-5
"""Largest excess of a score over 0..1; scores are recorded in ten-thousandths."""
MOST_LOGIT = 1e30
"""Largest absolute logit, so that its quotient by a temperature is finite in float32."""
BEYOND = 2
"""How far a box may exceed its image on each side, in widths and heights of the image; real detectors exceed it by half."""


class WrongAnswer(NetworkError):
    """The answer to one image of a batch breaks the contract."""

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(problem)
        self.position = position
        """Index of the image in its batch."""


@contextlib.contextmanager
def wrong_answers_named(network: str, photographs: Sequence[str]) -> Iterator[None]:
    """Turn whatever a network's code or a check of its answers raises into a NetworkError.

    Args:
        network: the network's name.
        photographs: what to call each image of the batch, at least one.
    """
    try:
        yield
    except WrongAnswer as error:
        raise NetworkError(f"{network}: {photographs[error.position]}: {error}") from error
    except ANY_ERROR as error:  # torch, onnxruntime and packages may raise anything
        batch = (
            photographs[0]
            if len(photographs) == 1
            else f"a batch of {len(photographs)} that begins with {photographs[0]}"
        )
        raise NetworkError(f"{network}: fails at {batch} ({cause(error)})") from error


def check_classification(answers: Any, count: int, classes: int, *, logits: bool) -> None:
    """Check the answers of a classifier.

    Args:
        answers: logits or probabilities, a floating-point tensor (count, classes) on any device.
        count: number of images.
        classes: number of classes.
        logits: whether the answers are logits; they must be finite and at most 1e30 in size. Probabilities must lie in 0..1 and
            sum to 1, within SUM_TOLERANCE.

    Raises:
        WrongAnswer: an answer has another shape or value.
    """
    fits = isinstance(answers, torch.Tensor) and answers.is_floating_point() and answers.shape == (count, classes)
    if not fits:
        raise WrongAnswer(0, f"the answers are {kind(answers)}; valid are floats ({count}, {classes}), a row per image")
    values = as_array(answers)
    with np.errstate(all="ignore"):
        lowest, highest, total = values.min(1), values.max(1), values.sum(1)
    if logits:
        valid = (lowest >= -MOST_LOGIT) & (highest <= MOST_LOGIT)  # false at NaN
    else:
        valid = (lowest >= -SUM_TOLERANCE) & (highest <= 1 + SUM_TOLERANCE)
        valid &= np.abs(total - 1) <= SUM_TOLERANCE
    if valid.all():
        return
    position = int(np.argmin(valid))
    span = f"from {lowest[position]:.4g} to {highest[position]:.4g}"
    if logits:
        raise WrongAnswer(position, f"its logits reach {span}; valid are finite ones of at most {MOST_LOGIT:g}")
    hint = " (logits need a softmax at the network's end)" if np.isfinite(values[position]).all() else ""
    what = f"its probabilities reach {span} and sum to {total[position]:.4g}"
    raise WrongAnswer(position, f"{what}; valid are 0 to 1 with the sum 1{hint}")


def probes(size: int) -> torch.Tensor:
    """Two images (2, 3, size, size) in 0..1: noise, and a ramp from black to white."""
    noise = torch.rand(3, size, size, generator=torch.Generator().manual_seed(0))
    return torch.stack([noise, torch.linspace(0, 1, size).expand(3, size, size)])


def kind_of_answers(values: torch.Tensor) -> str:
    """`probabilities` if each row is within 0..1 and sums to 1, `logits` if one is not in 0..1, else an empty text.

    Examples:
        >>> kind_of_answers(torch.tensor([[0.25, 0.75]])), kind_of_answers(torch.tensor([[-3.0, 4.0]]))
        ('probabilities', 'logits')
    """
    if not bool(((values >= -SUM_TOLERANCE) & (values <= 1 + SUM_TOLERANCE)).all()):  # NaN included
        return "logits"
    return "probabilities" if bool(((values.sum(1) - 1).abs() <= SUM_TOLERANCE).all()) else ""


def check_candidates(boxes: Tensor, scores: Tensor, classes: int, *, least: float, position: int) -> None:
    """Check what a detector gives for one image before weak detections are dropped, since NaN and logits would be, too.

    Args:
        boxes: should have the shape (1, A, 4), and be finite where a score is above `least`.
        scores: should have the shape (1, A, classes), and be in 0..1.
        classes: number of classes.
        least: score up to which detections are dropped.
        position: index of the image in its batch.

    Raises:
        WrongAnswer: they are not so.
    """
    count = boxes.shape[1] if boxes.ndim > 1 else 0
    if boxes.shape != (1, count, 4) or scores.shape != (1, count, classes):
        what = f"its boxes are {kind(boxes)} and its scores {kind(scores)}"
        raise WrongAnswer(position, f"{what}; valid are (1, A, 4) and (1, A, {classes})")
    values = as_array(scores)
    lowest, highest = (values.min(), values.max()) if count else (0.0, 0.0)
    if not (lowest >= -SCORE_TOLERANCE and highest <= 1 + SCORE_TOLERANCE):  # NaN included
        span = f"from {lowest:.4g} to {highest:.4g}"
        hint = " (logits need a sigmoid or a softmax)" if np.isfinite(values).all() else ""
        raise WrongAnswer(position, f"its scores reach {span}; valid are 0 to 1{hint}")
    finite = np.isfinite(as_array(boxes)).all(2)
    if not finite.all() and (wrong := ~finite & (values.max(2) > least)).any():
        raise WrongAnswer(position, f"it has a box of {as_array(boxes)[wrong][0].tolist()}; valid are finite ones")


def check_detections(answers: Any, frames: Sequence[tuple[float, float]], classes: int) -> None:
    """Check the answers of a detector.

    Args:
        answers: one `Answer` for each image.
        frames: width and height of each image in the unit of its boxes.
        classes: number of classes.

    Raises:
        WrongAnswer: an answer has another type or shape, a score is outside 0..1 or rises, a class does not exist, or a box is
            not finite, has its right left of its left or its bottom above its top, or lies further than BEYOND from the image.
    """
    if not isinstance(answers, list | tuple) or len(answers) != len(frames):
        what = f"{len(answers)} answers" if isinstance(answers, list | tuple) else kind(answers)
        raise WrongAnswer(0, f"the network gives {what}; valid is a list of {len(frames)}, one answer per image")
    for position, answer in enumerate(answers):
        check_form(answer, position)
    rows = np.repeat(np.arange(len(answers)), [len(scores) for _, scores, _ in answers])
    boxes, scores, numbers = (
        np.concatenate([as_array(column) for column in columns]) for columns in zip(*answers, strict=True)
    )
    sides = np.tile(np.asarray(frames, np.float32), 2)[rows]
    rises = np.append(False, (scores[1:] > scores[:-1]) & (rows[1:] == rows[:-1]))[: len(scores)]
    inside = (boxes >= -BEYOND * sides) & (boxes <= (1 + BEYOND) * sides)  # false at NaN
    checks = [
        ((scores >= -SCORE_TOLERANCE) & (scores <= 1 + SCORE_TOLERANCE), "score", scores, "0 to 1"),
        (~rises, "score", scores, "scores in falling order"),
        ((numbers >= 0) & (numbers < classes), "class", numbers, f"0 to {classes - 1}"),
        (inside.all(1), "box", boxes, f"finite, and at most {BEYOND} image sides outside the image"),
        ((boxes[:, 2:] >= boxes[:, :2]).all(1), "box", boxes, "left, top, right, bottom"),
    ]
    for valid, name, values, valid_values in checks:
        if not valid.all():
            first = int(np.argmin(valid))
            value = np.round(values[first], 4).tolist()
            raise WrongAnswer(int(rows[first]), f"it has a {name} of {value}; valid are {valid_values}")


def check_form(answer: Any, position: int) -> None:
    """Raise WrongAnswer unless a detector's answer to one image has the types and shapes of an `Answer`."""
    valid = "boxes float (D, 4), scores float (D,), classes integer (D,)"
    columns = answer if isinstance(answer, list | tuple) else (answer,)
    fits = len(columns) == 3 and all(isinstance(column, torch.Tensor) for column in columns)
    if fits:
        boxes, scores, numbers = columns
        count = len(scores) if scores.ndim == 1 else -1
        fits = boxes.shape == (count, 4) and numbers.shape == (count,)
        fits = fits and boxes.is_floating_point() and scores.is_floating_point() and numbers.dtype in INTEGERS
    if not fits:
        raise WrongAnswer(position, f"its answer is {', '.join(map(kind, columns))}; valid are {valid}")


INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def as_array(values: Tensor) -> NDArray[Any]:
    """A tensor as an array of float32, or of its integers: NumPy needs no thread to wake up for so little work."""
    values = values.detach().cpu()
    return np.asarray((values.float() if values.is_floating_point() else values).numpy())


def kind(value: Any) -> str:
    """Type and shape of a value, for messages.

    Examples:
        >>> kind(torch.zeros(2, 10)), kind(None)
        ('float32 (2, 10)', 'NoneType')
    """
    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
