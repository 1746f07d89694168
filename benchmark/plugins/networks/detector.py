"""Functions that the detectors of torchvision, of ONNX and of the zoo share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from benchmark.metrics.mean_ap import Detections
from benchmark.plugins.networks.network import Network, NoResize

if TYPE_CHECKING:
    from torch import Tensor, nn

Answer = tuple["Tensor", "Tensor", "Tensor"]
"""Boxes (D, 4), scores (D,) and classes (D,) from 0, sorted by falling score."""
LEAST_SCORE, MOST = 0.01, 100
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
    values = scores[anchor, kind]
    kept = batched_nms(boxes[anchor], values, kind, NEAR)[:MOST]
    return boxes[anchor[kept]], values[kept], kind[kept]


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

    def detect(images: list[Tensor]) -> list[Answer]:
        answers = ready(images) if together else [ready([image])[0] for image in images]
        return [kept(answer, class_of_label) for answer in answers]

    return Network(
        name, max(classes) + 1, NoResize(), weights, logits=False, forward=detect, module=ready, task="detection"
    )


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
