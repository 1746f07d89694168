"""The page of a predictor on a suite: what it is, how to use it, its measures, plots and images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import msgspec
from markupsafe import escape

from benchmark.evaluation.measure_table import GROUPS, describe
from benchmark.evaluation.results import PredictorResult, SuiteResults
from benchmark.leaderboard.board_rows import trained_on
from benchmark.leaderboard.charts import own_histograms
from benchmark.leaderboard.figures import draw_panel, save
from benchmark.leaderboard.site import plots
from benchmark.leaderboard.site.gallery import extremes
from benchmark.leaderboard.site.page_board import predictor_page
from benchmark.leaderboard.site.pages import write
from benchmark.leaderboard.site.photographs import Photographs
from benchmark.plugins.predictors.description import baseline_source
from benchmark.plugins.predictors.informed import INFORMED_TRACK
from benchmark.suites.results_folder import Training, file_stem, list_suite_folders
from benchmark.suites.spec import COMBINED
from benchmark.suites.tasks import TASKS

GROUP_NAMES = {"metrics": "Labels", "soft": "Continuous utility", "gains": "Held-out networks"}
"""Groups of measures as a page calls them."""
IMAGES = 4
"""Number of images of each class in which it is most wrong, and most right."""


def write_predictor(
    ranked: SuiteResults, result: PredictorResult, histograms: list[tuple[str, str]], photographs: Photographs | None
) -> Path:
    """Write the page of one predictor; returns its path.

    Args:
        ranked: the results of its suite.
        result: its results on the combined labels.
        histograms: address and description of each of its histograms.
        photographs: those of the suite where they may be published.
    """
    card = result.card
    stem = predictor_page(card).removesuffix(".html")
    others = {
        labels: other.card for labels, group in ranked.results.items() for other in group if other.title == result.title
    }
    documentation, source = baseline_source(card.predictor)
    wrong, right = (
        extremes(ranked, result, photographs, wrong=wrong, each=IMAGES)
        if photographs and card.track != INFORMED_TRACK
        else []
        for wrong in (True, False)
    )
    context = {
        "root": "../..",
        "suite": ranked.suite,
        "card": card,
        "title": result.title,
        "documentation": documentation,
        "source": escape(source),
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
        "elsewhere": on_other_suites(ranked, card.predictor),
        "wrong": wrong,
        "right": right,
    }
    return write(ranked.folder.predictor_pages / f"{stem}.html", "predictor.html", **context)


def on_other_suites(ranked: SuiteResults, predictor: str) -> list[tuple[str, str]]:
    """Name of each other suite that a predictor has a card of, trained there where it learns, and address of its page."""
    links = []
    for folder in list_suite_folders(ranked.folder.root):
        name = folder.path.name
        stems = [file_stem(predictor, training) for training in (None, Training(name, COMBINED, digest=""))]
        stem = next((stem for stem in stems if folder.card(COMBINED, stem).is_file()), None)
        if stem and folder.path != ranked.folder.path:
            links.append((name, quote(f"../../{name}/predictors/{stem}.html")))
    return links


def draw_histograms(ranked: SuiteResults, result: PredictorResult) -> list[tuple[str, str]]:
    """Draw a predictor's panels of Fig. 1 as pictures beside its page; returns the name and a description of each."""
    from matplotlib import pyplot as plt

    folder, stem = ranked.folder.predictor_pages, predictor_page(result.card).removesuffix(".html")
    drawn = []
    for chart in own_histograms(ranked, result):
        margins = {"left": 0.2, "right": 0.97, "bottom": 0.27, "top": 0.95}  # faster than computing a layout
        figure, axis = plt.subplots(figsize=(4, 2.6), gridspec_kw=margins)
        (panel,) = chart.panels
        draw_panel(axis, replace(panel, title=""))
        (path,) = save(figure, folder / f"{stem}.{chart.stem}", endings=["png"])
        drawn.append((quote(path.name), f"{panel.series[0].name} (blue) against {panel.series[1].name} (orange)"))
    return drawn
