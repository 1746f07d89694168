"""Names of suites and networks, which become folders and files below the results, and titles, which become headings."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from benchmark.core.files import file_name

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
LIMITED = re.compile(r"(.*)-limit([0-9]+)")
RESERVED = ("assets", "studies", "submissions")
"""Folders beside those of suites."""
LONGEST_TITLE = 200
NO_FILE_NAME = '/\\<>"|?*'
"""Characters that no file name may have on one system or another."""
HUB = re.compile(r"(hf|timm:hf-hub):[\w.-]+/[\w.@-]+", re.ASCII)
"""Networks of the Hugging Face hub, whose names alone may have a slash, which their files have not."""
LONGEST_FILE_NAME = 200
"""Bytes of the longest file name of a network; file systems allow 255, of which a temporary name takes some."""


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


def network_names_problem(networks: Sequence[str]) -> str:
    """Why the outcomes of networks of these names could not lie in files of their own, beside `images`; empty if they can.

    Examples:
        >>> network_names_problem(["zoo:vgg", "zoo:resnet"])
        ''
        >>> network_names_problem(["zoo:vgg", "images"])
        "network 'images': a name is source:model"
    """
    owners: dict[str, str] = {}
    for network in networks:
        source, _, model = network.partition(":")
        if not (source and model):
            return f"network {network!r}: a name is source:model"
        if source == "python":
            return (
                f"network {network!r}: would execute a file, which is not a suite's to say; name it by an entry point"
            )
        characters = set(network) - {"/"} if HUB.fullmatch(network) else set(network)
        if not network.isprintable() or network[0] in ".~" or characters & set(NO_FILE_NAME):
            return f"network {network!r}: its name names files; valid are printable characters but {' '.join(NO_FILE_NAME)}"
        stem = file_name(network)
        if len(stem.encode()) > LONGEST_FILE_NAME:
            return f"network {network[:40]!r}...: a name has at most {LONGEST_FILE_NAME} bytes, this one {len(stem.encode())}"
        owner = owners.setdefault(stem.casefold(), network)
        if owner != network:
            return f"networks {owner!r} and {network!r} would share the file {stem}.parquet; rename one"
    return ""
