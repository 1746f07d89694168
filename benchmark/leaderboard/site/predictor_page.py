"""The page of a predictor on a suite: what it is, how to use it, its measures, plots and images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec
from markupsafe import escape

from benchmark.core.errors import BenchmarkError
from benchmark.evaluation.measure_table import GROUPS, describe
from benchmark.evaluation.results import PredictorResult, SuiteResults
from benchmark.evaluation.scorecard import Scorecard
from benchmark.leaderboard.board_rows import trained_on
from benchmark.leaderboard.charts import own_histograms
from benchmark.leaderboard.figures import small_histogram
from benchmark.leaderboard.picture_files import write_picture
from benchmark.leaderboard.site import plots
from benchmark.leaderboard.site.gallery import Shown, extremes
from benchmark.leaderboard.site.page_board import predictor_page
from benchmark.leaderboard.site.pages import write
from benchmark.leaderboard.site.photographs import Photographs
from benchmark.plugins.predictors.description import baseline_source
from benchmark.suites.loading import argument_of
from benchmark.suites.spec import COMBINED, Suite
from benchmark.suites.tasks import TASKS

GROUP_NAMES = {"metrics": "Labels", "soft": "Continuous utility", "gains": "Held-out networks"}
"""Groups of measures as a page calls them."""
IMAGES = 4
"""Number of images of each class in which it is most wrong, and most right."""


def write_predictor(
    ranked: SuiteResults,
    result: PredictorResult,
    histograms: list[tuple[str, str]],
    *,
    photographs: Photographs | None,
    among: Sequence[SuiteResults],
) -> Path:
    """Write the page of one predictor; returns its path.

    Args:
        ranked: the results of its suite.
        result: its results on the combined labels.
        histograms: address and description of each of its histograms.
        photographs: those of the suite where they may be published and are here.
        among: the suites whose pages are written too, and are linked.
    """
    card = result.card
    stem = predictor_page(card).removesuffix(".html")
    others = {
        labels: other.card for labels, group in ranked.results.items() for other in group if other.title == result.title
    }
    documentation, source = baseline_source(card.predictor)
    wrong, right = images_of(ranked, result, photographs)
    context = {
        "root": "../..",
        "suite": ranked.suite,
        "card": card,
        "title": result.marked_title,
        "documentation": documentation,
        "commands": commands(ranked.suite, card) if source else (),
        "source": "" if result.outdated else escape(source),
        "provenance": msgspec.to_builtins(card.provenance),
        "submission": msgspec.to_builtins(card.provenance.submission) or {},
        "trained": trained_on(card),
        "pictures": histograms,
        "plots": plots.of_predictor(ranked, result),
        "others": others,
        "groups": {name: card.measures(name) for name in GROUPS},
        "group_names": GROUP_NAMES,
        "describe": describe,
        "measure": TASKS[ranked.suite.task].MEASURE,
        "gains": {key: text for key, text in TASKS[ranked.suite.task].GAINS.items() if text},
        "elsewhere": on_other_suites(ranked, card.predictor, among),
        "wrong": wrong,
        "right": right,
    }
    return write(ranked.folder.predictor_pages / f"{stem}.html", "predictor.html", **context)


def commands(suite: Suite, card: Scorecard) -> tuple[str, str]:
    """The commands that make its card again, and that score one's own images with it."""
    origin = f" --train-on {card.trained_on.suite}" if card.trained_on and card.is_trained_elsewhere else ""
    reference = " --reference originals/" if card.track == "full-reference" else ""
    return (
        f"utilbench run {card.predictor} -s {argument_of(suite.folder)}{origin}",
        f"utilbench score {card.predictor} photos/ -s {argument_of(suite.folder)}{reference}",
    )


def images_of(
    ranked: SuiteResults, result: PredictorResult, photographs: Photographs | None
) -> tuple[list[Shown], list[Shown]]:
    """Images in which a predictor is most wrong, and most right; none where they cannot be shown."""
    if not photographs or result.card.is_informed:
        return [], []
    try:
        wrong, right = (extremes(ranked, result, photographs, wrong=wrong, each=IMAGES) for wrong in (True, False))
    except BenchmarkError:  # the page of the suite has warned of it
        return [], []
    return wrong, right


def on_other_suites(ranked: SuiteResults, predictor: str, among: Sequence[SuiteResults]) -> list[tuple[str, str]]:
    """Name of each other suite that has a page of a predictor, trained there where it learns, and the address of the page."""
    links = []
    for other in among:
        name = other.folder.path.name
        own = [
            card
            for card in (other.cards(COMBINED) if COMBINED in other.results else ())
            if card.predictor == predictor and not card.is_trained_elsewhere
        ]
        if own and other.folder.path != ranked.folder.path:
            links.append((name, quote(f"../../{name}/predictors/{predictor_page(own[0])}")))
    return links


def draw_histograms(ranked: SuiteResults, result: PredictorResult) -> list[tuple[str, str]]:
    """Draw a predictor's panels of Fig. 1 as pictures beside its page; returns the name and a description of each."""
    folder, stem = ranked.folder.predictor_pages, predictor_page(result.card).removesuffix(".html")
    drawn = []
    for chart in own_histograms(ranked, result):
        (path,) = write_picture(chart, small_histogram, folder / f"{stem}.{chart.stem}", endings=["png"])
        (panel,) = chart.panels
        drawn.append((quote(path.name), f"{panel.series[0].name} (blue) against {panel.series[1].name} (orange)"))
    return drawn
