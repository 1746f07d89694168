"""Static web pages of the results that `rank` reads; they open from disk and make no network requests.

    write_suite_pages(ranked)             # results/SUITE/index.html and a page per predictor
    write_index(results, all_ranked)      # results/index.html, over all suites
    write_assets(results)                 # results/assets: scripts of plotly and itables, once for all pages

Text from scorecards is escaped: by jinja2 in the templates, and by `plots` in the plots. Equal scorecards give equal bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jinja2
import msgspec

from benchmark.core.files import write_text
from benchmark.core.markdown import milliseconds, number
from benchmark.core.messages import printable
from benchmark.evaluation.measure_table import GROUPS
from benchmark.evaluation.results import PredictorResult, SuiteResults
from benchmark.evaluation.scorecard import Scorecard
from benchmark.leaderboard.board_rows import label_rows, trained_on
from benchmark.leaderboard.chart_parts import Chart
from benchmark.leaderboard.charts import own_histograms
from benchmark.leaderboard.figures import draw_panel, save
from benchmark.leaderboard.paper_tables import accuracy_grid, gains_grid
from benchmark.leaderboard.plot_data import classes_of
from benchmark.leaderboard.rate_tables import condition_grids
from benchmark.leaderboard.site import plots
from benchmark.leaderboard.site.samples import pick
from benchmark.leaderboard.tables import LEGEND, NO_DOWNSTREAM, counts_line, probe_note
from benchmark.suites.results_folder import assets_folder, file_stem, index_page
from benchmark.suites.spec import COMBINED
from benchmark.suites.tasks import TASKS

if TYPE_CHECKING:
    from benchmark.core.storage import Location


SHIPPED = Path(__file__).parent
"""Folder of the templates, the style and the script."""


def shown(value: Any) -> Any:
    """A value that a template inserts, texts in one line of printable characters; what is HTML already stays as it is."""
    return printable(value) if type(value) is str else value


@functools.cache
def templates() -> jinja2.Environment:
    """The environment of the templates, in which all inserted values are escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SHIPPED), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, finalize=shown,
    )  # fmt: skip
    environment.filters |= {"number": number, "milliseconds": milliseconds}
    return environment


def write(path: Path, template: str, **context: Any) -> Path:
    """Write a template that is filled in with these values; returns the path."""
    write_text(path, templates().get_template(template).render(**context))
    return path


def write_assets(results: Path) -> None:
    """Write the scripts and the styles that all pages share."""
    import base64
    import importlib.resources

    from plotly.offline import get_plotlyjs

    bundle = importlib.resources.files("itables") / "html"
    code, style = (base64.b64encode((bundle / f"dt_bundle.{end}").read_bytes()).decode() for end in ("js", "css"))
    texts = {
        "plotly.min.js": get_plotlyjs(),
        "itables.js": f'window.itablesCode = "{code}";\nwindow.itablesStyle = "{style}";\n',
        **{name: (SHIPPED / name).read_text(encoding="utf-8") for name in ("page.css", "page.js")},
    }
    for name, text in texts.items():
        path = assets_folder(results) / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)


def predictor_page(card: Scorecard) -> str:
    """Name of the file of a predictor's page."""
    return f"{file_stem(card.predictor, card.trained_on)}.html"


def write_suite_pages(ranked: SuiteResults, *, data: Location | None = None) -> list[Path]:
    """Write the page of a suite and one of each predictor that has results on the combined labels; returns the files.

    Args:
        ranked: the results of the suite.
        data: where the photographs are, of which some are shown where they may be published.
    """
    write_assets(ranked.folder.root)
    combined, suite = ranked.results[COMBINED], ranked.suite
    classes = classes_of(ranked)
    boards = [board(labels, results, probe_note(ranked, labels)) for labels, results in ranked.results.items()]
    gained = [gains_grid(ranked.cards(COMBINED), suite)] if suite.networks.held_out else []
    grids = [accuracy_grid(ranked), *gained, *condition_grids(ranked)]
    context = {
        "root": "..",
        "suite": suite,
        "card": combined[0].card,
        "boards": boards,
        "legend": LEGEND,
        "no_downstream": NO_DOWNSTREAM,
        "plots": plots.of_suite(ranked),
        "figure_1": [(groups.stem, groups.names) for groups in classes],
        "four": (ranked.folder.figures / f"{classes[0].stem}.png").is_file(),
        "figure_2": f"figure_{TASKS[suite.task].FIGURE}",
        "grids": grids,
        "samples": pick(ranked, data) if suite.redistributable else [],
    }
    written = [write(ranked.folder.page, "suite.html", **context)]
    return [*written, *(write_predictor(ranked, result) for result in combined)]


def board(labels: str, results: Sequence[PredictorResult], note: str) -> dict[str, Any]:
    """The board of one label set with a note, as the template expects it; on combined labels rows link to pages."""
    head, rows = label_rows(results)
    linked = labels == COMBINED
    named = [
        {"cells": row, "page": quote(f"predictors/{predictor_page(result.card)}") if linked else ""}
        for row, result in zip(rows, results, strict=True)
    ]
    return {"labels": labels, "head": head, "rows": named, "counts": counts_line(results[0].card), "note": note}


def write_predictor(ranked: SuiteResults, result: PredictorResult) -> Path:
    """Write the page of one predictor; returns its path."""
    folder, card, name = ranked.folder.predictor_pages, result.card, result.title
    stem = predictor_page(card).removesuffix(".html")
    pictures = [draw_histograms(folder, stem, chart) for chart in own_histograms(ranked, result)]
    others = {labels: other.card for labels, group in ranked.results.items() for other in group if other.title == name}
    context = {
        "root": "../..",
        "suite": ranked.suite,
        "card": card,
        "title": name,
        "provenance": msgspec.to_builtins(card.provenance),
        "submission": msgspec.to_builtins(card.provenance.submission) or {},
        "trained": trained_on(card),
        "pictures": pictures,
        "plots": plots.of_predictor(ranked, result),
        "others": others,
        "groups": GROUPS,
        "measure": TASKS[ranked.suite.task].MEASURE,
        "gains": {key: text for key, text in TASKS[ranked.suite.task].GAINS.items() if text},
    }
    return write(folder / predictor_page(card), "predictor.html", **context)


def draw_histograms(folder: Path, stem: str, chart: Chart) -> tuple[str, str]:
    """Draw a predictor's panel of Fig. 1 as a picture; returns its address and a description."""
    from matplotlib import pyplot as plt

    margins = {"left": 0.2, "right": 0.97, "bottom": 0.27, "top": 0.95}  # faster than computing a layout
    figure, axis = plt.subplots(figsize=(4, 2.6), gridspec_kw=margins)
    (panel,) = chart.panels
    draw_panel(axis, replace(panel, title=""))
    (path,) = save(figure, folder / f"{stem}.{chart.stem}", endings=["png"])
    return quote(path.name), f"{panel.series[0].name} (blue) against {panel.series[1].name} (orange)"


def write_index(results: Path, ranked: Sequence[SuiteResults]) -> list[Path]:
    """Write the page over all suites; returns its file."""
    write_assets(results)
    suites = [
        {
            "suite": entry.suite,
            "page": quote(f"{entry.folder.path.name}/index.html"),
            "board": board(COMBINED, entry.results[COMBINED], probe_note(entry, COMBINED)),
            "first": next((card for card in entry.cards(COMBINED) if card.is_ranked), None),
        }
        for entry in ranked
    ]
    return [write(index_page(results), "index.html", root=".", suites=suites, legend=LEGEND)]
