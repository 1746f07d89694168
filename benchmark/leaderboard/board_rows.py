"""The rows of a label set's board, as cells that Markdown and pages show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.markdown import milliseconds, number
from benchmark.evaluation.measure_table import describe
from benchmark.evaluation.results import PredictorResult
from benchmark.evaluation.scorecard import Scorecard
from benchmark.metrics import bootstrap

COLUMNS = (
    "auroc", "auroc_over_condition", "within_condition_auroc", "within_condition_and_size_auroc", "balanced_accuracy",
    "accuracy", "majority_accuracy", "average_precision", "mcc", "overlap", "overlap_permuted",
)  # fmt: skip
INTERVALS = COLUMNS[:3]
"""Columns that show intervals."""


@dataclass(frozen=True)
class Cell:
    """One cell of a board."""

    text: str
    order: float | str
    """Value that the cell is sorted by."""


def label_rows(results: Sequence[PredictorResult]) -> tuple[list[str], list[list[Cell]]]:
    """The head and the rows of the board of one label set."""
    cards = [result.card for result in results]
    ways = [card.provenance.scores for card in cards]
    mixed = "self-reported" in ways
    ranks = rank_texts(results)
    rows = []
    for position, (result, way, rank) in enumerate(zip(results, ways, ranks, strict=True), start=1):
        card = result.card
        texts = [
            result.marked_title,
            *([way] if mixed else []),
            card.track,
            trained_on(card),
        ]
        seeds = len(card.seeds) if card.trained_on else 0
        metrics = [card.metrics[name] for name in COLUMNS]
        shown = [metric.text if name in INTERVALS else number(metric.value)
                 for name, metric in zip(COLUMNS, metrics, strict=True)]  # fmt: skip
        area, spent = card.gains["area"], card.cost.score_ms_per_image
        rows.append([
            Cell(rank, position),
            *(Cell(text, text.casefold()) for text in texts),
            Cell(str(seeds or "-"), seeds),
            *(Cell(text, sortable(metric.value)) for text, metric in zip(shown, metrics, strict=True)),
            Cell(area.text, sortable(area.value)),
            Cell(milliseconds(spent), sortable(spent)),
        ])  # fmt: skip
    head = ["rank", "predictor", *(["scores"] if mixed else []), "track", "trained on", "seeds"]
    return [*head, *headings(*COLUMNS, "area"), "ms/image"], rows


def rank_texts(results: Sequence[PredictorResult]) -> list[str]:
    """The rank of each predictor, with = where it ties with the first; a dash for those that are not ranked."""
    fair = [result for result in results if result.card.is_ranked]
    if not fair:
        return ["-"] * len(results)
    values = np.array([result.replicates_of("auroc") for result in fair])
    defined = bool(np.isfinite(values).all(axis=0).any())
    ranks = bootstrap.rank_intervals(values).tolist() if defined else [(1, len(fair))] * len(fair)
    tied = bootstrap.tied_with_first(values) if defined else np.ones(len(fair), bool)
    texts = iter(
        (f"{low}-{high}" if low < high else str(low)) + (" =" if same and tied.sum() > 1 else "")
        for (low, high), same in zip(ranks, tied, strict=True)
    )
    return [next(texts) if result.card.is_ranked else "-" for result in results]


def headings(*names: str) -> list[str]:
    """The headings of measures, with arrows that point to better values."""
    return [describe(name).heading for name in names]


def sortable(value: float | None) -> float:
    """A number to sort by; missing values come last when the highest values come first."""
    return -1e9 if value is None else value


def trained_on(card: Scorecard) -> str:
    """What a predictor was trained on: a suite and its labels, or the words of its submission."""
    training = card.trained_on
    submission = card.provenance.submission
    return f"{training.suite}, {training.labels}" if training else submission.trained_on if submission else "-"
