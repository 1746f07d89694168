"""The paper's figures, as PNG and SVG, from stored scores and outcomes; the same input gives the same bytes.

Fig. 1: for each predictor, histograms of its score over compressed images that keep (blue) and that change (orange) the
probe's decision. Fig. 2a: accuracy of each held-out network on what each predictor keeps.
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
from benchmark.scorecard import Scorecard
from benchmark.suite import COMBINED
from benchmark.tables import read_table

mpl.use("Agg")
from matplotlib import pyplot as plt

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
    with mpl.rc_context(rc=STYLE):  # type: ignore[arg-type] # its keys are literals there
        return [*figure_1(folder, some, suite), *figure_2a(folder, some, suite)]


def probe_decisions(folder: Path, suite: dict[str, Any]) -> pl.DataFrame:
    """Columns source, level and kept: whether the probe decides as on the pristine image."""
    home = (
        folder.with_name(suite["twin_of"] + (f"-limit{suite['limit']}" if suite["limit"] else ""))
        if suite["twin_of"]
        else folder
    )
    table, _ = read_table(home / "outcomes" / f"{file_name(suite['networks']['probe'])}.parquet")
    pristine = table.filter(level=PRISTINE).select("source", before="top")
    joined = table.filter(pl.col("level") != PRISTINE).join(pristine, on="source", maintain_order="left")
    return joined.select("source", "level", kept=(pl.col("top") == pl.col("before")).cast(pl.Int8))


def scores_of(folder: Path, card: Scorecard) -> pl.DataFrame:
    """Test scores of a scorecard's first seed at the training levels."""
    trained = card["trained_on"]
    stem = card["predictor"] + (f"@{trained['suite']}.{file_name(trained['labels'])}" if trained else "")
    table, _ = read_table(folder / "scores" / f"{stem}.parquet")
    return table.filter(part="test", seed=card["seeds"][0])


def figure_1(folder: Path, cards: Sequence[Scorecard], suite: dict[str, Any]) -> list[Path]:
    """Histograms of every predictor's score, kept against changed decisions of the probe."""
    kept = probe_decisions(folder, suite)
    columns = min(3, len(cards))
    rows = math.ceil(len(cards) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.9 * columns, 2.3 * rows), squeeze=False)
    for axis, card in zip(axes.flat, cards, strict=False):
        table = scores_of(folder, card).join(kept, on=["source", "level"])
        y, s = table["kept"].to_numpy(), table["score"].to_numpy()
        edges = np.linspace(s.min(), s.max() if s.max() > s.min() else s.min() + 1, BINS + 1)
        for value, colour, name in ((1, KEPT, "kept"), (0, CHANGED, "changed")):
            some = s[y == value]
            axis.hist(some, edges, weights=np.full(len(some), 1 / len(some)), color=colour, alpha=0.6, label=name)
        axis.set_title(card["predictor"], fontsize=10)
        text = f"overlap {metrics.overlap(y, s):.2f}\nAUROC {metrics.auroc(y, s):.2f}"
        axis.text(0.03, 0.97, text, transform=axis.transAxes, va="top", fontsize=8)
        axis.set_xlabel("score (higher = more useful)")
    for axis in axes[:, 0]:
        axis.set_ylabel("share of images")
    for axis in axes.flat[len(cards) :]:
        axis.set_axis_off()
    axes[0, 0].legend(
        title=f"decision of {suite['networks']['probe']}", fontsize=7, title_fontsize=7, loc="upper right"
    )
    return save(figure, folder, "figure_1")


def figure_2a(folder: Path, cards: Sequence[Scorecard], suite: dict[str, Any]) -> list[Path]:
    """Accuracy of the held-out networks on what each predictor keeps, beside three rivals that keep as much."""
    names = suite["networks"]["held_out"]
    figure, axes = plt.subplots(1, len(names), figsize=(2.9 * len(names), 3.2), sharey=True, squeeze=False)
    places = np.arange(len(cards))
    marks = (
        ("oracle", "o", "none", GREEN, "oracle"),
        ("quality", "^", CHANGED, CHANGED, "quality only"),
        ("random", "x", GREY, GREY, "random"),
        ("filtered", "o", KEPT, KEPT, "predictor"),
    )
    for axis, name in zip(axes.flat, names, strict=True):
        gains = [card["downstream"][name] for card in cards]
        axis.axhline(gains[0]["unfiltered"], color=GREY, linewidth=1, linestyle=":", label="unfiltered")
        for key, marker, face, edge, label in marks:
            heights = [math.nan if gain[key] is None else gain[key] for gain in gains]
            style = {"c": edge} if marker == "x" else {"facecolors": face, "edgecolors": edge}
            axis.scatter(places, heights, s=36, marker=marker, label=label, **style)
        ticks = [
            f"{card['predictor']}\nkeeps {100 * gain['kept']:.0f} %" for card, gain in zip(cards, gains, strict=True)
        ]
        axis.set_xticks(places, ticks, rotation=60, ha="right", fontsize=7)
        axis.set_title(name, fontsize=9)
    axes[0, 0].set_ylabel("accuracy on what is kept")
    axes[0, -1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return save(figure, folder, "figure_2a")


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
