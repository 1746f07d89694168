"""Interactive plots, which plotly draws in the browser from numbers that the page contains."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io

from benchmark.core.parquet import read_table
from benchmark.evaluation.downstream import FRACTIONS
from benchmark.evaluation.scorecard import Scorecard, SuiteResults, title
from benchmark.leaderboard import plot_data
from benchmark.leaderboard.figures import CHANGED, KEPT, LINES, RIVALS
from benchmark.suites.spec import COMBINED
from benchmark.suites.tasks import TASKS

GREY = "#888888"
"""Colour of text and axes, legible on white and on black."""
DASHES = {"--": "dash", ":": "dot"}
SYMBOLS = (
    "circle",
    "square",
    "triangle-up",
    "triangle-down",
    "diamond",
    "cross",
    "x",
    "star",
    "triangle-left",
    "triangle-right",
    "pentagon",
)


@dataclass(frozen=True)
class Plot:
    """One interactive plot."""

    id: str
    heading: str
    about: str
    """Description of the plot for readers who cannot see it."""
    code: str
    """HTML of the element and its script."""
    picture: str
    """Address of the same plot as a picture, without ending; empty if there is none."""


def plot(name: str, heading: str, about: str, traces: Sequence[Any], picture: str, **layout: Any) -> Plot:
    """A plot of these traces; `layout` overrides plotly's settings."""
    axis = {"gridcolor": "rgba(128,128,128,.25)", "zeroline": False, "linecolor": GREY}
    figure = go.Figure(
        traces,
        {
            "template": "none",
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": GREY, "size": 12},
            "margin": {"l": 55, "r": 10, "t": 10, "b": 45},
            "legend": {"orientation": "h", "y": -0.3, "yanchor": "top"},
            "height": 480,
            "xaxis": axis | layout.pop("xaxis", {}),
            "yaxis": axis | layout.pop("yaxis", {}),
            **layout,
        },
    )
    config = {"displaylogo": False, "responsive": True, "displayModeBar": False}
    code = plotly.io.to_html(figure, config, include_plotlyjs=False, full_html=False, div_id=name)
    return Plot(name, heading, about, code, picture)


def label(text: str) -> str:
    """Escape a name, so that plotly shows it as text and never as markup."""
    return html.escape(text)


def of_suite(ranked: SuiteResults) -> list[Plot]:
    """The plots of a suite: gain curves, AUROC against cost, and AUROC at each level."""
    cards = ranked.cards[COMBINED]
    return [*gain_curves(ranked, cards), *cost(cards), *levels(ranked, cards)]


def of_predictor(ranked: SuiteResults, card: Scorecard, classes: Sequence[plot_data.BinaryGroups]) -> list[Plot]:
    """The plots of a predictor: histograms and gain curves."""
    return [*(histogram(ranked, card, groups) for groups in classes), *gain_curves(ranked, [card])]


def gain_curves(ranked: SuiteResults, cards: Sequence[Scorecard]) -> list[Plot]:
    """Performance of each held-out network against the fraction kept."""
    table, _ = read_table(ranked.folder.rivals)
    measure = TASKS[ranked.suite["task"]].MEASURE
    drawn = []
    for index, name in enumerate(ranked.suite["networks"]["held_out"]):
        x = FRACTIONS.round(1).tolist()
        traces = []
        for rival, (colour, dashes) in RIVALS.items():
            y = table.filter(network=name, rival=rival)["curve"][0].to_numpy().astype(np.float64).round(5).tolist()
            shape = {"color": colour, "dash": DASHES[dashes], "width": 4}
            traces.append(go.Scatter(x=x, y=y, name=rival, mode="lines", line=shape, hovertemplate="%{y:.3f}"))
        for number, card in enumerate(cards):
            curve = card["downstream"][name]["curve"]
            intervals = [f"{low:.3f} to {high:.3f}" for low, high in zip(curve["low"], curve["high"], strict=True)]
            traces.append(
                go.Scatter(
                    x=x,
                    y=np.round(curve["value"], 5).tolist(),
                    name=label(title(card)),
                    mode="lines+markers",
                    text=intervals,
                    hovertemplate="%{y:.3f} (%{text})",
                    **look(number),
                )
            )
        about = (
            f"{measure} of {name} against the fraction of the images that is kept, for each predictor and three rivals."
        )
        picture = "figures/gain_curves" if len(cards) > 1 else ""
        drawn.append(
            plot(
                f"gains-{index}",
                f"Gain curve: {name}",
                about,
                traces,
                picture,
                xaxis={"title": "fraction kept"},
                yaxis={"title": measure},
                hovermode="closest",
            )
        )
    return drawn


def look(number: int) -> dict[str, Any]:
    """Line and marker of the predictor at this position among the cards."""
    colour = LINES[number % len(LINES)]
    return {"line": {"color": colour}, "marker": {"color": colour, "symbol": SYMBOLS[number % len(SYMBOLS)], "size": 8}}


def cost(cards: Sequence[Scorecard]) -> list[Plot]:
    """AUROC against milliseconds per image, with the Pareto front."""
    points = plot_data.costs(cards)
    if not points:
        return []
    steps = plot_data.front(points)
    traces: list[Any] = [
        go.Scatter(
            x=[x for x, _ in steps],
            y=[y for _, y in steps],
            name="Pareto front",
            mode="lines",
            line={"shape": "hv", "color": GREY},
        )
    ]
    traces += [
        go.Scatter(
            x=[spent],
            y=[value],
            name=label(title(cards[index])),
            mode="markers",
            **look(index),
        )
        for index, spent, value in points
    ]
    about = (
        "AUROC of each predictor that is told from chance against its milliseconds an image; the line joins those that no "
        "cheaper one reaches."
    )
    return [
        plot(
            "cost",
            "AUROC against cost",
            about,
            traces,
            "figures/cost",
            xaxis={"title": "ms an image", "type": "log"},
            yaxis={"title": "AUROC"},
        )
    ]


def levels(ranked: SuiteResults, cards: Sequence[Scorecard]) -> list[Plot]:
    """AUROC at each level; no plot if no level has enough images of both classes."""
    aurocs = [plot_data.level_aurocs(ranked.folder, card) for card in cards]
    if not any(aurocs):
        return []
    traces = [
        go.Scatter(
            x=[str(level) for level in by_level],
            y=[round(value, 5) for value in by_level.values()],
            name=label(title(card)),
            mode="lines+markers",
            **look(number),
        )
        for number, (card, by_level) in enumerate(zip(cards, aurocs, strict=True))
    ]
    about = "AUROC of each predictor among images of one quality; what reads only the quality has .5 there."
    return [
        plot(
            "levels",
            "AUROC at each quality",
            about,
            traces,
            "figures/levels",
            xaxis={"title": "quality", "type": "category"},
            yaxis={"title": "AUROC within the quality"},
        )
    ]


def histogram(ranked: SuiteResults, card: Scorecard, classes: plot_data.BinaryGroups) -> Plot:
    """A predictor's panel of Fig. 1, as two overlaid histograms."""
    edges, shares = plot_data.histograms(*plot_data.classified(ranked.folder, card, classes.rows))
    middle = ((edges[1:] + edges[:-1]) / 2).round(6).tolist()
    traces = [
        go.Bar(x=middle, y=share.round(5).tolist(), name=label(name), marker={"color": colour}, opacity=0.6)
        for share, name, colour in zip(shares, classes.names, (KEPT, CHANGED), strict=True)
    ]
    about = f"Share of the images at each score: {classes.names[0]} against {classes.names[1]}."
    return plot(
        classes.stem,
        f"Fig. 1: {classes.names[0]} or {classes.names[1]}",
        about,
        traces,
        "",
        xaxis={"title": "score"},
        yaxis={"title": "share of images"},
        barmode="overlay",
        bargap=0,
    )
