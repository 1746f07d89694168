"""Mean average precision (COCO) over any selection of images, from matches that are computed once.

Matching detections to objects is slow and depends on one image alone; accumulating matches into precision and recall is fast
and depends on all images. Therefore `match` runs pycocotools once on every image, and `mean_ap` accumulates any selection of
images, with repeats, as COCOeval.accumulate does: each predictor, random filter or resample takes only milliseconds.

    matches = match(objects, detections, classes)        # one entry per image in each list
    mean_ap(matches, np.array([0, 1, 1, 4]))             # images 0, 1 twice, and 4

An image that is selected k times has weight k, as if each of its detections occurred k times in a row. COCOeval gives the same
on copies of the image, unless two detections of one image and class have the same score. Precision rises only at true
positives, so its envelope is needed only there, and all classes and thresholds are processed at once.
"""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.core.errors import MetricError
from benchmark.core.types import Objects
from benchmark.metrics.accumulation import RECALLS, segments, summed

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
MOST_DETECTIONS = 100
EVERY_AREA = (0.0, 1e10)


@dataclass(frozen=True, eq=False)
class Detections:
    """The detections of one image."""

    boxes: NDArray[np.float64]
    """Shape (D, 4): left, top, right, bottom, in px of the image."""
    scores: NDArray[np.float64]
    """Shape (D,), above 0."""
    classes: NDArray[np.int64]
    """Shape (D,), from 0."""


@dataclass(frozen=True, eq=False)
class Matches:
    """All detections of a list of images, sorted by class, then by falling score, then by image.

    `true_positives` lists the detections that match an object, and `ignored` those that match a crowd and do not count, for
    each of the ten IoU thresholds in turn; a *segment* is one class at one threshold.
    """

    images: NDArray[np.int64]
    """Image of each detection, shape (D,)."""
    starts: NDArray[np.int64]
    """Start of each class among the detections, and the end of the last; shape (K + 1,)."""
    true_positives: NDArray[np.int64]
    """Indices among the detections, shape (F,)."""
    true_positive_starts: NDArray[np.int64]
    """Start of each segment in `true_positives`, and the end of the last; shape (10 K + 1,)."""
    ignored: NDArray[np.int64]
    """Indices among the detections, shape (I,)."""
    ignored_starts: NDArray[np.int64]
    """Start of each segment in `ignored`, and the end of the last; shape (10 K + 1,)."""
    ignored_before: NDArray[np.int64]
    """Number of entries of `ignored`, counted from the first, before each of `true_positives`; shape (F,)."""
    objects: NDArray[np.int64]
    """Number of objects without crowds, by image and class; shape (N, K)."""

    @functools.cached_property
    def true_positive_images(self) -> NDArray[np.int64]:
        """Image of each of `true_positives`, shape (F,)."""
        return self.images[self.true_positives]

    @functools.cached_property
    def owner(self) -> NDArray[np.int64]:
        """Segment of each of `true_positives`, shape (F,)."""
        return np.repeat(np.arange(len(self.true_positive_starts) - 1), np.diff(self.true_positive_starts))


def match(
    objects: Sequence[Objects],
    detections: Sequence[Detections],
    classes: int,
    *,
    area: tuple[float, float] = EVERY_AREA,
) -> Matches:
    """Match the detections of each image to its objects at IoU .5, .55, ... .95, with pycocotools.

    Args:
        objects: the objects of each image.
        detections: the detections of each image.
        classes: number of classes.
        area: least and largest area of the objects that count, in px, as for COCO's mAP of small or large objects.

    Examples:
        >>> truth = Objects(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([0]), np.array([False]), size=(8, 8))
        >>> found = Detections(truth.boxes, scores=np.array([0.9]), classes=truth.classes)
        >>> match([truth], [found], classes=1).true_positives.tolist()     # one at each threshold
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    """
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        truth, detected = coco_tables(objects, detections, classes)
        evaluation = COCOeval(truth, detected, "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [list(area)], ["these"]
        evaluation.params.maxDets = [MOST_DETECTIONS]
        evaluation.evaluate()
    counts = np.zeros((len(objects), classes), np.int64)
    entries = [entry for entry in evaluation.evalImgs if entry is not None]  # by class
    for entry in entries:
        counts[entry["image_id"], entry["category_id"]] = np.count_nonzero(np.equal(entry["gtIgnore"], 0))
    entries = [entry for entry in entries if len(entry["dtScores"])]
    lengths = [len(entry["dtScores"]) for entry in entries]
    kinds = np.repeat(np.array([entry["category_id"] for entry in entries], np.int64), lengths)
    images = np.repeat(np.array([entry["image_id"] for entry in entries], np.int64), lengths)
    scores = np.concatenate([np.zeros(0), *(entry["dtScores"] for entry in entries)])
    order = np.lexsort((images, -scores, kinds))
    none = np.zeros((len(IOU_THRESHOLDS), 0))
    matched = (np.concatenate([none, *(entry["dtMatches"] for entry in entries)], axis=1) > 0)[:, order]
    ignored = (np.concatenate([none, *(entry["dtIgnore"] for entry in entries)], axis=1) > 0)[:, order]
    starts = np.searchsorted(kinds[order], np.arange(classes + 1))
    true_positives, true_positive_starts = segments(matched & ~ignored, starts)
    ignored_indices, ignored_starts = segments(ignored, starts)
    threshold = np.repeat(np.arange(len(IOU_THRESHOLDS)), np.diff(true_positive_starts[::classes]))
    every = len(order) * np.repeat(np.arange(len(IOU_THRESHOLDS)), np.diff(ignored_starts[::classes])) + ignored_indices
    return Matches(
        images=images[order],
        starts=starts,
        true_positives=true_positives,
        true_positive_starts=true_positive_starts,
        ignored=ignored_indices,
        ignored_starts=ignored_starts,
        ignored_before=np.searchsorted(every, len(order) * threshold + true_positives),
        objects=counts,
    )


def coco_tables(objects: Sequence[Objects], detections: Sequence[Detections], classes: int) -> tuple[object, object]:
    """Ground truth and detections as pycocotools' COCO objects; images and classes are numbered from 0.

    Examples:
        >>> with contextlib.redirect_stdout(io.StringIO()):
        ...     truth, found = coco_tables([], [], classes=2)
        >>> truth.getCatIds()
        [0, 1]
    """
    from pycocotools.coco import COCO

    truth, detected = COCO(), COCO()
    images = [
        {"id": index, "height": labelled.size[0], "width": labelled.size[1]} for index, labelled in enumerate(objects)
    ]
    categories = [{"id": number, "name": str(number)} for number in range(classes)]
    annotations = [
        annotation(image, box, int(kind)) | {"iscrowd": int(crowd)}
        for image, labelled in enumerate(objects)
        for box, kind, crowd in zip(labelled.boxes, labelled.classes, labelled.crowd, strict=True)
    ]
    results = [
        annotation(image, box, int(kind)) | {"score": float(score)}
        for image, answer in enumerate(detections)
        for box, kind, score in zip(answer.boxes, answer.classes, answer.scores, strict=True)
    ]
    for table, entries in ((truth, annotations), (detected, results)):
        numbered = [entry | {"id": number} for number, entry in enumerate(entries, start=1)]
        table.dataset = {"images": images, "categories": categories, "annotations": numbered}
        table.createIndex()
    return truth, detected


def annotation(image: int, box: NDArray[np.float64], kind: int) -> dict[str, object]:
    """One box in COCO's format.

    Examples:
        >>> annotation(0, np.array([1.0, 1.0, 4.0, 3.0]), kind=7)
        {'image_id': 0, 'category_id': 7, 'bbox': [1.0, 1.0, 3.0, 2.0], 'area': 6.0}
    """
    left, top, right, bottom = box.tolist()
    width, height = right - left, bottom - top
    return {"image_id": image, "category_id": kind, "bbox": [left, top, width, height], "area": width * height}


def mean_ap(matches: Matches, images: ArrayLike) -> float:
    """Mean over classes and IoU thresholds of the average precision on the chosen images. 0 to 1, best 1.

    Args:
        matches: the matches of all images.
        images: indices of the chosen images, shape (M,); an image may occur several times.

    Raises:
        MetricError: the chosen images hold no object.

    Examples:
        >>> truth = Objects(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([0]), np.array([False]), size=(8, 8))
        >>> found = Detections(truth.boxes, scores=np.array([0.9]), classes=truth.classes)
        >>> mean_ap(match([truth], [found], classes=1), images=[0])
        1.0
    """
    return weighted_mean_ap(matches, np.bincount(np.asarray(images, np.int64), minlength=len(matches.objects)))


def weighted_mean_ap(matches: Matches, counts: NDArray[np.integer]) -> float:
    """The result of `mean_ap` where `counts` says how often each image occurs, shape (N,).

    Examples:
        >>> truth = Objects(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([0]), np.array([False]), size=(8, 8))
        >>> found = Detections(truth.boxes, scores=np.array([0.9]), classes=truth.classes)
        >>> weighted_mean_ap(match([truth], [found], classes=1), counts=np.array([2]))
        1.0
    """
    objects = counts @ matches.objects
    if not objects.any():
        raise MetricError("the images hold no object, so there is no average precision")
    weights = counts.astype(np.int32)
    repeats = weights[matches.true_positive_images]
    occurring = np.flatnonzero(repeats)  # the others change nothing, and in a resample of few images they are most
    repeats, owner = repeats[occurring], matches.owner[occurring]
    kind, number = owner % len(objects), objects[owner % len(objects)]
    first = np.r_[True, owner[1:] != owner[:-1]][: len(owner)]
    true = np.cumsum(repeats)
    hits = true - np.maximum.accumulate(np.where(first, true - repeats, 0))
    detected, dropped = summed(weights[matches.images]), summed(weights[matches.images[matches.ignored]])
    counted = detected[matches.true_positives[occurring] + 1] - detected[matches.starts][kind]
    counted -= dropped[matches.ignored_before[occurring]] - dropped[matches.ignored_starts][owner]
    lift = 2.0 * (len(matches.true_positive_starts) - owner)  # separates the segments' running maxima
    envelope = np.maximum.accumulate((hits / (counted + np.spacing(1)) + lift)[::-1])[::-1] - lift
    # Precision is read at each of 101 recalls, at the first true positive of its segment that reaches it.
    reached = np.searchsorted(RECALLS, hits / np.maximum(number, 1), side="right")
    reached_before = np.where(first, 0, np.r_[0, reached][:-1])
    heights = envelope * (reached - reached_before) * (number > 0)
    return float(heights.sum() / (len(IOU_THRESHOLDS) * len(RECALLS) * np.count_nonzero(objects)))
