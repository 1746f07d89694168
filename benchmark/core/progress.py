"""Progress with rate and remaining time: a bar on a terminal, a plain line every ten seconds in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

logger = logging.getLogger(__name__)
SECONDS_BETWEEN_LINES = 10.0


class Advance(Protocol):
    """A function that reports progress to the display."""

    def __call__(self, amount: int = 1) -> None:
        """Count `amount` more units."""


@contextmanager
def show_progress(title: str, total: int, unit: str, *, least: int = 0) -> Iterator[Advance]:
    """Show how many of `total` units are done: as a bar on standard error, or as messages where that is no terminal.

    Work of fewer than `least` units is too short to be shown.
    """
    if total < least:
        yield lambda amount=1: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task, start, done = bar.add_task(title, total=total, rate=""), time.perf_counter(), 0

            def advance(amount: int = 1) -> None:
                nonlocal done
                done += amount
                bar.update(task, advance=amount, rate=f"{done / (time.perf_counter() - start):.0f} {unit}/s")

            yield advance
    else:
        lines = Lines(title, total, unit)
        yield lines.advance
        if total:
            lines.show()


class Lines:
    """Progress as plain lines."""

    def __init__(self, title: str, total: int, unit: str) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = 0
        self.start = self.shown = time.perf_counter()

    def advance(self, amount: int = 1) -> None:
        """Count `amount` more units, and log a line if the last one is more than ten seconds old; the end logs its own."""
        self.done += amount
        if time.perf_counter() - self.shown > SECONDS_BETWEEN_LINES and self.done < self.total:
            self.show()

    def show(self) -> None:
        """Log one line."""
        self.shown = time.perf_counter()
        elapsed = self.shown - self.start
        rate = self.done / elapsed if elapsed else 0.0
        left = f", {(self.total - self.done) / rate:.0f} s left" if rate and self.done < self.total else ""
        counted = f"{self.done}/{self.total} {self.unit}"
        logger.info(f"{self.title}: {counted}, {rate:.0f} {self.unit}/s{left}")
