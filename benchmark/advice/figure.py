"""The figure of advice: share of decisions kept against bytes a photograph, a panel for each network."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import polars as pl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from benchmark.core.pictures import STYLE

if TYPE_CHECKING:
    from benchmark.advice.choosing import Choice

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which people with any colour vision tell apart."""
STYLES = ("-", "--", ":", "-.")


def picture(table: pl.DataFrame, choices: Sequence[Choice], keep: float) -> Any:
    """A figure of matplotlib with the curves of all codecs, their intervals, and a ring around each advised level.

    Args:
        table: the table of advice.
        choices: its choices.
        keep: share of the decisions that shall be kept, drawn as a line.
    """
    networks = table["network"].unique(maintain_order=True).to_list()
    codecs = table["codec"].unique(maintain_order=True).to_list()
    shares = table["resize"].unique(maintain_order=True).to_list()
    with mpl.rc_context(rc=STYLE):  # type: ignore[arg-type] # the stubs type the keys as literals
        size = 4.6 * len(networks) + 1.4, 3.6
        figure, axes = plt.subplots(1, len(networks), figsize=size, sharey=True, squeeze=False)
        for axis, network in zip(axes[0], networks, strict=True):
            own = table.filter(pl.col("network") == network).drop_nulls("kept")
            for (codec, share), rows in own.group_by("codec", "resize", maintain_order=True):
                line = {
                    "color": COLOURS[codecs.index(codec) % len(COLOURS)],
                    "linestyle": STYLES[shares.index(share) % len(STYLES)],
                }
                label = f"{codec}" + ("" if share == 1 else f", {share:.0%} of the sides")
                axis.plot(rows["bytes"], rows["kept"], marker="o", markersize=3, label=label, **line)
                axis.fill_between(
                    rows["bytes"], rows["low"], rows["high"], color=line["color"], alpha=0.12, linewidth=0
                )
            for choice in choices:
                if choice.network == network and choice.level is not None:
                    axis.scatter([choice.bytes], [choice.kept], s=90, facecolors="none", edgecolors="black", zorder=3)
            axis.axhline(keep, color="#777777", linewidth=0.8, linestyle=":")
            axis.set_title(network.replace("$", r"\$"), fontsize=9)
            axis.set_xscale("log")
            axis.set_xlabel("bytes a photograph")
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter(FuncFormatter(in_kilobytes))
            axis.xaxis.set_minor_formatter(NullFormatter())
        axes[0, 0].set_ylabel("decisions kept")
        axes[0, 0].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=8)
    return figure


def in_kilobytes(value: float, _: object) -> str:
    """A number of bytes, in kB from 1,000 on."""
    return f"{value / 1000:g} kB" if value >= 1000 else f"{value:g} B"


def drawn(figure: Any, kind: str) -> bytes:
    """The figure as a file of this kind, `png` or `svg`, without dates; the figure is closed."""
    buffer = io.BytesIO()
    metadata = {"Software": None} if kind == "png" else {"Date": None}
    figure.savefig(buffer, format=kind, dpi=160, metadata=metadata)
    plt.close(figure)
    return buffer.getvalue()
