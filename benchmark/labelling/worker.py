"""Labelling: runs the task networks on every image and records their outcomes.

    plan(...)  -> shards        what is not recorded yet, in units that can be computed on any machine and repeated
    prepare_shard               decode, compress and preprocess once, for all networks of the shard
    judge_shard -> Parquet      run the networks
    complete   -> outcomes/     one table per network, and `images` with bits and pixel digests

A shard is a set of sources, conditions and networks. It determines its batches, and the name of its file is a digest of
everything the file depends on, so that an interrupted run resumes where it stopped and ends with the same bytes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import torch

from benchmark.core.devices import all_cores, compiled
from benchmark.core.digests import digest
from benchmark.core.errors import ResultError
from benchmark.core.files import discard, file_name
from benchmark.core.images import pixel_digest, to_tensor
from benchmark.core.parquet import cached_table, write_table
from benchmark.core.precision import autocast
from benchmark.core.types import CONDITION, PRISTINE, Condition, Sizes, Source, Truth, image_name
from benchmark.labelling.bitstreams import Bitstreams
from benchmark.labelling.execution import PUBLISHED, ExecutionConfig
from benchmark.labelling.shards import IMAGES, IMAGES_SCHEMA, SOURCES_PER_SHARD, Shard
from benchmark.plugins.datasets import Augmented, open_dataset
from benchmark.plugins.distortions import decoded, encoders, find_distortion
from benchmark.plugins.networks import load
from benchmark.suites.spec import Suite
from benchmark.suites.tasks import TASKS

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.core.storage import Location
    from benchmark.plugins.networks.network import Letterbox, Network, NoResize, Preprocessing

    View = Preprocessing | Letterbox | NoResize

logger = logging.getLogger(__name__)
BATCH, BATCH_ON_CPU = 32, 8
"""Images that a network gets at once; on a processor more would take more memory and no less time."""


@dataclass(frozen=True)
class WorkerConfig:
    """Everything that a worker is built from, by name, so that it can be sent to another machine."""

    suite: Suite
    networks: tuple[str, ...]
    """Names of the networks to run."""
    data: Location | None
    """Location of the photographs."""
    weights: Path | None
    """Folder of the networks' weights."""
    _: KW_ONLY
    execution: ExecutionConfig = PUBLISHED
    """How the networks are run."""
    device: str = "cpu"
    """Device on which the networks run."""
    threads: int = 1
    """Threads per process; their number affects the last digits of a network's outputs."""

    def open(self, cache: Path, *, dataset: Augmented | None = None, keep_bitstreams: bool = True) -> Worker:
        """Load the networks, and open the dataset unless an open one is given; bitstreams are cached or made anew."""
        dataset = dataset or Augmented(open_dataset(self.suite.dataset, self.data))
        networks = {name: load(name, self.weights, device=self.device) for name in self.networks}
        bitstreams = Bitstreams(self.suite.split.seed, cache / "bitstreams" if keep_bitstreams else None)
        return Worker(self, dataset, networks, cache, bitstreams)


@dataclass
class Worker:
    """The dataset, networks and cache with which shards are run."""

    config: WorkerConfig
    dataset: Augmented
    networks: dict[str, Network]
    cache: Path
    bitstreams: Bitstreams
    _: KW_ONLY
    temperatures: dict[str, float] = field(default_factory=dict)
    """Temperature of each network, available once the pristine images are done."""
    forwards: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    """Compiled forwards of the networks that have been run."""
    last: dict[str, list[Tensor]] = field(default_factory=dict)
    """The last batch of each network, with which its bare forward is timed."""
    counts: dict[str, int] = field(default_factory=dict)
    """Number of images that each network has processed."""
    compiling: float = 0.0
    """Seconds spent on compiling."""

    def file(self, shard: Shard, name: str) -> Path:
        """Path of the shard's outcomes of one network, named by a digest of everything they depend on."""
        sources = [f"{source.id} {source.digest} {source.known_class}" for source in shard.sources]
        encoder = "" if shard.is_pristine else encoders(condition.distortion for condition in shard.conditions)
        config, judge = self.config, [name]
        if name != IMAGES:
            temperature = "" if shard.is_pristine else repr(self.temperatures.get(name))
            judge += [self.networks[name].weights, config.execution.arithmetic, temperature, str(config.threads)]
        key = digest("5", *judge, encoder, str(config.suite.split.seed), *map(str, shard.conditions), *sources)
        return self.cache / "shards" / file_name(name) / f"{key}.parquet"

    def holds(self, shard: Shard, name: str) -> bool:
        """Whether the cache has the shard's outcomes of one network; a file that is damaged or not of it is removed."""
        file, keys = self.file(shard, name), ["source", "digest", *CONDITION]
        table = cached_table(file)
        if table is None:
            return False
        members = [(source.id, source.digest) for source in shard.sources]
        expected = [(*member, *condition) for member in members for condition in shard.conditions]
        if not set(keys) <= set(table.columns) or table.select(keys).rows() != expected:
            discard(file, ResultError(f"{file}: not of this shard"))
            return False
        return True


@dataclass(frozen=True)
class Prepared:
    """One source under several conditions, ready for the networks."""

    rows: list[dict[str, object]]
    """One row per condition, in the schema of `images`."""
    squares: dict[View, list[Tensor]]
    """One uint8 tensor (3, S, S) per condition, for each preprocessing that occurs."""
    sizes: list[Sizes]
    """The sizes of the image under each condition."""


def prepare(worker: Worker, source: Source, conditions: Sequence[Condition], views: set[View]) -> Prepared:
    """Read a source once, and distort, decode and preprocess it under every condition for each view."""
    pristine = worker.dataset.read(source.id)
    rows: list[dict[str, object]] = []
    squares: dict[View, list[Tensor]] = {view: [] for view in views}
    sizes: list[Sizes] = []
    for condition in conditions:
        if condition == PRISTINE:
            image, bits = pristine, worker.dataset.bits(source.id)
        else:
            bitstream = worker.bitstreams.of(source, condition, lambda: pristine)
            image, bits = decoded(find_distortion(condition.distortion), bitstream, source.id), 8 * len(bitstream)
        (height, width), pixels = image.shape[:2], int(pixel_digest(image), 16)
        keys = {"source": source.id, "digest": source.digest, **condition._asdict()}
        rows.append(keys | {"height": height, "width": width, "bits": bits, "pixels": pixels})
        sizes.append(Sizes(pristine.shape[:2], (height, width)))
        tensor = to_tensor(image)
        for view, images in squares.items():
            images.append(view.square(tensor))
    return Prepared(rows, squares, sizes)


def prepare_shard(worker: Worker, shard: Shard) -> list[Prepared]:
    """The shard's images, prepared for the networks whose files are missing; empty if no file is missing.

    All cores prepare before the networks run, since both at once on one processor would compete for the cores.

    Raises:
        DataError: an image is unreadable, or the codec cannot encode it; the message names it.
    """
    left = [name for name in shard.networks if not worker.holds(shard, name)]
    views = {worker.networks[name].preprocessing for name in left if name != IMAGES}
    if not left:
        return []
    with all_cores() as pool:
        return list(pool.map(lambda source: prepare(worker, source, shard.conditions, views), shard.sources))


@torch.inference_mode()
def judge_shard(worker: Worker, shard: Shard, prepared: list[Prepared]) -> list[Path]:
    """Write the shard's missing files from its prepared images; returns all its files, in the order of its networks."""
    files = {name: worker.file(shard, name) for name in shard.networks}
    left = [name for name, file in files.items() if not file.is_file()]
    images = pl.DataFrame([row for entry in prepared for row in entry.rows], schema=IMAGES_SCHEMA)
    if IMAGES in left:
        write_table(files[IMAGES], images, {})
    truths = [source.truth for source in shard.sources for _ in shard.conditions]
    sizes = [size for entry in prepared for size in entry.sizes]
    names = [image_name(source.id, *condition) for source in shard.sources for condition in shard.conditions]
    for judge in (worker.networks[name] for name in left if name != IMAGES):
        squares = [square for entry in prepared for square in entry.squares[judge.preprocessing]]
        outcomes = judge_images(worker, judge, squares, truths, sizes, names=names, pristine=shard.is_pristine)
        keys = images.select("source", "digest", *CONDITION)
        write_table(files[judge.name], keys.hstack(outcomes), {})
    return list(files.values())


def judge_images(
    worker: Worker,
    judge: Network,
    squares: list[Tensor],
    truths: list[Truth],
    sizes: list[Sizes],
    *,
    names: list[str],
    pristine: bool,
) -> pl.DataFrame:
    """Outcome columns of one network for these squares, computed in batches of fixed size.

    Raises:
        NetworkError: the network fails or gives a wrong answer; the message has the image's name of `names`.
    """
    task = TASKS[worker.config.suite.task]
    tables = []
    # Compiled code supports one batch size: the number of sources of a whole shard, which divides its number of images.
    eager = BATCH_ON_CPU if worker.config.device == "cpu" else BATCH
    size = SOURCES_PER_SHARD if worker.config.execution.compiled else eager
    for start in range(0, len(squares), size):
        window = slice(start, start + size)
        batch = squares[window]
        worker.last[judge.name] = batch
        worker.counts[judge.name] = worker.counts.get(judge.name, 0) + len(batch)
        fitted = None if pristine else worker.temperatures[judge.name]
        fill = size - len(batch) if worker.config.execution.compiled else 0
        filled, shown = batch + [batch[-1]] * fill, names[window] + [names[window][-1]] * fill
        answers = forward(worker, judge, filled, shown)[: len(batch)]
        columns = task.observe(judge, answers, truths[window], sizes[window], fitted)
        extra = {"logits": pl.Array(pl.Float32, judge.classes)} if "logits" in columns else {}
        schema = {name: kind for name, kind in task.SCHEMA.items() if name in columns} | extra
        tables.append(pl.DataFrame(columns, schema=schema))
    return pl.concat(tables)


def forward(worker: Worker, network: Network, squares: list[Tensor], names: list[str]) -> Any:
    """The network's checked answers at the worker's precision, computed by compiled code if the worker's config says so."""
    config = worker.config
    with autocast(config.device, config.execution.precision):
        ready = network.preprocessing.normalise(squares, config.device)
        return network.ask(ready, names, forward=lambda batch: forward_of(worker, network, batch)(batch))


def forward_of(worker: Worker, network: Network, ready: Any) -> Callable[[Any], Any]:
    """A network's forward, compiled for such input if the worker's config says so and the network is a classifier's module."""
    if not worker.config.execution.compiled or network.module is None or network.task != "classification":
        return network.forward
    if network.name not in worker.forwards:
        logger.info(f"compiling {network.name}")
        start = time.perf_counter()
        worker.forwards[network.name] = compiled(network.module)
        worker.forwards[network.name](ready)
        worker.compiling += time.perf_counter() - start
    return worker.forwards[network.name]
