"""The files of a submission: which are accepted, before any of them is read.

file_problems(Path("submissions/NAME"))     # all that is too large, or neither a regular file nor a folder
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.core.digests import digest
from benchmark.core.files import open_bounded
from benchmark.plugins.predictors.source import MOST_CODE

ENDINGS = (".parquet", ".csv")
LIMITS = {
    "card.toml": 2**16,
    ".py": MOST_CODE,
    ".csv": 2**28,
    ".parquet": 2**28,
    "": 2**32,
}  # fmt: skip
"""Largest size of a file, in bytes, by the end of its name; the first that fits counts, and the last fits all."""
MOST_FILES = 10_000
"""Most files and folders of a submission."""
MOST_TOGETHER = 2**34
"""Largest size of all files of a submission together, in bytes."""


def most_bytes(path: Path) -> int:
    """The largest size of a file of this name, in bytes.

    Examples:
        >>> most_bytes(Path("card.toml")), most_bytes(Path("weights.safetensors"))
        (65536, 4294967296)
    """
    return next(most for ending, most in LIMITS.items() if path.name.endswith(ending))


def entries(folder: Path) -> Iterator[Path]:
    """All files and folders below a folder; links are not followed.

    Raises:
        OSError: a folder cannot be read.
    """
    folders = [folder]
    while folders:
        with os.scandir(folders.pop()) as scan:
            listed = sorted(scan, key=lambda entry: entry.name)
        yield from (Path(entry.path) for entry in listed)
        folders += [Path(entry.path) for entry in listed if entry.is_dir(follow_symlinks=False)]


def file_problems(folder: Path) -> list[str]:
    """The files of a submission that are not accepted; none of them is opened."""
    problems: list[str] = []
    count = together = 0
    try:
        for path in entries(folder):
            count += 1
            if count > MOST_FILES:
                return [*problems, f"{folder}: has more than {MOST_FILES:,} files and folders"]
            problem, size = file_problem(path, folder)
            together += size
            if problem:
                problems.append(f"{folder}: {str(path.relative_to(folder))!r:.80} {problem}")
    except OSError as error:
        where = folder / "card.toml" if error.filename == str(folder) else error.filename
        return [*problems, f"{where}: cannot be read ({error.strerror})"]
    if together > MOST_TOGETHER and not problems:
        problems.append(f"{folder}: its files have {together:,} bytes together; at most {MOST_TOGETHER:,} are accepted")
    return problems


def file_problem(path: Path, folder: Path) -> tuple[str, int]:
    """The reason why a file or folder of a submission is not accepted, or an empty text; and its size in bytes."""
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        return "is a link out of the folder", 0
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        return "", 0
    if not stat.S_ISREG(status.st_mode):
        return "is a pipe, a socket or a device; a submission holds regular files and folders", 0
    if status.st_size > (most := most_bytes(path)):
        return f"has {status.st_size:,} bytes; at most {most:,} are accepted", status.st_size
    return "", status.st_size


def digest_of_files(folder: Path, *, without: Sequence[str]) -> str:
    """Digest of the names and contents of all files below a folder, without these in it and without Python's caches."""
    parts: list[str] = []
    for path in sorted(entries(folder)):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] not in without and "__pycache__" not in name.parts:
            with open_bounded(path, most_bytes(path)) as file:
                parts += [str(name), hashlib.file_digest(file, "blake2b").hexdigest()]
    return digest(*parts)
