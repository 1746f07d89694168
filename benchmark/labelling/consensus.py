"""Consensus: the truth of photographs for which nobody has given one, from what labelling networks make of pristine versions.

In classification the truth of a photograph is the class on which all labelling networks agree; where they do not, it has none
and takes no part in label sets. In detection its objects are those that a majority of the labelling detectors find. Held-out
networks are not judged by it but by their own decision on the pristine version.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

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


def truths_for(indexed: IndexedSuite, network: str, outcomes: pl.DataFrame) -> dict[str, Any]:
    """The truths by which a network with these outcomes is judged, by source.

    They are those of the dataset, or of the consensus; where there is a consensus, networks that had no voice in it are judged
    by what they decide on the pristine version.
    """
    if not indexed.suite.has_consensus or network in indexed.suite.networks.labelling:
        return indexed.truths
    return TASKS[indexed.suite.task].own_truths(outcomes)


def together(stored: Stored, computed: Tables) -> dict[str, pl.DataFrame]:
    """The stored rows and those that were computed now, by network and `images`, each image once."""
    recorded = {name: [table] for name, (table, _) in stored.items()}
    return {
        name: pl.concat([*recorded.get(name, []), *computed.get(name, [])], how="diagonal").unique(
            IMAGE, keep="first", maintain_order=True
        )
        for name in recorded.keys() | computed.keys()
    }
