"""What scores mean on a person's own images: the probability of being useful, and whether the images are like the suite's.

Both are told by the suite's validation images, on which the threshold was chosen too.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.core.errors import MetricError

SIZE_RATIO = 2.0
"""Images whose shorter side is so many times longer or shorter than all of the suite's are unlike them."""


@dataclass(frozen=True, eq=False)
class Validation:
    """The suite's validation images, as a predictor sees them."""

    scores: NDArray[np.float64]
    """Shape (N,)."""
    labels: NDArray[np.int64]
    """1 useful, 0 non-useful, -1 unlabelled; shape (N,)."""
    shorter_sides: NDArray[np.int64]
    """In px; shape (N,)."""
    formats: frozenset[str]
    """What Pillow calls the formats of the suite's bitstreams."""

    @functools.cached_property
    def regression(self) -> Any:
        """The isotonic regression of the labels on the scores; see `probability`."""
        from sklearn.isotonic import IsotonicRegression

        labelled = self.labels >= 0
        if len(set(self.labels[labelled].tolist())) < 2:
            raise MetricError("no probability can be learned: the validation images have labels of one kind only")
        return IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(
            self.scores[labelled], self.labels[labelled]
        )

    def probability(self, scores: ArrayLike) -> NDArray[np.float64]:
        """The probability that images with these scores are useful, shape (N,): the higher the score, the higher or equal.

        It is the share of useful ones among labelled validation images of such scores, by isotonic regression, and holds for
        images of which as many are useful as there.

        Raises:
            MetricError: the labels are of one kind only.
        """
        return np.asarray(self.regression.predict(np.asarray(scores, np.float64)), np.float64)

    def remarks(self, scores: Sequence[float], sizes: Sequence[tuple[int, int]], formats: Sequence[str]) -> list[str]:
        """In which ways images are unlike those of the suite, as sentences; empty if they are not.

        Args:
            scores: the score of each image.
            sizes: height and width of each, in px.
            formats: what Pillow calls the format of each file.
        """
        count, sides = len(scores), [min(size) for size in sizes]
        low, high = float(self.scores.min()), float(self.scores.max())
        least, most = int(self.shorter_sides.min()), int(self.shorter_sides.max())
        outside = sum(not low <= score <= high for score in scores)
        other_sizes = sum(not least / SIZE_RATIO <= side <= most * SIZE_RATIO for side in sides)
        others = sorted({name or "unknown" for name in formats if name not in self.formats})
        remarks = []
        if outside:
            remarks.append(
                f"{share_of(outside, count, 'score')} outside {low:.6g} to {high:.6g}, what the suite's images have"
            )
        if other_sizes:
            size = "another size" if count == 1 else "other sizes"
            remarks.append(
                f"{share_of(other_sizes, count, 'image')} of {size} than the suite's, "
                f"whose shorter sides are {least} to {most} px"
            )
        if others:
            several = sum(name not in self.formats for name in formats)
            remarks.append(
                f"{share_of(several, count, 'file')} {', '.join(others)}; "
                f"the suite's are {', '.join(sorted(self.formats))}"
            )
        return remarks


def share_of(number: int, count: int, noun: str) -> str:
    """How many of some things, as the beginning of a sentence.

    Examples:
        >>> share_of(2, 3, "score"), share_of(1, 1, "score")
        ('2 of 3 scores are', 'the score is')
    """
    return f"the {noun} is" if count == 1 else f"{number} of {count} {noun}s are"


def threshold_of_fraction(scores: ArrayLike, fraction: float) -> float:
    """The lowest threshold that keeps no more than this fraction of the images; images with scores from it on are kept.

    Raises:
        MetricError: there is no image.

    Examples:
        >>> threshold_of_fraction([1.0, 2.0, 3.0, 4.0], 0.5), threshold_of_fraction([1.0, 2.0, 2.0], 0.5)
        (3.0, inf)
    """
    values = np.sort(np.asarray(scores, np.float64))[::-1]
    if not len(values):
        raise MetricError("a fraction of no images is not defined")
    most = int(fraction * len(values) + 1e-9)
    distinct = [value for value in np.unique(values) if int((values >= value).sum()) <= most]
    return float(min(distinct, default=np.inf))
