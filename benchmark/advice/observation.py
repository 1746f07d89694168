"""What networks make of photographs under every condition: outcomes in the cache, without suite, truth or labels.

Photographs, conditions and networks become shards that the engines of labelling run, so that precision, devices, clusters,
progress and resumption are theirs: what has been computed once is not computed again.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import torch

from benchmark.core.devices import prepare_process
from benchmark.core.errors import DataError
from benchmark.core.files import check_writable
from benchmark.core.images import Pixels
from benchmark.core.parquet import read_table
from benchmark.core.types import IMAGE, PRISTINE, UNKNOWN, Condition, Source
from benchmark.core.workspace import Workspace
from benchmark.labelling.bitstreams import Bitstreams
from benchmark.labelling.engines import find_engine
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.shards import CONDITIONS_PER_SHARD, IMAGES, SOURCES_TOGETHER, Shard, parts_of
from benchmark.labelling.worker import Worker, WorkerConfig
from benchmark.plugins.datasets import Augmented, Dataset, index, open_dataset
from benchmark.plugins.networks import load
from benchmark.plugins.networks.network import Network
from benchmark.suites.spec import DistortionChoice, NetworkChoice, SplitChoice, Suite
from benchmark.suites.tasks import TASKS

logger = logging.getLogger(__name__)
SEED = 0
"""The seed of the distortions, which are drawn for camera faults alone."""
FEWEST = 2
"""The fewest photographs, one to choose a level by and one to report on."""


@dataclass(frozen=True, eq=False)
class Observation:
    """What was observed."""

    dataset: Dataset
    """The photographs."""
    sources: tuple[Source, ...]
    """The photographs that took part, indexed."""
    choices: tuple[DistortionChoice, ...]
    """The conditions."""
    tasks: dict[str, str]
    """Network -> its task."""
    classes: dict[str, int]
    """Network -> number of its classes."""
    outcomes: dict[str, pl.DataFrame]
    """Network -> its outcomes, pristine images included."""
    images: pl.DataFrame
    """In the columns IMAGE: bits of every image."""
    bitstreams: Bitstreams
    """Makes the bitstreams of these images, or reads those that are kept."""

    def bitstream(self, source: Source, condition: Condition, pristine: Pixels) -> bytes:
        """The bitstream of a photograph, whose pixels are given, under one of the conditions."""
        return self.bitstreams.of(source, condition, lambda: pristine)

    def decisions(self, network: str, retained: float) -> pl.DataFrame:
        """Whether the network decides on each distorted image as on the pristine one; see the `decisions` of its task."""
        return TASKS[self.tasks[network]].decisions(self.outcomes[network], retained)


def observe(
    dataset_choice: dict[str, Any],
    networks: Sequence[str],
    choices: tuple[DistortionChoice, ...],
    workspace: Workspace,
    *,
    execution: ExecutionConfig,
    limit: int = 0,
    among: Collection[str] = (),
) -> Observation:
    """Run the networks on the photographs, pristine and under every condition, as far as the cache lacks their outcomes.

    Args:
        dataset_choice: the photographs, as the table `[dataset]` of a suite; what truth they have is not used.
        networks: names of the networks.
        choices: the conditions.
        workspace: folders and device.
        execution: precision, compilation and engine.
        limit: about so many of the photographs, evenly spread; 0 for all.
        among: ids of the photographs that may take part; all by default.

    Raises:
        DataError: photographs are missing or unreadable, or there are fewer than two.
        NetworkError: a network cannot be used, or gives a wrong answer; the message names network and photograph.
    """
    prepare_process()
    dataset = open_dataset(dataset_choice, workspace.data)
    indexed = index(dataset, workspace.cache)
    sources = tuple(replace(source, truth=UNKNOWN) for source in indexed if not among or source.id in among)
    sources = evenly(sources, limit) if limit else sources
    if len(sources) < FEWEST:
        raise DataError(f"{sources[0].id}: one photograph tells nothing of others; name {FEWEST} at least, better 100")
    loaded = {name: load(name, workspace.networks, device=workspace.device) for name in dict.fromkeys(networks)}
    announce(sources, choices, loaded, workspace)
    outcomes: dict[str, pl.DataFrame] = {}
    bitstreams = Bitstreams(SEED, workspace.cache / "bitstreams")
    for task in TASKS:
        judges = {name: network for name, network in loaded.items() if network.task == task}
        if judges:
            suite = unlabelled(task, dataset_choice, tuple(judges), choices)
            outcomes |= run(suite, dataset, sources, judges, bitstreams, workspace=workspace, execution=execution)
    images = outcomes.pop(IMAGES).select(*IMAGE, "bits")
    tasks = {name: network.task for name, network in loaded.items()}
    classes = {name: network.classes for name, network in loaded.items()}
    return Observation(dataset, sources, choices, tasks, classes, outcomes, images, bitstreams)


def evenly(sources: Sequence[Source], limit: int) -> tuple[Source, ...]:
    """About so many of the sources, evenly spread over their order."""
    step = max(1, len(sources) // limit)
    return tuple(sources[::step][:limit])


def unlabelled(
    task: str, dataset: dict[str, Any], networks: tuple[str, ...], choices: tuple[DistortionChoice, ...]
) -> Suite:
    """A suite of these photographs, networks and conditions, which has no truth and is stored nowhere."""
    return Suite(
        name="advice",
        version=1,
        title="Advice",
        task=task,
        dataset=dataset,
        split=SplitChoice(0.5, 0.0, 0.5, seed=SEED),
        distortions=choices,
        networks=NetworkChoice(networks, ()),
        labels=TASKS[task].LabelChoice(),
    )


def run(
    suite: Suite,
    dataset: Dataset,
    sources: Sequence[Source],
    networks: dict[str, Network],
    bitstreams: Bitstreams,
    *,
    workspace: Workspace,
    execution: ExecutionConfig,
) -> dict[str, pl.DataFrame]:
    """The outcomes of networks of one task, and the table of images."""
    config = WorkerConfig(
        suite,
        tuple(networks),
        workspace.data,
        workspace.networks,
        execution=execution,
        device=workspace.device,
        threads=torch.get_num_threads(),
    )
    worker = Worker(config, Augmented(dataset), networks, workspace.cache, bitstreams)
    worker.temperatures = dict.fromkeys(networks, 1.0)
    engine = find_engine(execution.engine, address=execution.address)
    tables: dict[str, list[pl.DataFrame]] = {}
    for title, conditions in (("photographs", [PRISTINE]), ("compressed", list(suite.training_conditions))):
        shards = shards_of(sources, conditions, (*networks, IMAGES))
        for name, files in engine(worker, shards, f"{', '.join(networks)}, {title}").items():
            columns = None if name == IMAGES else list(TASKS[suite.task].SCHEMA)
            read = (read_table(file)[0] for file in files)
            tables.setdefault(name, []).extend(table.select(columns or table.columns) for table in read)
    return {name: pl.concat(parts) for name, parts in tables.items()}


def shards_of(sources: Sequence[Source], conditions: Sequence[Condition], names: tuple[str, ...]) -> list[Shard]:
    """The shards of these sources under these conditions."""
    return [
        Shard(members, chosen, names)
        for members in parts_of(sources, SOURCES_TOGETHER)
        for chosen in parts_of(conditions, CONDITIONS_PER_SHARD)
    ]


def announce(
    sources: Sequence[Source],
    choices: Sequence[DistortionChoice],
    networks: dict[str, Network],
    workspace: Workspace,
) -> None:
    """Tell how much there is to do; raises FileError if the cache has no space for it."""
    images = len(sources) * (1 + sum(len(choice.levels) for choice in choices))
    needed = images * sum(TASKS[network.task].BYTES for network in networks.values())
    check_writable(workspace.cache, needed=needed)
    tried_names = ", ".join(f"{choice.name} ({len(choice.levels)} levels)" for choice in choices)
    logger.info(
        f"{len(sources)} photographs, {tried_names}: {images} images for {len(networks)} networks, "
        f"about {math.ceil(needed / 1e6)} MB; what is done is kept in {workspace.cache}"
    )
