"""Mean average precision (COCO) over any choice of images, from matches that are made once.

Matching detections to objects is slow and depends on one image alone; accumulating matches into precision and recall is fast
and depends on all. So `match` runs pycocotools on every image once, and `mean_ap` accumulates any choice of them, with
repeats, as COCOeval.accumulate does: each predictor, random filter or resample costs milliseconds and no detector.

    matches = match(objects, detections, classes)        # one entry an image in each list
    mean_ap(matches, np.array([0, 1, 1, 4]))             # images 0, 1 twice, and 4

An image that is chosen k times weighs k, each of its detections k times side by side: what COCOeval gives on copies of the
image, unless two detections of one image and class have the same score. Precision only rises where an object is found, so its
envelope is needed at those detections alone, and all classes and thresholds are done in one go.
"""

from __future__ import annotations

import contextlib
import functools
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
EVERY_AREA = (0.0, 1e10)


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
    """All detections of a list of images, class by class, in a class by falling score, at a tie in the images' order.

    `found` are the detections that found an object, and `ignored` those that fell on a crowd and do not count, at each of the
    ten IoU thresholds one after the other; a *segment* is one class at one threshold.
    """

    images: NDArray[np.int64]
    """Image of each detection, shape (D,)."""
    starts: NDArray[np.int64]
    """Where each class starts among the detections, and the end of the last; shape (K + 1,)."""
    found: NDArray[np.int64]
    """Place among the detections, shape (F,)."""
    found_starts: NDArray[np.int64]
    """Where each segment starts in `found`, and the end of the last; shape (10 K + 1,)."""
    ignored: NDArray[np.int64]
    """Place among the detections, shape (I,)."""
    ignored_starts: NDArray[np.int64]
    """Where each segment starts in `ignored`, and the end of the last; shape (10 K + 1,)."""
    ignored_before: NDArray[np.int64]
    """How many of `ignored`, counted from the first, come before each of `found`; shape (F,)."""
    objects: NDArray[np.int64]
    """Objects to be found, by image and class, crowds apart; shape (N, K)."""

    @functools.cached_property
    def owner(self) -> NDArray[np.int64]:
        """Segment of each of `found`, shape (F,)."""
        return np.repeat(np.arange(len(self.found_starts) - 1), np.diff(self.found_starts))


def match(
    objects: Sequence[Objects], detections: Sequence[Detections], classes: int, area: tuple[float, float] = EVERY_AREA
) -> Matches:
    """Match the detections of each image to its objects at IoU .5, .55, ... .95, with pycocotools.

    Args:
        objects: of each image.
        detections: in each image.
        classes: number of classes.
        area: least and largest area, in px, of the boxes that are asked for; as COCO's mAP of small or large objects.
    """
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools tells of its progress
        truth, found = coco_tables(objects, detections, classes)
        evaluation = COCOeval(truth, found, "bbox")
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
    found_places, found_starts = segments(matched & ~ignored, starts)
    ignored_places, ignored_starts = segments(ignored, starts)
    threshold = np.repeat(np.arange(len(IOU_THRESHOLDS)), np.diff(found_starts[::classes]))
    every = len(order) * np.repeat(np.arange(len(IOU_THRESHOLDS)), np.diff(ignored_starts[::classes])) + ignored_places
    return Matches(
        images=images[order],
        starts=starts,
        found=found_places,
        found_starts=found_starts,
        ignored=ignored_places,
        ignored_starts=ignored_starts,
        ignored_before=np.searchsorted(every, len(order) * threshold + found_places),
        objects=counts,
    )


def segments(chosen: NDArray[np.bool_], starts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the chosen detections (10, D), threshold by threshold, and where each class starts among them."""
    places = [np.flatnonzero(row) for row in chosen]
    ends = np.cumsum([0, *(len(some) for some in places)])
    bounds = [end + np.searchsorted(some, starts[:-1]) for some, end in zip(places, ends, strict=False)]
    return np.concatenate(places), np.concatenate([*bounds, ends[-1:]])


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
    return weighted_mean_ap(matches, np.bincount(np.asarray(images, np.int64), minlength=len(matches.objects)))


def weighted_mean_ap(matches: Matches, counts: NDArray[np.integer]) -> float:
    """As `mean_ap`, of images that are there so many times each, shape (N,)."""
    objects = counts @ matches.objects
    if not objects.any():
        raise MetricError("the images hold no object, so there is no average precision")
    weights = counts[matches.images]
    owner = matches.owner
    kind = owner % len(objects)
    true = summed(weights[matches.found])
    detected, dropped = summed(weights), summed(weights[matches.ignored])
    hits = true[1:] - true[matches.found_starts[owner]]
    counted = detected[matches.found + 1] - detected[matches.starts[kind]]
    counted = counted - (dropped[matches.ignored_before] - dropped[matches.ignored_starts[owner]])
    lift = 2.0 * (len(matches.found_starts) - owner)  # keeps the running maximum of a segment out of the one before it
    envelope = np.maximum.accumulate((hits / (counted + np.spacing(1)) + lift)[::-1])[::-1] - lift
    there = np.flatnonzero(objects)
    wanted = np.arange(len(IOU_THRESHOLDS))[:, None] * len(objects) + there
    needed = wanted[..., None] * (true[-1] + 1) + hits_needed(objects[there])
    places = np.searchsorted(owner * (true[-1] + 1) + hits, needed)
    reached = places < matches.found_starts[wanted + 1][..., None]
    heights = np.append(envelope, 0.0)[np.where(reached, places, len(envelope))]
    return float(heights.mean())


def hits_needed(objects: NDArray[np.int64]) -> NDArray[np.int64]:
    """The least number of objects found, of so many (C,), that reaches each of the 101 recalls, (C, 101)."""
    count = objects[:, None]
    least = np.ceil(RECALLS * count).astype(np.int64)
    least = least - ((least - 1) / count >= RECALLS)  # as exact as the division that COCOeval compares with
    return least + (least / count < RECALLS)


def summed(weights: NDArray[np.integer]) -> NDArray[np.int64]:
    """Sums of the first 0, 1, ..., N weights, shape (N + 1,)."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(weights, dtype=np.int64)])
