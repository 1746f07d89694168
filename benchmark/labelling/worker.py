"""Label: run the task networks on every image and record what they made of it.

    plan(...)  -> shards        what is not yet known, in units that can be done anywhere and again
    prepare_shard               decode, compress and preprocess once, for all networks of the shard
    judge_shard -> Parquet      run them
    publish    -> outcomes/     one table a network, and `images` with bits and pixel digests

A shard is some sources at some levels for some networks. It fixes its batches, and its file is named by all that it depends
on, so that work that was killed goes on where it was and ends with the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import torch

from benchmark.core.devices import all_cores, compiled
from benchmark.core.files import file_name
from benchmark.core.images import digest, pixel_digest, to_tensor
from benchmark.core.parquet import write_table
from benchmark.core.precision import autocast
from benchmark.core.types import PRISTINE, Source, Truth
from benchmark.labelling.shards import IMAGES, IMAGES_SCHEMA, SOURCES_PER_SHARD, Shard
from benchmark.plugins.datasets import Augmented, open_dataset
from benchmark.plugins.distortions import Distortion, find_distortion
from benchmark.plugins.networks import load
from benchmark.suites.spec import Suite
from benchmark.suites.tasks import TASKS

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.core.storage import Place
    from benchmark.plugins.networks.network import Letterbox, Network, NoResize, Preprocessing

    View = Preprocessing | Letterbox | NoResize
BATCH = 32


@dataclass(frozen=True)
class WorkerConfig:
    """All that a worker is made of, by name: what is sent to another machine."""

    suite: Suite
    networks: tuple[str, ...]
    """Those that are asked."""
    data: Place | None
    """Where the photographs lie."""
    weights: Path | None
    """Folder of the networks."""
    precision: str = "float32"
    device: str = "cpu"
    compiled: bool = False
    threads: int = 1
    """Threads of a process; they change a network's last digits."""

    @property
    def arithmetic(self) -> str:
        """What outcomes record of how they were computed."""
        return self.precision + (", compiled" if self.compiled else "")

    def open(self, cache: Path, dataset: Augmented | None = None) -> Worker:
        """Load the networks, and read the dataset unless it is open already."""
        dataset = dataset or Augmented(open_dataset(self.suite.dataset, self.data))
        return Worker(self, dataset, {name: load(name, self.weights, self.device) for name in self.networks}, cache)


@dataclass
class Worker:
    """What a shard is run with."""

    config: WorkerConfig
    dataset: Augmented
    networks: dict[str, Network]
    cache: Path
    temperatures: dict[str, float] = field(default_factory=dict)
    """Known once the pristine level is done."""
    forwards: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    """Compiled ones, of the networks that have been asked."""
    last: dict[str, list[Tensor]] = field(default_factory=dict)
    """The last images that each network saw, to time its bare forward with."""
    counts: dict[str, int] = field(default_factory=dict)
    """Images that each network saw."""
    compiling: float = 0.0
    """Seconds that compiling took."""

    @property
    def distortion(self) -> Distortion:
        """The suite's."""
        return find_distortion(self.config.suite.distortion.name)

    def file(self, shard: Shard, name: str) -> Path:
        """Where the shard's outcomes of one network lie, named by all that they depend on."""
        sources = [f"{source.id} {source.digest}" for source in shard.sources]
        encoder = self.distortion.encoder() if shard.levels != (PRISTINE,) else ""
        judge = [name]
        if name != IMAGES:
            temperature = "" if shard.levels == (PRISTINE,) else repr(self.temperatures.get(name))
            config = self.config
            judge += [self.networks[name].weights, config.arithmetic, temperature, str(config.threads)]
        key = digest("1", *judge, encoder, self.distortion.name, repr(shard.levels), *sources)
        return self.cache / "shards" / file_name(name) / f"{key}.parquet"


@dataclass(frozen=True)
class Prepared:
    """One source at some levels, ready for the networks."""

    rows: list[dict[str, object]]
    """One a level, in the schema of `images`."""
    squares: dict[View, list[Tensor]]
    """uint8 (3, S, S) a level, for each preprocessing that occurs."""
    size: tuple[int, int]
    """Height and width of the image, in px."""


def prepare(worker: Worker, source: Source, levels: Sequence[int], wanted: set[View]) -> Prepared:
    """Read a source once, and compress, decode and preprocess it at every level."""
    pristine = worker.dataset.read(source.id)
    rows: list[dict[str, object]] = []
    squares: dict[View, list[Tensor]] = {one: [] for one in wanted}
    for level in levels:
        if level == PRISTINE:
            image, bits = pristine, worker.dataset.bits(source.id)
        else:
            bitstream = worker.distortion.encode(pristine, level)
            image, bits = worker.distortion.decode(bitstream), 8 * len(bitstream)
        pixels = int(pixel_digest(image), 16)
        rows.append({"source": source.id, "digest": source.digest, "level": level, "bits": bits, "pixels": pixels})
        tensor = to_tensor(image)
        for one, images in squares.items():
            images.append(one.square(tensor))
    return Prepared(rows, squares, pristine.shape[:2])


def prepare_shard(worker: Worker, shard: Shard) -> list[Prepared]:
    """Its images, for the networks whose files are not there yet; none where all are.

    All cores prepare, and only then the networks judge: done at once on one processor, the two would wait for each other.

    Raises:
        DataError: an image is unreadable; the message names its file.
    """
    left = [name for name in shard.networks if not worker.file(shard, name).is_file()]
    wanted = {worker.networks[name].preprocessing for name in left if name != IMAGES}
    if not left:
        return []
    with all_cores() as pool:
        return list(pool.map(lambda source: prepare(worker, source, shard.levels, wanted), shard.sources))


@torch.inference_mode()
def judge_shard(worker: Worker, shard: Shard, prepared: list[Prepared]) -> list[Path]:
    """Make the shard's files that are not there yet, of its prepared images; returns all, in the order of its networks."""
    files = {name: worker.file(shard, name) for name in shard.networks}
    left = [name for name, file in files.items() if not file.is_file()]
    images = pl.DataFrame([row for one in prepared for row in one.rows], schema=IMAGES_SCHEMA)
    if IMAGES in left:
        write_table(files[IMAGES], images, {})
    truths = [source.truth for source in shard.sources for _ in shard.levels]
    sizes = [one.size for one in prepared for _ in shard.levels]
    for judge in (worker.networks[name] for name in left if name != IMAGES):
        squares = [square for one in prepared for square in one.squares[judge.preprocessing]]
        outcomes = judge_images(worker, judge, squares, truths, sizes, pristine=shard.levels == (PRISTINE,))
        keys = images.select("source", "digest", "level")
        write_table(files[judge.name], keys.hstack(outcomes), {})
    return list(files.values())


def judge_images(
    worker: Worker,
    judge: Network,
    squares: list[Tensor],
    truths: list[Truth],
    sizes: list[tuple[int, int]],
    pristine: bool,
) -> pl.DataFrame:
    """Outcome columns of one network for these squares, in batches of fixed size."""
    task = TASKS[worker.config.suite.task]
    tables = []
    # Compiled code is for one batch size: that of a level of a whole shard, which divides all others.
    size = SOURCES_PER_SHARD if worker.config.compiled else BATCH
    for start in range(0, len(squares), size):
        given = squares[start : start + size]
        worker.last[judge.name] = given
        worker.counts[judge.name] = worker.counts.get(judge.name, 0) + len(given)
        fitted = None if pristine else worker.temperatures[judge.name]
        filled = given + [given[-1]] * (size - len(given)) if worker.config.compiled else given
        answers = forward(worker, judge, filled)[: len(given)]
        here = slice(start, start + size)
        columns = task.observe(judge, answers, truths[here], sizes[here], fitted)
        extra = {"logits": pl.Array(pl.Float32, judge.classes)} if "logits" in columns else {}
        schema = {name: kind for name, kind in task.SCHEMA.items() if name in columns} | extra
        tables.append(pl.DataFrame(columns, schema=schema))
    return pl.concat(tables)


def forward(worker: Worker, network: Network, squares: list[Tensor]) -> Any:
    """The network's answers, at the worker's precision, compiled where it says so."""
    config = worker.config
    with autocast(config.device, config.precision):
        ready = network.preprocessing.normalise(squares, config.device)
        return forward_of(worker, network, ready)(ready)


def forward_of(worker: Worker, network: Network, ready: Any) -> Callable[[Any], Any]:
    """A network's forward, compiled for such input where the worker says so and the network is a classifier's module."""
    if not worker.config.compiled or network.module is None or network.task != "classification":
        return network.forward
    if network.name not in worker.forwards:
        print(f"compiling {network.name}", flush=True)
        start = time.perf_counter()
        worker.forwards[network.name] = compiled(network.module)
        worker.forwards[network.name](ready)
        worker.compiling += time.perf_counter() - start
    return worker.forwards[network.name]


@torch.inference_mode()
def bare_forward_seconds(worker: Worker) -> float:
    """What the forwards alone would have taken: each network's last batch again, from memory, times its batches."""
    total = 0.0
    for name, given in worker.last.items():
        network, config = worker.networks[name], worker.config
        ready = network.preprocessing.normalise(given, config.device)
        times = []
        for _ in range(4):
            start = time.perf_counter()
            with autocast(config.device, config.precision):
                forward_of(worker, network, ready)(ready)
            times.append(time.perf_counter() - start)
        total += min(times) / len(given) * worker.counts[name]
    return total
