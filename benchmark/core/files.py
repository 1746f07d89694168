"""Files: atomic writes, folders that can be written, and errors of the file system as errors of the benchmark.

A file is written under a temporary name, `.NAME.HOST.PID.tmp`, and renamed, or not written at all. What a killed process leaves
behind is swept by the next run.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmark.core.digests import digest
from benchmark.core.errors import FileError

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
    short = name if len(os.fsencode(name)) < LONGEST else digest(name)
    return f".{short}.{this_host()}.{os.getpid()}.tmp"


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
            if match := TEMPORARY.fullmatch(name):
                path = Path(parent, name)
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


def file_name(name: str) -> str:
    """The name of a network or predictor in file names.

    Examples:
        >>> file_name("timm:tf_efficientnet_lite0")
        'timm-tf_efficientnet_lite0'
    """
    return name.replace(":", "-")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file completely or not at all."""
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file completely or not at all."""
    write_bytes(path, text.encode())
