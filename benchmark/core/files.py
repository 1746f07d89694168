"""Files: atomic writes, bounded reads, folders that can be written, and errors of the file system as errors of the benchmark.

A file is written under a temporary name, `.NAME.HOST.PID.tmp`, and renamed, or not written at all. What a killed process leaves
behind is swept by the next run.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import platform
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from benchmark.core.digests import digest
from benchmark.core.errors import FileError

logger = logging.getLogger(__name__)

TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]+)\.(?P<process>\d+)\.tmp")
"""Temporary names."""
LONGEST = 128
"""Number of bytes of a name from which on its temporary name holds a digest instead, since file systems allow 255."""
OLD = 24 * 3600
"""Age, in seconds, from which on a temporary file is swept whatever process made it."""


@contextlib.contextmanager
def file_errors(path: Path | None) -> Iterator[None]:
    """Turn what the operating system raises about files into a FileError.

    Args:
        path: named where the system's error names no file.

    Raises:
        FileError: a file or folder cannot be read or written; the message names it and the reason.
    """
    try:
        yield
    except BrokenPipeError:  # it is the reader of the output that has gone
        raise
    except OSError as error:
        name = error.filename if path is None else path
        reason = error.strerror or str(error)
        raise FileError(f"{os.fsdecode(name)}: {reason}" if name is not None else reason) from error
    except ValueError as error:
        if "null byte" not in str(error) and "null character" not in str(error):
            raise
        raise FileError(f"{str(path or '')!r}: a path cannot hold a NUL character") from error


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which is renamed to it if the block succeeds and removed if it fails.

    Raises:
        FileError: a folder or the file cannot be written.
    """
    with file_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(temporary_name(path.name))
        try:
            yield temporary
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def temporary_name(name: str) -> str:
    """The temporary name of a file that this process writes."""
    return f".{temporary_stem(name)}.{this_host()}.{os.getpid()}.tmp"


def temporary_stem(name: str) -> str:
    """The part of temporary names that tells which file they are of."""
    return name if len(os.fsencode(name)) < LONGEST else digest(name)


def this_host() -> str:
    """The name of this machine as temporary names have it."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", platform.node())[:64] or "localhost"


def check_writable(folder: Path, *, needed: int = 0) -> None:
    """Write a trial file where a folder is or will be, before long work.

    Args:
        folder: the folder; it is not made.
        needed: number of bytes that are about to be written.

    Raises:
        FileError: nothing can be written there, or there is too little space.
    """
    with file_errors(folder):
        if "\0" in str(folder):
            raise ValueError("embedded null byte")
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{existing} is a file, a folder is needed")
        with tempfile.TemporaryFile(dir=existing) as trial:
            trial.write(bytes(4096))
            trial.flush()
        if (free := shutil.disk_usage(existing).free) < needed:
            raise OSError(errno.ENOSPC, f"about {needed / 1e6:.1f} MB are needed, {free / 1e6:.1f} MB are free")


def sweep(folder: Path) -> None:
    """Remove the temporary files below a folder of processes of this machine that have ended, and all old ones.

    The folder is one that holds files of the benchmark alone, since others may give their files such names.
    """
    for parent, _, names in os.walk(folder):
        for name in names:
            remove_left(Path(parent, name))


def sweep_beside(path: Path) -> None:
    """Remove what `sweep` would, but only temporaries of one file, whose folder holds files of others too."""
    with contextlib.suppress(OSError):  # there is no such folder
        for neighbour in path.parent.iterdir():
            if (match := TEMPORARY.fullmatch(neighbour.name)) and match["name"] == temporary_stem(path.name):
                remove_left(neighbour)


def remove_left(path: Path) -> None:
    """Remove a file if it is a temporary one that an ended process of this machine has left, or an old one."""
    if match := TEMPORARY.fullmatch(path.name):
        with contextlib.suppress(OSError):  # another process has renamed or swept it
            old = time.time() - path.stat().st_mtime > OLD
            if old or (match["host"] == this_host() and not is_running(int(match["process"]))):
                path.unlink()


def is_running(process: int) -> bool:
    """Whether a process of this machine is running; of one that cannot be asked, it is assumed."""
    if os.name != "posix":  # elsewhere the signal 0 would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def discard(path: Path, error: Exception) -> None:
    """Remove a file of the cache that cannot be used, with a notice."""
    logger.warning(f"{error}: removed from the cache, it is made again")
    with file_errors(path):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def open_bounded(path: Path, most: int) -> Iterator[BufferedReader]:
    """Open a file of unknown origin for reading, once it is known to be a regular file of at most this many bytes.

    Raises:
        OSError: it cannot be opened, is a folder, a pipe or a device, or is larger; `strerror` says which.
    """

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # or else a pipe would wait for a writer

    with open(path, "rb", opener=opener) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is a folder, a pipe or a device; a regular file is needed", str(path))
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"it has {status.st_size:,} bytes; at most {most:,} are read", str(path))
        yield file


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file of unknown origin, of at most this many bytes.

    Raises:
        OSError: see `open_bounded`.
    """
    with open_bounded(path, most) as file:
        return file.read(most)


def file_name(name: str) -> str:
    """The name of a network or predictor in file names.

    Examples:
        >>> file_name("timm:tf_efficientnet_lite0")
        'timm-tf_efficientnet_lite0'
        >>> file_name("hf:google/vit-base-patch16-224")
        'hf-google--vit-base-patch16-224'
    """
    return name.replace(":", "-").replace("/", "--")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file completely or not at all."""
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file completely or not at all."""
    write_bytes(path, text.encode())
