"""The figure of an examination: at which levels networks keep their decision, and the score of each predictor there."""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.advice.figure import COLOURS
from benchmark.app.records import Examination, Verdict
from benchmark.core.messages import printable
from benchmark.core.pictures import STYLE

COLUMNS, WIDTH = 3, 10.0
"""Small panels in a row, and the width of the figure in inches."""
KEPT, CHANGED, UNDECIDED = COLOURS[2], COLOURS[1], "#999999"
MARKS = {True: ("o", KEPT, "kept"), False: ("X", CHANGED, "changed"), None: ("_", UNDECIDED, "nothing found")}
"""Whether a decision is kept -> marker, colour and word."""


def curves(examination: Examination) -> Any:
    """A figure of matplotlib: a row of marks for each network, then a panel for each predictor with a score."""
    scored = panels(examination)
    networks, rows = len(examination.originals), math.ceil(len(scored) / COLUMNS)
    heights = [0.3 * networks + 0.75, 1.5 * rows]
    with mpl.rc_context(rc=STYLE):  # type: ignore[arg-type] # the stubs type the keys as literals
        figure = Figure(figsize=(WIDTH, sum(heights) + 0.2))
        parts = figure.subfigures(2 if rows else 1, 1, height_ratios=heights if rows else None, squeeze=False)[:, 0]
        draw_decisions(parts[0].subplots(), examination)
        axes = parts[1].subplots(rows, COLUMNS, squeeze=False).flat if rows else []
        for axis, name in zip_longest(axes, scored):
            if name is None:
                axis.set_axis_off()
            else:
                draw_scores(axis, name, scored[name], examination)
    return figure


def panels(examination: Examination) -> dict[str, dict[int, Verdict]]:
    """Predictor -> its verdict at each level, of those that give scores."""
    scored: dict[str, dict[int, Verdict]] = {}
    for step in examination.steps:
        for verdict in step.verdicts:
            if verdict.score is not None:
                scored.setdefault(verdict.predictor, {})[step.level] = verdict
    return scored


def draw_decisions(axis: Axes, examination: Examination) -> None:
    """A row of marks for each network, and its flip as a short line with the level beside."""
    names = [answer.network for answer in examination.originals]
    words: dict[str, Any] = {}
    for step in examination.steps:
        for row, answer in enumerate(step.answers):
            marker, colour, word = MARKS[answer.kept]
            words[word] = axis.scatter([step.level], [row], marker=marker, color=colour, s=42, zorder=3)
    for row, name in enumerate(names):
        if (flip := examination.flips[name]) is not None:
            axis.plot([flip, flip], [row - 0.42, row + 0.42], color=CHANGED, linewidth=1.5)
            axis.annotate(
                f"flips at {flip}", (flip, row), (4, 6), textcoords="offset points", fontsize=8, color=CHANGED
            )
    axis.set_yticks(range(len(names)), [plain(name) for name in names])
    axis.set_ylim(len(names) - 0.4, -0.6)
    mark_chosen(axis, examination)
    axis.set_xlabel(f"level of {examination.condition.distortion}; dotted: the chosen one")
    style: dict[str, Any] = {
        "loc": "lower right",
        "bbox_to_anchor": (1, 1),
        "ncols": 3,
        "frameon": False,
        "fontsize": 8,
    }
    axis.legend(list(words.values()), list(words), **style)


def draw_scores(axis: Axes, name: str, verdicts: dict[int, Verdict], examination: Examination) -> None:
    """The score of a predictor at each level, filled where it says useful, with its threshold as a dashed line."""
    levels = list(verdicts)
    scores = [float(verdict.score or 0.0) for verdict in verdicts.values()]
    faces = [KEPT if verdict.useful else CHANGED for verdict in verdicts.values()]
    axis.plot(levels, scores, color=UNDECIDED, linewidth=1)
    axis.scatter(levels, scores, c=faces, s=22, zorder=3)
    axis.axhline(next(iter(verdicts.values())).threshold, color="#555555", linewidth=0.8, linestyle="--")
    axis.set_title(plain(name), fontsize=9, loc="left")
    mark_chosen(axis, examination)


def mark_chosen(axis: Axes, examination: Examination) -> None:
    """A dotted line at the chosen level; all panels have the same range of levels."""
    levels = [step.level for step in examination.steps]
    margin = 0.03 * (max(levels) - min(levels)) + 0.5
    axis.set_xlim(min(levels) - margin, max(levels) + margin)
    axis.axvline(examination.condition.level, color="#555555", linewidth=0.8, linestyle=":")


def plain(name: str) -> str:
    """A name without the sign that begins a formula."""
    return printable(name).replace("$", r"\$")
