"""Indexed suites: a suite on this machine's images, before any network has run.

indexed = index_suite(load_suite("glyphs"), Workspace.named())
indexed.scored_rows.filter(part="test")            # part, source, distortion, level
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmark.core.digests import digest
from benchmark.core.errors import DataError
from benchmark.core.types import CONDITION, Condition, Source
from benchmark.core.workspace import Workspace
from benchmark.labelling.bitstreams import Bitstreams
from benchmark.plugins.datasets import Augmented, index, open_dataset
from benchmark.suites.spec import Suite
from benchmark.suites.splits import Parts, check_disjoint, split

ROW_SCHEMA = pl.Schema({"part": pl.String, "source": pl.String, "distortion": pl.String, "level": pl.Int16})
"""The columns of `scored_rows`."""


@dataclass(frozen=True, eq=False)
class IndexedSuite:
    """A suite on this machine's images; it holds no outcomes and runs no network."""

    suite: Suite
    """The choices of the suite."""
    dataset: Augmented
    """The dataset, which reads the pixels of a source."""
    parts: Parts
    """Sources of train (with augmented versions), validation and test."""
    cache: Path | None = None
    """Folder of derived files, such as bitstreams; None if nothing is kept."""

    @functools.cached_property
    def bitstreams(self) -> Bitstreams:
        """Makes the bitstreams of its images, or reads those that are kept."""
        return Bitstreams(self.suite.split.seed, self.cache and self.cache / "bitstreams")

    @functools.cached_property
    def fingerprint(self) -> str:
        """Digest of the suite's choices and of the ids, contents and parts of its images."""
        members = (f"{part} {source.id} {source.digest}" for part, sources in self.parts.items() for source in sources)
        return digest("suite 1", self.suite.choices(), *members)

    @functools.cached_property
    def sources(self) -> dict[str, Source]:
        """Every source by its id."""
        return {source.id: source for members in self.parts.values() for source in members}

    @functools.cached_property
    def truths(self) -> dict[str, Any]:
        """The class or the objects of every source, by its id."""
        return {name: source.truth for name, source in self.sources.items()}

    @functools.cached_property
    def membership(self) -> pl.DataFrame:
        """The part of every source, in the columns source and part."""
        rows = [(source.id, part) for part, members in self.parts.items() for source in members]
        return pl.DataFrame(rows, schema={"source": pl.String, "part": pl.String}, orient="row")

    @functools.cached_property
    def scored_rows(self) -> pl.DataFrame:
        """The images that every predictor scores, in the columns part, source, distortion and level.

        They are validation and test at the training conditions, then, as the part `held_out`, test at the held-out conditions;
        sources stand in the order of their part, the conditions of each in the order of the suite.
        """
        validation, test = ([source.id for source in self.parts[part]] for part in ("validation", "test"))
        return rows_to_score(validation, test, self.suite.training_conditions, self.suite.held_out_conditions)


def rows_to_score(
    validation: Sequence[str], test: Sequence[str], training: Sequence[Condition], held_out: Sequence[Condition]
) -> pl.DataFrame:
    """The rows of `scored_rows`, by the ids of the sources of two parts."""
    chosen = [("validation", validation, training), ("test", test, training), ("held_out", test, held_out)]
    tables = [
        pl.DataFrame({"source": members}, schema={"source": pl.String})
        .join(conditions_table(conditions), how="cross", maintain_order="left_right")
        .select(pl.lit(part).alias("part"), "source", *CONDITION)
        for part, members, conditions in chosen
    ]
    return pl.concat(tables)


def conditions_table(conditions: Sequence[Condition]) -> pl.DataFrame:
    """The conditions, one a row, in the columns distortion and level."""
    return pl.DataFrame(list(conditions), {name: ROW_SCHEMA[name] for name in CONDITION}, orient="row")


def index_suite(suite: Suite, workspace: Workspace) -> IndexedSuite:
    """Index the photographs of a suite on this machine and divide them into its parts.

    Raises:
        DataError: photographs are missing or unreadable, or one has the name of another's augmented version.
        LabelError: a source is in two parts.
    """
    dataset = Augmented(open_dataset(suite.dataset, workspace.data))
    sources = index(dataset.dataset, workspace.cache)
    parts = split(sources, suite.split, limit=suite.limit)
    versions = [version for source in parts["train"] for version in dataset.versions(source, suite.training.copies)]
    if taken := {source.id for source in sources} & {version.id for version in versions}:
        raise DataError(
            f"the photograph {min(taken)} has the name of an augmented version of another one; rename it, or its suite must "
            "have copies = 0 in [training]"
        )
    parts["train"] = parts["train"] + versions
    check_disjoint(parts)
    return IndexedSuite(suite, dataset, parts, workspace.cache)
