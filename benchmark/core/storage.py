"""The location of photographs: a folder of this machine, or an address of any file system that fsspec supports.

    location("/data")                 a folder
    location("s3://bucket/data")      needs s3fs; likewise gs:// (gcsfs), hf://, https:// (aiohttp), memory://, ...

Both have pathlib's interface. A file at an address is read in one stream when it is needed, and is not cached.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import DataError
from benchmark.core.messages import cause

if TYPE_CHECKING:
    from upath import UPath

    Location = Path | UPath

SYSTEMS: dict[tuple[int, str, str], Any] = {}
"""File systems by process, protocol and options, since most do not survive a fork such as that of a DataLoader."""


def absolute(value: str | Path) -> str:
    """An address as it is; a path from the root, without `..`, with links as they are named.

    It means the same wherever it is read.

    Examples:
        >>> absolute("s3://bucket/photos"), absolute("/photos/../cats")
        ('s3://bucket/photos', '/cats')
    """
    text = str(value)
    return text if "://" in text else os.path.abspath(Path(text).expanduser())  # noqa: PTH100 # resolve() would follow the links


def location(value: str) -> Location:
    """The folder or address of this name.

    Raises:
        DataError: fsspec does not know the address's protocol, or the package for it is not installed.
    """
    if "://" not in value:
        return Path(value).expanduser()
    from upath import UPath

    try:
        address = UPath(value)
        _ = address.fs
    except (ImportError, ValueError) as error:
        raise DataError(f"{value}: {error}") from error
    return address


def read(path: Location) -> bytes:
    """The content of a file.

    Raises:
        DataError: the file is missing or cannot be read; the message names it.
    """
    try:
        return path.read_bytes() if isinstance(path, Path) else file_system(path).cat_file(path.path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # each file system has its own errors
        raise DataError(f"{path}: cannot be read ({cause(error)})") from error


def stamp(path: Location) -> str:
    """Size and time of a file, or all metadata of its file system; the text changes whenever the file does."""
    if isinstance(path, Path):
        stat = path.stat()
        return f"{stat.st_size} {stat.st_mtime_ns}"
    return repr(sorted(file_system(path).info(path.path).items(), key=repr))


def length(path: Location) -> int:
    """Number of bytes of a file."""
    return path.stat().st_size if isinstance(path, Path) else int(file_system(path).info(path.path)["size"])


def file_system(path: UPath) -> Any:
    """The file system of an address, opened once in this process."""
    from fsspec import filesystem

    key = (os.getpid(), path.protocol, repr(dict(path.storage_options)))
    if key not in SYSTEMS:
        SYSTEMS[key] = filesystem(path.protocol, **path.storage_options)
    return SYSTEMS[key]
