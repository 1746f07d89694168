"""Reported scores: a submission's table for a suite is checked and looked up; nothing is executed.

    scores, metadata = reported_scores(submission, truth)

A table has the columns source (text), level (integer) and score (finite; higher = more useful), and one row for each of
`IndexedSuite.scored_rows`, in any order. CSV and Parquet give the same scores.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.digests import digest
from benchmark.core.parquet import parse_table
from benchmark.evaluation.scorecard import FORMAT, Cost, Provenance, Scores
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.plugins.predictors.submission import ENDINGS, Submission, refuse
from benchmark.suites.results_folder import Training

COLUMNS = {
    "source": ("texts", lambda kind: kind == pl.String),
    "level": ("integers", lambda kind: kind.is_integer()),
    "score": ("numbers", lambda kind: kind.is_float() or kind.is_integer()),
}
"""Column -> what it must hold, in words and as a test of its type in Parquet; all columns of a CSV are read as text."""


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
    present = [file for file in files if file.is_file()]
    if len(present) != 1:
        state = "there are both" if present else "there is neither of"
        return b"", np.empty(0), [*problems, f"{where}{state} {' and '.join(map(str, files))}; one is needed"]
    data = present[0].read_bytes()
    table, wrong = parse(data, present[0].suffix)
    rows = indexed.scored_rows.with_columns(pl.col("level").cast(pl.Int64), expected=True)
    problems += [f"{present[0]}: {problem}" for problem in wrong or row_problems(table, rows)]
    if problems:
        return data, np.empty(0), problems
    scores = rows.join(table, on=["source", "level"], how="left", maintain_order="left")["score"]
    return data, scores.to_numpy(), []


def parse(data: bytes, ending: str) -> tuple[pl.DataFrame, list[str]]:
    """Read a file as a table, where a value that is not a number is null; also the problems with its columns."""
    csv = ending == ".csv"
    try:
        table = pl.read_csv(data, infer_schema=False).rename(str.strip) if csv else parse_table(data)[0]
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        return pl.DataFrame(), [f"not readable as {ending[1:]} ({str(error).splitlines()[0]})"]
    if sorted(table.columns) != sorted(COLUMNS):
        return pl.DataFrame(), [f"its columns are {table.columns!r:.80}; needed are {', '.join(COLUMNS)} and no other"]
    wrong = [
        f"column {name} is of {table.schema[name]}; {content} are needed"
        for name, (content, fits) in COLUMNS.items()
        if not csv and not fits(table.schema[name])
    ]
    if wrong:
        return pl.DataFrame(), wrong
    numbers = {"level": pl.Int64, "score": pl.Float64}
    table = table.with_columns(pl.col(pl.String).str.strip_chars())
    return table.with_columns(pl.col(name).cast(kind, strict=False) for name, kind in numbers.items()), []


def row_problems(table: pl.DataFrame, rows: pl.DataFrame, *, keys: Sequence[str] = ("source", "level")) -> list[str]:
    """Compare a table with the rows asked for: one line for each kind of fault, which names the first faulty row.

    Args:
        table: scores, with the columns `keys` and score.
        rows: the rows asked for, with the columns `keys`, part and expected, which is true.
        keys: the columns that tell rows apart, source and level first.
    """
    numbered = table.with_row_index("row", 1).join(rows, on=keys, how="left", maintain_order="left")
    level = pl.col("level").is_not_null()
    faults = {
        "have no whole number as level": ~level,
        "have no finite score": ~pl.col("score").is_finite().fill_null(False),
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
            more = "".join(f", {key} {first[key]}" for key in keys[2:])
            problems.append(
                f"{affected.height} rows {description}; the first: {position}{first['source']!r:.60} at level {first['level']}"
                f"{more}"
            )
    return problems


def asked(rows: pl.DataFrame) -> str:
    """The parts and levels of the rows asked for, in words."""
    levels = {
        part: ", ".join(map(str, rows.filter(part=part)["level"].unique(maintain_order=True)))
        for part in ("test", "held_out")
    }
    return f"validation and test at levels {levels['test']}, test also at {levels['held_out']}"
