"""Atomic writes: a file is written under a temporary name and renamed, or not written at all."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which is renamed to it if the block succeeds and removed if it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def file_name(name: str) -> str:
    """The name of a network or predictor in file names.

    Examples:
        >>> file_name("timm:tf_efficientnet_lite0")
        'timm-tf_efficientnet_lite0'
    """
    return name.replace(":", "-")


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file completely or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
