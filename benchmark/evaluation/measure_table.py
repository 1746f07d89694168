"""The table of measures: title, definition, direction and range of each, which boards, comparisons and pages read."""

from __future__ import annotations

import functools
import math
import re
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
    definition: str = ""
    """What it is, in a phrase."""

    @property
    def heading(self) -> str:
        """The title with an arrow that points to better values."""
        arrow = {True: " ↑", False: " ↓", None: ""}[self.higher_is_better]
        return self.title + arrow

    @property
    def tooltip(self) -> str:
        """Definition, direction and range in one line."""
        direction = {True: "Higher is better", False: "Lower is better", None: "Says nothing about a predictor"}
        ends = (f"{end:g}" for end in (self.least, self.most) if math.isfinite(end))
        limits = (
            " to ".join(ends)
            if math.isfinite(self.most) and math.isfinite(self.least)
            else (f"{self.most:g} at most" if math.isfinite(self.most) else "no bounds")
        )
        return f"{self.definition}. {direction[self.higher_is_better]}; {limits}."


MEASURES = {
    "auroc": Description("AUROC", definition="Chance that a useful image scores above a non-useful one"),
    "auroc_over_condition": Description(
        "over the condition's",
        least=-1,
        definition="AUROC minus that of the rival that is told the condition alone; the primary measure",
    ),
    "within_condition_auroc": Description(
        "within condition",
        definition="AUROC over pairs of one condition, where compression strength is no cue; chance is .5",
    ),
    "within_condition_and_size_auroc": Description(
        "within condition and size",
        definition="AUROC over pairs of one condition and one third of image sizes; chance is .5",
    ),
    "balanced_accuracy": Description(
        "balanced acc.",
        definition="Mean share of right decisions in both classes, at the threshold frozen on validation sources",
    ),
    "accuracy": Description(
        "accuracy", definition="Share of right decisions at the threshold frozen on validation sources"
    ),
    "majority_accuracy": Description("majority", None, definition="Accuracy of always giving the larger class"),
    "average_precision": Description("AP", definition="Average precision of the useful class"),
    "mcc": Description(
        "MCC", least=-1, definition="Matthews correlation at the threshold frozen on validation sources"
    ),
    "overlap": Description(
        "overlap",
        False,
        definition="Overlap of both classes' histograms of the score in 20 quantile bins, without its bias",
    ),
    "overlap_permuted": Description(
        "by chance", None, definition="The same overlap where each source has the labels of another one"
    ),
    "label_coverage": Description(
        "label coverage", None, definition="Share of rows that all labelling networks agree on"
    ),
    "srcc": Description("SRCC", least=-1, definition="Spearman correlation with the continuous utility"),
    "plcc": Description(
        "PLCC", least=-1, definition="Pearson correlation with the continuous utility, after a logistic fit"
    ),
    "krcc": Description("KRCC", least=-1, definition="Kendall correlation with the continuous utility"),
    "rmse": Description(
        "RMSE", False, most=2, definition="Root mean squared error of the continuous utility, after a logistic fit"
    ),
    "smr_srcc": Description(
        "SRCC with SMR", least=-1, definition="Spearman correlation with the share of satisfied networks"
    ),
    "smr_krcc": Description(
        "tau-b with SMR", least=-1, definition="Kendall's tau-b with the share of satisfied networks"
    ),
    "area": Description(
        "gain area",
        least=-math.inf,
        most=math.inf,
        definition="What held-out networks gain over random choice, mean over nine fractions kept, as a share of the oracle's",
    ),
    "gain": Description(
        "gain", least=-1, definition="What held-out networks gain over all images at the frozen threshold"
    ),
    "over_random": Description(
        "over random", least=-1, definition="That gain minus the gain of a random choice that keeps as many"
    ),
    "over_condition": Description(
        "over condition", least=-1, definition="That gain minus the gain of the best conditions that keep as many"
    ),
    "bits_saved": Description(
        "bits saved",
        least=-math.inf,
        definition="Bits saved against fixed levels that keep as many decisions of held-out networks",
    ),
    "bits_saved_labels": Description(
        "bits saved by labels",
        least=-math.inf,
        definition="Bits saved against fixed levels that keep as many useful images",
    ),
}
"""Name of a measure on a scorecard -> its description.

Gains of one network are called `NAME of NETWORK`, measures of the images of one kind of distortion `NAME on KIND`. A gain area
may exceed 1, since the oracle of an mAP is no bound.
"""
GROUPS = {
    "metrics": (
        "auroc",
        "auroc_over_condition",
        "within_condition_auroc",
        "within_condition_and_size_auroc",
        "balanced_accuracy",
        "accuracy",
        "majority_accuracy",
        "average_precision",
        "mcc",
        "overlap",
        "overlap_permuted",
        "label_coverage",
    ),
    "soft": ("srcc", "plcc", "krcc", "rmse", "smr_srcc", "smr_krcc"),
    "gains": ("area", "gain", "over_random", "over_condition", "bits_saved", "bits_saved_labels"),
}
"""Fields of a scorecard -> their measures: those of labels, of the utility and of held-out networks."""
OPTIONAL = ("bits_saved", "bits_saved_labels")
"""Measures that only suites with a codec have."""
DIGITS = 6
RESOLUTION = 10**-DIGITS
"""Stored values are rounded and may exceed their range by this much."""


def describe(name: str) -> Description:
    """The description of a measure; groups of images such as `AUROC, jpeg 10` have that of the measure that they restrict."""
    return MEASURES.get(whole(name)) or Description(name)


@functools.cache
def whole(name: str) -> str:
    """The name of the measure of all images and networks that a measure restricts.

    Examples:
        >>> whole("auroc on webp"), whole("gain of timm:resnet18"), whole("auroc")
        ('auroc', 'gain', 'auroc')
    """
    return re.split(" of | on ", name, maxsplit=1)[0]


@functools.cache
def table_order(name: str) -> tuple[bool, int, str]:
    """Sort key that puts measures into the order of the table, those of single networks or kinds last."""
    position = list(MEASURES).index(whole(name)) if whole(name) in MEASURES else len(MEASURES)
    return name != whole(name), position, name


def problem_with(group: str, name: str, *values: float | None) -> str:
    """What is wrong with a measure of one of GROUPS, in words, or an empty text; None, an undefined value, is valid."""
    if whole(name) not in GROUPS[group]:
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
