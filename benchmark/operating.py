"""Operating points: the threshold that reaches a wanted share of useful images, kept fraction or bit rate on validation images.

    point = operating_point(rows, "accuracy", 0.9)      # keep as much as still makes nine tenths of the kept useful
    point.threshold, point.low, point.high

Intervals resample sources (see `benchmark.statistics`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.errors import MetricError
from benchmark.statistics import Floats, interval, ratio, resamples

AIMS = {
    "accuracy": "share of useful ones among the kept images that are labelled, at least",
    "fraction": "share of the images that is kept, at most",
    "bits": "bits that the kept images cost, per image kept or not, at most",
}


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold and what it reaches on the validation images."""

    threshold: float
    """Keep what scores at least this."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end."""
    reached: dict[str, tuple[float, float, float]]
    """For each of AIMS: its value at the threshold, and the ends of the 95 % interval of that."""

    def __str__(self) -> str:
        """As one line."""
        told = (f"{name} {value:.4g} ({low:.4g} to {high:.4g})" for name, (value, low, high) in self.reached.items())
        return f"threshold {self.threshold:.6g} ({self.low:.6g} to {self.high:.6g}) keeps {', '.join(told)}"


def operating_point(rows: pl.DataFrame, aim: str, value: float) -> OperatingPoint:
    """The threshold that keeps the most images and still reaches an aim.

    Args:
        rows: validation images: source, score, label (1, 0, -1 unlabelled), bits.
        aim: one of AIMS.
        value: what is wanted: 0 to 1, or bits an image.

    Raises:
        MetricError: no such aim, or no threshold reaches it; the message says how far one comes.
    """
    if aim not in AIMS or not value > 0 or (aim != "bits" and value > 1):
        raise MetricError(f"cannot keep {aim} {value}; there are {', '.join(AIMS)}, the first two from 0 to 1")
    rows = rows.sort("score", descending=True)
    scores = rows["score"].to_numpy()
    ends = np.flatnonzero(np.r_[np.diff(scores) < 0, True])
    once = np.ones((1, len(rows)))
    curves = {name: CURVES[name](once, rows)[0, ends] for name in AIMS}
    place = int(last_reached(aim, curves[aim][None], value)[0])
    if place < 0:
        best = f"{np.nanmax(curves[aim]):.4g} at most" if aim == "accuracy" else f"{curves[aim].min():.4g} at least"
        raise MetricError(f"no threshold keeps {aim} at {value:g} on the validation images; it is {best}")
    names, cluster = np.unique(rows["source"].to_numpy(), return_inverse=True)
    weights = resamples(len(names), "operating point")[:, cluster].astype(np.float64)
    redrawn = {name: CURVES[name](weights, rows)[:, ends] for name in AIMS}
    places = last_reached(aim, redrawn[aim], value)
    low, high = interval(np.where(places < 0, np.nan, scores[ends][places]))
    reached = {name: (float(curves[name][place]), *interval(redrawn[name][:, place])) for name in AIMS}
    return OperatingPoint(float(scores[ends][place]), low, high, reached)


def last_reached(aim: str, curves: Floats, value: float) -> NDArray[np.int64]:
    """The last place of each curve (R, G) that reaches the aim, -1 where none does."""
    good = curves >= value if aim == "accuracy" else curves <= value
    return np.where(good.any(axis=1), good.shape[1] - 1 - good[:, ::-1].argmax(axis=1), -1)


def useful_share(weights: Floats, rows: pl.DataFrame) -> Floats:
    """Useful among the labelled of the first 1, 2, ..., N rows, (R, N)."""
    label = rows["label"].to_numpy()
    return ratio(np.cumsum(weights * (label == 1), axis=1), np.cumsum(weights * (label >= 0), axis=1))


def kept_fraction(weights: Floats, rows: pl.DataFrame) -> Floats:
    """Share of the first 1, 2, ..., N rows, (R, N)."""
    return np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)


def bits_per_image(weights: Floats, rows: pl.DataFrame) -> Floats:
    """Bits of the first 1, 2, ..., N rows over the number of all, (R, N)."""
    return np.cumsum(weights * rows["bits"].to_numpy(), axis=1) / weights.sum(axis=1, keepdims=True)


CURVES: dict[str, Callable[[Floats, pl.DataFrame], Floats]] = {
    "accuracy": useful_share,
    "fraction": kept_fraction,
    "bits": bits_per_image,
}
