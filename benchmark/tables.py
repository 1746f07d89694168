"""Parquet files with metadata: written whole or not at all, and read with clear errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from benchmark.errors import ResultError
from benchmark.runtime import atomic

KEY = "utilbench"


def write_table(path: Path, table: pl.DataFrame, metadata: dict[str, Any]) -> None:
    """Write a table and its metadata (anything JSON holds); the same input gives the same bytes."""
    with atomic(path) as temporary:
        text = json.dumps(metadata, sort_keys=True)
        table.write_parquet(temporary, compression="zstd", compression_level=9, metadata={KEY: text})


def read_metadata(path: Path) -> dict[str, Any]:
    """Only the metadata of a table.

    Raises:
        ResultError: the file is missing or damaged; the message names it.
    """
    if not path.is_file():
        raise ResultError(f"{path}: no such file")
    try:
        return dict(json.loads(pl.read_parquet_metadata(path).get(KEY, "{}")))
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise ResultError(f"{path}: damaged or no Parquet file ({error}); delete it to make it again") from error


def read_table(path: Path, schema: pl.Schema | None = None) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Read a table and its metadata.

    Raises:
        ResultError: the file is missing, damaged, or lacks a column of the schema; the message names it.
    """
    metadata = read_metadata(path)
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise ResultError(f"{path}: damaged or no Parquet file ({error}); delete it to make it again") from error
    wanted: dict[str, Any] = dict(schema or {})
    if wrong := [name for name, kind in wanted.items() if table.schema.get(name) != kind]:
        raise ResultError(f"{path}: column {wrong[0]} is missing or not of type {wanted[wrong[0]]}")
    return table, metadata
