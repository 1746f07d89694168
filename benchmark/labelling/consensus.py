"""Consensus: the truth of photographs for which nobody has given one, from what labelling networks make of pristine versions.

In classification the truth of a photograph is the class on which all labelling networks agree; where they do not, it has none
and takes no part in label sets. In detection its objects are those that a majority of the labelling detectors find. Held-out
networks are not judged by it but by their own decision on the pristine version.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import polars as pl

from benchmark.core.types import IMAGE, PRISTINE
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.labelling.outcome_checks import Stored
from benchmark.labelling.shards import IMAGES
from benchmark.suites.tasks import TASKS

Tables = dict[str, list[pl.DataFrame]]
"""Network, or `images`, -> tables of its shards."""


def with_consensus(indexed: IndexedSuite, tables: Mapping[str, pl.DataFrame]) -> IndexedSuite:
    """The suite with the truths on which its labelling networks agree; itself where its dataset has truths.

    Args:
        indexed: the indexed suite.
        tables: outcomes of its labelling networks and the table `images`, pristine versions of all sources among them.
    """
    if not indexed.suite.has_consensus:
        return indexed
    pristine = {
        name: tables[name].filter(distortion=PRISTINE.distortion)
        for name in (*indexed.suite.networks.labelling, IMAGES)
    }
    images = pristine.pop(IMAGES)
    truths = TASKS[indexed.suite.task].consensus(list(pristine.values()), images)
    parts = {
        part: [dataclasses.replace(source, truth=truths[source.id]) for source in sources]
        for part, sources in indexed.parts.items()
    }
    return dataclasses.replace(indexed, parts=parts)


def agreed(indexed: IndexedSuite, stored: Stored, pristine: Tables) -> tuple[IndexedSuite, Tables]:
    """The suite with the truths of the consensus, and the pristine rows that were computed now with scores of these truths."""
    recorded = {name: [table] for name, (table, _) in stored.items()}
    tables = {
        name: pl.concat([*recorded.get(name, []), *pristine.get(name, [])]).unique(
            IMAGE, keep="first", maintain_order=True
        )
        for name in recorded.keys() | pristine.keys()
    }
    indexed, task = with_consensus(indexed, tables), TASKS[indexed.suite.task]
    return indexed, {
        name: rows if name == IMAGES else [task.with_consensus(table, indexed.truths) for table in rows]
        for name, rows in pristine.items()
    }
