"""Indexed suites: a suite on this machine's images, before any network has run.

indexed = index_suite(load_suite("glyphs"), Workspace.named())
indexed.scored_rows.filter(part="test")            # part, source, level
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from benchmark.core.digests import digest
from benchmark.core.errors import DataError
from benchmark.core.types import Source
from benchmark.core.workspace import Workspace
from benchmark.plugins.datasets import Augmented, index, open_dataset
from benchmark.suites.spec import Suite
from benchmark.suites.splits import Parts, check_disjoint, split

ROW_SCHEMA = pl.Schema({"part": pl.String, "source": pl.String, "level": pl.Int16})
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
        """The images that every predictor scores, in the columns part, source and level.

        They are validation and test at the training levels, then, as the part `held_out`, test at the held-out levels; sources
        stand in the order of their part, the levels of each in the order of the suite.
        """
        validation, test = ([source.id for source in self.parts[part]] for part in ("validation", "test"))
        return rows_to_score(validation, test, self.suite.distortion.levels, self.suite.distortion.held_out)


def rows_to_score(
    validation: Sequence[str], test: Sequence[str], levels: Sequence[int], held_out: Sequence[int]
) -> pl.DataFrame:
    """The rows of `scored_rows`, by the ids of the sources of two parts."""
    chosen = [("validation", validation, levels), ("test", test, levels), ("held_out", test, held_out)]
    tables = [
        pl.DataFrame(
            {
                "part": part,
                "source": np.repeat(np.asarray(members, object), len(levels)),
                "level": np.tile(levels, len(members)),
            },
            schema=ROW_SCHEMA,
        )
        for part, members, levels in chosen
    ]
    return pl.concat(tables)


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
    return IndexedSuite(suite, dataset, parts)
