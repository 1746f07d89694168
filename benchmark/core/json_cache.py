"""JSON files of the cache, with a checksum; a file that is damaged or of another kind is told and made again."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from benchmark.core.digests import digest
from benchmark.core.files import file_errors, write_text

logger = logging.getLogger(__name__)
Kind = TypeVar("Kind")


def write_cached(path: Path, value: Any) -> None:
    """Write a value that JSON can hold, with its checksum.

    Raises:
        FileError: the file cannot be written.
    """
    text = json.dumps(value)
    write_text(path, json.dumps({"checksum": digest(text), "value": text}))


def read_cached(path: Path, kind: type[Kind]) -> Kind | None:
    """The value that was written, of a type that msgspec can check; None where there is none, or with a notice no valid one."""
    with file_errors(path):
        if not path.is_file():
            return None
        data = path.read_bytes()
    try:
        stored = msgspec.json.decode(data, type=dict[str, str])
        if digest(stored["value"]) != stored["checksum"]:
            raise ValueError("its content has another checksum")
        return msgspec.json.decode(stored["value"], type=kind)
    except (ValueError, KeyError) as error:
        logger.warning(f"{path}: damaged or of another version ({error}): it is made again")
        return None
