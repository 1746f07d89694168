"""Which objects a detector finds, of the ground truth or of its own answer to the pristine image."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.types import IMAGE, PRISTINE, Objects
from benchmark.metrics.box_matching import matched_scores
from benchmark.metrics.consensus import fused_objects
from benchmark.suites.tasks.replacement import PX, SCORE, SIZES, unpack

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
    objects = own_objects(outcomes)
    counts = np.bincount(objects["row"], minlength=outcomes.height)
    again = np.bincount(objects.filter("again")["row"], minlength=outcomes.height)
    return np.asarray(2 * again >= counts)


def own_objects(outcomes: pl.DataFrame) -> pl.DataFrame:
    """The objects that a detector finds in the pristine version of each image, and whether it finds them again.

    Returns:
        A row for each object of each outcome: `row`, the index of the outcome; `area` of its box, in px; and `again`.
    """
    own = clear_objects(outcomes.filter(distortion=PRISTINE.distortion))
    rows, scores = find_objects(outcomes, own)
    none = np.zeros((0, 4))
    boxes = np.concatenate([none, *(own[source].boxes for source in outcomes["source"])])
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return pl.DataFrame({"row": rows, "area": area, "again": scores >= CLEAR})


def clear_objects(pristine: pl.DataFrame) -> dict[str, Objects]:
    """The detections of each pristine image with a score of at least CLEAR, as objects, by source."""
    objects = {}
    for source, detections in zip(pristine["source"], unpack(pristine), strict=True):
        clear = detections.scores >= CLEAR
        boxes, classes = detections.boxes[clear], detections.classes[clear]
        objects[source] = Objects(boxes, classes, np.zeros(int(clear.sum()), bool), (0, 0))
    return objects


def consensus(pristine: list[pl.DataFrame], images: pl.DataFrame) -> dict[str, Objects]:
    """The objects that a majority of the detectors of these outcomes of pristine images find clearly, by source.

    `images` has height and width of each, in px.
    """
    sizes = {name: (height, width) for name, height, width in images.select("source", "height", "width").iter_rows()}
    answers = [dict(zip(table["source"], unpack(table), strict=True)) for table in pristine]
    truths = {}
    for source in pristine[0]["source"]:
        height, width = sizes[source]
        sides = np.array([width, height, width, height], np.float64)
        clear = [answer[source] for answer in answers]
        masks = [detections.scores >= CLEAR for detections in clear]
        boxes, classes = fused_objects(
            [np.clip(detections.boxes[mask] / sides, 0, 1) for detections, mask in zip(clear, masks, strict=True)],
            [detections.scores[mask] for detections, mask in zip(clear, masks, strict=True)],
            [detections.classes[mask] for detections, mask in zip(clear, masks, strict=True)],
        )
        truths[source] = Objects(boxes * sides, classes, np.zeros(len(classes), bool), (height, width))
    return truths


def decisions(outcomes: pl.DataFrame, retained: float) -> pl.DataFrame:
    """What a detector still finds in each distorted image of what it finds in the pristine version; needs no ground truth.

    Args:
        outcomes: those of one detector, with the pristine image of each source.
        retained: share of the objects, above 0 and at most 1, that must be found again for a decision to be kept.

    Returns:
        A row for each distorted image: the columns IMAGE; `kept`, null where nothing is found in the pristine version; and for
        each of COCO's sizes the number of objects, such as `small`, and of those found again, such as `small again`.
    """
    objects = own_objects(outcomes)
    counts = [pl.len().alias("objects"), pl.col("again").sum()]
    for name, (least, most) in SIZES.items():
        sized = (pl.col("area") > least) & (pl.col("area") <= most)
        counts += [sized.sum().alias(name), (sized & pl.col("again")).sum().alias(f"{name} again")]
    keys = outcomes.select(IMAGE).with_row_index("row").cast({"row": pl.Int64})
    rows = keys.join(objects.group_by("row").agg(counts), on="row", how="left", maintain_order="left")
    kept = pl.when(pl.col("objects") > 0).then(pl.col("again") >= retained * pl.col("objects") - 1e-9)
    sizes = [pl.col(f"{name}{suffix}").fill_null(0) for name in SIZES for suffix in ("", " again")]
    distorted = rows.filter(pl.col("distortion") != PRISTINE.distortion)
    return distorted.select(*IMAGE, kept=kept).hstack(distorted.select(sizes))
