"""Recorded tables as they are read back: outcomes, sources and labels; what is not valid is refused by file and key or row."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TypedDict, cast

import polars as pl
from msgspec import Meta

from benchmark.core.errors import LabelError, ResultError
from benchmark.core.parquet import check_values, read_table
from benchmark.core.types import IMAGE, PRISTINE, Source
from benchmark.labelling.indexed_suite import ROW_SCHEMA, IndexedSuite
from benchmark.labelling.shards import IMAGES, IMAGES_SCHEMA
from benchmark.plugins.datasets import Augmented, NoPhotographs
from benchmark.suites.results_folder import SuiteFolder
from benchmark.suites.spec import COMBINED, Suite
from benchmark.suites.splits import PARTS, Parts
from benchmark.suites.tasks import TASKS

SOURCE_SCHEMA: dict[str, Any] = dict.fromkeys(("part", "source", "digest", "parent"), pl.String)
"""Columns of `sources.parquet` beside those of the task's ground truth, and `copy_of` where there are copies."""
LABEL_SCHEMA = pl.Schema(ROW_SCHEMA | {COMBINED: pl.Int8})
"""Columns of `labels.parquet` beside those of single networks."""


class ImagesMetadata(TypedDict):
    """The metadata of the table `images`; more keys may stand beside these."""

    suite: str
    name: str
    encoder: str


class OutcomesMetadata(ImagesMetadata):
    """The metadata of a network's outcomes."""

    weights: str
    precision: str
    logits: bool
    temperature: Annotated[float, Meta(gt=0, le=1e6)]


class SourcesMetadata(TypedDict):
    """The metadata of the sources."""

    fingerprint: str
    classes: Annotated[int, Meta(gt=0)]


class LabelsMetadata(TypedDict):
    """The metadata of the labels."""

    fingerprint: str
    labels: dict[str, str]
    """Digest of the ground truth by label set."""
    lessons: dict[str, str]
    """Digest of what can be learned, by label set."""
    held_out: str
    decisions: str


IMAGE_FAULTS = {
    "are of no level": pl.col("level") < PRISTINE.level,
    "have no height, width or bits above 0": (pl.col("height") < 1) | (pl.col("width") < 1) | (pl.col("bits") < 1),
    "have no digest of pixels": pl.col("pixels").is_null(),
}


def read_outcomes_of(home: SuiteFolder, name: str, task: str) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The recorded outcomes of a network, or the table `images`, and their metadata.

    Raises:
        ResultError: the file is missing, damaged or of another network, or a key or value is not valid; the message names it.
    """
    path, images = home.outcomes(name), name == IMAGES
    schema, faults = (IMAGES_SCHEMA, IMAGE_FAULTS) if images else (TASKS[task].SCHEMA, TASKS[task].FAULTS)
    table, metadata = read_table(path, schema=schema, about=ImagesMetadata if images else OutcomesMetadata)
    if metadata["name"] != name:
        raise ResultError(
            f"{path}: holds the outcomes of {metadata['name']}, not of {name}; remove it, or give it its name"
        )
    check_values(path, table, faults, keys=IMAGE)
    return table, metadata


def read_sources(home: SuiteFolder, task: str) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The recorded sources of a suite and their metadata.

    Raises:
        ResultError: the file is missing or damaged, or a key or value is not valid; the message names it.
    """
    schema = pl.Schema(SOURCE_SCHEMA | TASKS[task].TRUTH_SCHEMA)
    table, metadata = read_table(home.sources, schema=schema, about=SourcesMetadata)
    faults = {
        f"are of no part; valid are {', '.join(PARTS)}": ~pl.col("part").is_in(PARTS),
        "have no id, digest or ground truth": pl.any_horizontal(pl.all().is_null()),
    }
    check_values(home.sources, table, faults, keys=["source"])
    return table, metadata


def recorded_suite(suite: Suite, home: SuiteFolder) -> tuple[IndexedSuite, str]:
    """A suite on the sources that are recorded in a folder, and the fingerprint that is recorded with them.

    Raises:
        ResultError: the sources are missing, damaged or not valid; the message names the file.
    """
    task = TASKS[suite.task]
    table, metadata = read_sources(home, suite.task)
    parts: Parts = {part: [] for part in PARTS}
    for row in table.iter_rows(named=True):
        source = Source(
            row["source"], task.truth_of(row), row["digest"], parent=row["parent"], copy_of=row.get("copy_of", "")
        )
        parts[row["part"]].append(source)
    return IndexedSuite(suite, Augmented(NoPhotographs(metadata["classes"])), parts), metadata["fingerprint"]


def read_labels(path: Path) -> tuple[pl.DataFrame, LabelsMetadata]:
    """The recorded labels of every set, in columns named by the set, and their metadata.

    Raises:
        ResultError: the file is missing or damaged, or a key or value is not valid; the message names it.
    """
    table, metadata = read_table(path, schema=LABEL_SCHEMA, about=LabelsMetadata)
    sets = list(metadata["labels"])
    if missing := [name for name in sets if table.schema.get(name) != pl.Int8]:
        raise ResultError(f"{path}: column {missing[0]} is missing or not of type Int8")
    faults = {
        f"are of no part; valid are {', '.join(PARTS)}": ~pl.col("part").is_in(PARTS),
        "have a label that is none of -1, 0 and 1": pl.any_horizontal(~pl.col(sets).is_in([-1, 0, 1])),
    }
    check_values(path, table, faults, keys=IMAGE)
    return table, cast(LabelsMetadata, metadata)  # as was checked


def check_nothing_is_lost(indexed: IndexedSuite, home: SuiteFolder, names: Iterable[str]) -> None:
    """Raise LabelError if tables that are about to be written hold outcomes of images that the suite does not have."""
    now = pl.DataFrame(
        [(source.id, source.digest) for source in indexed.sources.values()], ["source", "digest"], orient="row"
    )
    for name in names:
        path = home.outcomes(name)
        table = read_outcomes_of(home, name, indexed.suite.task)[0] if path.is_file() else now.clear()
        others = table.join(now, on=["source", "digest"], how="anti", maintain_order="left")["source"].unique(
            maintain_order=True
        )
        if len(others):
            raise LabelError(
                f"{path}: holds outcomes of {len(others)} images that {indexed.suite.folder} does not have here, the first is "
                f"{others[0]}: of other photographs or another suite; label into another folder (--results), or remove this one"
            )
