"""Filtering: what a held-out classifier gains where only the images that a predictor keeps are shown to it (paper, Fig. 2a)."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from benchmark.metrics.weighted import kept_mean, ratio

GAINS = {
    "unfiltered": "on all images",
    "kept": "the fraction that the predictor keeps",
    "filtered": "on what the predictor keeps",
    "random": "on as many images, kept at random",
    "quality": "on as many images, those of highest quality",
    "oracle": "on as many images, first those that this network gets right",
    "area": "gain over random choice, mean over nine fractions kept, as a share of the oracle's: 1 oracle, 0 random",
}
"""What a scorecard tells of a held-out network, in words."""


class Downstream:
    """Accuracy of a held-out network on the images that are kept (paper, section V and Fig. 2)."""

    REPLICATES = 1000
    """Resamples that its intervals come from."""

    def __init__(self, outcomes: object, truths: object, judgement: pl.DataFrame, images: object) -> None:
        self.judgement = judgement.select("source", "level", "right", oracle=pl.col("right").cast(pl.Float64))

    @property
    def by_size(self) -> dict[str, Downstream]:
        """Nothing: an image has one class and no object of any size."""
        return {}

    def placed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows (source, level, ...), with what this network made of each, and `oracle`, the best possible priority."""
        return rows.join(self.judgement, on=["source", "level"], how="left", maintain_order="left")

    def best(
        self, rows: pl.DataFrame, weights: NDArray[np.float64], priority: NDArray[np.float64], shares: ArrayLike
    ) -> NDArray[np.float64]:
        """Accuracy where a share of the images, those of highest priority, is kept; ties are kept in proportion.

        Args:
            rows: of `placed`, N of them.
            weights: how often each counts in each replicate, shape (R, N).
            priority: shape (N,).
            shares: shape (F,) or (R, F).

        Returns:
            Shape (R, F); 0 to 1, NaN where nothing is kept.
        """
        return kept_mean(weights, rows["right"].to_numpy().astype(np.float64), priority, shares)

    def chosen(self, rows: pl.DataFrame, weights: NDArray[np.float64], kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Accuracy on what is kept, shape (R,); NaN where nothing is."""
        return ratio(weights @ (rows["right"].to_numpy() & kept), weights @ kept)

    def extras(self, rows: pl.DataFrame, kept: object) -> dict[str, Any]:
        """Nothing more to tell."""
        return {}
