"""Advice as text: the table of all levels for a terminal, and as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from benchmark.core.messages import printable

if TYPE_CHECKING:
    from benchmark.advice.advise import Advice

HEAD = ("", "codec", "level", "sides", "kept", "95 % interval", "bytes", "of original")


def as_lines(advice: Advice) -> list[str]:
    """A table for each network, with `>` before advised levels and `*` before the cheapest of them, and the sentences."""
    chosen = {
        (choice.network, choice.codec, choice.resize, choice.level): "*" if choice.best else ">"
        for choice in advice.choices
    }
    lines: list[str] = []
    for network in advice.table["network"].unique(maintain_order=True).to_list():
        rows = advice.table.filter(network=network)
        cells = [cells_of(row, chosen) for row in rows.iter_rows(named=True)]
        lines += [
            f"{printable(network)}, on {counted(int(rows['photographs'].to_numpy().max()))}",
            *aligned([HEAD, *cells]),
            "",
        ]
    if advice.sizes.height:
        lines += size_lines(advice.sizes)
    legend = "> lowest level that keeps enough, chosen by the other half of the photographs; * the cheapest of these"
    return [*lines, legend, "", *(printable(text) for text in advice.sentences)]


def counted(photographs: int) -> str:
    """A number of photographs in words.

    Examples:
        >>> counted(1), counted(30)
        ('1 photograph', '30 photographs')
    """
    return f"{photographs} photograph{'' if photographs == 1 else 's'}"


def cells_of(row: dict[str, Any], chosen: dict[tuple[str, str, float, int | None], str]) -> tuple[str, ...]:
    """The cells of one level."""
    mark = chosen.get((row["network"], row["codec"], row["resize"], row["level"]), "")
    kept, interval = "-", "-"
    if row["kept"] is not None:
        kept, interval = f"{100 * row['kept']:.1f} %", f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"
    share = row["bytes"] / row["original_bytes"]
    sides = f"{100 * row['resize']:.0f} %"
    return mark, row["codec"], str(row["level"]), sides, kept, interval, f"{row['bytes']:.0f}", f"{100 * share:.1f} %"


def size_lines(sizes: pl.DataFrame) -> list[str]:
    """The share of objects that are found again, by their size."""
    cells = []
    for keys, rows in sizes.group_by("network", "codec", "level", maintain_order=True):
        again = {row["size"]: row["kept"] for row in rows.iter_rows(named=True)}
        shown = [f"{100 * value:.1f} %" if value is not None else "-" for value in again.values()]
        cells.append((*(printable(str(key)) for key in keys), *shown))
    counts = sizes.filter(pl.col("codec") == sizes["codec"][0], pl.col("level") == sizes["level"][0])
    counted = ", ".join(f"{row['objects']} {row['size']}" for row in counts.iter_rows(named=True))
    head = ("network", "codec", "level", *dict.fromkeys(sizes["size"]))
    return [f"objects found again, by size ({counted})", *aligned([head, *cells]), ""]


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines with columns of equal width, numbers to the right.

    Examples:
        >>> aligned([("codec", "level"), ("jpeg", "5")])
        ['codec  level', 'jpeg       5']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    texts = [not any(cell[:1].isdigit() for cell in column[1:]) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if is_text else cell.rjust(width)
            for cell, width, is_text in zip(row, widths, texts, strict=True)
        ).rstrip()
        for row in rows
    ]


def as_csv(advice: Advice) -> str:
    """The table as CSV."""
    return advice.table.write_csv(float_precision=6)
