"""Detectors of `onnx:` networks: those of Ultralytics, and those with the outputs `boxes` and `scores`."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import torch

from benchmark.core.errors import NetworkError
from benchmark.plugins.networks.answers import Answer, check_candidates
from benchmark.plugins.networks.detector import LEAST_SCORE, suppress
from benchmark.plugins.networks.network import Letterbox, Network
from benchmark.plugins.networks.onnx_contract import FLOATS, InputForm, OnnxModel, described, sizes, type_name
from benchmark.plugins.networks.onnx_session import explained, probe, run, run_parts
from benchmark.plugins.networks.settings import Settings
from benchmark.plugins.networks.ultralytics import GREY, detections, output_form

logger = logging.getLogger(__name__)
VALID = {"boxes": "(1, A, 4)", "scores": "(1, A, classes) with A as in boxes and classes fixed"}
LETTERBOXES: dict[str, tuple[str, int]] = {"yolox_nano": ("corner", 114), "nanodet_m_416": ("centre", 0)}
"""Where detectors of the house expect an image that is not square, and the grey beside it; all others expect it stretched."""


def detector(model: OnnxModel, form: InputForm, output: str, weights: str) -> Network:
    """The network around the session of a detector of Ultralytics."""
    settings = model.settings
    form, values = probe(model, form, output)
    names = model.metadata("names")
    classes = settings.classes or (len(names) if isinstance(names, dict | list) else None)
    layout = output_form((values.shape[1], values.shape[2]), form.size, classes) if values.ndim == 3 else None
    if layout is None:
        valid = "(2, 4 + classes, A), (2, A, 4 + classes) or (2, K, 6)" + (f" of {classes} classes" if classes else "")
        raise model.error(f"it answers {tuple(values.shape)} to two images; valid is {valid}")

    def detect(images: torch.Tensor) -> list[Answer]:
        (values,) = run(model.session, form, images, [output])
        return [detections(value, layout, form.size, position) for position, value in enumerate(values)]

    logger.info(f"{model.name}: {explained(form)}; detections of {layout.classes} classes")
    canvas = canvas_of(settings, form.size, "centre", GREY)
    return Network(model.name, layout.classes, canvas, weights, logits=False, forward=detect, task="detection")


def house_detector(model: OnnxModel, form: InputForm, output: str, weights: str) -> Network:
    """The network around a session with the outputs `boxes` and `scores`."""
    boxes, scores = model.outputs["boxes"], model.outputs["scores"]
    for node in (boxes, scores):
        if type_name(node.type) not in FLOATS or len(node.shape) != 3:
            raise invalid(model, node)
    count, anchors, corners = sizes(boxes)
    if count not in (None, 1) or corners not in (None, 4):
        raise invalid(model, boxes)
    count, scored, classes = sizes(scores)
    if count not in (None, 1) or classes is None or (None not in (anchors, scored) and anchors != scored):
        raise invalid(model, scores)

    one_image = replace(form, batch=1)

    def detect(images: torch.Tensor) -> list[Answer]:
        answers = []
        for position, (boxes, scores) in enumerate(run_parts(model.session, one_image, images, ["boxes", "scores"])):
            check_candidates(boxes, scores, classes, least=LEAST_SCORE, position=position)
            answers.append(suppress(boxes[0], scores[0]))
        return answers

    letterbox, grey = LETTERBOXES.get(model.path.stem, ("none", 0))
    canvas = canvas_of(model.settings, form.size, letterbox, grey)
    return Network(model.name, classes, canvas, weights, logits=False, forward=detect, task="detection")


def canvas_of(settings: Settings, size: int, letterbox: str, grey: int) -> Letterbox:
    """The square of a detector by its settings, or as given."""
    letterbox = settings.letterbox or letterbox
    grey = grey if settings.grey is None else settings.grey
    return Letterbox(size, letterbox="" if letterbox == "none" else letterbox, grey=grey)


def invalid(model: OnnxModel, node: Any) -> NetworkError:
    """The error that says what an output is, and what is valid."""
    return model.error(f"{described(node)}; valid is {', '.join(FLOATS)} {VALID[node.name]}")
