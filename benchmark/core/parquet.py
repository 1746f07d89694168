"""Parquet files with metadata, which are written completely or not at all and read with clear errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmark.core.digests import digest
from benchmark.core.errors import ResultError
from benchmark.core.files import atomic

KEY = "utilbench"


def write_table(path: Path, table: pl.DataFrame, metadata: dict[str, Any]) -> None:
    """Write a table and its metadata, which must be JSON-serialisable; the same input gives the same bytes."""
    with atomic(path) as temporary:
        text = json.dumps(metadata, sort_keys=True)
        table.write_parquet(temporary, compression="zstd", compression_level=9, metadata={KEY: text})


def read_metadata(path: Path) -> dict[str, Any]:
    """Read only the metadata of a table.

    Raises:
        ResultError: the file is missing or damaged; the message names it.
    """
    if not path.is_file():
        raise ResultError(f"{path}: no such file")
    try:
        return dict(json.loads(pl.read_parquet_metadata(path).get(KEY, "{}")))
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise ResultError(f"{path}: damaged or no Parquet file ({error}); delete it to make it again") from error


def read_table(path: Path, *, schema: pl.Schema | None = None) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Read a table and its metadata.

    Raises:
        ResultError: the file is missing, damaged, or lacks a column of the schema; the message names it.
    """
    metadata = read_metadata(path)
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise ResultError(f"{path}: damaged or no Parquet file ({error}); delete it to make it again") from error
    expected: dict[str, Any] = dict(schema or {})
    if wrong := [name for name, kind in expected.items() if table.schema.get(name) != kind]:
        raise ResultError(f"{path}: column {wrong[0]} is missing or not of type {expected[wrong[0]]}")
    return table, metadata


def content_digest(table: pl.DataFrame) -> str:
    """Digest of a table's column names, types and stored values, floats by their bits; it is the same on every machine."""
    parts: list[bytes | str] = []
    for column in table:
        parts += [column.name, str(column.dtype), *stored_bytes(column)]
    return digest(*parts)


def stored_bytes(column: pl.Series) -> list[bytes]:
    """The values of a column as bytes: the mask of nulls, the lengths of texts or lists, and the contents."""
    nulls = column.is_null().to_numpy().tobytes()
    if column.dtype == pl.String:
        texts = [value or "" for value in column]
        lengths = np.array([len(text) for text in texts], "<i4").tobytes()
        return [nulls, lengths, "".join(texts).encode()]
    if isinstance(column.dtype, pl.List):
        lengths = column.list.len().fill_null(0).to_numpy().astype("<i4").tobytes()
        return [nulls, lengths, *stored_bytes(column.drop_nulls().explode().drop_nulls())]
    values = column.fill_null(False if column.dtype == pl.Boolean else 0).to_numpy()
    return [nulls, values.astype(values.dtype.newbyteorder("<")).tobytes()]
