"""Filtering: what a held-out classifier gains if it processes only the images that a predictor keeps (paper, Fig. 2a)."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from benchmark.core.types import IMAGE
from benchmark.metrics import bootstrap
from benchmark.metrics.bootstrap import Weights
from benchmark.metrics.weighted import kept_mean, ratio

GAINS = {
    "unfiltered": "on all images",
    "kept": "the fraction that the predictor keeps",
    "filtered": "on what the predictor keeps",
    "random": "on as many images, kept at random",
    "condition": "on as many images, those of the conditions at which most are useful",
    "oracle": "on as many images, first those that this network gets right",
    "area": "gain over random choice, mean over nine fractions kept, as a share of the oracle's: 1 oracle, 0 random",
}
"""Descriptions of the values that a scorecard records for a held-out network."""


class Downstream:
    """Accuracy of a held-out network on the images that are kept (paper, section V and Fig. 2)."""

    REPLICATES = 1000
    """Number of resamples from which its intervals are computed."""
    CELLS = bootstrap.CELLS
    """Resamples times rows that are processed at once."""

    def __init__(self, outcomes: object, truths: object, judgement: pl.DataFrame, images: object) -> None:
        self.judgement = judgement.select(*IMAGE, "right", oracle=pl.col("right").cast(pl.Float64))

    @property
    def by_size(self) -> dict[str, Downstream]:
        """Empty, since an image has one class and no objects of different sizes."""
        return {}

    def placed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows, of images, with this network's decision `right` and with `oracle`, the best possible priority."""
        return rows.join(self.judgement, on=IMAGE, how="left", maintain_order="left")

    def best(
        self, rows: pl.DataFrame, weights: Weights, priority: NDArray[np.float64], shares: ArrayLike
    ) -> NDArray[np.float64]:
        """Accuracy if the given share of the images, those of highest priority, is kept; ties are kept in proportion.

        Args:
            rows: N rows from `placed`.
            weights: how often each row counts in each replicate, shape (R, N).
            priority: shape (N,).
            shares: shape (F,) or (R, F).

        Returns:
            Shape (R, F); 0 to 1, NaN where nothing is kept.
        """
        return kept_mean(weights, rows["right"].to_numpy().astype(np.int64), priority, shares)

    def chosen(self, rows: pl.DataFrame, weights: Weights, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Accuracy on the images that are kept, (N,) or in each replicate (R, N); shape (R,), NaN where none is kept."""
        chosen = (weights * kept).astype(np.float64)
        return ratio(chosen @ rows["right"].to_numpy().astype(np.float64), chosen.sum(axis=1))

    def extras(self, rows: pl.DataFrame, kept: object) -> dict[str, Any]:
        """Empty, since a scorecard records nothing else about filtering."""
        return {}
