"""The parts of a scorecard: measures, counts, and gains of held-out networks, with the ranges of their values."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from benchmark.core.markdown import with_interval
from benchmark.evaluation.measure_table import RESOLUTION

ENOUGH_ROWS = 50
"""Test rows of each class that a ranking needs."""
ENOUGH_SOURCES = 20
"""Labelled test sources that a ranking needs."""
POINTS_OF_A_CURVE = 9
"""Number of points of a curve."""
Share = Annotated[float, msgspec.Meta(ge=-RESOLUTION, le=1 + RESOLUTION)]
"""An accuracy, an mAP or a fraction, 0 to 1."""
Positive = Annotated[float, msgspec.Meta(ge=0)]
Number = Annotated[int, msgspec.Meta(ge=0)]
ON_A_CURVE = msgspec.Meta(min_length=POINTS_OF_A_CURVE, max_length=POINTS_OF_A_CURVE)


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a scorecard; a key that it has no field for is refused."""


class Measure(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One measure: its mean over seeds with a 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None = None
    """Lower end of the interval; None also where the measure has no interval."""
    high: float | None = None
    """Upper end of the interval."""
    per_seed: tuple[float | None, ...] = ()
    """Value of each seed where there are several, in the order of the card's seeds."""

    @property
    def text(self) -> str:
        """The value with its standard deviation over seeds, if there are several, and its interval."""
        return with_interval(self.value, self.low, self.high, spread=self.spread)

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds; None with a single seed."""
        values = [value for value in self.per_seed if value is not None]
        return float(np.std(values, ddof=1)) if len(values) > 1 and len(values) == len(self.per_seed) else None


class Counts(Record, frozen=True, kw_only=True):
    """Numbers of rows (source, condition) of the test part that the measures are made of."""

    sources: Number
    """Sources with a labelled row."""
    useful: Number
    non_useful: Number
    unlabelled: Number
    soft: Number
    """Rows with a continuous utility: all labelling networks are right on the pristine image."""
    pairs_within_conditions: Number
    """Pairs of a useful and a non-useful row of one condition."""

    @property
    def are_enough(self) -> bool:
        """Whether each class has rows enough, and there are sources enough, to rank predictors by them."""
        return min(self.useful, self.non_useful) >= ENOUGH_ROWS and self.sources >= ENOUGH_SOURCES


class Curve(Record, frozen=True, kw_only=True):
    """Performance at each of `downstream.FRACTIONS` kept, with the ends of its 95 % intervals."""

    value: Annotated[tuple[Share, ...], ON_A_CURVE]
    low: Annotated[tuple[float, ...], ON_A_CURVE]
    """Ends of intervals that hold the spread between seeds may lie outside 0 to 1."""
    high: Annotated[tuple[float, ...], ON_A_CURVE]


class ConditionGains(Record, frozen=True, kw_only=True):
    """Performance of a held-out detector on the test images of one condition."""

    unfiltered: Share | None
    filtered: Share | None
    kept: Share | None
    random: Share | None
    pristine: Share | None


class Gains(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Performance of a held-out network after a predictor's choice; the task's GAINS describes each field."""

    unfiltered: Share | None
    kept: Share | None
    filtered: Share | None
    random: Share | None
    condition: Share | None
    oracle: Share | None
    area: float | None
    curve: Curve
    pristine: Share | None = None
    bits: Positive | None = None
    bits_filtered: Positive | None = None
    conditions: dict[str, ConditionGains] = {}
