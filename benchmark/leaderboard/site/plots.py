"""The charts of a page as interactive plots, which plotly draws in the browser from numbers that the page contains."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.io
from numpy.typing import NDArray

from benchmark.core.messages import printable
from benchmark.evaluation.results import PredictorResult, SuiteResults
from benchmark.leaderboard.chart_parts import GREY, Chart, Panel, Series, named_points, spread
from benchmark.leaderboard.charts import chart_names, conditions, gain_curves, suite_charts

TEXT = "#888888"
"""Colour of axes and of lines in grey, visible on white and on black; page.css colours the letters."""
QUIET = "rgba(128,128,128,.45)"
"""Colour of lines that stay in the background until they are pointed at (page.js)."""
POINTED_AT, FAINT = 0.3, 0.08
"""Opacity of the interval of a line that is pointed at, and of all others: five that overlap leave their lines visible."""
DIGITS = 5
HEIGHT = 420
"""Of a plot, in px."""
GAP = 0.055
"""Between names at the ends of lines, as a share of the height."""


@dataclass(frozen=True)
class Plot:
    """One interactive plot."""

    id: str
    heading: str
    """The question that it answers."""
    number: str
    """Of the figure in the paper, or empty."""
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
    """The plots of a predictor: gain curves, and AUROC at each condition."""
    if result.card.is_informed:
        return []
    curves = [gain_curves(ranked, [result])] if ranked.suite.networks.held_out else []
    return [plot for chart in (*curves, *conditions(ranked, [result])) for plot in plots_of(chart, "")]


def plots_of(chart: Chart, picture: str) -> list[Plot]:
    """One plot for each panel of a chart."""
    several = len(chart.panels) > 1
    return [
        Plot(
            f"{chart.stem}-{index}" if several else chart.stem,
            f"{chart.heading} ({panel.title})" if several else chart.heading,
            chart.number,
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
    ticks = {"type": kind} | ({"dtick": 1, "tickformat": "~g"} if kind == "log" else {})
    shown = sorted(
        (series for series in panel.series if series.kind != "horizontal"), key=lambda series: not series.muted
    )
    ends = names_at_ends(panel)
    traces = [trace(series) for series in shown]
    figure = {  # not plotly's classes, whose checks take longer than the rest of a page
        "data": [*(band for series in shown if (band := interval_band(series))), *traces],
        "layout": {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": TEXT, "size": 12},
            "margin": {"l": 50, "r": 115 if ends else 10, "t": 10, "b": 45},
            "showlegend": any(series.kind == "steps" for series in shown) and not panel.names_points,
            "legend": {"orientation": "h", "y": -0.2, "yanchor": "top"},
            "height": HEIGHT,
            "xaxis": axis | ticks | {"title": {"text": panel.x_title.partition("\n")[0]}},
            "yaxis": axis | {"title": {"text": panel.y_title}},
            "hovermode": "closest",
            "annotations": ends,
        },
    }
    config = {"displaylogo": False, "responsive": True, "displayModeBar": False}
    return plotly.io.to_html(figure, config, include_plotlyjs=False, full_html=False, div_id=name, validate=False)


def categorical(series: Series) -> bool:
    """Whether the positions of a series are names."""
    return any(isinstance(x, str) for x in series.x)


def written(name: str) -> str:
    """A name that plotly shows as text and never as markup."""
    return html.escape(printable(name))


def names_at_ends(panel: Panel) -> list[dict[str, Any]]:
    """Names of lines in colour at their right ends, and names beside points, moved apart where they are close."""
    points = named_points(panel)
    named = points or [
        series for series in panel.series if series.kind == "line" and not series.muted and len(finite(series))
    ]
    if not named:
        return []
    heights = [float(finite(series)[-1]) for series in named]
    drawn = np.concatenate([finite(series) for series in panel.series])
    gap = GAP * float(drawn.max() - drawn.min() or 1.0)
    return [
        {
            "x": position(panel, series) if points else 1, "xref": "x" if points else "paper", "y": height,
            "xanchor": "left", "xshift": 6, "showarrow": False, "font": {"size": 11},
            "text": f'<span style="color:{TEXT if series.muted else series.colour}">■</span> {written(series.name)}',
        }
        for series, height in zip(named, spread(heights, gap), strict=True)
    ]  # fmt: skip


def finite(series: Series) -> NDArray[np.float64]:
    """The values of a series that are drawn."""
    y = np.asarray(series.y, dtype=float)
    return y[np.isfinite(y)]


def position(panel: Panel, series: Series) -> float:
    """Where a point is along the axis, as plotly wants it of annotations: a logarithm on a logarithmic axis."""
    x = float(series.x[0])
    return math.log10(x) if panel.log_x else x


def interval_band(series: Series) -> dict[str, Any] | None:
    """The intervals of a line in colour as an area behind it; None where there is none."""
    if series.kind != "line" or series.muted or not len(series.low):
        return None
    x = rounded(series.x)
    return {
        "type": "scatter", "x": [*x, *x[::-1]], "y": [*rounded(series.low), *rounded(series.high)[::-1]], "fill": "toself",
        "fillcolor": series.colour, "opacity": FAINT, "meta": [POINTED_AT, FAINT],
        "name": written(series.name), "line": {"width": 0}, "mode": "lines", "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip


def rounded(values: Any) -> list[float]:
    """Numbers with as many digits as a plot needs."""
    numbers: list[float] = np.round(np.asarray(values, dtype=float), DIGITS).tolist()
    return numbers


def trace(series: Series) -> dict[str, Any]:
    """A series as plotly draws it."""
    x = list(series.x) if categorical(series) else rounded(series.x)
    drawn = {"type": "scatter", "x": x, "y": rounded(series.y), "name": written(series.name)}
    own = TEXT if series.colour == GREY else series.colour
    colour = QUIET if series.muted else own
    look: dict[str, Any] = {"line": {"color": colour, "dash": series.dash, "width": 4 if series.wide else 2}}
    if series.kind == "steps":
        return drawn | {"mode": "lines", "line": look["line"] | {"shape": "hv"}}
    if series.marker:
        look["marker"] = {"color": colour, "symbol": series.marker, "size": 8}
    mode = "markers" if series.kind == "points" else "lines" if series.muted or not series.marker else "lines+markers"
    intervals = [
        f" ({low:.3f} to {high:.3f})" if np.isfinite([low, high]).all() else ""
        for low, high in zip(series.low, series.high, strict=True)
    ]
    shown = {"text": intervals, "hovertemplate": "%{y:.3f}%{text}"} if intervals else {"hovertemplate": "%{y:.3f}"}
    return drawn | look | shown | {"mode": mode, "meta": [own, QUIET] if series.muted else ""}
