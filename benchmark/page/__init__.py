"""Page: a static web page of what `rank` found; opens from disk, asks no address for anything.

    write_suite_pages(ranked)             # results/SUITE/index.html and a page a predictor
    write_index(results, some)            # results/index.html, over all suites
    write_assets(results)                 # results/assets: scripts of plotly and itables, once for all pages

Whatever comes from a scorecard is text: jinja2 escapes it, and plots get it escaped. The same scorecards give the same bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2

from benchmark.boards import LEGEND, counts_line, label_rows, trained_on
from benchmark.figures import panel, save
from benchmark.grids import accuracy_grid, gains_grid
from benchmark.markdown import milliseconds, number, with_interval
from benchmark.page import plots
from benchmark.page.samples import pick
from benchmark.results_folder import file_stem
from benchmark.runtime import write_text
from benchmark.scorecard import GROUPS, Ranked, Scorecard, title
from benchmark.series import Classes, classes_of, classified
from benchmark.suite import COMBINED
from benchmark.tasks import TASKS

SHIPPED = Path(__file__).parents[1] / "assets" / "page"
"""Templates, style and script."""


@functools.cache
def templates() -> jinja2.Environment:
    """The templates; everything put into them is escaped."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SHIPPED), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    found.filters |= {"number": number, "interval": with_interval, "milliseconds": milliseconds}
    return found


def write(path: Path, template: str, **known: Any) -> Path:
    """Fill in a template."""
    write_text(path, templates().get_template(template).render(**known))
    return path


def write_assets(results: Path) -> None:
    """The scripts and the style that all pages share."""
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
        path = results / "assets" / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)


def predictor_page(card: Scorecard) -> str:
    """The file of a predictor's page."""
    return f"{file_stem(card['predictor'], card['trained_on'])}.html"


def write_suite_pages(ranked: Ranked) -> list[Path]:
    """The page of a suite and one of each predictor that has combined labels' results; returns the files."""
    write_assets(ranked.folder.path.parent)
    some, suite = ranked.cards[COMBINED], ranked.suite
    classes = classes_of(ranked.folder, suite)
    boards = [board(labels, cards) for labels, cards in ranked.cards.items()]
    grids = [accuracy_grid(ranked.cards, suite), gains_grid(some, suite)]
    known = {
        "root": "..",
        "suite": suite,
        "card": some[0],
        "boards": boards,
        "legend": LEGEND,
        "plots": plots.of_suite(ranked),
        "figure_1": [(one.stem, one.names) for one in classes],
        "four": (ranked.folder.figures / f"{classes[0].stem}.png").is_file(),
        "figure_2": f"figure_{TASKS[suite['task']].FIGURE}",
        "grids": grids,
        "samples": pick(ranked) if suite.get("redistributable") else [],
    }
    written = [write(ranked.folder.file("index.html"), "suite.html", **known)]
    return [*written, *(write_predictor(ranked, card, classes) for card in some)]


def board(labels: str, cards: Sequence[Scorecard]) -> dict[str, Any]:
    """The board of one label set, as the template wants it; predictors lead to their pages."""
    head, rows = label_rows(cards)
    linked = labels == COMBINED
    named = [
        {"cells": row, "page": quote(f"predictors/{predictor_page(card)}") if linked else ""}
        for row, card in zip(rows, cards, strict=True)
    ]
    return {"labels": labels, "head": head, "rows": named, "counts": counts_line(cards[0])}


def write_predictor(ranked: Ranked, card: Scorecard, classes: Sequence[Classes]) -> Path:
    """The page of one predictor."""
    folder = ranked.folder.file("predictors")
    stem = predictor_page(card).removesuffix(".html")
    pictures = [draw_panel(folder, stem, ranked, card, one) for one in classes]
    others = {labels: one for labels, cards in ranked.cards.items() for one in cards if title(one) == title(card)}
    known = {
        "root": "../..",
        "suite": ranked.suite,
        "card": card,
        "title": title(card),
        "trained": trained_on(card),
        "pictures": pictures,
        "plots": plots.of_predictor(ranked, card, classes),
        "others": others,
        "groups": GROUPS,
        "measure": TASKS[ranked.suite["task"]].MEASURE,
        "gains": {key: told for key, told in TASKS[ranked.suite["task"]].GAINS.items() if told},
    }
    return write(folder / predictor_page(card), "predictor.html", **known)


def draw_panel(folder: Path, stem: str, ranked: Ranked, card: Scorecard, classes: Classes) -> tuple[str, str]:
    """A predictor's panel of Fig. 1 as a picture; returns its address and what it shows."""
    from matplotlib import pyplot as plt

    margins = {"left": 0.2, "right": 0.97, "bottom": 0.27, "top": 0.95}  # quicker than a layout that is measured
    figure, axis = plt.subplots(figsize=(4, 2.6), gridspec_kw=margins)
    panel(axis, *classified(ranked.folder, card, classes.rows))
    axis.set_ylabel("share of images")
    (path,) = save(figure, folder / f"{stem}.{classes.stem}", ["png"])
    return quote(path.name), f"{classes.names[0]} (blue) against {classes.names[1]} (orange)"


def write_index(results: Path, some: Sequence[Ranked]) -> list[Path]:
    """The page over all suites; returns its file."""
    write_assets(results)
    suites = [
        {
            "suite": one.suite,
            "page": quote(f"{one.folder.path.name}/index.html"),
            "board": board(COMBINED, one.cards[COMBINED]),
            "first": one.cards[COMBINED][0],
        }
        for one in some
    ]
    return [write(results / "index.html", "index.html", root=".", suites=suites, legend=LEGEND)]
