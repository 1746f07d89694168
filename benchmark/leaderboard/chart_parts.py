"""What a plot consists of: charts of panels of series, in colours that colour-blind readers tell apart (Okabe, Ito)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
LINES = (
    "#0072B2", "#D55E00", "#CC79A7", "#56B4E9", "#B8A500", "#7F3FBF", "#8C564B", "#00A0A0", "#7F7F7F", "#F0A0C0", "#5A7D00",
    "#A00030",
)  # fmt: skip
MARKERS = (
    "circle", "square", "triangle-up", "triangle-down", "diamond", "cross", "x", "star", "triangle-left", "triangle-right",
    "pentagon", "hexagon", "hexagon2",
)  # fmt: skip
"""One more than there are colours, so that the two together tell as many predictors apart as their product."""
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
    """Lower ends of the 95 % intervals of y, where there are any."""
    high: Values = ()


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


@dataclass(frozen=True)
class Chart:
    """A figure of one or several panels."""

    stem: str
    """Stem of the figure's files."""
    heading: str
    about: str
    """Description for readers who cannot see it."""
    panels: tuple[Panel, ...]
    size: tuple[float, float]
    """Width and height in inches."""
    columns: int = 1


def look(index: int) -> tuple[str, str]:
    """Colour and marker of the predictor at this position among the results."""
    return LINES[index % len(LINES)], MARKERS[index % len(MARKERS)]
