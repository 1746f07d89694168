"""Draw the charts of a suite as PNG and SVG: the paper's Fig. 1 and Fig. 2, and those that the pages show.

Fig. 1 shows, for SSIM, energy, Fisher information and the reference, histograms of the score over compressed images that keep
(blue) and that change (orange) the probe's decision, then over useful and non-useful images, and both for all predictors.
Fig. 2a shows the accuracy of each held-out network on the images that each predictor keeps, Fig. 2b its mAP after each
predictor's replacements. The same input gives the same bytes.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmark.core.errors import ResultError
from benchmark.core.messages import printable
from benchmark.evaluation.results import SuiteResults
from benchmark.leaderboard.chart_parts import Chart, Panel, Series, named_points, spread
from benchmark.leaderboard.charts import chart_names, suite_charts
from benchmark.leaderboard.picture_files import write_picture

MARKERS = {
    "circle": "o", "square": "s", "triangle-up": "^", "triangle-down": "v", "diamond": "D", "cross": "P", "x": "X",
    "star": "*", "triangle-left": "<", "triangle-right": ">", "pentagon": "p", "hexagon": "h", "hexagon2": "H",
    "cross-thin": "x", "": "",
}  # fmt: skip
QUIET, QUIET_TEXT = "#BBBBBB", "#555555"
"""Colours of what stays in the background."""
NAME = 0.12
"""Width of a point's name, as a share of that of the axes, about: points farther apart do not meet."""
BESIDE = 0.025
"""Distance of a name from its point, as a share of the width of the axes."""
GAP = 0.045
"""Least distance of two names, one above the other, as a share of the height of the axes."""
DASHES = {"solid": "-", "dash": "--", "dot": ":"}


def draw(ranked: SuiteResults, *, figure: str = "") -> list[Path]:
    """Draw all charts that the combined labels' results allow, or those of one name; returns the files written.

    Raises:
        ResultError: the suite has no chart of this name.
    """
    names = chart_names(ranked.suite)
    if figure and figure not in names:
        raise ResultError(f"no figure {figure!r} of {ranked.suite.name}; there are {', '.join(names)}")
    chosen = [chart for name in ([figure] if figure else names) for chart in suite_charts(ranked, name)]
    return [path for chart in chosen for path in write_picture(chart, picture, ranked.folder.figures / chart.stem)]


def picture(chart: Chart) -> Any:
    """A chart as a figure of matplotlib, with one legend for all its panels."""
    rows = math.ceil(len(chart.panels) / chart.columns)
    figure, axes = plt.subplots(rows, chart.columns, figsize=chart.size, sharey=named(chart), squeeze=False)
    for axis, panel in zip(axes.flat, chart.panels, strict=False):
        draw_panel(axis, panel)
    for axis in axes.flat[len(chart.panels) :]:
        axis.set_axis_off()
    for row in axes[:, 1:]:
        for axis in row:
            axis.set_ylabel("")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if named(chart):
        rows_named = [as_written(row) for row in chart.panels[0].rows]
        axes[0, 0].set_yticks(np.arange(len(rows_named))[::-1], rows_named[::-1], fontsize=8)
    if histograms(chart):
        handles = [Patch(color=bars.colour, alpha=0.6, label=as_written(bars.name)) for bars in chart.panels[0].series]
        figure.legend(handles=handles, loc="outside upper center", ncols=2 if chart.columns > 1 else 1, frameon=False)
    elif named(chart):
        figure.legend(handles, labels, loc="outside upper center", ncols=2 * chart.columns, frameon=False, fontsize=8)
    elif not chart.panels[0].names_points:
        figure.legend(
            handles,
            labels,
            loc="outside right upper",
            frameon=False,
            fontsize=7,
            title=others_of(chart),
            title_fontsize=7,
        )
    return figure


def small_histogram(chart: Chart) -> Any:
    """A chart of one panel without its title, small, for a page that says what it shows."""
    margins = {"left": 0.2, "right": 0.97, "bottom": 0.27, "top": 0.95}  # faster than computing a layout
    figure, axis = plt.subplots(figsize=(4, 2.6), gridspec_kw=margins, layout="none")
    (panel,) = chart.panels
    draw_panel(axis, replace(panel, title=""))
    return figure


def others_of(chart: Chart) -> str | None:
    """What the legend says of lines that it does not name."""
    return "grey: others" if any(series.muted for panel in chart.panels for series in panel.series) else None


def histograms(chart: Chart) -> bool:
    """Whether the chart consists of histograms."""
    return chart.panels[0].series[0].kind == "bars"


def named(chart: Chart) -> bool:
    """Whether the rows of the chart have names."""
    return bool(chart.panels[0].rows)


def as_written(text: str) -> str:
    r"""A text of a chart as matplotlib shows it letter by letter: without formulas, and in a legend in any case.

    Examples:
        >>> as_written("$x^2$"), as_written("_mine")
        ('\\$x^2\\$', ' _mine')
    """
    lines = "\n".join(printable(line) for line in text.split("\n"))
    return " " * lines.startswith("_") + lines.replace("$", r"\$")


def draw_panel(axis: Any, panel: Panel) -> None:
    """Draw one panel onto the axes."""
    for series in panel.series:
        draw_series(axis, series)
    bars = panel.series[0].kind == "bars"
    axis.set_title(as_written(panel.title), fontsize=9, fontweight="bold" if bars else "normal")
    axis.set_xlabel(as_written(panel.x_title), fontsize=8 if panel.title or bars else None)
    axis.set_ylabel(as_written(panel.y_title))
    if panel.log_x:
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades(axis) < 3 else (1,)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    if panel.rows:
        axis.grid(axis="y", color="#DDDDDD")
        axis.set_ylim(-0.6, len(panel.rows) - 0.4)
    if panel.names_points:
        name_points(axis, panel)


def name_points(axis: Any, panel: Panel) -> None:
    """Write names beside points, one above the other where they would meet, and join with its point one that is moved."""
    points = named_points(panel)
    axis.margins(x=0.2)
    axis.autoscale_view()
    places = (axis.transData - axis.transAxes).transform([(series.x[0], series.y[0]) for series in points])
    order = np.argsort(places[:, 0], kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(places[order, 0]) > NAME) + 1):
        heights = np.array(spread(places[group, 1].tolist(), GAP))
        highest = 1 - GAP * np.argsort(np.argsort(-heights))  # none above the axes, and the gap stays
        for index, height in zip(group, np.minimum(heights, highest), strict=True):
            series = points[index]
            moved = abs(height - places[index, 1]) > GAP / 2
            axis.annotate(
                as_written(series.name), places[index], (places[index, 0] + BESIDE, height), xycoords="axes fraction",
                va="center", fontsize=6, color=QUIET_TEXT if series.muted else series.colour, zorder=4,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.7},
                arrowprops={"arrowstyle": "-", "color": QUIET, "linewidth": 0.6} if moved else None,
            )  # fmt: skip
    if len(points) < sum(series.kind == "points" for series in panel.series):
        axis.text(0.02, 0.98, "grey: others", transform=axis.transAxes, va="top", fontsize=6, color=QUIET_TEXT)


def decades(axis: Any) -> float:
    """The powers of ten that a horizontal axis spans."""
    low, high = axis.get_xlim()
    return math.log10(high / low)


def draw_series(axis: Any, series: Series) -> None:
    """Draw one entry of the legend onto the axes."""
    colour = QUIET if series.muted else series.colour
    line = {"color": colour, "linestyle": DASHES[series.dash], "linewidth": 2 if series.wide else 1}
    named = {"label": as_written(series.name)} if series.name and not series.muted else {}
    if series.kind == "vertical":
        axis.axvline(series.x[0], **line, **named)
    elif series.kind == "horizontal":
        axis.axhline(series.y[0], **line, **named)
    elif series.kind == "bars":
        axis.stairs(series.y, series.x, fill=True, color=colour, alpha=0.6)
    elif series.kind == "steps":
        axis.step(series.x, series.y, where="post", **line, **named)
    elif series.kind == "points":
        draw_points(axis, series, colour, named)
    else:
        above = {"zorder": 3 if series.wide else 1 if series.muted else 2}
        marker = "" if series.muted else MARKERS[series.marker]
        axis.plot(series.x, series.y, marker=marker, markersize=3, **line, **above, **named)
        if len(series.low) and series.band and not series.muted:
            axis.fill_between(series.x, series.low, series.high, color=colour, alpha=0.12, linewidth=0)


def draw_points(axis: Any, series: Series, colour: str, named: dict[str, str]) -> None:
    """Draw points, and horizontal intervals where they have any."""
    if len(series.low):
        axis.hlines(series.y, series.low, series.high, color=colour, linewidth=1.2, zorder=2)
    faces = {"c": colour} if series.marker == "cross-thin" else {
        "facecolors": colour if series.filled else "none", "edgecolors": colour
    }  # fmt: skip
    axis.scatter(series.x, series.y, s=32, marker=MARKERS[series.marker], zorder=3, **faces, **named)
