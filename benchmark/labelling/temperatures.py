"""Temperatures of networks: fitted to logits of pristine training images, applied to what was computed before.

Logits take a hundred times the memory of outcomes, so that at most those of one network's training images are held at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from benchmark.core.parquet import read_table
from benchmark.labelling.consensus import Tables
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.labelling.outcome_checks import Stored
from benchmark.labelling.shards import IMAGES
from benchmark.labelling.worker import Worker
from benchmark.suites.tasks import TASKS

if TYPE_CHECKING:
    from benchmark.plugins.networks.network import Network


def fit_temperatures(
    indexed: IndexedSuite, networks: dict[str, Network], stored: Stored, files: dict[str, list[Path]]
) -> dict[str, float]:
    """The temperature of each network, from the files of the pristine rows (with `logits`) that were computed now.

    Recorded temperatures are kept; labelling networks with logits get one fitted to the pristine training images; others get 1,
    and so do all where they agree on the truth themselves, since there they are right by construction.
    """
    suite, training = indexed.suite, {s.id: s.truth for s in indexed.parts["train"] if not s.parent}
    learned, temperatures = pl.col("source").is_in(list(training)), dict.fromkeys(networks, 1.0)
    for name, network in networks.items():
        if name in stored:
            temperatures[name] = stored[name][1]["temperature"]
        elif network.logits and name in suite.networks.labelling and not suite.has_consensus:
            shards = [read_table(file)[0].filter(learned).select("source", "logits") for file in files[name]]
            temperatures[name] = TASKS[suite.task].fit_temperature(pl.concat(shards), training)
    return temperatures


def with_temperatures(worker: Worker, files: dict[str, list[Path]]) -> Tables:
    """The pristine rows, with the logits replaced by what the worker's temperatures make of them."""
    task, tables = TASKS[worker.config.suite.task], Tables()
    for name, paths in files.items():
        shards = (read_table(path)[0] for path in paths)
        logits = name != IMAGES and worker.networks[name].logits
        tables[name] = [
            task.with_temperature(shard, worker.temperatures[name]) if logits else shard for shard in shards
        ]
    return tables
