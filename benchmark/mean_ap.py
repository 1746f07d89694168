"""Mean average precision (COCO) over any choice of images, from matches that are made once.

Matching detections to objects is slow and depends on one image alone; accumulating matches into precision and recall is fast
and depends on all. So `match` runs pycocotools on every image once, and `mean_ap` accumulates any choice of them, with
repeats, as COCOeval.accumulate does: each predictor, random filter or resample costs milliseconds and no detector.

    matches = match(objects, detections)        # one entry an image in each list
    mean_ap(matches, np.array([0, 1, 1, 4]))    # images 0, 1, 1 again, and 4
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.errors import MetricError
from benchmark.records import Objects

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MOST_DETECTIONS = 100


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector found in one image."""

    boxes: NDArray[np.float64]
    """Shape (D, 4): left, top, right, bottom, in px of the image."""
    scores: NDArray[np.float64]
    """Shape (D,), above 0."""
    classes: NDArray[np.int64]
    """Shape (D,), from 0."""


@dataclass(frozen=True, eq=False)
class Matches:
    """All detections of a list of images, image by image; in an image class by class, in a class by falling score."""

    start: NDArray[np.int64]
    """Where each image's detections start, and the end of the last; shape (N + 1,)."""
    classes: NDArray[np.int64]
    """Shape (D,)."""
    scores: NDArray[np.float64]
    """Shape (D,)."""
    right: NDArray[np.bool_]
    """Whether a detection found an object, at each threshold; shape (10, D)."""
    counted: NDArray[np.bool_]
    """Whether a detection counts at all: those that fell on a crowd do not; shape (10, D)."""
    objects: NDArray[np.int64]
    """Objects to be found, by image and class, crowds apart; shape (N, K)."""


def match(objects: Sequence[Objects], detections: Sequence[Detections], classes: int) -> Matches:
    """Match the detections of each image to its objects at IoU .5, .55, ... .95, with pycocotools."""
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools tells of its progress
        truth, found = coco_tables(objects, detections, classes)
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [MOST_DETECTIONS]
        evaluation.evaluate()
    counts = np.zeros((len(objects), classes), np.int64)
    for image, one in enumerate(objects):
        np.add.at(counts[image], one.classes[~one.crowd], 1)
    kept: list[list[dict[str, NDArray[np.generic]]]] = [[] for _ in objects]
    for entry in evaluation.evalImgs:  # by class, then by image
        if entry is not None and len(entry["dtScores"]):
            kept[entry["image_id"]].append(entry)
    entries = [entry for some in kept for entry in some]
    lengths = [sum(len(entry["dtScores"]) for entry in some) for some in kept]
    none = np.zeros((len(IOU_THRESHOLDS), 0))
    matched = np.concatenate([none, *(entry["dtMatches"] for entry in entries)], axis=1) > 0
    ignored = np.concatenate([none, *(entry["dtIgnore"] for entry in entries)], axis=1) > 0
    return Matches(
        start=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        classes=np.repeat(
            np.array([entry["category_id"] for entry in entries], np.int64),
            [len(entry["dtScores"]) for entry in entries],
        ),
        scores=np.concatenate([np.zeros(0), *(entry["dtScores"] for entry in entries)]),
        right=matched & ~ignored,
        counted=~ignored,
        objects=counts,
    )


def coco_tables(objects: Sequence[Objects], detections: Sequence[Detections], classes: int) -> tuple[object, object]:
    """Ground truth and detections as pycocotools' COCO objects; images are numbered by their places, classes from 0."""
    from pycocotools.coco import COCO

    truth, found = COCO(), COCO()
    images = [{"id": place, "height": one.size[0], "width": one.size[1]} for place, one in enumerate(objects)]
    categories = [{"id": number, "name": str(number)} for number in range(classes)]
    annotations = [
        annotation(image, box, int(kind)) | {"iscrowd": int(crowd)}
        for image, one in enumerate(objects)
        for box, kind, crowd in zip(one.boxes, one.classes, one.crowd, strict=True)
    ]
    results = [
        annotation(image, box, int(kind)) | {"score": float(score)}
        for image, one in enumerate(detections)
        for box, kind, score in zip(one.boxes, one.classes, one.scores, strict=True)
    ]
    for table, entries in ((truth, annotations), (found, results)):
        numbered = [entry | {"id": number} for number, entry in enumerate(entries, start=1)]
        table.dataset = {"images": images, "categories": categories, "annotations": numbered}
        table.createIndex()
    return truth, found


def annotation(image: int, box: NDArray[np.float64], kind: int) -> dict[str, object]:
    """One box as COCO writes it."""
    left, top, right, bottom = box.tolist()
    width, height = right - left, bottom - top
    return {"image_id": image, "category_id": kind, "bbox": [left, top, width, height], "area": width * height}


def mean_ap(matches: Matches, images: ArrayLike) -> float:
    """Mean over classes and IoU thresholds of the average precision on the chosen images. 0 to 1, best 1.

    Args:
        matches: of all images.
        images: places of the chosen ones, shape (M,); an image may stand there several times.

    Raises:
        MetricError: the chosen images hold no object.
    """
    chosen = np.asarray(images, np.int64)
    lengths = np.diff(matches.start)[chosen]
    first = np.repeat(matches.start[:-1][chosen] - np.cumsum(lengths) + lengths, lengths)
    places = first + np.arange(lengths.sum())
    places = places[np.lexsort((-matches.scores[places], matches.classes[places]))]
    wanted = matches.objects[chosen].sum(axis=0)
    if not wanted.any():
        raise MetricError("the images hold no object, so there is no average precision")
    bounds = np.searchsorted(matches.classes[places], np.arange(len(wanted) + 1))
    right, counted = matches.right[:, places], matches.counted[:, places]
    values = [
        average_precision(right[:, start:stop], counted[:, start:stop], count)
        for start, stop, count in zip(bounds[:-1], bounds[1:], wanted, strict=True)
        if count
    ]
    return float(np.mean(values))


def average_precision(right: NDArray[np.bool_], counted: NDArray[np.bool_], objects: int) -> float:
    """Precision at 101 recalls, mean over recalls and thresholds, of one class: as COCOeval.accumulate.

    Args:
        right: whether each detection found an object, best score first, shape (10, D).
        counted: whether it counts, same shape.
        objects: how many there are to find.
    """
    true = np.cumsum(right, axis=1)
    precision = true / (np.cumsum(counted, axis=1) + np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    total = 0.0
    for hits, heights in zip(true / objects, envelope, strict=True):
        reached = np.searchsorted(hits, RECALLS, side="left")
        total += float(heights[reached[reached < len(heights)]].sum())
    return total / (len(RECALLS) * len(IOU_THRESHOLDS))
