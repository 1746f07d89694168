"""Tables of suites with several distortions: what predictors earn on each kind, and on seen and on unseen ones."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.core.markdown import number
from benchmark.evaluation.results import title
from benchmark.evaluation.scorecard import Scorecard
from benchmark.leaderboard.board_rows import headings
from benchmark.leaderboard.paper_tables import Grid
from benchmark.suites.spec import Suite

WITHIN = "within_condition_auroc"
GAINS = "area", "gain"
"""Measures of gains that are told on seen and on unseen kinds."""
WHERE = "Seen kinds at the training levels; unseen kinds, on which nothing is trained, at all their levels"


def kind_grids(cards: Sequence[Scorecard], suite: Suite) -> list[Grid]:
    """Labels and utility on each kind of distortion, and where there are unseen kinds, gains on seen and on unseen ones."""
    return [labels_grid(cards, suite), utility_grid(cards, suite), *([gains_grid(cards, suite)] if suite.kinds else [])]


def kind_names(suite: Suite) -> tuple[list[str], list[str]]:
    """The kinds as measures name them, and as headings of a table: each distortion, then the unseen ones together."""
    unseen = suite.unseen_kinds
    names = [choice.name for choice in suite.distortions] + ["unseen kinds"] * bool(unseen)
    return names, [f"{name} (unseen)" if name in unseen else name for name in names]


def labels_grid(cards: Sequence[Scorecard], suite: Suite) -> Grid:
    """AUROC of each predictor on each kind of distortion."""
    names, heads = kind_names(suite)
    rows = []
    for card in cards:
        rows.append((title(card), *(labels_cell(card, name) for name in names)))
    return Grid(
        "kinds",
        "Combined labels by kind of distortion",
        ("predictor", *heads),
        tuple(rows),
        "AUROC; AUROC minus that of the rival condition, with its interval; AUROC within a condition. "
        f"{WHERE}; a dash where one of the labels does not occur.",
    )


def labels_cell(card: Scorecard, kind: str) -> str:
    """How well a predictor tells the labels on one kind of distortion, or a dash."""
    measures = [card.metrics.get(f"{name} on {kind}") for name in ("auroc", "auroc_over_condition", WITHIN)]
    whole, over, within = measures
    return f"{number(whole.value)}; {over.text}; {number(within.value)}" if whole and over and within else "-"


def utility_grid(cards: Sequence[Scorecard], suite: Suite) -> Grid:
    """SRCC of each predictor with the utility on each kind of distortion."""
    names, heads = kind_names(suite)
    ordered = sorted(cards, key=lambda card: -(card.soft["srcc"].value or -1))
    rows = [
        (title(card), card.soft["srcc"].text, *(card.soft[f"srcc on {name}"].text for name in names))
        for card in ordered
    ]
    return Grid(
        "utility_by_kind",
        "Continuous utility by kind of distortion",
        ("predictor", "seen kinds", *heads),
        tuple(rows),
        f"SRCC with the utility (Eq. 2), higher is better. {WHERE}. On all seen kinds it is that of the soft track.",
    )


def gains_grid(cards: Sequence[Scorecard], suite: Suite) -> Grid:
    """Gain area and gain of each predictor on all, on seen and on unseen kinds."""
    names = [name for measure in GAINS for name in (measure, *(f"{measure} on {kind}" for kind in suite.kinds))]
    heads = [
        f"{heading}{kind}" for heading in headings(*GAINS) for kind in ("", *(f", {kind}" for kind in suite.kinds))
    ]
    ordered = sorted(cards, key=lambda card: -(card.gains["area"].value or 0.0))
    return Grid(
        "gains_by_kind",
        "What held-out networks gain on seen and on unseen kinds",
        ("predictor", *heads),
        tuple((title(card), *(card.gains[name].text for name in names)) for card in ordered),
        "At the held-out levels of seen kinds, and at all levels of unseen ones. Gain area: 1 oracle, 0 random choice, both on "
        "the same kinds. Gain: at the frozen threshold, over all images of these kinds. On both sorts together, gain and area "
        "also count that a predictor keeps more of one sort than of the other.",
    )
