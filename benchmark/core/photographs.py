"""The finder of photographs: which files below a folder are photographs, for every dataset and for a person's own folders.

    find_photographs(Path("holiday"))          # every image file that Pillow can decode here, sorted

Linked folders are followed. Files and folders whose names begin with a dot (`._x` of macOS, `.DS_Store`) or stand in CLUTTER
are no part of a collection. A folder is never a photograph, whatever its name ends in.
"""

from __future__ import annotations

import functools
import logging
import mimetypes
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, overload

from PIL import Image

from benchmark.core.errors import DataError
from benchmark.core.messages import cause
from benchmark.core.similar_names import no_such_file
from benchmark.core.storage import file_system

if TYPE_CHECKING:
    from benchmark.core.storage import Location

logger = logging.getLogger(__name__)

CLUTTER = {"__macosx", "@eadir", "thumbs.db"}
"""Names, in lower case, of what macOS, Synology and Windows put beside photographs: resource forks and thumbnails."""
NO_PIXELS = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
"""Kinds that Pillow recognises but cannot decode by itself."""
Skip = Callable[[str], bool]
"""Whether folders of this name are passed over."""


@functools.cache
def endings() -> frozenset[str]:
    """The endings, in lower case with their dot, of all kinds of images that Pillow decodes in this installation.

    Examples:
        >>> {".jpg", ".jfif", ".png", ".gif"} <= endings()
        True
    """
    kinds = Image.registered_extensions()  # loads all of Pillow's plug-ins, which fills Image.OPEN
    readable = {*Image.OPEN, "MPO"} - NO_PIXELS  # MPO is opened as JPEG
    return frozenset(ending for ending, kind in kinds.items() if kind in readable)


def is_photograph(path: Location) -> bool:
    """Whether a file's name ends as that of an image."""
    return path.suffix.lower() in endings()


@overload
def find_photographs(folder: Path, *, skip: Skip = ...) -> list[Path]: ...
@overload
def find_photographs(folder: Location, *, skip: Skip = ...) -> list[Location]: ...
def find_photographs(folder: Location, *, skip: Skip = lambda name: False) -> list[Path] | list[Location]:
    """The photographs below a folder, sorted by path; image files of kinds that are not decoded here are told as a warning.

    Args:
        folder: a folder of this machine, or an address.
        skip: says of a folder's name whether it is passed over.

    Raises:
        DataError: a folder cannot be read, or a link leads nowhere; the message names it.
    """
    files = find_files(folder, skip=skip)
    warn_of_unreadable_kinds(folder, files)
    return [path for path in files if is_photograph(path)]


def find_files(folder: Location, *, skip: Skip = lambda name: False) -> list[Location]:
    """All files below a folder but clutter, sorted by path; see `find_photographs` for arguments and errors."""
    if isinstance(folder, Path):
        return sorted(walk(folder, skip, frozenset()))
    system = file_system(folder)
    try:
        below = [name.removeprefix(folder.path).lstrip("/") for name in system.find(folder.path)]
    except Exception as error:  # each file system has its own errors
        raise DataError(f"{folder}: cannot be listed ({cause(error)})") from error
    visible = (name for name in below if not any(passed_over(part, skip) for part in name.split("/")[:-1]))
    return sorted(folder.joinpath(name) for name in visible if not clutter(name.rpartition("/")[2]))


def clutter(name: str) -> bool:
    """Whether a file or folder of this name is no part of a collection.

    Examples:
        >>> clutter("._cat.jpg"), clutter("__MACOSX"), clutter("cat.jpg")
        (True, True, False)
    """
    return name.startswith(".") or name.lower() in CLUTTER


def passed_over(name: str, skip: Skip) -> bool:
    """Whether a folder of this name is not entered."""
    return clutter(name) or skip(name)


def walk(folder: Path, skip: Skip, above: frozenset[str]) -> Iterator[Path]:
    """The files below a folder of this machine; a link to a folder in which it lies itself is not followed."""
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        for entry in entries:
            path = folder / entry.name
            if clutter(entry.name):
                continue
            if entry.is_dir():
                if not skip(entry.name):
                    yield from walk(path, skip, above | {real})
            elif entry.is_file():
                yield path
            elif entry.is_symlink() or is_photograph(path):
                what = f"a link to {path.readlink()}, which is not there" if entry.is_symlink() else "no regular file"
                raise DataError(f"{path}: is {what}; mend it or take it out of the folder")
    except OSError as error:
        raise DataError(f"{error.filename or folder}: cannot be read ({error.strerror or error})") from error


def warn_of_unreadable_kinds(folder: Location, files: list[Location]) -> None:
    """Tell how many files are images of kinds that Pillow does not decode here, such as HEIC without its plug-in."""
    kinds = Counter(path.suffix.lower() for path in files if not is_photograph(path) and names_image(path.name))
    if kinds:
        counted = ", ".join(f"{count} {ending}" for ending, count in sorted(kinds.items()))
        logger.warning(f"{folder}: left out image files of kinds that Pillow does not decode here: {counted}")


def names_image(name: str) -> bool:
    """Whether a file's name ends as that of an image of any kind."""
    return (mimetypes.guess_type(name)[0] or "").startswith("image/")


def image_files(names: Iterable[str]) -> list[Path]:
    """The files of these names; a folder stands for the images below it, sorted.

    Raises:
        DataError: a file or folder does not exist, or a folder holds no image.
    """
    files: list[Path] = []
    for name in names:
        path = Path(name)
        images = find_photographs(path) if path.is_dir() else [path]
        if not path.exists():
            raise DataError(no_such_file(path))
        if not images:
            raise DataError(f"{path}: no image there; images end in {', '.join(sorted(endings()))}")
        files += images
    return files
