"""Operating points: the threshold that reaches a target share of useful images, kept fraction or bit rate in validation.

    point = operating_point(rows, "accuracy", 0.9)      # keep the most images of which nine tenths are useful
    point.threshold, point.low, point.high

Intervals come from resampled sources (see `benchmark.metrics.bootstrap`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.core.errors import MetricError
from benchmark.metrics.bootstrap import Floats, Weights, interval, once, replicate, resamples
from benchmark.metrics.weighted import ratio

Columns = Mapping[str, NDArray[np.int64]]
"""`label` and `bits` of images from the highest score to the lowest, (N,) each."""
AIMS = {
    "accuracy": "share of useful ones among the kept images that are labelled, at least",
    "fraction": "share of the images that is kept, at most",
    "bits": "bits that the kept images cost, per image kept or not, at most",
}


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold and the values that it reaches on the validation images."""

    threshold: float
    """Images that score at least this are kept."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end of its 95 % interval."""
    reached: dict[str, tuple[float, float, float]]
    """For each of AIMS, its value at the threshold and the ends of that value's 95 % interval."""

    def __str__(self) -> str:
        """The operating point as one line."""
        reached = (f"{name} {value:.4g} ({low:.4g} to {high:.4g})" for name, (value, low, high) in self.reached.items())
        return f"threshold {self.threshold:.6g} ({self.low:.6g} to {self.high:.6g}) keeps {', '.join(reached)}"


def operating_point(rows: Mapping[str, ArrayLike], aim: str, value: float) -> OperatingPoint:
    """The threshold that keeps the most images and still reaches an aim.

    Args:
        rows: columns of the validation images, (N,) each: source, score, label (1, 0, -1 unlabelled), bits.
        aim: one of AIMS.
        value: the target, 0 to 1, or bits per image.

    Raises:
        MetricError: there is no such aim, or no threshold reaches it; the message gives the best value.

    Examples:
        >>> rows = {"source": list("abcd"), "score": [4.0, 3.0, 2.0, 1.0], "label": [1, 1, 1, 0], "bits": [8, 8, 8, 8]}
        >>> operating_point(rows, "accuracy", 0.9).threshold, operating_point(rows, "fraction", 0.5).threshold
        (2.0, 3.0)
    """
    if aim not in AIMS or not value > 0 or (aim != "bits" and value > 1):
        raise MetricError(f"cannot keep {aim} {value}; there are {', '.join(AIMS)}, the first two from 0 to 1")
    order = np.argsort(-np.asarray(rows["score"]), kind="stable")
    source, scores, label, bits = (np.asarray(rows[name])[order] for name in ("source", "score", "label", "bits"))
    ranked = {"label": label.astype(np.int64), "bits": bits.astype(np.int64)}
    ends = np.flatnonzero(np.r_[np.diff(scores) < 0, True])
    curves = {name: CURVES[name](once(len(scores)), ranked)[0, ends] for name in AIMS}
    index = int(last_reached(aim, curves[aim][None], value)[0])
    if index < 0:
        best = f"{np.nanmax(curves[aim]):.4g} at most" if aim == "accuracy" else f"{curves[aim].min():.4g} at least"
        raise MetricError(f"no threshold keeps {aim} at {value:g} on the validation images; it is {best}")
    names, cluster = np.unique(source, return_inverse=True)

    def kernel(weights: Weights, *columns: NDArray[np.int64]) -> Floats:
        redrawn = {name: CURVES[name](weights, dict(zip(ranked, columns, strict=True)))[:, ends] for name in AIMS}
        return np.column_stack([last_reached(aim, redrawn[aim], value), *(redrawn[name][:, index] for name in AIMS)])

    drawn = replicate(kernel, resamples(len(names), "operating point"), cluster, *ranked.values())
    indices = drawn[:, 0].astype(np.int64)
    low, high = interval(np.where(indices < 0, np.nan, scores[ends][indices]))
    reached = {
        name: (float(curves[name][index]), *interval(values)) for name, values in zip(AIMS, drawn[:, 1:].T, strict=True)
    }
    return OperatingPoint(float(scores[ends][index]), low, high, reached)


def last_reached(aim: str, curves: Floats, value: float) -> NDArray[np.int64]:
    """The last index of each curve (R, G) that reaches the aim, or -1 where none does.

    Examples:
        >>> last_reached("accuracy", np.array([[1.0, 0.9, 0.5], [0.6, 0.5, 0.4]]), 0.8).tolist()
        [1, -1]
    """
    good = curves >= value if aim == "accuracy" else curves <= value
    return np.where(good.any(axis=1), good.shape[1] - 1 - good[:, ::-1].argmax(axis=1), -1)


def useful_share(weights: Weights, rows: Columns) -> Floats:
    """Share of useful images among the labelled ones of the first 1, 2, ..., N rows, (R, N).

    Examples:
        >>> useful_share(np.ones((1, 3), int), {"label": np.array([1, -1, 0])}).tolist()
        [[1.0, 1.0, 0.5]]
    """
    label = rows["label"]
    return ratio(np.cumsum(weights * (label == 1), axis=1), np.cumsum(weights * (label >= 0), axis=1))


def kept_fraction(weights: Weights, rows: Columns) -> Floats:
    """Share of the first 1, 2, ..., N rows among all rows, (R, N).

    Examples:
        >>> kept_fraction(np.ones((1, 4), int), {}).tolist()
        [[0.25, 0.5, 0.75, 1.0]]
    """
    return np.asarray(np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True))


def bits_per_image(weights: Weights, rows: Columns) -> Floats:
    """Bits of the first 1, 2, ..., N rows over the number of all rows, (R, N).

    Examples:
        >>> bits_per_image(np.ones((1, 2), int), {"bits": np.array([8, 16])}).tolist()
        [[4.0, 12.0]]
    """
    return np.asarray(np.cumsum(weights * rows["bits"], axis=1) / weights.sum(axis=1, keepdims=True))


CURVES: dict[str, Callable[[Weights, Columns], Floats]] = {
    "accuracy": useful_share,
    "fraction": kept_fraction,
    "bits": bits_per_image,
}
