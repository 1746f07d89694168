"""Reported scores: a submission's table for a suite is checked and looked up; nothing is executed.

    scores, metadata = reported_scores(submission, truth)

A table has the columns source and distortion (texts), level (integer) and score (finite, from -1e100 to 1e100; higher = more
useful), and one row for each of `IndexedSuite.scored_rows`, in any order. CSV and Parquet give the same scores.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmark.core.digests import digest
from benchmark.core.files import read_bounded
from benchmark.core.messages import cause, printable
from benchmark.core.types import IMAGE
from benchmark.evaluation.scorecard import FORMAT, Cost, Provenance, Scores
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.plugins.predictors.answers import LARGEST_SCORE
from benchmark.plugins.predictors.submission import Submission, refuse
from benchmark.plugins.predictors.submission_files import ENDINGS, most_bytes
from benchmark.suites.results_folder import Training

COLUMNS = {
    "source": ("texts", lambda kind: kind == pl.String),
    "distortion": ("texts", lambda kind: kind == pl.String),
    "level": ("integers", lambda kind: kind.is_integer()),
    "score": ("numbers", lambda kind: kind.is_float() or kind.is_integer()),
}
"""Column -> what it must hold, in words and as a test of its type in Parquet; all columns of a CSV are read as text."""

MOST_TIMES = 10
"""Largest number of rows of a table, in multiples of the rows asked for; of a smaller table the faulty rows are named."""
MOST_TABLE = 2**30
"""Largest size of a table once it is uncompressed, in bytes."""
MOST_HEAD = 1000
"""Bytes of the first line of a CSV."""


def reported_scores(submission: Submission, truth: GroundTruth) -> tuple[NDArray[np.float64], Scores]:
    """The scores of a submission's table, in the order of `scored_rows`, and their metadata.

    Raises:
        SubmissionError: the table is not valid for this ground truth.
    """
    file, scores, problems = read_submitted_scores(submission, truth.indexed)
    refuse(submission, problems)
    suite, labels = truth.suite.folder, submission.card.scores[truth.suite.name].labels
    return scores, Scores(
        format=FORMAT,
        suite=suite,
        fingerprint=truth.fingerprint,
        predictor=submission.name,
        track=submission.card.track,
        trained_on=Training(suite, labels, truth.lesson_digest(labels)) if labels else None,
        seeds=(0,),
        cost=Cost(score_ms_per_image=None, fit_seconds=None),
        provenance=Provenance(scores="self-reported", table=digest(file)),
    )


def read_submitted_scores(
    submission: Submission, indexed: IndexedSuite
) -> tuple[bytes, NDArray[np.float64], list[str]]:
    """The file of the table for a suite, its scores in the order of `scored_rows`, and every problem with it."""
    suite, stated = indexed.suite, submission.card.scores[indexed.suite.name]
    where, problems = f"{submission.folder / 'card.toml'}: [scores.{suite.name}]: ", []
    if stated.fingerprint != indexed.fingerprint:
        problems.append(
            f"{where}fingerprint is {stated.fingerprint!r:.60}, that of {suite.folder} on this machine is "
            f"{indexed.fingerprint}: other images or another version"
        )
    if stated.labels and stated.labels not in suite.label_sets:
        valid = ", ".join(suite.label_sets)
        problems.append(
            f"{where}labels is {stated.labels!r:.60}; valid are {valid}, or nothing if it learned from none"
        )
    files = [submission.folder / "scores" / (suite.name + ending) for ending in ENDINGS]
    present = [file for file in files if file.exists()]
    if len(present) != 1:
        state = "there are both" if present else "there is neither of"
        return b"", np.empty(0), [*problems, f"{where}{state} {' and '.join(map(str, files))}; one is needed"]
    try:
        data = read_bounded(present[0], most_bytes(present[0]))
    except OSError as error:
        return b"", np.empty(0), [*problems, f"{present[0]}: cannot be read ({error.strerror})"]
    table, wrong = parse(data, present[0].suffix, most_rows=MOST_TIMES * indexed.scored_rows.height)
    rows = indexed.scored_rows.with_columns(pl.col("level").cast(pl.Int64), expected=True)
    problems += [f"{present[0]}: {problem}" for problem in wrong or row_problems(table, rows)]
    if problems:
        return data, np.empty(0), problems
    scores = rows.join(table, on=IMAGE, how="left", maintain_order="left")["score"]
    return data, scores.to_numpy(), []


def parse(data: bytes, ending: str, *, most_rows: int) -> tuple[pl.DataFrame, list[str]]:
    """Read a file as a table, where a value that is not a number is null; also the problems with its columns.

    What it holds is read only once its columns and its size are known to be those of scores: compressed, a small file of
    another kind may fill the memory.
    """
    csv = ending == ".csv"
    try:
        columns, rows, size = csv_shape(data) if csv else parquet_shape(data)
        if problems := column_problems(columns) or size_problems(rows, size, most_rows):
            return pl.DataFrame(), problems
        table = pl.read_csv(data, infer_schema=False).rename(str.strip) if csv else parse_parquet(data)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException, OSError, ValueError) as error:
        return pl.DataFrame(), [f"not readable as {ending[1:]} ({cause(error)})"]
    texts = pl.col(pl.String)
    if problems := size_problems(table.height, sum(table.select(texts.str.len_bytes().sum()).row(0)), most_rows):
        return pl.DataFrame(), problems
    numbers = {"level": pl.Int64, "score": pl.Float64}
    table = table.with_columns(texts.str.strip_chars())
    return table.with_columns(pl.col(name).cast(kind, strict=False) for name, kind in numbers.items()), []


def column_problems(columns: dict[str, pl.DataType | None]) -> list[str]:
    """The problems with the names of a table's columns, or else with their types where it has any."""
    if sorted(columns) != sorted(COLUMNS):
        return [f"its columns are {list(columns)!r:.80}; needed are {', '.join(COLUMNS)} and no other"]
    return [
        f"column {name} is of {columns[name]!s:.80}; {content} are needed"
        for name, (content, fits) in COLUMNS.items()
        if columns[name] is not None and not fits(columns[name])
    ]


def size_problems(rows: int, size: int, most_rows: int) -> list[str]:
    """The problem with a table's numbers of rows and bytes, if any."""
    if rows <= most_rows and size <= MOST_TABLE:
        return []
    return [f"has {rows:,} rows, {size:,} bytes; at most {most_rows:,} and {MOST_TABLE:,} are read"]


Shape = tuple[dict[str, "pl.DataType | None"], int, int]
"""Columns with their types, rows, and bytes of a table before it is read; the columns of a CSV have no types."""


def parse_parquet(data: bytes) -> pl.DataFrame:
    """Read a Parquet file without a checksum by Arrow, since Polars prints the stack of each panic over a damaged one."""
    table = pq.read_table(io.BytesIO(data))
    table.validate(full=True)
    return pl.DataFrame(pl.from_arrow(table))


def csv_shape(data: bytes) -> Shape:
    """The shape of a CSV; raises ValueError where it does not begin with a line of text."""
    head = data[:MOST_HEAD].partition(b"\n")[0].decode("utf-8-sig")
    return dict.fromkeys(name.strip().strip('"') for name in head.split(",")), data.count(b"\n"), len(data)


def parquet_shape(data: bytes) -> Shape:
    """The shape of a Parquet file, as its footer states it; the bytes are those of the uncompressed values."""
    footer = pq.read_metadata(io.BytesIO(data))
    size = sum(footer.row_group(index).total_byte_size for index in range(footer.num_row_groups))
    return dict(pl.read_parquet_schema(io.BytesIO(data))), footer.num_rows, size


def row_problems(table: pl.DataFrame, rows: pl.DataFrame, *, keys: Sequence[str] = IMAGE) -> list[str]:
    """Compare a table with the rows asked for: one line for each kind of fault, which names the first faulty row.

    Args:
        table: scores, with the columns `keys` and score.
        rows: the rows asked for, with the columns `keys`, part and expected, which is true.
        keys: the columns that tell rows apart, those of IMAGE first.
    """
    size = table["score"].abs()
    if size.null_count() == 0 and (size <= LARGEST_SCORE).all() and table.select(keys).equals(rows.select(keys)):
        return []  # the usual case, found by one comparison
    numbered = table.with_row_index("row", 1).join(rows, on=keys, how="left", maintain_order="left")
    level = pl.col("level").is_not_null()
    faults = {
        "have no whole number as level": ~level,
        "have no finite score": ~pl.col("score").is_finite().fill_null(False),
        f"have a score beyond -{LARGEST_SCORE:g} to {LARGEST_SCORE:g}": pl.col("score").is_finite()
        & (pl.col("score").abs() > LARGEST_SCORE),
        "repeat an earlier one": level & ~pl.struct(keys).is_first_distinct(),
        f"are not asked for; {asked(rows)} are": level & pl.col("expected").is_null(),
    }
    faulty = [(description, numbered.filter(fault)) for description, fault in faults.items()]
    missing = rows.join(table, on=keys, how="anti", maintain_order="left").with_columns(row=None)
    faulty.append((f"of {rows.height} are missing; {asked(rows)} are needed", missing))
    problems = []
    for description, affected in faulty:
        for first in affected.head(1).to_dicts():
            position = f"row {first['row']}, " if first["row"] else ""
            more = "".join(f", {key} {first[key]}" for key in keys if key not in IMAGE)
            problems.append(
                f"{affected.height} rows {description}; the first: {position}{first['source']!r:.60}, "
                f"{printable(str(first['distortion']))[:60]} {first['level']}{more}"
            )
    return problems


def asked(rows: pl.DataFrame) -> str:
    """The parts and conditions of the rows asked for, in words."""
    conditions = {}
    for part in ("test", "held_out"):
        kinds = (
            rows.filter(part=part)
            .group_by("distortion", maintain_order=True)
            .agg(pl.col("level").unique(maintain_order=True))
        )
        conditions[part] = ", ".join(f"{kind} {' '.join(map(str, levels))}" for kind, levels in kinds.iter_rows())
    return f"validation and test at {conditions['test']}, test also at {conditions['held_out']}"
