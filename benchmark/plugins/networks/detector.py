"""Functions that the detectors of torchvision, of ONNX and of the zoo share."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch

from benchmark.core.types import Detections
from benchmark.plugins.networks.answers import Answer, WrongAnswer
from benchmark.plugins.networks.network import Network, NoResize

if TYPE_CHECKING:
    from torch import Tensor, nn

LEAST_SCORE, MOST = 0.01, 100
HEADS = {"head", "rpn.head", "roi_heads.box_predictor"}
"""The modules of torchvision's detectors from whose outputs detections are made."""
CANDIDATES = 1000
"""Number of the highest candidates of suppression that are looked at first. Of so many on a processor `batched_nms` moves the
boxes of each class apart, of more it goes through the classes, as `best_detections` does."""
NEAR = 0.6
"""Intersection over union above which the lower of two detections of one class is suppressed."""


def suppress(boxes: Tensor, scores: Tensor) -> Answer:
    """The detections of an image after non-maximum suppression in each class.

    Args:
        boxes: left, top, right, bottom, shape (A, 4).
        scores: shape (A, classes), 0 to 1.
    """
    from torchvision.ops import batched_nms

    anchor, kind = (scores > LEAST_SCORE).nonzero(as_tuple=True)
    values, corners = scores[anchor, kind], boxes[anchor]
    kept = best_detections(corners, values, kind) if len(values) > CANDIDATES else None
    if kept is None:
        kept = batched_nms(corners, values, kind, NEAR)[:MOST]
    return corners[kept], values[kept], kind[kept]


def best_detections(boxes: Tensor, scores: Tensor, kinds: Tensor) -> Tensor | None:
    """Indices of the MOST highest detections after non-maximum suppression in each class, from the highest down.

    Whether a detection is suppressed depends on higher ones alone. So the highest CANDIDATES are looked at, and more where too
    few of them are left, which gives what torchvision's `batched_nms` gives of all, of which there may be tens of thousands.

    Args:
        boxes: left, top, right, bottom, shape (N, 4).
        scores: shape (N,).
        kinds: class of each, shape (N,).

    Returns:
        None where two of them have the same score: into which order `batched_nms` puts these depends on all others.
    """
    from torchvision.ops import nms

    count = CANDIDATES
    while True:
        least = scores.topk(min(count, len(scores))).values[-1]
        members = (scores >= least).nonzero()[:, 0]
        of_class = [members[kinds[members] == kind] for kind in kinds[members].unique()]
        left = torch.cat([rows[nms(boxes[rows], scores[rows], NEAR)] for rows in of_class])
        if len(left) > MOST or len(members) == len(scores):
            break
        count *= 4
    values, order = scores[left].topk(min(MOST + 1, len(left)))
    return None if (values[1:] == values[:-1]).any() else left[order[:MOST]]


def class_numbers(names: Sequence[str], no_classes: Collection[str]) -> list[int]:
    """The class from 0 of each label of a detector, or -1 where a label stands for no class.

    Examples:
        >>> class_numbers(["N/A", "person", "N/A", "car"], ["N/A"])
        [-1, 0, -1, 1]
    """
    real = [name not in no_classes for name in names]
    return [sum(real[:label]) if real[label] else -1 for label in range(len(names))]


def from_detector(
    name: str, module: nn.Module, classes: list[int], weights: str, *, device: str, together: bool = True
) -> Network:
    """A network around one of torchvision's detectors, in evaluation mode on the device.

    Args:
        name: the network's name as suites write it.
        module: the detector.
        classes: the class from 0 of each of its labels, or -1 where a label stands for no class.
        weights: the digest of its weights.
        device: the device on which it runs.
        together: whether images are processed in one batch, which is exact only where all have the same size.
    """
    ready = module.eval().requires_grad_(False).to(device)
    class_of_label = torch.tensor(classes)
    parts = dict(ready.named_modules())
    for head in HEADS & parts.keys():
        parts[head].register_forward_hook(check_finite)

    def detect(images: list[Tensor]) -> list[Answer]:
        answers = []
        for position, batch in enumerate([images] if together else [[image] for image in images]):
            try:
                answers += ready(batch)
            except FloatingPointError as error:
                others = " or another image of its batch" if len(batch) > 1 else ""
                raise WrongAnswer(position, f"{error} for it{others}") from error
        return [kept(answer, class_of_label) for answer in answers]

    return Network(
        name, max(classes) + 1, NoResize(), weights, logits=False, forward=detect, module=ready, task="detection"
    )


def check_finite(head: nn.Module, inputs: Any, outputs: Any) -> None:
    """Raise FloatingPointError unless the outputs of a head are finite: torchvision drops NaN as it does weak detections."""
    if not all(bool(values.isfinite().all()) for values in tensors(outputs)):
        raise FloatingPointError(f"{type(head).__name__} gives values that are not finite")


def tensors(values: Any) -> Iterator[Tensor]:
    """All tensors in nested dictionaries, lists and tuples."""
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, dict | list | tuple):
        for value in values.values() if isinstance(values, dict) else values:
            yield from tensors(value)


def kept(answer: dict[str, Any], class_of_label: Tensor) -> Answer:
    """The detections of one of torchvision's answers, with its labels replaced by classes from 0."""
    boxes, scores = answer["boxes"].float().cpu(), answer["scores"].float().cpu()
    classes = class_of_label[answer["labels"].cpu()]
    order = torch.argsort(scores, descending=True, stable=True)
    order = order[(classes[order] >= 0) & (scores[order] > LEAST_SCORE)][:MOST]
    return boxes[order], scores[order], classes[order]


def as_detections(answer: Answer) -> Detections:
    """A detector's answer as arrays, with its boxes unchanged."""
    boxes, scores, classes = answer
    return Detections(boxes.double().numpy(), scores.double().numpy(), classes.numpy())
