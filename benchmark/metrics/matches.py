"""Matches of detections with objects (COCO), from which the mAP of any selection of images is accumulated.

    matches = match(objects, detections, classes)        # one entry per image in each list
    matches.of_images(np.array([0, 3]))                  # those of two images

pycocotools runs once on every image; what it finds is kept as arrays that are sorted as COCOeval.accumulate sorts them.
Detections of a class that an image does not hold are wrong in any case, so that pycocotools does not see them; they are most.
"""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.core.types import Detections, Objects
from benchmark.metrics.coco_tables import coco_tables

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
MOST_DETECTIONS = 100
EVERY_AREA = (0.0, 1e10)


@dataclass(frozen=True, eq=False)
class Matches:
    """The detections of a list of images, sorted by class, then by falling score.

    Those are left out that count at no IoU threshold, such as unmatched ones of another area.
    `true_positives` lists the detections that match an object, and `ignored` those that do not count, since they match a crowd
    or are of another area, for each of the ten IoU thresholds in turn; a *segment* is one class at one threshold.
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

    def of_images(self, chosen: NDArray[np.int64]) -> Matches:
        """The matches of the chosen images alone, shape (M,), each at most once; they are numbered in this order."""
        number = np.full(len(self.objects), -1)
        number[chosen] = np.arange(len(chosen))
        here = number[self.images] >= 0
        true, ignored = here[self.true_positives], here[self.ignored]
        index, true_index, ignored_index = (summed(mask.astype(np.int64)) for mask in (here, true, ignored))
        return Matches(
            images=number[self.images[here]],
            starts=index[self.starts],
            true_positives=index[self.true_positives[true]],
            true_positive_starts=true_index[self.true_positive_starts],
            ignored=index[self.ignored[ignored]],
            ignored_starts=ignored_index[self.ignored_starts],
            ignored_before=ignored_index[self.ignored_before[true]],
            objects=self.objects[chosen],
        )

    @functools.cached_property
    def true_positive_images(self) -> NDArray[np.int64]:
        """Image of each of `true_positives`, shape (F,)."""
        return self.images[self.true_positives]

    @functools.cached_property
    def ignored_images(self) -> NDArray[np.int64]:
        """Image of each of `ignored`, shape (I,)."""
        return self.images[self.ignored]

    @functools.cached_property
    def objects_as_floats(self) -> NDArray[np.float64]:
        """`objects` as floats, whose products are exact below 2 ** 53 and ten times as fast."""
        return self.objects.astype(np.float64)

    @functools.cached_property
    def owner(self) -> NDArray[np.int64]:
        """Segment of each of `true_positives`, shape (F,)."""
        return np.repeat(np.arange(len(self.true_positive_starts) - 1), np.diff(self.true_positive_starts))

    @functools.cached_property
    def true_positive_classes(self) -> NDArray[np.int64]:
        """Class of each of `true_positives`, shape (F,)."""
        return self.owner % self.objects.shape[1]


def match(objects: Sequence[Objects], detections: Sequence[Detections], classes: int) -> Matches:
    """Match the detections of each image to its objects at IoU .5, .55, ... .95, with pycocotools.

    Args:
        objects: the objects of each image.
        detections: the detections of each image.
        classes: number of classes.

    Examples:
        >>> truth = Objects(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([0]), np.array([False]), size=(8, 8))
        >>> found = Detections(truth.boxes, scores=np.array([0.9]), classes=truth.classes)
        >>> match([truth], [found], classes=1).true_positives.tolist()     # one at each threshold
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    """
    return match_by_area(objects, detections, classes, [EVERY_AREA])[0]


def match_by_area(
    objects: Sequence[Objects], detections: Sequence[Detections], classes: int, areas: Sequence[tuple[float, float]]
) -> list[Matches]:
    """The results of `match` where only objects of some area count, for several areas: least and largest in px.

    COCO's mAP of small or large objects is made of these; overlaps are computed once for all areas.

    Examples:
        >>> truth = Objects(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([0]), np.array([False]), size=(8, 8))
        >>> found = Detections(truth.boxes, scores=np.array([0.9]), classes=truth.classes)
        >>> [matches.objects.tolist() for matches in match_by_area([truth], [found], 1, [(0, 63), (63, 65)])]
        [[[0]], [[1]]]
    """
    pairs = [(answer, is_evaluated(answer, labelled)) for answer, labelled in zip(detections, objects, strict=True)]
    entries = evaluated(objects, [answer.chosen(mask) for answer, mask in pairs], classes, areas)
    others = [answer.chosen(~mask) for answer, mask in pairs]
    return [assembled(of_area, others, classes, area) for of_area, area in zip(entries, areas, strict=True)]


def is_evaluated(answer: Detections, labelled: Objects) -> NDArray[np.bool_]:
    """Whether COCOeval must see each detection of an image, shape (D,): of a class without an object there it is wrong anyway.

    It sees all where there are more than MOST_DETECTIONS, since it knows which of them count.

    Examples:
        >>> labelled = Objects(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([2]), np.array([False]), size=(8, 8))
        >>> answer = Detections(np.zeros((2, 4)), scores=np.array([0.9, 0.8]), classes=np.array([2, 1]))
        >>> is_evaluated(answer, labelled).tolist()
        [True, False]
    """
    return np.isin(answer.classes, labelled.classes) | (len(answer.scores) > MOST_DETECTIONS)


def evaluated(
    objects: Sequence[Objects], detections: Sequence[Detections], classes: int, areas: Sequence[tuple[float, float]]
) -> list[list[dict[str, Any]]]:
    """What COCOeval finds for each area: an entry for each class and image with objects or detections of the class.

    Examples:
        >>> truth = Objects(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([2]), np.array([False]), size=(8, 8))
        >>> nothing = Detections(np.zeros((0, 4)), scores=np.zeros(0), classes=np.zeros(0, np.int64))
        >>> [[entry["category_id"] for entry in area] for area in evaluated([truth], [nothing], 3, [EVERY_AREA])]
        [[2]]
    """
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        evaluation = COCOeval(*coco_tables(objects, detections, classes), "bbox")
    occurring = [np.union1d(*(side.classes for side in both)) for both in zip(objects, detections, strict=True)]
    pairs = sorted((kind, image) for image, kinds in enumerate(occurring) for kind in kinds.tolist())
    # Its `evaluate`, which begins with these two lines, asks for every image and class; nine in ten have nothing.
    evaluation.params.maxDets = [MOST_DETECTIONS]
    evaluation._prepare()
    evaluation.ious = {(image, kind): evaluation.computeIoU(image, kind) for kind, image in pairs}
    return [
        [evaluation.evaluateImg(image, kind, list(area), MOST_DETECTIONS) for kind, image in pairs] for area in areas
    ]


def assembled(
    entries: Sequence[dict[str, Any]], others: Sequence[Detections], classes: int, area: tuple[float, float]
) -> Matches:
    """Matches from the entries of COCOeval, and other detections, which are wrong if they are of this area.

    Examples:
        >>> answer = Detections(np.array([[0.0, 0.0, 8.0, 8.0]]), scores=np.array([0.9]), classes=np.array([2]))
        >>> assembled([], [answer], 3, EVERY_AREA).starts.tolist(), assembled([], [answer], 3, (65, 99)).starts.tolist()
        ([0, 0, 0, 1], [0, 0, 0, 0])
    """
    counts = np.zeros((len(others), classes), np.int64)
    for entry in entries:
        counts[entry["image_id"], entry["category_id"]] = np.count_nonzero(np.equal(entry["gtIgnore"], 0))
    with_detections = [entry for entry in entries if len(entry["dtScores"])]
    keys = [(entry["category_id"], entry["image_id"]) for entry in with_detections]
    lengths = [len(entry["dtScores"]) for entry in with_detections]
    kinds, owners = np.repeat(np.array(keys, np.int64).reshape(-1, 2), lengths, axis=0).T
    kinds = np.concatenate([kinds, *(answer.classes for answer in others)])
    owners = np.concatenate([owners, np.repeat(np.arange(len(others)), [len(answer.scores) for answer in others])])
    scores = np.concatenate(
        [np.zeros(0), *(entry["dtScores"] for entry in with_detections), *(answer.scores for answer in others)]
    )
    boxes = np.concatenate([np.zeros((0, 4)), *(answer.boxes for answer in others)])
    sizes = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    outside = np.tile((sizes < area[0]) | (sizes > area[1]), (len(IOU_THRESHOLDS), 1))
    matched = np.concatenate([*(entry["dtMatches"] > 0 for entry in with_detections), np.zeros_like(outside)], axis=1)
    ignored = np.concatenate([*(entry["dtIgnore"] > 0 for entry in with_detections), outside], axis=1)
    order = np.lexsort((owners, -scores, kinds))
    order = order[~ignored[:, order].all(axis=0)]  # what never counts is left out
    matched, ignored = matched[:, order], ignored[:, order]
    starts = np.searchsorted(kinds[order], np.arange(classes + 1))
    true_positives, true_positive_starts = segments(matched & ~ignored, starts)
    ignored_indices, ignored_starts = segments(ignored, starts)
    threshold = np.repeat(np.arange(len(IOU_THRESHOLDS)), np.diff(true_positive_starts[::classes]))
    every = len(order) * np.repeat(np.arange(len(IOU_THRESHOLDS)), np.diff(ignored_starts[::classes])) + ignored_indices
    return Matches(
        images=owners[order],
        starts=starts,
        true_positives=true_positives,
        true_positive_starts=true_positive_starts,
        ignored=ignored_indices,
        ignored_starts=ignored_starts,
        ignored_before=np.searchsorted(every, len(order) * threshold + true_positives),
        objects=counts,
    )


def segments(chosen: NDArray[np.bool_], starts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the chosen detections (10, D), threshold by threshold, and the start of each class among them.

    Examples:
        >>> segments(np.array([[True, False, True], [False, False, True]]), starts=np.array([0, 2, 3]))
        (array([0, 2, 2]), array([0, 1, 2, 2, 3]))
    """
    indices = [np.flatnonzero(row) for row in chosen]
    ends = np.cumsum([0, *(len(selected) for selected in indices)])
    bounds = [end + np.searchsorted(selected, starts[:-1]) for selected, end in zip(indices, ends, strict=False)]
    return np.concatenate(indices), np.concatenate([*bounds, ends[-1:]])


def summed(weights: NDArray[Any]) -> NDArray[Any]:
    """Sums of the first 0, 1, ..., N weights, shape (N + 1,), in their own type, which must hold their sum.

    Examples:
        >>> summed(np.array([1, 2, 3])).tolist()
        [0, 1, 3, 6]
    """
    sums = np.zeros(len(weights) + 1, weights.dtype)
    np.cumsum(weights, out=sums[1:], dtype=weights.dtype)
    return sums
