"""The table of measures: title, direction and range of each, which boards, comparisons and pages read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Description:
    """What is known of a measure before any is computed."""

    title: str
    """Heading of a column."""
    higher_is_better: bool | None = True
    """Direction; None for a value that says something about the labels or about chance and not about a predictor."""
    least: float = 0.0
    most: float = 1.0
    """Range, both ends included."""

    @property
    def heading(self) -> str:
        """The title with an arrow that points to better values."""
        arrow = {True: " ↑", False: " ↓", None: ""}[self.higher_is_better]
        return self.title + arrow


MEASURES = {
    "auroc": Description("AUROC"),
    "within_quality_auroc": Description("within quality"),
    "within_quality_and_size_auroc": Description("within quality and size"),
    "balanced_accuracy": Description("balanced acc."),
    "accuracy": Description("accuracy"),
    "majority_accuracy": Description("majority", None),
    "average_precision": Description("AP"),
    "mcc": Description("MCC", least=-1),
    "overlap": Description("overlap", False),
    "overlap_permuted": Description("by chance", None),
    "label_coverage": Description("label coverage", None),
    "srcc": Description("SRCC", least=-1),
    "plcc": Description("PLCC", least=-1),
    "krcc": Description("KRCC", least=-1),
    "rmse": Description("RMSE", False, most=2),
    "area": Description("gain area", least=-math.inf, most=math.inf),
    "gain": Description("gain", least=-1),
    "over_random": Description("over random", least=-1),
    "over_quality": Description("over quality", least=-1),
}
"""Name of a measure on a scorecard -> its description; gains of one network are called `NAME of NETWORK`.

A gain area may exceed 1, since the oracle of an mAP is no bound.
"""
GROUPS = {
    "metrics": (
        "auroc",
        "within_quality_auroc",
        "within_quality_and_size_auroc",
        "balanced_accuracy",
        "accuracy",
        "majority_accuracy",
        "average_precision",
        "mcc",
        "overlap",
        "overlap_permuted",
        "label_coverage",
    ),
    "soft": ("srcc", "plcc", "krcc", "rmse"),
    "gains": ("area", "gain", "over_random", "over_quality"),
}
"""Fields of a scorecard -> their measures: those of labels, of the utility and of held-out networks."""
DIGITS = 6
RESOLUTION = 10**-DIGITS
"""Stored values are rounded and may exceed their range by this much."""


def describe(name: str) -> Description:
    """The description of a measure; groups of images such as `AUROC, level 10` have that of the measure that they restrict."""
    return MEASURES.get(name.partition(" of ")[0]) or Description(name)


def table_order(name: str) -> tuple[bool, int, str]:
    """Sort key that puts measures into the order of the table, those of single networks last."""
    whole, _, network = name.partition(" of ")
    position = list(MEASURES).index(whole) if whole in MEASURES else len(MEASURES)
    return bool(network), position, name


def problem_with(group: str, name: str, *values: float | None) -> str:
    """What is wrong with a measure of one of GROUPS, in words, or an empty text; None, an undefined value, is valid."""
    if name.partition(" of ")[0] not in GROUPS[group]:
        return f"no such measure; there are {', '.join(GROUPS[group])}"
    description = describe(name)
    for value in values:
        if value is not None and not description.least - RESOLUTION <= value <= description.most + RESOLUTION:
            return f"{value} is not in the range of {description.least:g} to {description.most:g}"
    return ""


def rounded(value: Any) -> Any:
    """Return the value with all its floats rounded to six digits."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return round(value, DIGITS) if isinstance(value, float) else value
