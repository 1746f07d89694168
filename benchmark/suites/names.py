"""Names of suites, which become folders below the results, and titles, which become headings of boards and pages."""

from __future__ import annotations

import re
from collections.abc import Collection

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
LIMITED = re.compile(r".*-limit[0-9]+")
RESERVED = ("assets", "studies", "submissions")
"""Folders beside those of suites."""
LONGEST_TITLE = 200


def name_problem(name: str, *, shipped: Collection[str] = ()) -> str:
    """The error in the name of a suite, or an empty text.

    Args:
        name: the name.
        shipped: names of the package's suites, which are taken, in whatever case, since some file systems ignore it.

    Examples:
        >>> name_problem("letters-2"), name_problem("Glyphs", shipped=["glyphs"])
        ('', "name is 'Glyphs', which is a suite of the package; choose another")
    """
    if not NAME.fullmatch(name):
        return f"name is {name[:80]!r}; it is 1 to 64 letters, digits, - and _, and starts with a letter or digit"
    if LIMITED.fullmatch(name):
        return f"name is {name!r}; an ending such as -limit48 is that of a quick look"
    if name.casefold() in RESERVED:
        return f"name is {name!r}, which is the name of another folder of results; choose another"
    if name.casefold() in {other.casefold() for other in shipped}:
        return f"name is {name!r}, which is a suite of the package; choose another"
    return ""


def title_problem(title: str) -> str:
    r"""The error in a title, or an empty text: line breaks, other control characters and those that turn the direction of text.

    Examples:
        >>> title_problem("Letters, 64 px"), title_problem("a" + chr(10))
        ('', "title is 'a\\n'; it is one line of at most 200 printable characters")
    """
    if 0 < len(title) <= LONGEST_TITLE and title.isprintable() and title.strip():
        return ""
    return f"title is {title[:80]!r}; it is one line of at most {LONGEST_TITLE} printable characters"
