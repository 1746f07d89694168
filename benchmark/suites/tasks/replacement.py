"""Downstream performance in detection: the mAP of a held-out detector if some images are replaced by their pristine versions.

Detections are read in the units of stored outcomes: boxes in eighths of a px, scores in ten-thousandths (`PX`, `SCORE`).
"""

from __future__ import annotations

import copy
import functools
import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from benchmark.core.errors import MetricError
from benchmark.core.types import CONDITION, IMAGE, PRISTINE, Condition, Detections, Objects
from benchmark.metrics.bootstrap import Weights, once
from benchmark.metrics.matches import Matches, match, match_by_area
from benchmark.metrics.mean_ap import weighted_mean_ap

PX, SCORE = 8, 10_000
"""Units of boxes and scores: eighths of a px, ten-thousandths."""
GAINS = {
    "unfiltered": "all images as they are",
    "kept": "the fraction that the predictor keeps; the others are replaced by their pristine versions",
    "filtered": "after the predictor's choice",
    "random": "after a random choice of as many",
    "condition": "keeping as many, those of the conditions at which most are useful",
    "oracle": "keeping as many, those most useful to this very network; a reference, not a bound",
    "area": "gain over random choice, mean over nine fractions kept, as a share of the oracle's: 1 oracle, 0 random",
    "pristine": "all replaced",
    "bits": "mean bits an image as they are",
    "bits_filtered": "mean bits an image after the predictor's choice",
    "conditions": "",
}
"""Descriptions of the values that a scorecard records for a held-out network."""
SIZES = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Least and largest area of an object's box, in px (Lin et al., ECCV 2014, where it is the area of the object itself)."""
DRAWS = 10
"""Number of random orders of images with equal priority over which an mAP is averaged."""
REDRAWS = 2
"""The same number for each of many resamples."""


def unpack(outcomes: pl.DataFrame) -> list[Detections]:
    """The detections of each row."""
    columns = (outcomes[name].to_list() for name in ("boxes", "scores", "classes"))
    return [
        Detections(
            np.array(boxes, np.float64).reshape(-1, 4) / PX, np.array(scores) / SCORE, np.array(classes, np.int64)
        )
        for boxes, scores, classes in zip(*columns, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class Replaced:
    """N images of which some are replaced by their pristine versions; its methods are measures of one replicate."""

    matches: Matches
    """The matches of the images, and of their pristine versions."""
    own: NDArray[np.int64]
    """Where each image is among these, shape (N,)."""
    pristine: NDArray[np.int64]
    """Where its pristine version is, shape (N,)."""

    def keeping(self, weights: Weights, kept: NDArray[np.bool_]) -> float:
        """The mAP if the images that are not kept, (N,), are replaced; NaN where they hold no object."""
        chosen = np.where(kept, self.own, self.pristine)
        counts = np.bincount(chosen, weights, minlength=len(self.matches.objects)).astype(np.int64)
        try:
            return weighted_mean_ap(self.matches, counts)
        except MetricError:
            return math.nan

    def keeping_first(
        self, weights: Weights, shares: NDArray[np.float64], *, priority: NDArray[np.float64], draws: int
    ) -> NDArray[np.float64]:
        """The mAP if each of these shares, (F,), of highest priority is kept, as a mean over random orders of ties; (F,)."""
        # Of the replicate itself, so that its orders do not depend on which others are computed with it.
        random = np.random.default_rng(zlib.crc32(weights.astype(np.int32).tobytes()))
        results = np.zeros((draws, len(shares)))
        for values in results:
            order = np.lexsort((random.random(len(priority)), priority))[::-1]
            taken = np.cumsum(weights[order])
            counts = np.searchsorted(taken, shares * taken[-1] + 1e-6, side="right")
            kept = np.zeros(len(priority), bool)
            for column in np.argsort(counts, kind="stable"):
                kept[order[: counts[column]]] = True
                values[column] = self.keeping(weights, kept)
        return np.asarray(results.mean(axis=0))


class Downstream:
    """The mAP of a held-out detector if images that a predictor rejects as non-useful are replaced by their pristine versions.

    Each (source, condition) is one image of one pooled evaluation (paper, section V and Fig. 2).
    """

    REPLICATES = 1000
    """Number of resamples from which its intervals are computed."""
    CELLS = 8_000_000
    """Resamples times rows that are processed at once."""

    def __init__(
        self, outcomes: pl.DataFrame, truths: dict[str, Objects], judgement: pl.DataFrame, images: pl.DataFrame
    ) -> None:
        bits, oracle = images.select(*IMAGE, "bits"), judgement.select(*IMAGE, oracle="utility")
        self.rows = (
            outcomes.select(IMAGE)
            .with_row_index("position")
            .join(bits, on=IMAGE, how="left", maintain_order="left")
            .join(oracle, on=IMAGE, how="left", maintain_order="left")
        )
        objects = [truths[source] for source in outcomes["source"]]
        detections = unpack(outcomes)
        occurring = [image.classes for image in objects] + [image.classes for image in detections]
        classes = 1 + max(int(labels.max(initial=0)) for labels in occurring)
        self.answers = (objects, detections, classes)

    @functools.cached_property
    def matches(self) -> Matches:
        """The matches of the detections with the objects of each image."""
        return match(*self.answers)

    @functools.cached_property
    def by_size(self) -> dict[str, Downstream]:
        """The same performance restricted to objects of each of COCO's sizes."""
        restricted = {}
        for name, matches in zip(SIZES, match_by_area(*self.answers, tuple(SIZES.values())), strict=True):
            restricted[name] = copy.copy(self)
            restricted[name].matches = matches
        return restricted

    def placed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows, of images, with the index and bits of each image and of its pristine version, and `oracle`.

        `oracle` is the utility to this detector, which is a good priority but not the best.
        """
        rows = rows.join(self.rows, on=IMAGE, how="left", maintain_order="left")
        pristine = self.rows.filter(distortion=PRISTINE.distortion).select(
            "source", position_p="position", bits_p="bits"
        )
        return rows.join(pristine, on="source", how="left", maintain_order="left")

    def best(
        self, rows: pl.DataFrame, weights: Weights, priority: NDArray[np.float64], shares: ArrayLike
    ) -> NDArray[np.float64]:
        """The mAP if the given share of the images, those of highest priority, is kept and the others are replaced.

        Images of equal priority are kept in random order; a single replicate is the mean over DRAWS orders, each of several
        replicates is the mean over REDRAWS orders.

        Args:
            rows: N rows from `placed`.
            weights: how often each row counts in each replicate, shape (R, N).
            priority: shape (N,).
            shares: shape (F,) or (R, F).

        Returns:
            Shape (R, F); 0 to 1.
        """
        tied = len(np.unique(priority)) < len(priority)
        draws = 1 if not tied else DRAWS if len(weights) == 1 else REDRAWS
        fractions = np.broadcast_to(shares, (len(weights), np.shape(shares)[-1]))
        images, pairs = self.replaced(rows), zip(weights, fractions, strict=True)
        return np.array([images.keeping_first(*pair, priority=priority, draws=draws) for pair in pairs])

    def chosen(self, rows: pl.DataFrame, weights: Weights, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The mAP if the images that are not kept, (N,) or in each replicate (R, N), are replaced; shape (R,)."""
        images, pairs = self.replaced(rows), zip(weights, np.broadcast_to(kept, weights.shape), strict=True)
        return np.array([images.keeping(*pair) for pair in pairs])

    def replaced(self, rows: pl.DataFrame) -> Replaced:
        """The matches of these rows alone, and of their pristine versions."""
        positions = np.concatenate([rows[name].to_numpy() for name in ("position", "position_p")])
        images, numbers = np.unique(positions, return_inverse=True)
        own, pristine = numbers.reshape(2, -1)
        return Replaced(self.matches.of_images(images), own, pristine)

    def extras(self, rows: pl.DataFrame, kept: NDArray[np.bool_]) -> dict[str, Any]:
        """Further values that a scorecard records for a choice.

        Returns:
            `pristine`, the mAP if all images are replaced; `bits` and `bits_filtered`, the mean bits per image before and after
            the choice; and `conditions`, the values of an operating point for each condition.
        """
        sent = np.where(kept, rows["bits"].to_numpy(), rows["bits_p"].to_numpy())
        conditions = {}
        for key, subset in rows.with_columns(kept=pl.Series(kept)).group_by(CONDITION, maintain_order=True):
            own = subset["kept"].to_numpy()
            weights, share = once(len(own)), float(own.mean())
            conditions[str(Condition(*key))] = {
                "unfiltered": self.chosen(subset, weights, np.ones(len(own), bool)).item(),
                "filtered": self.chosen(subset, weights, own).item(),
                "kept": share,
                "random": self.best(subset, weights, np.zeros(len(own)), [share]).item(),
                "pristine": self.chosen(subset, weights, np.zeros(len(own), bool)).item(),
            }
        return {
            "pristine": self.chosen(rows, once(rows.height), np.zeros(rows.height, bool)).item(),
            "bits": float(rows["bits"].mean()),  # type: ignore[arg-type] # the mean of numbers is a number
            "bits_filtered": float(sent.mean()),
            "conditions": conditions,
        }
