"""Draw the paper's figures and the pages' plots as PNG and SVG from stored scores; the same input gives the same bytes.

Fig. 1 shows, for SSIM, energy, Fisher information and the reference, histograms of the score over compressed images that keep
(blue) and that change (orange) the probe's decision, then over useful and non-useful images, and both for all predictors.
Fig. 2a shows the accuracy of each held-out network on the images that each predictor keeps, Fig. 2b its mAP after each
predictor's replacements. Further figures show both against the fraction kept, AUROC against cost, and AUROC at each level.
The colours are those of Okabe and Ito, which colour-blind readers can distinguish.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from benchmark.core.errors import ResultError
from benchmark.core.files import atomic
from benchmark.core.parquet import read_table
from benchmark.evaluation.downstream import FRACTIONS
from benchmark.evaluation.scorecard import Scorecard, title
from benchmark.leaderboard import plot_data
from benchmark.metrics.classification import auroc, overlap
from benchmark.suites.results_folder import SuiteFolder
from benchmark.suites.tasks import TASKS

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import Patch

KEPT, CHANGED, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
LINES = (
    "#0072B2", "#D55E00", "#CC79A7", "#56B4E9", "#B8A500", "#7F3FBF", "#8C564B", "#00A0A0", "#7F7F7F", "#F0A0C0", "#5A7D00",
)  # fmt: skip
MARKERS = "os^vDPX*<>p"
RIVALS = {"oracle": (GREEN, "--"), "quality": (CHANGED, "--"), "random": (GREY, ":")}
PAPER = ("ssim", "energy", "fisher", "resnet18")
"""The four methods that the paper's Fig. 1 shows."""
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "utilbench",
    "figure.constrained_layout.use": True,
}
Drawer = Callable[[SuiteFolder, Sequence[Scorecard], dict[str, Any]], list[Path]]


def draw(folder: SuiteFolder, cards: Sequence[Scorecard], suite: dict[str, Any], figure: str = "") -> list[Path]:
    """Draw all figures that the combined labels' scorecards allow, or a single one of FIGURES; returns the files written.

    Raises:
        ResultError: the suite has no such figure.
    """
    task = TASKS[suite["task"]].FIGURE
    valid = [name for name in FIGURES if name not in ("2a", "2b") or name == task]
    if figure and figure not in valid:
        raise ResultError(f"no figure {figure!r} of {suite['name']}; there are {', '.join(valid)}")
    with mpl.rc_context(rc=STYLE):  # type: ignore[arg-type] # the stubs type the keys as literals
        return [path for name in ([figure] if figure else valid) for path in FIGURES[name](folder, cards, suite)]


def figure_1(folder: SuiteFolder, cards: Sequence[Scorecard], suite: dict[str, Any]) -> list[Path]:
    """Fig. 1 with its four methods in two rows, and the same with all predictors."""
    four = [card for name in PAPER for card in cards if title(card).removesuffix(" †") == name]
    drawn = []
    for classes in plot_data.classes_of(folder, suite):
        if four:
            drawn += panels(folder, four, classes, classes.stem, 2)
        columns = len(cards) if len(cards) <= 3 else math.ceil(len(cards) / 2)
        drawn += panels(folder, cards, classes, f"{classes.stem}_all", columns)
    return drawn


def panels(
    folder: SuiteFolder, cards: Sequence[Scorecard], classes: plot_data.BinaryGroups, stem: str, columns: int
) -> list[Path]:
    """Draw histograms of every predictor's score over the images of class 1 (named first) and of class 0."""
    rows = math.ceil(len(cards) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.4 * columns, 2.1 * rows + 0.4), squeeze=False)
    for axis, card in zip(axes.flat, cards, strict=False):
        panel(axis, *plot_data.classified(folder, card, classes.rows))
        axis.set_title(title(card), fontsize=9, fontweight="bold")
    for axis in axes[:, 0]:
        axis.set_ylabel("share of images")
    for axis in axes.flat[len(cards) :]:
        axis.set_axis_off()
    handles = [
        Patch(color=colour, alpha=0.6, label=name) for colour, name in zip((KEPT, CHANGED), classes.names, strict=True)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2 if columns > 1 else 1, frameon=False)
    return save(figure, folder.figures / stem)


def panel(axis: Any, y: Any, s: Any) -> None:
    """Draw the two histograms of one method, given classes and scores, shape (N,) each."""
    edges, shares = plot_data.histograms(y, s)
    for share, colour in zip(shares, (KEPT, CHANGED), strict=True):
        axis.stairs(share, edges, fill=True, color=colour, alpha=0.6)
    if len(np.unique(y)) == 2:
        axis.set_xlabel(f"score\noverlap {overlap(y, s):.2f}, AUROC {auroc(y, s):.2f}", fontsize=8)


def figure_2(folder: SuiteFolder, cards: Sequence[Scorecard], suite: dict[str, Any]) -> list[Path]:
    """Accuracy or mAP of the held-out networks after each predictor's choice, beside three rivals that keep as much."""
    task = TASKS[suite["task"]]
    names = suite["networks"]["held_out"]
    size = (2.4 * len(names) + 1.2, 0.42 * len(cards) + 1.3)
    figure, axes = plt.subplots(1, len(names), figsize=size, sharey=True, squeeze=False)
    positions = np.arange(len(cards))[::-1]
    marks = (
        ("oracle", "D", "none", GREEN, "oracle"),
        ("quality", "^", CHANGED, CHANGED, "highest qualities"),
        ("random", "x", GREY, GREY, "random"),
        ("filtered", "o", KEPT, KEPT, "predictor"),
    )
    for axis, name in zip(axes.flat, names, strict=True):
        gains = [card["downstream"][name] for card in cards]
        axis.axvline(gains[0]["unfiltered"], color=GREY, linewidth=1, linestyle=":", label="all images")
        if "pristine" in gains[0]:
            axis.axvline(gains[0]["pristine"], color=GREEN, linewidth=1, linestyle=":", label="all replaced")
        for key, marker, face, edge, label in marks:
            values = [math.nan if gain[key] is None else gain[key] for gain in gains]
            style = {"c": edge} if marker == "x" else {"facecolors": face, "edgecolors": edge}
            axis.scatter(values, positions, s=32, marker=marker, label=label, zorder=3, **style)
        axis.grid(axis="y", color="#DDDDDD")
        axis.set_title(name, fontsize=9)
        axis.set_xlabel(task.MEASURE, fontsize=8)
        axis.margins(y=0.15)
    kept = [card["downstream"][names[0]]["kept"] for card in cards]
    ticks = [f"{title(card)}\nkeeps {100 * share:.0f} %" for card, share in zip(cards, kept, strict=True)]
    axes[0, 0].set_yticks(positions, ticks, fontsize=8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=6, frameon=False, fontsize=8)
    return save(figure, folder.figures / f"figure_{task.FIGURE}")


def gain_curves(folder: SuiteFolder, cards: Sequence[Scorecard], suite: dict[str, Any]) -> list[Path]:
    """Performance of the held-out networks against the fraction kept, for all predictors and three rivals that keep as much."""
    names, measure = suite["networks"]["held_out"], TASKS[suite["task"]].MEASURE
    table, _ = read_table(folder.rivals)
    figure, axes = plt.subplots(1, len(names), figsize=(2.6 * len(names) + 1.8, 3.0), squeeze=False)
    for axis, name in zip(axes.flat, names, strict=True):
        for rival, (colour, dashes) in RIVALS.items():
            curve = table.filter(network=name, rival=rival)["curve"][0].to_numpy()
            axis.plot(FRACTIONS, curve, color=colour, linestyle=dashes, linewidth=2, label=rival, zorder=3)
        for number, card in enumerate(cards):
            curve = card["downstream"][name]["curve"]
            style = look(number) | {"markersize": 3, "linewidth": 1}
            axis.plot(FRACTIONS, curve["value"], label=title(card), **style)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("fraction kept", fontsize=8)
    axes[0, 0].set_ylabel(measure)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=7)
    return save(figure, folder.figures / "gain_curves")


def cost(folder: SuiteFolder, cards: Sequence[Scorecard], suite: dict[str, Any]) -> list[Path]:
    """AUROC against milliseconds per image, with the Pareto front, for predictors that are distinguished from chance."""
    points = plot_data.costs(cards)
    if not points:
        return []
    figure, axis = plt.subplots(figsize=(4.6, 3.2))
    axis.step(*zip(*plot_data.front(points), strict=True), where="post", color=GREY, linewidth=1, label="Pareto front")
    for index, spent, value in points:
        axis.plot(spent, value, linestyle="", label=title(cards[index]), **look(index))
    axis.set_xscale("log")
    axis.set_xlabel("ms an image")
    axis.set_ylabel("AUROC")
    figure.legend(loc="outside right upper", frameon=False, fontsize=7)
    return save(figure, folder.figures / "cost")


def levels(folder: SuiteFolder, cards: Sequence[Scorecard], suite: dict[str, Any]) -> list[Path]:
    """AUROC at each level that has enough images of both classes; quality alone reaches .5 within a level."""
    aurocs = [plot_data.level_aurocs(folder, card) for card in cards]
    if not any(aurocs):
        return []
    figure, axis = plt.subplots(figsize=(5.2, 3.2))
    axis.axhline(0.5, color=GREY, linewidth=1, linestyle=":")
    for number, (card, by_level) in enumerate(zip(cards, aurocs, strict=True)):
        x, y = [str(level) for level in by_level], list(by_level.values())
        axis.plot(x, y, label=title(card), linewidth=1, **look(number))
    axis.set_xlabel("quality")
    axis.set_ylabel("AUROC within the quality")
    figure.legend(loc="outside right upper", frameon=False, fontsize=7)
    return save(figure, folder.figures / "levels")


def look(number: int) -> dict[str, Any]:
    """Colour and marker of the predictor at this position among the cards."""
    return {"color": LINES[number % len(LINES)], "marker": MARKERS[number % len(MARKERS)]}


FIGURES: dict[str, Drawer] = {
    "1": figure_1,
    "2a": figure_2,
    "2b": figure_2,
    "gains": gain_curves,
    "cost": cost,
    "levels": levels,
}
"""Maps the names that `rank --figure` takes to the functions that draw the figures."""


def save(figure: Any, path: Path, endings: Sequence[str] = ("png", "svg")) -> list[Path]:
    """Write a figure without dates to this path with each of the endings, and close it; returns the files."""
    written = []
    for ending in endings:
        target = path.with_name(f"{path.name}.{ending}")
        with atomic(target) as temporary:
            metadata = {"Software": None} if ending == "png" else {"Date": None}
            figure.savefig(temporary, format=ending, dpi=160, metadata=metadata)
        figure.set_layout_engine("none")  # the layout is fixed by the first write
        written.append(target)
    plt.close(figure)
    return written
