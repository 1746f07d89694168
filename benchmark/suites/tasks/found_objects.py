"""Which objects a detector finds, of the ground truth or of its own answer to the pristine image."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.types import PRISTINE, Objects
from benchmark.metrics.box_matching import matched_scores
from benchmark.suites.tasks.replacement import PX, SCORE, unpack

CLEAR = 0.5
"""Least score of a detection that stands for an object, or finds one again."""


def find_objects(outcomes: pl.DataFrame, truths: dict[str, Objects]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The row of each object (without crowds), and the score of the detection that found it, 0 if there is none."""
    truth = [truths[source] for source in outcomes["source"]]
    counts = outcomes["scores"].list.len().to_numpy()
    rows = np.repeat(np.arange(len(truth)), [int((~objects.crowd).sum()) for objects in truth])
    none = np.zeros((0, 4))
    scores = matched_scores(
        images=np.repeat(np.arange(len(truth)), counts),
        boxes=outcomes["boxes"].explode().drop_nulls().to_numpy().astype(np.float64).reshape(-1, 4) / PX,
        classes=outcomes["classes"].explode().drop_nulls().to_numpy().astype(np.int64),
        scores=outcomes["scores"].explode().drop_nulls().to_numpy() / SCORE,
        object_images=rows,
        object_boxes=np.concatenate([none, *(objects.boxes[~objects.crowd] for objects in truth)]),
        object_classes=np.concatenate([none[:, 0], *(objects.classes[~objects.crowd] for objects in truth)]).astype(
            np.int64
        ),
    )
    return rows, scores


def satisfied_images(outcomes: pl.DataFrame) -> NDArray[np.bool_]:
    """Whether a detector is satisfied with each image: at least half of what it detects in the pristine version is found again.

    It needs no ground truth: detections of the pristine version with a score of at least .5 stand for objects, which are found
    again by detections of the same class with IoU and score of at least .5 (Zhang et al., arXiv 2211.06797).

    Returns:
        Shape (N,), for each outcome.
    """
    pristine = outcomes.filter(distortion=PRISTINE.distortion)
    own = {}
    for source, detections in zip(pristine["source"], unpack(pristine), strict=True):
        clear = detections.scores >= CLEAR
        objects = detections.boxes[clear], detections.classes[clear]
        own[source] = Objects(*objects, np.zeros(int(clear.sum()), bool), (0, 0))
    rows, scores = find_objects(outcomes, own)
    counts = np.bincount(rows, minlength=outcomes.height)
    again = np.bincount(rows[scores >= CLEAR], minlength=outcomes.height)
    return np.asarray(2 * again >= counts)
