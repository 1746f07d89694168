"""What a person reads after `run`: the measures, where the card is, its rank on the board, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.core.errors import ResultError
from benchmark.core.markdown import number
from benchmark.core.workspace import Workspace
from benchmark.evaluation.card_parts import ENOUGH_ROWS, ENOUGH_SOURCES
from benchmark.evaluation.results import PredictorResult
from benchmark.evaluation.scorecard import Scorecard
from benchmark.leaderboard.board_rows import rank_texts
from benchmark.leaderboard.rank import read_ranked
from benchmark.suites.results_folder import file_stem, suite_folder
from benchmark.suites.spec import Suite


def one_line(card: Scorecard) -> str:
    """A summary of a scorecard in one line."""
    shown = ", ".join(f"{name} {number(card.metrics[name].value)}" for name in ("auroc", "within_condition_auroc"))
    return f"{card.predictor} on {card.suite}, {card.labels} labels: {shown}"


def next_steps(suite: Suite, cards: Sequence[Scorecard], workspace: Workspace) -> Iterator[str]:
    """Lines that name the file of each card and its rank among all results of the suite, and the next command."""
    if not cards:
        return
    folder = suite_folder(workspace, suite)
    files = [folder.card(card.labels, file_stem(card.predictor, card.trained_on)) for card in cards]
    for parent in dict.fromkeys(file.parent for file in files):
        yield f"cards: {', '.join(file.name for file in files if file.parent == parent)} in {parent}"
    limited = f" --limit {suite.limit}" if suite.limit else ""
    if limited:
        yield "a quick look, which is on no board of the whole suite"
    try:
        results = read_ranked(folder).results
    except ResultError as error:
        yield f"no rank yet: {error}"
        return
    for card in cards:
        yield f"{card.predictor}, {card.labels} labels: {rank_among(card, results[card.labels])}"
    yield f"next: utilbench rank {suite.name}{limited}, then open {folder.page}"


def rank_among(card: Scorecard, group: Sequence[PredictorResult]) -> str:
    """The rank of a card among the results of its label set, in words."""
    own = [(result.card.predictor, result.card.trained_on) for result in group]
    text = rank_texts(group)[own.index((card.predictor, card.trained_on))]
    if not card.counts.are_enough:
        return f"too few rows to rank; {ENOUGH_ROWS} of each class are needed, of {ENOUGH_SOURCES} sources"
    if not card.is_ranked:
        return "not ranked"
    tie = ", not significantly below the first" if text.endswith(" =") else ""
    return f"rank {text.removesuffix(' =')} of {sum(result.card.is_ranked for result in group)}{tie}"
