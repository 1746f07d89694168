"""The page of a suite: board, gallery, plots, the paper's figures and tables; and those of its predictors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from benchmark.evaluation.results import SuiteResults
from benchmark.leaderboard.chart_parts import GREY, coloured, look
from benchmark.leaderboard.paper_tables import accuracy_grid, gains_grid
from benchmark.leaderboard.plot_data import classes_of
from benchmark.leaderboard.rate_tables import condition_grids
from benchmark.leaderboard.site import plots
from benchmark.leaderboard.site.gallery import gallery
from benchmark.leaderboard.site.page_board import page_board, predictor_page
from benchmark.leaderboard.site.pages import write, write_assets
from benchmark.leaderboard.site.photographs import photographs_of
from benchmark.leaderboard.site.predictor_page import draw_histograms, write_predictor
from benchmark.leaderboard.tables import LEGEND, NO_DOWNSTREAM, probe_note
from benchmark.suites.spec import COMBINED
from benchmark.suites.tasks import TASKS

if TYPE_CHECKING:
    from benchmark.core.workspace import Workspace


def write_suite_pages(ranked: SuiteResults, workspace: Workspace, *, among: Sequence[SuiteResults] = ()) -> list[Path]:
    """Write the page of a suite and one of each predictor that has results on the combined labels; returns the files.

    Args:
        ranked: the results of the suite.
        workspace: where the photographs are, of which some are shown where they may be published.
        among: the suites whose pages are written too, and are linked.
    """
    write_assets(ranked.folder.root)
    combined, suite = ranked.results[COMBINED], ranked.suite
    boards = [page_board(labels, results, probe_note(ranked, labels)) for labels, results in ranked.results.items()]
    gained = [gains_grid(ranked.cards(COMBINED), suite)] if suite.networks.held_out else []
    photographs = photographs_of(ranked, workspace)
    own_page = [result for result in combined if not result.card.is_informed]
    histograms = {result.title: draw_histograms(ranked, result) for result in combined}
    bright = coloured(result.title for result in own_page)
    first = next((result for result in own_page if result.card.is_ranked), own_page[0] if own_page else None)
    context = {
        "root": "..",
        "suite": suite,
        "card": combined[0].card,
        "boards": boards,
        "legend": LEGEND,
        "no_downstream": NO_DOWNSTREAM,
        "plots": plots.of_suite(ranked),
        "colours": [(result.title, look(result.title)[0]) for result in own_page if result.title in bright],
        "grey": GREY,
        "figure_1": [
            (
                groups,
                [
                    (result.title, quote(predictor_page(result.card)), histograms[result.title][number])
                    for result in own_page
                ],
            )
            for number, groups in enumerate(classes_of(ranked))
        ],
        "figure_2": f"figure_{TASKS[suite.task].FIGURE}",
        "measure": TASKS[suite.task].MEASURE,
        "number": TASKS[suite.task].FIGURE,
        "grids": [accuracy_grid(ranked), *gained, *condition_grids(ranked)],
        "gallery": gallery(ranked, first, photographs),
        "first": first.title if first else "",
    }
    written = [write(ranked.folder.page, "suite.html", **context)]
    return [
        *written,
        *(
            write_predictor(ranked, result, histograms[result.title], photographs=photographs, among=among)
            for result in combined
        ),
    ]
