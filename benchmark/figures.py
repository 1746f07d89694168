"""The paper's figures, as PNG and SVG, from stored scores and outcomes; the same input gives the same bytes.

Fig. 1: for each predictor, histograms of its score over compressed images that keep (blue) and that change (orange) the
probe's decision; and the same for useful and non-useful images.
Fig. 2a, 2b: accuracy of each held-out network on what each predictor keeps, mAP after each predictor's replacements.
Colours are those of Okabe and Ito, told apart by colour-blind readers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl

from benchmark import metrics
from benchmark.networks import file_name
from benchmark.records import PRISTINE
from benchmark.runtime import atomic
from benchmark.scorecard import Scorecard, file_stem, title
from benchmark.suite import COMBINED
from benchmark.tables import read_table
from benchmark.tasks import TASKS

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import Patch

KEPT, CHANGED, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "utilbench",
    "figure.constrained_layout.use": True,
}
BINS = 30


def draw_all(folder: Path, cards: dict[str, list[Scorecard]], suite: dict[str, Any]) -> list[Path]:
    """Draw what the combined labels' scorecards allow; returns the files written."""
    some = cards.get(COMBINED, [])
    if not some:
        return []
    probe = suite["networks"]["probe"] if TASKS[suite["task"]].PROBE_JUDGES else ""
    with mpl.rc_context(rc=STYLE):  # type: ignore[arg-type] # its keys are literals there
        names = (f"decision of {probe} kept", "changed")
        drawn = figure_1(folder, some, probe_decisions(folder, suite), names, "figure_1") if probe else []
        return [
            *drawn,
            *figure_1(folder, some, combined_labels(folder), ("useful", "non-useful"), "figure_1_labels"),
            *figure_2(folder, some, suite),
        ]


def probe_decisions(folder: Path, suite: dict[str, Any]) -> pl.DataFrame:
    """Columns source, level and class: 1 where the probe decides as on the pristine image, else 0."""
    limit = f"-limit{suite['limit']}" if suite["limit"] else ""
    home = folder.with_name(suite["twin_of"] + limit) if suite["twin_of"] else folder
    table, _ = read_table(home / "outcomes" / f"{file_name(suite['networks']['probe'])}.parquet")
    pristine = table.filter(level=PRISTINE).select("source", before="top")
    joined = table.filter(pl.col("level") != PRISTINE).join(pristine, on="source", maintain_order="left")
    return joined.select("source", "level", (pl.col("top") == pl.col("before")).cast(pl.Int8).alias("class"))


def combined_labels(folder: Path) -> pl.DataFrame:
    """Columns source, level and class: the combined label where there is one."""
    table, _ = read_table(folder / "labels.parquet")
    return table.filter(pl.col(COMBINED) >= 0).select("source", "level", pl.col(COMBINED).alias("class"))


def scores_of(folder: Path, card: Scorecard) -> pl.DataFrame:
    """Test scores of a scorecard's first seed at the training levels."""
    stem = file_stem(card["predictor"], card["trained_on"])
    table, _ = read_table(folder / "scores" / f"{stem}.parquet")
    return table.filter(part="test", seed=card["seeds"][0])


def figure_1(
    folder: Path, cards: Sequence[Scorecard], classes: pl.DataFrame, names: tuple[str, str], stem: str
) -> list[Path]:
    """Histograms of every predictor's score over the images of class 1 (named first) and of class 0."""
    columns = len(cards) if len(cards) <= 3 else math.ceil(len(cards) / 2)
    rows = math.ceil(len(cards) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.4 * columns, 2.1 * rows + 0.4), squeeze=False)
    for axis, card in zip(axes.flat, cards, strict=False):
        table = scores_of(folder, card).join(classes, on=["source", "level"], maintain_order="left")
        y, s = table["class"].to_numpy(), table["score"].to_numpy()
        edges = np.linspace(s.min(), s.max() if s.max() > s.min() else s.min() + 1, BINS + 1)
        for value, colour in ((1, KEPT), (0, CHANGED)):
            some = s[y == value]
            axis.hist(some, edges, weights=np.full(len(some), 1 / len(some)), color=colour, alpha=0.6)
        axis.set_title(title(card), fontsize=9, fontweight="bold")
        axis.set_xlabel(f"score\noverlap {metrics.overlap(y, s):.2f}, AUROC {metrics.auroc(y, s):.2f}", fontsize=8)
    for axis in axes[:, 0]:
        axis.set_ylabel("share of images")
    for axis in axes.flat[len(cards) :]:
        axis.set_axis_off()
    handles = [Patch(color=colour, alpha=0.6, label=name) for colour, name in zip((KEPT, CHANGED), names, strict=True)]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, frameon=False)
    return save(figure, folder, stem)


def figure_2(folder: Path, cards: Sequence[Scorecard], suite: dict[str, Any]) -> list[Path]:
    """Accuracy or mAP of the held-out networks after each predictor's choice, beside three rivals that keep as much."""
    task = TASKS[suite["task"]]
    names = suite["networks"]["held_out"]
    size = (2.4 * len(names) + 1.2, 0.42 * len(cards) + 1.3)
    figure, axes = plt.subplots(1, len(names), figsize=size, sharey=True, squeeze=False)
    places = np.arange(len(cards))[::-1]
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
            axis.scatter(values, places, s=32, marker=marker, label=label, zorder=3, **style)
        axis.grid(axis="y", color="#DDDDDD")
        axis.set_title(name, fontsize=9)
        axis.set_xlabel(task.MEASURE, fontsize=8)
        axis.margins(y=0.15)
    kept = [card["downstream"][names[0]]["kept"] for card in cards]
    ticks = [f"{title(card)}\nkeeps {100 * share:.0f} %" for card, share in zip(cards, kept, strict=True)]
    axes[0, 0].set_yticks(places, ticks, fontsize=8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=6, frameon=False, fontsize=8)
    return save(figure, folder, f"figure_{task.FIGURE}")


def save(figure: Any, folder: Path, name: str) -> list[Path]:
    """Write a figure as PNG and SVG without dates."""
    written = []
    for ending in ("png", "svg"):
        path = folder / "figures" / f"{name}.{ending}"
        with atomic(path) as temporary:
            metadata = {"Software": None} if ending == "png" else {"Date": None}
            figure.savefig(temporary, format=ending, dpi=160, metadata=metadata)
        written.append(path)
    plt.close(figure)
    return written
