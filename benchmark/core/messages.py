"""Messages as plain lines. Every module reports through `logging`, under its own name; results alone are printed."""

from __future__ import annotations

import io
import logging
import sys

LONGEST = 400
"""Characters of a line of a text of unknown origin."""


class PlainLines(logging.Handler):
    """Prints messages to standard error, warnings with a prefix."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message to what is standard error now: a progress bar takes its place for as long as it is shown."""
        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        print(prefix + escaped(self.format(record)), file=sys.stderr, flush=True)


PLAIN_LINES = PlainLines()


def print_anything() -> None:
    """Let standard output and error escape what their encoding lacks, such as arrows on a Windows code page, and not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def show_messages() -> None:
    """Show all messages of the package on standard error; a program that does not call this shows warnings alone."""
    package = logging.getLogger("benchmark")
    package.setLevel(logging.INFO)
    package.addHandler(PLAIN_LINES)  # once, however often this is called


def cause(error: BaseException) -> str:
    """Type and message, if any, of another library's error, as one printable line."""
    return clean_line(f"{type(error).__name__}: {error}").removesuffix(":")


def clean_line(text: str) -> str:
    r"""A text of unknown origin as one line of printable characters, LONGEST at most.

    Examples:
        >>> clean_line("two\nlines, \x1b[31mred")
        'two lines, �[31mred'
    """
    line = printable(text[: 2 * LONGEST])
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."


def printable(text: str) -> str:
    r"""A text of unknown origin in one line, without control characters and those that turn the direction of text.

    Boards, pages and figures show all texts of results in this form.

    Examples:
        >>> printable("two\nlines, \u202ereversed")
        'two lines, �reversed'
    """
    line = " ".join(text.split())
    if line.isprintable():
        return line
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)


def escaped(text: str) -> str:
    r"""A text in one line, in which characters that cannot be printed, or turn the direction of text, are escaped.

    Examples:
        >>> escaped("no file a\0b")
        'no file a\\x00b'
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )
