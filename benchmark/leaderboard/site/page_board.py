"""Boards as pages show them: a few columns with interval bars, and the rest on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from benchmark.core.markdown import milliseconds, number
from benchmark.evaluation.card_parts import Measure
from benchmark.evaluation.measure_table import describe
from benchmark.evaluation.results import PredictorResult
from benchmark.evaluation.scorecard import Scorecard
from benchmark.leaderboard.board_rows import COLUMNS, rank_texts, sortable, trained_on
from benchmark.leaderboard.tables import counts_line
from benchmark.suites.results_folder import file_stem
from benchmark.suites.spec import COMBINED

ALWAYS = ("auroc", "auroc_over_condition", "within_condition_auroc", "area", "bits_saved")
"""Measures that are shown without asking, where a board has them; the first with a bar."""
FROM = 0.4
"""AUROC at the left end of a bar; 1 is at the right end."""


@dataclass(frozen=True)
class Bar:
    """Where a value and the ends of its interval lie on a bar, 0 to 100."""

    low: float
    value: float
    high: float


@dataclass(frozen=True)
class Head:
    """The head of a column."""

    text: str
    tooltip: str
    is_extra: bool = False
    """Whether the column is shown on demand."""


@dataclass(frozen=True)
class PageCell:
    """A cell of a column."""

    text: str
    order: float | str
    """Value that the cell is sorted by."""
    is_extra: bool = False
    bar: Bar | None = None
    interval: str = ""
    """The interval in words."""


def bar_of(measure: Measure) -> Bar | None:
    """The bar of an AUROC; None where it is not defined."""
    if measure.value is None:
        return None
    low, high = (measure.value if end is None else end for end in (measure.low, measure.high))
    return Bar(*(round(100 * (min(1.0, max(FROM, end)) - FROM) / (1 - FROM), 1) for end in (low, measure.value, high)))


def interval_of(measure: Measure) -> str:
    """The ends of an interval, or an empty text."""
    if measure.low is None or measure.high is None:
        return ""
    return f"95 %: {number(measure.low)} to {number(measure.high)}"


def predictor_page(card: Scorecard) -> str:
    """Name of the file of a predictor's page."""
    return f"{file_stem(card.predictor, card.trained_on)}.html"


def page_board(labels: str, results: Sequence[PredictorResult], note: str) -> dict[str, Any]:
    """The board of one label set with a note, as the template expects it; on combined labels names link to pages."""
    cards = [result.card for result in results]
    always = [name for name in ALWAYS if any(name in measures_of(card) for card in cards)]
    extra = [name for name in COLUMNS if name not in always]
    rows = [
        {
            "rank": page_rank(text),
            "order": position,
            "is_tied": text.endswith(" ="),
            "name": result.marked_title,
            "page": quote(f"predictors/{predictor_page(result.card)}") if labels == COMBINED else "",
            "cells": cells(result.card, always, extra),
        }
        for position, (result, text) in enumerate(zip(results, rank_texts(results), strict=True), start=1)
    ]
    return {
        "labels": labels,
        "heads": heads(always, extra),
        "rows": rows,
        "counts": counts_line(cards[0]),
        "note": note,
    }


def heads(always: Sequence[str], extra: Sequence[str]) -> list[Head]:
    """The heads of all columns but rank and predictor."""
    return [
        *(Head(describe(name).heading, describe(name).tooltip) for name in always),
        Head("ms", "Milliseconds an image takes on the machine that made the row."),
        *(Head(describe(name).heading, describe(name).tooltip, is_extra=True) for name in extra),
        Head(
            "track",
            "What it may look at: the image, its bitstream, the pristine image, or what no predictor is told.",
            is_extra=True,
        ),
        Head("trained on", "Suite and label set of its training.", is_extra=True),
        Head("seeds", "Number of trainings, whose spread the intervals hold.", is_extra=True),
        Head("scores", "Whether its code was run here, or a submission's own table was looked up.", is_extra=True),
    ]


def cells(card: Scorecard, always: Sequence[str], extra: Sequence[str]) -> list[PageCell]:
    """The cells of a row under these heads."""
    measures, spent = measures_of(card), card.cost.score_ms_per_image
    seeds = len(card.seeds) if card.trained_on else 0
    texts = (card.track, trained_on(card))
    return [
        *(measure_cell(measures.get(name), has_bar=name == ALWAYS[0]) for name in always),
        PageCell(milliseconds(spent), sortable(spent)),
        *(measure_cell(measures.get(name), is_extra=True) for name in extra),
        *(PageCell(text, text.casefold(), is_extra=True) for text in texts),
        PageCell(str(seeds or "-"), seeds, is_extra=True),
        PageCell(card.provenance.scores, card.provenance.scores, is_extra=True),
    ]


def measure_cell(measure: Measure | None, *, has_bar: bool = False, is_extra: bool = False) -> PageCell:
    """The cell of a measure; a dash where a card has none."""
    if measure is None:
        return PageCell("-", sortable(None), is_extra)
    bar = bar_of(measure) if has_bar else None
    return PageCell(number(measure.value), sortable(measure.value), is_extra, bar, interval_of(measure))


def measures_of(card: Scorecard) -> dict[str, Measure]:
    """The measures of labels and of held-out networks."""
    return card.metrics | card.gains


def page_rank(text: str) -> str:
    """A rank as pages write it: the ranks in 95 % of resamples, and whether it is tied with the first.

    Examples:
        >>> page_rank("1-3 ="), page_rank("1"), page_rank("4-6"), page_rank("-")
        ('1 to 3 (tied)', '1st', '4 to 6', '-')
    """
    if text == "1":
        return "1st"
    return text if text == "-" else text.replace("-", " to ").replace(" =", " (tied)")
