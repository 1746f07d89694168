"""The charts of a page as interactive plots, which plotly draws in the browser from numbers that the page contains."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io

from benchmark.core.messages import printable
from benchmark.evaluation.results import PredictorResult, SuiteResults
from benchmark.leaderboard.chart_parts import GREY, Chart, Panel, Series
from benchmark.leaderboard.charts import chart_names, gain_curves, own_histograms, suite_charts

TEXT = "#888888"
"""Colour of text and axes, legible on white and on black."""
DIGITS = 5


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


def of_suite(ranked: SuiteResults) -> list[Plot]:
    """The plots of a suite: gain curves, rate and utility, AUROC against cost, and AUROC at each condition."""
    shown = [
        chart
        for name in ("gains", "rates", "cost", "conditions")
        if name in chart_names(ranked.suite)
        for chart in suite_charts(ranked, name)
    ]
    return [plot for chart in shown for plot in plots_of(chart, f"figures/{chart.stem}")]


def of_predictor(ranked: SuiteResults, result: PredictorResult) -> list[Plot]:
    """The plots of a predictor: histograms and gain curves."""
    curves = [gain_curves(ranked, [result])] if ranked.suite.networks.held_out else []
    charts = [*own_histograms(ranked, result), *curves]
    return [plot for chart in charts for plot in plots_of(chart, "")]


def plots_of(chart: Chart, picture: str) -> list[Plot]:
    """One plot for each panel of a chart."""
    several = len(chart.panels) > 1
    return [
        Plot(
            f"{chart.stem}-{index}" if several else chart.stem,
            f"{chart.heading}: {panel.title}" if several else chart.heading,
            chart.about,
            code(panel, f"{chart.stem}-{index}" if several else chart.stem),
            picture,
        )
        for index, panel in enumerate(chart.panels)
    ]


def code(panel: Panel, name: str) -> str:
    """The HTML of one panel."""
    axis = {"gridcolor": "rgba(128,128,128,.25)", "zeroline": False, "linecolor": TEXT}
    kind = "category" if any(map(categorical, panel.series)) else "log" if panel.log_x else "linear"
    figure = go.Figure(
        [trace(series) for series in panel.series if series.kind != "horizontal"],
        {
            "template": "none",
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": TEXT, "size": 12},
            "margin": {"l": 55, "r": 10, "t": 10, "b": 45},
            "legend": {"orientation": "h", "y": -0.3, "yanchor": "top"},
            "height": 480,
            "xaxis": axis | {"title": panel.x_title.partition("\n")[0], "type": kind},
            "yaxis": axis | {"title": panel.y_title},
            "hovermode": "closest",
            "barmode": "overlay",
            "bargap": 0,
        },
    )
    config = {"displaylogo": False, "responsive": True, "displayModeBar": False}
    return plotly.io.to_html(figure, config, include_plotlyjs=False, full_html=False, div_id=name)


def categorical(series: Series) -> bool:
    """Whether the positions of a series are names."""
    return any(isinstance(x, str) for x in series.x)


def trace(series: Series) -> Any:
    """One entry of the legend; names are escaped, so that plotly shows them as text and never as markup."""
    name, y = html.escape(printable(series.name)), np.round(np.asarray(series.y, dtype=float), DIGITS).tolist()
    if series.kind == "bars":
        edges = np.asarray(series.x, dtype=float)
        middle = ((edges[1:] + edges[:-1]) / 2).round(6).tolist()
        return go.Bar(x=middle, y=y, name=name, marker={"color": series.colour}, opacity=0.6)
    x = list(series.x) if categorical(series) else np.round(np.asarray(series.x, dtype=float), DIGITS).tolist()
    colour = TEXT if series.colour == GREY else series.colour
    look: dict[str, Any] = {"line": {"color": colour, "dash": series.dash, "width": 4 if series.wide else 2}}
    if series.kind == "steps":
        return go.Scatter(x=x, y=y, name=name, mode="lines", line=look["line"] | {"shape": "hv"})
    if series.marker:
        look["marker"] = {"color": colour, "symbol": series.marker, "size": 8}
    mode = "markers" if series.kind == "points" else "lines+markers" if series.marker else "lines"
    intervals = [f"{low:.3f} to {high:.3f}" for low, high in zip(series.low, series.high, strict=True)]
    shown = {"text": intervals, "hovertemplate": "%{y:.3f} (%{text})"} if intervals else {"hovertemplate": "%{y:.3f}"}
    return go.Scatter(x=x, y=y, name=name, mode=mode, **look, **shown)
