"""Detectors: what is common to those of torchvision, of ONNX and of the zoo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from benchmark.mean_ap import Detections
from benchmark.networks.network import Network, Whole

if TYPE_CHECKING:
    from torch import Tensor, nn

Found = tuple["Tensor", "Tensor", "Tensor"]
"""Boxes (D, 4), scores (D,), classes (D,) from 0; best score first."""
LEAST_SCORE, MOST = 0.01, 100
NEAR = 0.6
"""Intersection over union above which the lower of two detections of one class is suppressed."""


def suppress(boxes: Tensor, scores: Tensor) -> Found:
    """The detections of an image after non-maximum suppression in each class.

    Args:
        boxes: left, top, right, bottom, shape (A, 4).
        scores: shape (A, classes), 0 to 1.
    """
    from torchvision.ops import batched_nms

    anchor, kind = (scores > LEAST_SCORE).nonzero(as_tuple=True)
    values = scores[anchor, kind]
    kept = batched_nms(boxes[anchor], values, kind, NEAR)[:MOST]
    return boxes[anchor[kept]], values[kept], kind[kept]


def from_detector(
    name: str, module: nn.Module, classes: list[int], weights: str, device: str, together: bool = True
) -> Network:
    """A network around one of torchvision's detectors, in evaluation mode on the device.

    Args:
        name: as suites write it.
        module: the detector.
        classes: for each of its labels the class from 0, or -1 where it means none.
        weights: their digest.
        device: where it runs.
        together: whether images are judged in one batch, which is exact only where all are of one size.
    """
    ready = module.eval().requires_grad_(False).to(device)
    known = torch.tensor(classes)

    def detect(images: list[Tensor]) -> list[Found]:
        answers = ready(images) if together else [ready([image])[0] for image in images]
        return [kept(answer, known) for answer in answers]

    return Network(name, max(classes) + 1, Whole(), weights, False, detect, module=ready, task="detection")


def kept(answer: dict[str, Any], known: Tensor) -> Found:
    """One answer of torchvision's in our classes."""
    boxes, scores = answer["boxes"].float().cpu(), answer["scores"].float().cpu()
    classes = known[answer["labels"].cpu()]
    order = torch.argsort(scores, descending=True, stable=True)
    order = order[(classes[order] >= 0) & (scores[order] > LEAST_SCORE)][:MOST]
    return boxes[order], scores[order], classes[order]


def as_detections(found: Found) -> Detections:
    """An answer as arrays, boxes as they are."""
    boxes, scores, classes = found
    return Detections(boxes.double().numpy(), scores.double().numpy(), classes.numpy())
