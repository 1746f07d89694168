"""Groups of photographs that resemble each other, such as frames of one scene, and the two halves of a set of photographs.

Intervals take groups, not photographs, as independent, and a group lies in one half as a whole.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from benchmark.core.digests import digest
from benchmark.core.errors import DataError
from benchmark.core.types import Source

logger = logging.getLogger(__name__)
GROUPINGS = ("auto", "photograph", "folder")
FRAMES = 3
"""Fewest photographs of a folder that can be taken for a sequence of frames."""
CONSECUTIVE = 0.8
"""Share of the steps from one name to the next that are alike in a sequence of frames."""
ENOUGH = 10
"""Fewest groups with which folders are taken as groups without being asked."""


def grouped(sources: Sequence[Source], grouping: str) -> dict[str, str]:
    """The group of each source, by its id: itself or the photograph that it is a copy of, or its folder.

    Args:
        sources: the photographs; ids are paths.
        grouping: `photograph`, `folder`, or `auto`: folder where folders hold numbered frames.

    Raises:
        DataError: the grouping is unknown, or all photographs are in one folder that is to be a group.
    """
    if grouping not in GROUPINGS:
        raise DataError(f"no grouping {grouping!r}; there are {', '.join(GROUPINGS)}")
    alone = {source.id: source.group for source in sources}
    folders = {source.id: folder_of(source.group) for source in sources}
    if grouping == "folder":
        if len(set(folders.values())) < 2:
            raise DataError(
                "all photographs are in one folder, so that they are one group; --group photograph, or more folders"
            )
        return folders
    if grouping == "photograph" or not (frames := sequences(alone)):
        return alone
    chosen = {name: folder if folder in frames else alone[name] for name, folder in folders.items()}
    if len(set(chosen.values())) >= ENOUGH:
        logger.info(f"{len(frames)} folders hold numbered frames, such as {min(frames)}; each counts as one scene")
        return chosen
    logger.warning(
        f"names in {min(frames)} are numbered as those of frames of one scene; if they are, these intervals are too narrow: "
        "give each scene a folder, and --group folder"
    )
    return alone


def folder_of(name: str) -> str:
    """The folder in which a photograph of this id lies."""
    return PurePosixPath(name).parent.as_posix()


def sequences(names: Mapping[str, str]) -> set[str]:
    """The folders whose photographs are named as frames are: one stem, and numbers that rise by one step.

    Examples:
        >>> sequences({name: name for name in ("a/f1.png", "a/f2.png", "a/f3.png", "b/cat.png")})
        {'a'}
    """
    members: dict[str, list[tuple[str, int]]] = {}
    counts: dict[str, int] = {}
    for name in names:
        folder = folder_of(name)
        counts[folder] = counts.get(folder, 0) + 1
        if match := re.fullmatch(r"(.*?)([0-9]{1,18})", PurePosixPath(name).stem):
            members.setdefault(folder, []).append((match[1], int(match[2])))
    return {folder for folder, frames in members.items() if are_frames(frames, counts[folder])}


def are_frames(frames: Sequence[tuple[str, int]], count: int) -> bool:
    """Whether these stems and numbers of a folder of so many photographs are those of a sequence of frames."""
    numbers = sorted(number for _, number in frames)
    if len(frames) < max(FRAMES, CONSECUTIVE * count) or len({stem for stem, _ in frames}) > 1:
        return False
    steps = [second - first for first, second in itertools.pairwise(numbers)]
    return steps.count(max(set(steps), key=steps.count)) >= CONSECUTIVE * len(steps)


def choosing_half(groups: Mapping[str, str]) -> set[str]:
    """The photographs by which levels are chosen; results are reported on the others. Digests of the groups decide.

    Raises:
        DataError: there are fewer than two groups.
    """
    names = sorted(set(groups.values()), key=lambda group: digest("half", group))
    if len(names) < 2:
        raise DataError(
            "all photographs are one group, of which no half can be kept for the report; more photographs are needed"
        )
    first = set(names[::2])
    return {name for name, group in groups.items() if group in first}
