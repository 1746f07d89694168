"""Outcomes of a suite: reads the recorded ones, checks them against this machine's images and computes the missing ones.

There is one Parquet file per network and one for `images`, under `results/<suite>/outcomes`. They are the ground truth as data:
if the digests of the images match, no network needs to be run.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import torch

from benchmark.core.devices import prepare_process
from benchmark.core.errors import LabelError
from benchmark.core.images import pixel_digest
from benchmark.core.parquet import read_table, write_table
from benchmark.core.paths import Paths
from benchmark.core.precision import time_ratio
from benchmark.core.provenance import versions
from benchmark.core.types import PRISTINE
from benchmark.labelling.engines import find_engine
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.shards import IMAGES, IMAGES_SCHEMA, Shard, plan
from benchmark.labelling.worker import Worker, WorkerConfig, bare_forward_seconds
from benchmark.plugins.distortions import find_distortion
from benchmark.suites.results_folder import SuiteFolder
from benchmark.suites.spec import Suite
from benchmark.suites.tasks import TASKS

if TYPE_CHECKING:
    from benchmark.labelling.ground_truth import GroundTruth

logger = logging.getLogger(__name__)

Stored = dict[str, tuple[pl.DataFrame, dict[str, Any]]]
"""Table and metadata of each network, and of `images`."""
Tables = dict[str, list[pl.DataFrame]]
CHECKED_SOURCES = 8


def table_names(suite: Suite) -> tuple[str, ...]:
    """All networks of a suite, and `images`."""
    networks = suite.networks
    return tuple(dict.fromkeys((*networks.labelling, *suite.judging_probe, *networks.held_out, IMAGES)))


def read_outcomes(suite: Suite, home: SuiteFolder, truth: GroundTruth) -> Stored:
    """The recorded outcomes of images that this suite has with the same id and content."""
    now = pl.DataFrame({"source": list(truth.sources), "digest": [source.digest for source in truth.sources.values()]})
    stored: Stored = {}
    for name in table_names(suite):
        path = home.outcomes(name)
        if path.is_file():
            table, metadata = read_table(path, IMAGES_SCHEMA if name == IMAGES else TASKS[suite.task].SCHEMA)
            stored[name] = (table.join(now, on=["source", "digest"], how="semi", maintain_order="left"), metadata)
    return stored


def adopt(stored: Stored, own: SuiteFolder, home: SuiteFolder, truth: GroundTruth, how: ExecutionConfig) -> None:
    """Add missing outcomes of the same images, pixels and arithmetic from `home` to `stored`, and copy them to `own`."""
    lacking = [name for name in table_names(truth.suite) if name not in stored or not stored[name][0].height]
    recorded = read_outcomes(truth.suite, home, truth) if lacking else {}
    fitting = {
        name: (table, metadata)
        for name, (table, metadata) in recorded.items()
        if name in lacking and table.height and metadata.get("precision", how.arithmetic) == how.arithmetic
    }
    if not fitting:
        return
    try:
        check_codec(truth, recorded, home)
    except LabelError as error:
        logger.warning(f"not used: {error}")
        return
    for name, (table, metadata) in fitting.items():
        stored[name] = in_order(table, truth), metadata
        write_table(own.outcomes(name), *stored[name])


def check_codec(truth: GroundTruth, stored: Stored, home: SuiteFolder) -> None:
    """Raise LabelError if any of a few images, compressed on this machine, differs from the recorded pixels."""
    table, metadata = stored.get(IMAGES, (pl.DataFrame(), {}))
    codec = find_distortion(truth.suite.distortion.name)
    checked = table["source"].unique(maintain_order=True)[:CHECKED_SOURCES] if table.height else ()
    for name in checked:
        pristine = truth.dataset.read(name)
        for level, pixels in table.filter(source=name).select("level", "pixels").iter_rows():
            image = pristine if level == PRISTINE else codec.decode(codec.encode(pristine, level))
            if int(pixel_digest(image), 16) != pixels:
                raise LabelError(
                    f"{home.path}: recorded with {metadata['encoder']}; this machine's {codec.encoder()} gives other pixels "
                    f"for {name} at level {level}; use that version, or label anew into another folder (--results)"
                )


def complete(
    truth: GroundTruth, stored: Stored, home: SuiteFolder, paths: Paths, device: str, how: ExecutionConfig
) -> None:
    """Compute the outcomes that are missing in `stored`, add them to it, and write them to `home`."""
    recorded = {name: set(table.select("digest", "level").iter_rows()) for name, (table, _) in stored.items()}
    first, then = plan(truth.suite, truth.parts, recorded)
    if not first and not then:
        return
    prepare_process()
    if how.precision != "float32" and (ratio := time_ratio(device, how.precision, training=False)) > 1:
        logger.warning(
            f"{how.precision} takes {ratio:.1f} times as long as float32 on this {device} (ResNet-18, measured); "
            "it is emulated here"
        )
    announce(truth.suite, [*first, *then])
    worker = open_worker(truth, [*first, *then], stored, home, paths, device, how)
    run = find_engine(how.engine, how.address)
    start = time.perf_counter()
    fresh = read_shards(run(worker, first, f"{truth.suite.folder}, pristine"))
    fit_temperatures(truth, worker, stored, fresh)
    for name, tables in read_shards(run(worker, then, f"{truth.suite.folder}, compressed")).items():
        fresh.setdefault(name, []).extend(tables)
    report_speed(worker, time.perf_counter() - start)
    for name, tables in fresh.items():
        old = [stored[name][0]] if name in stored else []
        stored[name] = in_order(pl.concat([*old, *tables]), truth), describe(name, truth.suite, worker)
        write_table(home.outcomes(name), *stored[name])


def open_worker(
    truth: GroundTruth,
    shards: list[Shard],
    stored: Stored,
    home: SuiteFolder,
    paths: Paths,
    device: str,
    how: ExecutionConfig,
) -> Worker:
    """A worker with all networks that the shards need, loaded and checked against the recorded outcomes."""
    needed = {name for shard in shards for name in shard.networks} - {IMAGES}
    names = tuple(name for name in table_names(truth.suite) if name in needed)
    threads = torch.get_num_threads()
    config = WorkerConfig(truth.suite, names, paths.data, paths.networks, how, device, threads)
    worker = config.open(paths.cache, truth.dataset)
    for name, network in worker.networks.items():
        check_same(name, stored, home, weights=network.weights, precision=config.execution.arithmetic)
        if (network.task, network.classes) != (truth.suite.task, truth.dataset.classes):
            raise LabelError(
                f"{name} does {network.task} of {network.classes} classes, {truth.suite.name} is {truth.suite.task} of "
                f"{truth.dataset.classes}"
            )
    return worker


def fit_temperatures(truth: GroundTruth, worker: Worker, stored: Stored, fresh: Tables) -> None:
    """Set the networks' temperatures in the worker and apply them to their pristine rows.

    Recorded temperatures are kept; labelling networks with logits get one fitted to the pristine training images; others get 1.
    """
    task, training = TASKS[truth.suite.task], {s.id: s.truth for s in truth.parts["train"] if not s.parent}
    for name, network in worker.networks.items():
        worker.temperatures[name] = 1.0
        if name in stored:
            worker.temperatures[name] = stored[name][1]["temperature"]
        elif network.logits and name in truth.suite.networks.labelling:
            worker.temperatures[name] = task.fit_temperature(pl.concat(fresh[name]), training)
        if network.logits:
            tables = fresh.get(name, [])
            fresh[name] = [task.with_temperature(table, worker.temperatures[name]) for table in tables]


def read_shards(files: dict[str, list[Path]]) -> Tables:
    """The tables of each network's shards."""
    return {name: [read_table(path)[0] for path in paths] for name, paths in files.items()}


def describe(name: str, suite: Suite, worker: Worker) -> dict[str, Any]:
    """The metadata of a table of outcomes."""
    described: dict[str, Any] = {
        "suite": suite.twin_of or suite.name,
        "name": name,
        "encoder": worker.distortion.encoder(),
        "versions": versions(),
    }
    if name in worker.networks:
        network = worker.networks[name]
        described |= {
            "weights": network.weights,
            "precision": worker.config.execution.arithmetic,
            "logits": network.logits,
        }
        described["temperature"] = worker.temperatures[name]
    return described


def announce(suite: Suite, shards: list[Shard]) -> None:
    """Tell how many images and forward passes are to be computed."""
    images = sum(shard.images for shard in shards)
    forwards = sum(shard.images * sum(name != IMAGES for name in shard.networks) for shard in shards)
    disk = forwards * TASKS[suite.task].BYTES / 1e6
    logger.info(f"{suite.folder}: to label {images} images, {forwards} forward passes, about {disk:.1f} MB of outcomes")


def check_same(name: str, stored: Stored, home: SuiteFolder, **now: str) -> None:
    """Raise LabelError if the recorded outcomes of a network were computed with other weights or precision."""
    for key, value in now.items() if name in stored else ():
        before = stored[name][1][key]
        if before != value:
            raise LabelError(
                f"{home.path}: outcomes of {name} were recorded with {key} {before}, now it is {value}; they do not mix: "
                "label anew into another folder (--results)"
            )


def in_order(table: pl.DataFrame, truth: GroundTruth) -> pl.DataFrame:
    """The rows in the order of parts, sources and levels, without duplicates."""
    order = pl.DataFrame({"source": list(truth.sources)}).with_row_index("place")
    rows = table.unique(["source", "level"], keep="first").join(order, on="source")
    return rows.sort("place", "level").drop("place")


def report_speed(worker: Worker, seconds: float) -> None:
    """Tell images per second, the share of the time that the forwards alone would take, and the time spent on compiling."""
    images = sum(worker.counts.values())
    if images:
        rate = f"{images} image x network in {seconds:.0f} s, {images / seconds:.0f}/s"
        compiling = f"; compiling took {worker.compiling:.0f} s" if worker.compiling else ""
        share = bare_forward_seconds(worker) / seconds
        logger.info(f"labelled {rate}; bare forwards / total: {share:.2f}{compiling}")
