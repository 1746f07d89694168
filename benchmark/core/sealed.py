"""Records that are stored as JSON with a checksum as the last key, so that what was edited or damaged is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from benchmark.core.digests import digest
from benchmark.core.errors import ResultError
from benchmark.core.files import file_errors, write_text

CHECKSUM = "checksum"
"""The key of the checksum, the last one of a file."""
Stored = TypeVar("Stored", bound=msgspec.Struct)


def sealed(tree: dict[str, Any]) -> dict[str, Any]:
    """The keys and values of a record with the checksum that belongs to them."""
    content = {key: value for key, value in tree.items() if key != CHECKSUM}
    return content | {CHECKSUM: digest("card 1", json.dumps(content, sort_keys=True))}


def write_sealed(path: Path, tree: dict[str, Any]) -> None:
    """Write the keys and values of a record with their checksum; raises FileError if that is not possible."""
    write_text(path, json.dumps(sealed(tree), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_sealed(
    path: Path,
    kind: type[Stored],
    *,
    title: str,
    again: Callable[[Stored], str],
    problem: Callable[[Stored], str] = lambda record: "",
) -> Stored:
    """Read a record.

    Args:
        path: its file.
        kind: its class, which forbids unknown fields.
        title: what messages call it.
        again: how it is made again, in words.
        problem: what is wrong with its values, in words, or an empty text.

    Raises:
        ResultError: the file is not JSON, a key is missing, unknown or of another type, there is a problem with a value, or the
            content was edited; the message names the file and the key.
        FileError: the file cannot be read.
    """
    with file_errors(path):
        data = path.read_bytes()
    try:
        tree = msgspec.json.decode(data)
        stored = tree.pop(CHECKSUM, None) if isinstance(tree, dict) else None
        record = msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise ResultError(f"{path}: not {title}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: not JSON ({error})") from error
    if text := problem(record):
        raise ResultError(f"{path}: {text}")
    if stored != sealed(tree)[CHECKSUM]:
        raise ResultError(
            f"{path}: {CHECKSUM} is {stored!r:.40}, that of the content another: edited or damaged; {again(record)}"
        )
    return record
