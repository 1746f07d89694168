"""Parquet files with metadata and a checksum, which are written completely or not at all and read with clear errors.

The checksum, in the metadata, covers all other bytes and is checked before any is parsed, so that not one bit can change
unnoticed. Paths are never patterns: a file is read as bytes, and its table is parsed from these.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pyarrow.parquet as pq

from benchmark.core.digests import digest
from benchmark.core.errors import BenchmarkError, ResultError
from benchmark.core.files import discard, file_errors, write_bytes

KEY, CHECKSUM = "utilbench", "utilbench_checksum"
BLANK = "0" * 32
"""What stands in the place of the checksum in the bytes that it covers."""
STAMP = re.compile(CHECKSUM.encode() + rb"\x18\x20([0-9a-f]{32})")
"""The checksum in the footer of a file, where Thrift puts a type and the length before the text."""


def write_table(path: Path, table: pl.DataFrame, metadata: dict[str, Any]) -> None:
    """Write a table and its metadata, which must be JSON-serialisable; the same input gives the same bytes.

    Raises:
        FileError: the file cannot be written.
    """
    texts, file = {KEY: json.dumps(metadata, sort_keys=True, allow_nan=False), CHECKSUM: BLANK}, io.BytesIO()
    rows, split = table.to_arrow(), split_columns(table.schema)
    layout = {"use_dictionary": [name for name in rows.column_names if name not in split], "column_encoding": split}
    with pq.ParquetWriter(file, rows.schema, compression="zstd", compression_level=19, **layout) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata(texts)
    data = file.getvalue()
    write_bytes(path, stamped(data, checksum(data)))


def split_columns(schema: pl.Schema) -> dict[str, str]:
    """Columns whose bytes are stored apart, all first ones, then all second ones: lists of numbers take a fifth less so."""
    names = [name for name, kind in schema.items() if kind.is_float()]
    lists = [f"{name}.list.element" for name, kind in schema.items() if numbers_in(kind)]
    return dict.fromkeys([*names, *lists], "BYTE_STREAM_SPLIT")


def numbers_in(kind: pl.DataType) -> bool:
    """Whether a column holds lists of numbers."""
    return isinstance(kind, pl.List | pl.Array) and kind.inner.is_numeric()


def last_stamp(data: bytes) -> re.Match[bytes] | None:
    """The checksum in the bytes of a file, which is the last one that looks like it, since the footer comes last."""
    return STAMP.match(data, max(data.rfind(CHECKSUM.encode() + b"\x18\x20"), 0))


def stamped(data: bytes, text: str) -> bytes:
    """The bytes of a file with this text in the place of the checksum."""
    stamp = last_stamp(data)
    assert stamp, "every table is written with a checksum"
    return data[: stamp.start(1)] + text.encode() + data[stamp.end(1) :]


def checksum(data: bytes) -> str:
    """Digest of all bytes of a file but its checksum, 32 hexadecimal digits."""
    return hashlib.blake2b(stamped(data, BLANK), digest_size=16).hexdigest()


def parse_table(data: bytes) -> tuple[pl.DataFrame, dict[str, str]]:
    """Parse the bytes of a Parquet file to its table and metadata; the only place where such files are parsed.

    Raises:
        ValueError: they are not those of a Parquet file, or damaged; the message is one line.
    """
    try:
        return pl.read_parquet(io.BytesIO(data)), pl.read_parquet_metadata(io.BytesIO(data))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise ValueError(next(iter(str(error).splitlines()), type(error).__name__)) from error


def read_table(
    path: Path, *, schema: pl.Schema | None = None, about: type | None = None
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Read a table and its metadata.

    Args:
        path: the file.
        schema: columns that the table must have.
        about: a TypedDict of the keys that the metadata must have, with their types and ranges as msgspec reads them.

    Raises:
        ResultError: the file is missing, damaged, without checksum, or lacks a column of the schema or a key of its metadata;
            the message names it.
        FileError: the file cannot be read.
    """
    with file_errors(path):
        if not path.is_file():
            raise ResultError(f"{path}: no such file")
        data = path.read_bytes()
    again = "delete it to make it again"
    if not (stamp := last_stamp(data)):
        raise ResultError(f"{path}: damaged or no Parquet file of this version (it has no checksum); {again}")
    if stamp[1].decode() != checksum(data):
        raise ResultError(f"{path}: damaged (its content has another checksum than was recorded); {again}")
    try:
        table, texts = parse_table(data)
        metadata = dict(json.loads(texts[KEY], parse_constant=no_number))
    except (ValueError, KeyError, TypeError) as error:
        raise ResultError(f"{path}: damaged or no Parquet file ({error}); {again}") from error
    expected: dict[str, Any] = dict(schema or {})
    if wrong := [name for name, kind in expected.items() if table.schema.get(name) != kind]:
        raise ResultError(f"{path}: column {wrong[0]} is missing or not of type {expected[wrong[0]]}")
    if about:
        check_metadata(path, metadata, about)
    return table, metadata


def no_number(text: str) -> None:
    """Refuse NaN and infinities, which are no JSON."""
    raise ValueError(f"{text} in its metadata")


def check_metadata(path: Path, metadata: dict[str, Any], about: type) -> None:
    """Raise ResultError, which names the file and the key, unless the metadata are such a TypedDict."""
    try:
        msgspec.convert(metadata, about)
    except msgspec.ValidationError as error:
        raise ResultError(f"{path}: metadata: {error}") from error


def check_values(path: Path, table: pl.DataFrame, faults: dict[str, pl.Expr], *, keys: Sequence[str] = ()) -> None:
    """Raise ResultError, which names the file and the first faulty row, where the values of a table are not valid.

    Args:
        path: the file of the table.
        table: the table.
        faults: what is wrong with a row, in words -> whether it is so; null counts as wrong.
        keys: columns in which no row may equal another; none if they may.
    """
    if not table.height:
        return
    # Comparing the rows themselves takes 300 bytes for each; rows of different hashes are different.
    if keys and table.select(pl.struct(keys).hash()).n_unique() < table.height:
        faults = faults | {"repeat an earlier one": ~pl.struct(keys).is_first_distinct()}
    for description, fault in faults.items():
        faulty = table.with_row_index("row", 1).filter(fault.fill_null(True))
        if faulty.height:
            first = ", ".join(
                f"{key} {value!r:.60}" for key, value in faulty.row(0, named=True).items() if key in SHOWN
            )
            raise ResultError(f"{path}: {faulty.height} rows {description}; the first: {first}")


SHOWN = ("row", "source", "distortion", "level", "network", "rival")
"""Columns by which a faulty row is named."""


def cached_table(path: Path, *, schema: pl.Schema | None = None) -> pl.DataFrame | None:
    """The table of a file of the cache; None where there is none, or a damaged one, which is removed with a notice."""
    if not path.is_file():
        return None
    try:
        return read_table(path, schema=schema)[0]
    except BenchmarkError as error:
        discard(path, error)
        return None


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
        texts = column.fill_null("")
        return [nulls, texts.str.len_chars().to_numpy().astype("<i4").tobytes(), texts.str.join("").item().encode()]
    if isinstance(column.dtype, pl.Array):
        return [nulls, *stored_bytes(column.drop_nulls().explode().rename(column.name))]
    if isinstance(column.dtype, pl.List):
        lengths = column.list.len().fill_null(0).to_numpy().astype("<i4").tobytes()
        return [nulls, lengths, *stored_bytes(column.drop_nulls().explode().drop_nulls())]
    values = column.fill_null(False if column.dtype == pl.Boolean else 0).to_numpy()
    return [nulls, values.astype(values.dtype.newbyteorder("<")).tobytes()]
