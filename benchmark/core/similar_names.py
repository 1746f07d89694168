"""Hints at the names that a misspelt one was perhaps meant to be.

raise SuiteError(f"no suite {name!r}{near(name, suite_names())}")  # no suite 'glyph'; near: glyphs, glyphs-det
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


def near(name: str, names: Iterable[str], *, prefix: str = "") -> str:
    """The names that are most like this one, best first and four at most, as the end of a message; empty where none is.

    Args:
        name: the misspelt name.
        names: the valid ones.
        prefix: put before each name that is shown, such as the source of a network.

    Examples:
        >>> near("runn", ["run", "rank", "score"])
        '; near: run'
        >>> near("dance", ["run", "rank", "score"])
        ''
    """
    similar = difflib.get_close_matches(name, list(names), n=4)
    return f"; near: {', '.join(prefix + other for other in similar)}" if similar else ""


def no_such_file(path: Path) -> str:
    """A message about a file or folder that is missing, with those of its folder whose names are like its own."""
    folder = path.parent
    if not folder.is_dir():
        return f"no such file {path}: there is no folder {folder}"
    hint = near(path.name, sorted(other.name for other in folder.iterdir()))
    return f"no such file {path}{hint}"
