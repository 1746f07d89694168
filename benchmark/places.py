"""Where photographs lie: a folder of this machine, or an address of any file system that fsspec knows.

    place("/data")                 a folder
    place("s3://bucket/data")      needs s3fs; likewise gs:// (gcsfs), hf://, https:// (aiohttp), memory://, ...

Both have pathlib's interface; a file at an address is read in one stream when it is needed, and not kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import DataError

if TYPE_CHECKING:
    from upath import UPath

    Place = Path | UPath


def place(value: str) -> Place:
    """The folder or address of this name.

    Raises:
        DataError: an address of a kind that fsspec does not know, or whose package is not installed.
    """
    if "://" not in value:
        return Path(value).expanduser()
    from upath import UPath

    try:
        found = UPath(value)
        _ = found.fs
    except (ImportError, ValueError) as error:
        raise DataError(f"{value}: {error}") from error
    return found


def stamp(path: Place) -> str:
    """Size and time of a file, or what its file system tells of a content: changes whenever the file does."""
    if isinstance(path, Path):
        stat = path.stat()
        return f"{stat.st_size} {stat.st_mtime_ns}"
    return path.fs.ukey(path.path)
