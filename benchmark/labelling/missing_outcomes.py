"""Missing outcomes of a suite, recorded nowhere: networks are run for them."""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import Any

import polars as pl
import torch

from benchmark.core.devices import prepare_process
from benchmark.core.errors import LabelError
from benchmark.core.files import check_writable
from benchmark.core.parquet import read_table, write_table
from benchmark.core.precision import emulated_ratio
from benchmark.core.provenance import versions
from benchmark.core.shared_columns import SharedColumns
from benchmark.core.workspace import Workspace
from benchmark.labelling.consensus import Tables, together, with_consensus
from benchmark.labelling.engines import find_engine
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.labelling.outcome_checks import Stored, check_same
from benchmark.labelling.outcomes import OUTCOME_KEYS, in_order, table_names
from benchmark.labelling.recorded import check_nothing_is_lost
from benchmark.labelling.shards import IMAGES, Shard, plan
from benchmark.labelling.temperatures import fit_temperatures, with_temperatures
from benchmark.labelling.worker import Worker, WorkerConfig
from benchmark.plugins.distortions import encoders
from benchmark.suites.results_folder import SuiteFolder
from benchmark.suites.spec import Suite
from benchmark.suites.tasks import TASKS

logger = logging.getLogger(__name__)


def complete(
    indexed: IndexedSuite, stored: Stored, home: SuiteFolder, *, workspace: Workspace, execution: ExecutionConfig
) -> Stored:
    """Compute the outcomes that `stored` lacks, and write the tables that they complete to `home`; returns all outcomes."""
    recorded = {name: table for name, (table, _) in stored.items()}
    first, then = plan(indexed.suite, indexed.parts, recorded)
    if not first and not then:
        return stored
    check_nothing_is_lost(indexed, home, {name for shard in (*first, *then) for name in shard.networks})
    prepare_process()
    device = workspace.device
    if (ratio := emulated_ratio(device, execution.precision)) > 1:
        logger.warning(
            f"{execution.precision} takes {ratio:.1f} times as long as float32 on this {device} (ResNet-18, "
            "measured); it is emulated here"
        )
    announce(indexed, [*first, *then], workspace, home)
    worker = open_worker(indexed, [*first, *then], stored, home, workspace=workspace, execution=execution)
    run = find_engine(execution.engine, address=execution.address)
    start = time.perf_counter()
    files = run(worker, first, f"{indexed.suite.folder}, pristine")
    if indexed.suite.has_consensus:
        indexed = with_consensus(indexed, together(stored, without_logits(files)))
        first, then = plan(indexed.suite, indexed.parts, recorded)
        files = run(worker, first, f"{indexed.suite.folder}, pristine, with their truth")
    worker.temperatures = fit_temperatures(indexed, worker.networks, stored, files)
    pristine = with_temperatures(worker, files)
    distorted = run(worker, then, f"{indexed.suite.folder}, distorted")
    report_speed(worker, time.perf_counter() - start)
    completed, shared = Stored(), SharedColumns(OUTCOME_KEYS)
    for name in pristine | distorted:
        old = [stored[name][0]] if name in stored else []
        new = [read_table(path)[0] for path in distorted.get(name, [])]  # of one network, since all are twice as much
        table = pl.concat([*old, *pristine.pop(name, []), *new])
        completed[name] = shared.of(in_order(table, indexed)), describe(name, indexed.suite, worker, stored)
        write_table(home.outcomes(name), *completed[name])
    return stored | completed


def open_worker(
    indexed: IndexedSuite,
    shards: list[Shard],
    stored: Stored,
    home: SuiteFolder,
    *,
    workspace: Workspace,
    execution: ExecutionConfig,
) -> Worker:
    """A worker with all networks that the shards need, loaded and checked against the recorded outcomes."""
    needed = {name for shard in shards for name in shard.networks} - {IMAGES}
    suite, classes, threads = indexed.suite, indexed.dataset.classes, torch.get_num_threads()
    names = tuple(name for name in table_names(suite) if name in needed)
    config = WorkerConfig(
        suite, names, workspace.data, workspace.networks, execution=execution, device=workspace.device, threads=threads
    )
    worker = config.open(workspace.cache, dataset=indexed.dataset)
    for name, network in worker.networks.items():
        check_same(name, stored, home, weights=network.weights, precision=execution.arithmetic)
        if (network.task, network.classes) != (suite.task, classes):
            raise LabelError(
                f"{name} does {network.task} of {network.classes} classes, {suite.name} is {suite.task} of {classes}"
            )
    return worker


def without_logits(files: dict[str, list[Path]]) -> Tables:
    """The tables of each network's shards but for their logits."""
    return {name: [read_table(path)[0].drop("logits", strict=False) for path in paths] for name, paths in files.items()}


def describe(name: str, suite: Suite, worker: Worker, stored: Stored) -> dict[str, Any]:
    """The metadata of a table of outcomes.

    `threads`, or `device` where it is no processor, affects the last digits; neither stands there if rows differ in it.
    """
    described: dict[str, Any] = {
        "suite": suite.twin_of or suite.name,
        "name": name,
        "encoder": encoders(choice.name for choice in suite.distortions),
        "versions": versions(),
    }
    if suite.has_consensus:
        described["consensus"] = sorted(suite.networks.labelling)
    if name in worker.networks:
        network = worker.networks[name]
        described |= {
            "weights": network.weights,
            "precision": worker.config.execution.arithmetic,
            "logits": network.logits,
        }
        described["temperature"] = worker.temperatures[name]
        processor, (table, before) = worker.config.processor, stored.get(name, (pl.DataFrame(), {}))
        if not table.height or processor.items() <= before.items():
            described |= processor
    return described


def report_speed(worker: Worker, seconds: float) -> None:
    """Tell images per second, the share of the time that the networks' forwards alone took, and that of compiling."""
    if worker.judged:
        rate = f"{worker.judged} image x network in {seconds:.0f} s, {worker.judged / seconds:.0f}/s"
        compiling = f"; compiling took {worker.compiling:.0f} s" if worker.compiling else ""
        logger.info(f"labelled {rate}; forwards / total: {worker.seconds / seconds:.2f}{compiling}")


def announce(indexed: IndexedSuite, shards: list[Shard], workspace: Workspace, home: SuiteFolder) -> None:
    """Tell how many images and forward passes are to be computed; raises FileError if a folder has no space for them."""
    suite = indexed.suite
    images = sum(shard.images for shard in shards)
    forwards = sum(shard.images * sum(name != IMAGES for name in shard.networks) for shard in shards)
    needed = forwards * TASKS[suite.task].BYTES
    work = f"{images} images, {forwards} forward passes, about {math.ceil(needed / 1e6)} MB of outcomes"
    logger.info(f"{suite.folder}: to label {work}")
    distorted = (
        (source, condition)
        for shard in shards
        if not shard.is_pristine
        for source in shard.sources
        for condition in shard.conditions
    )
    kept = indexed.bitstreams.announce(distorted, indexed.dataset.bits)
    check_writable(workspace.cache, needed=needed + kept)
    check_writable(home.path, needed=needed)
