"""Tables and numbers in Markdown, as boards show them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from benchmark.core.messages import printable

SPECIAL = re.compile(r"[\\|\[\]`]")
"""Characters that Markdown would read as the end of a cell, a link, an image or code."""


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown, with an empty line after it.

    Examples:
        >>> markdown(["predictor", "AUROC"], [["ssim", "0.952"]])
        ['| predictor | AUROC |', '| --- | --- |', '| ssim | 0.952 |', '']
    """
    lines = [[cell_text(cell) for cell in row] for row in (head, *rows)]
    lines.insert(1, ["---"] * len(head))
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def cell_text(text: str) -> str:
    """Markdown that shows a text in one line.

    Examples:
        >>> cell_text("one  <b>cell</b>")
        'one &lt;b&gt;cell&lt;/b&gt;'
    """
    return SPECIAL.sub(r"\\\g<0>", escape(printable(text), quote=False))


def number(value: float | None, *, decimals: int = 3) -> str:
    """A number with three decimals, or as many as given, none from 100 on, or a dash where there is no value.

    Examples:
        >>> number(0.12345), number(1234.5), number(None)
        ('0.123', '1234', '-')
    """
    return "-" if value is None else f"{value:.{decimals}f}" if abs(value) < 100 else f"{value:.0f}"


def with_interval(value: float | None, low: float | None, high: float | None, *, spread: float | None = None) -> str:
    """A value, its standard deviation over seeds if there is one, and its 95 % interval.

    Where the interval is wider than .1, numbers have two decimals: resampling again would change the third of its ends.

    Examples:
        >>> with_interval(0.978, 0.972, 0.983, spread=0.004)
        '0.978 ± 0.004 (0.972 to 0.983)'
        >>> with_interval(0.771, 0.648, 1.04)
        '0.77 (0.65 to 1.04)'
    """
    decimals = 2 if low is not None and high is not None and high - low > 0.1 else 3
    shown, first, last = (number(given, decimals=decimals) for given in (value, low, high))
    deviation = "" if spread is None else f" ± {number(spread, decimals=decimals)}"
    return f"{shown}{deviation} ({first} to {last})"


def milliseconds(value: float | None) -> str:
    """A time with one decimal, or a dash where it is unknown.

    Examples:
        >>> milliseconds(1.94), milliseconds(None)
        ('1.9', '-')
    """
    return "-" if value is None else f"{value:.1f}"
