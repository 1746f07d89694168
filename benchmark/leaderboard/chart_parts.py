"""What a plot consists of: charts of panels of series, in colours that colour-blind readers tell apart (Okabe, Ito)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

from benchmark.core.digests import digest

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
RIVALS = {"oracle": GREEN, "condition": ORANGE, "random": GREY}
"""Colours of what predictors are compared with."""
LINES = (
    "#0072B2", "#D55E00", "#CC79A7", "#56B4E9", "#B8A500", "#7F3FBF", "#8C564B", "#00A0A0", "#3B5B92", "#F0A0C0", "#5A7D00",
    "#A00030",
)  # fmt: skip
MARKERS = (
    "circle", "square", "triangle-up", "triangle-down", "diamond", "cross", "x", "star", "triangle-left", "triangle-right",
    "pentagon", "hexagon", "hexagon2",
)  # fmt: skip
"""One more than there are colours, so that the two together tell as many predictors apart as their product."""
IN_COLOUR = ("gatekeeper", "resnet18", "energy", "ssim", "dct_statistics", "fisher", "header")
"""Predictors that are drawn in colour where they are on a board, these first."""
COLOURED = 5
"""Lines of a chart that are in colour at most; others are grey until they are pointed at."""
OWN_LOOK = (
    *IN_COLOUR, "jpeg_quality", "jpeg_statistics", "bits_per_pixel", "chance",
    "jpeg", "webp", "avif", "jpeg2000", "heic", "jpegxl",
)  # fmt: skip
"""Predictors and codecs whose colours are those of LINES, in this order; others' depend on their names."""
Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """One entry of a plot's legend."""

    name: str
    kind: Literal["line", "steps", "points", "bars", "vertical", "horizontal"]
    """A line from one value to the next or in steps, points, a histogram, or a straight line across the plot."""
    x: Values | Sequence[str] = ()
    """Positions; for a histogram the edges of its bins, one more than there are heights."""
    y: Values = ()
    colour: str = GREY
    marker: str = ""
    """One of MARKERS, `cross-thin`, or empty for none."""
    filled: bool = True
    dash: Literal["solid", "dash", "dot"] = "solid"
    wide: bool = False
    """Whether it is drawn wide and above the others, as rivals are."""
    low: Values = ()
    """Lower ends of the 95 % intervals, of x where rows have names and else of y, where there are any."""
    high: Values = ()
    band: bool = True
    """Whether a picture shows the intervals as an area around the line; pages show those of the line that is pointed at."""
    muted: bool = False
    """Whether it stays in the background."""


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    series: tuple[Series, ...]
    x_title: str
    y_title: str = ""
    log_x: bool = False
    rows: tuple[str, ...] = ()
    """Names at the y axis, where y is a position among them: 0 is the lowest."""
    names_points: bool = False
    """Whether names stand beside points rather than in a legend; which, `named_points` tells."""


@dataclass(frozen=True)
class Chart:
    """A figure of one or several panels."""

    stem: str
    """Stem of the figure's files."""
    heading: str
    """The question that it answers."""
    about: str
    """Description for readers who cannot see it."""
    panels: tuple[Panel, ...]
    size: tuple[float, float]
    """Width and height in inches."""
    columns: int = 1
    number: str = ""
    """Of the figure in the paper, such as `Fig. 1`."""


def look(name: str) -> tuple[str, str]:
    """Colour and marker of a predictor, rival or codec, the same on all charts of all suites, whatever marks and training.

    Examples:
        >>> look("gatekeeper"), look("resnet18 †")
        (('#0072B2', 'circle'), ('#D55E00', 'square'))
    """
    bare = name.split(" ")[0]
    if bare in RIVALS:
        return RIVALS[bare], ""
    if bare in OWN_LOOK:
        position = OWN_LOOK.index(bare)
    else:
        position = len(IN_COLOUR) + int(digest(bare), 16) % (len(LINES) - len(IN_COLOUR))
    return LINES[position % len(LINES)], MARKERS[position % len(MARKERS)]


def coloured(names: Iterable[str]) -> frozenset[str]:
    """Those of the predictors of a board, best first, that its charts draw in colour.

    They are the best one, then those of IN_COLOUR, and then others, best first.

    Examples:
        >>> sorted(coloured(["mine", "jpeg_quality", "chance", "ssim", "bits_per_pixel", "yours"]))
        ['bits_per_pixel', 'chance', 'jpeg_quality', 'mine', 'ssim']
    """
    best_first = list(names)
    ordered = dict.fromkeys([*best_first[:1], *(name for name in IN_COLOUR if name in best_first), *best_first])
    return frozenset(list(ordered)[:COLOURED])


def named_points(panel: Panel) -> list[Series]:
    """Points beside which their names stand: those in colour and those on the front; all names would cover each other."""
    lines = [series for series in panel.series if series.kind == "steps"]
    front = {corner for line in lines for corner in zip(line.x, line.y, strict=True)}
    return [
        series
        for series in panel.series
        if panel.names_points and series.kind == "points" and (not series.muted or (series.x[0], series.y[0]) in front)
    ]


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """The positions nearest to these (least squares) that keep their order and a gap between any two, as labels need.

    Examples:
        >>> [round(position, 2) for position in spread([0.5, 0.9, 0.52], 0.1)]
        [0.46, 0.9, 0.56]
    """
    order = np.argsort(positions, kind="stable")
    steps = gap * np.arange(len(order))
    moved = np.empty(len(order))
    moved[order] = isotonic_regression(np.asarray(positions, dtype=float)[order] - steps) + steps
    return list(map(float, moved))
