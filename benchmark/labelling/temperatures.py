"""Temperatures of networks: fitted to logits of pristine training images, applied to what was computed before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from benchmark.labelling.consensus import Tables
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.labelling.outcome_checks import Stored
from benchmark.labelling.shards import IMAGES
from benchmark.labelling.worker import Worker
from benchmark.suites.tasks import TASKS

if TYPE_CHECKING:
    from benchmark.plugins.networks.network import Network


def fit_temperatures(
    indexed: IndexedSuite, networks: dict[str, Network], stored: Stored, pristine: Tables
) -> dict[str, float]:
    """The temperature of each network, from the pristine rows (with `logits`) that were computed now.

    Recorded temperatures are kept; labelling networks with logits get one fitted to the pristine training images; others get 1,
    and so do all where they agree on the truth themselves, since there they are right by construction.
    """
    suite, training = indexed.suite, {s.id: s.truth for s in indexed.parts["train"] if not s.parent}
    temperatures = dict.fromkeys(networks, 1.0)
    for name, network in networks.items():
        if name in stored:
            temperatures[name] = stored[name][1]["temperature"]
        elif network.logits and name in suite.networks.labelling and not suite.has_consensus:
            temperatures[name] = TASKS[suite.task].fit_temperature(pl.concat(pristine[name]), training)
    return temperatures


def with_temperatures(worker: Worker, pristine: Tables) -> Tables:
    """The pristine rows, with the logits replaced by what the worker's temperatures make of them."""
    task = TASKS[worker.config.suite.task]
    logits = [name for name in pristine if name != IMAGES and worker.networks[name].logits]
    return pristine | {
        name: [task.with_temperature(table, worker.temperatures[name]) for table in pristine[name]] for name in logits
    }
