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

from benchmark.datasets import Augmented, open_dataset
from benchmark.distortions import Distortion, find_distortion
from benchmark.images import digest, pixel_digest, to_tensor
from benchmark.networks import load
from benchmark.precision import autocast
from benchmark.records import PRISTINE, Source, Truth
from benchmark.runtime import all_cores, compiled, file_name
from benchmark.splits import Parts
from benchmark.suite import Suite
from benchmark.tables import write_table
from benchmark.tasks import TASKS

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.networks.network import Canvas, Network, Preprocessing, Whole
    from benchmark.places import Place

    View = Preprocessing | Canvas | Whole

IMAGES = "images"
"""Stands beside the networks' names: the table of bits and pixel digests."""
IMAGES_SCHEMA = pl.Schema(
    {"source": pl.String, "digest": pl.String, "level": pl.Int16, "bits": pl.Int32, "pixels": pl.UInt64}
)
SOURCES_PER_SHARD = 16
BATCH = 32


@dataclass(frozen=True)
class Shard:
    """A unit of labelling."""

    sources: tuple[Source, ...]
    levels: tuple[int, ...]
    networks: tuple[str, ...]
    """Networks, and `images`, that lack some of these images."""

    @property
    def images(self) -> int:
        """Number of distorted images."""
        return len(self.sources) * len(self.levels)


@dataclass(frozen=True)
class Setup:
    """All that a bench is made of, by name: what is sent to another machine."""

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

    def open(self, cache: Path, dataset: Augmented | None = None) -> Bench:
        """Load the networks, and read the dataset unless it is open already."""
        dataset = dataset or Augmented(open_dataset(self.suite.dataset, self.data))
        return Bench(self, dataset, {name: load(name, self.weights, self.device) for name in self.networks}, cache)


@dataclass
class Bench:
    """What a shard is run with."""

    setup: Setup
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
        return find_distortion(self.setup.suite.distortion.name)

    def file(self, shard: Shard, name: str) -> Path:
        """Where the shard's outcomes of one network lie, named by all that they depend on."""
        sources = [f"{source.id} {source.digest}" for source in shard.sources]
        encoder = self.distortion.encoder() if shard.levels != (PRISTINE,) else ""
        judge = [name]
        if name != IMAGES:
            temperature = "" if shard.levels == (PRISTINE,) else repr(self.temperatures.get(name))
            setup = self.setup
            judge += [self.networks[name].weights, setup.arithmetic, temperature, str(setup.threads)]
        key = digest("1", *judge, encoder, self.distortion.name, repr(shard.levels), *sources)
        return self.cache / "shards" / file_name(name) / f"{key}.parquet"


def plan(suite: Suite, parts: Parts, known: dict[str, set[tuple[str, int]]]) -> tuple[list[Shard], list[Shard]]:
    """The shards that are needed: the pristine level first, then the others.

    Args:
        suite: what is needed.
        parts: its sources; augmented versions are among those for training.
        known: for each network, and `images`, the (digest, level) pairs that are recorded already.
    """
    levels, held_out = suite.distortion.levels, suite.distortion.held_out
    labelling, networks = suite.networks.labelling, suite.networks
    judges: dict[str, list[tuple[tuple[int, ...], tuple[str, ...]]]] = {
        "train": [(levels, labelling)],
        "validation": [(levels, labelling)],
        "test": [
            (levels, tuple(dict.fromkeys((*labelling, *suite.judging_probe)))),
            (held_out, networks.held_out),
        ],
    }
    first: list[Shard] = []
    then: list[Shard] = []
    for part, members in parts.items():
        everyone = tuple(dict.fromkeys(name for _, names in judges[part] for name in names))
        for start in range(0, len(members), SOURCES_PER_SHARD):
            chunk = tuple(members[start : start + SOURCES_PER_SHARD])
            for some_levels, names in [((PRISTINE,), everyone), *judges[part]]:
                pairs = {(source.digest, level) for source in chunk for level in some_levels}
                lacking = tuple(name for name in (*names, IMAGES) if not pairs <= known.get(name, set()))
                if lacking:
                    (first if some_levels == (PRISTINE,) else then).append(Shard(chunk, some_levels, lacking))
    return first, then


@dataclass(frozen=True)
class Prepared:
    """One source at some levels, ready for the networks."""

    rows: list[dict[str, object]]
    """One a level, in the schema of `images`."""
    squares: dict[View, list[Tensor]]
    """uint8 (3, S, S) a level, for each preprocessing that occurs."""
    size: tuple[int, int]
    """Height and width of the image, in px."""


def prepare(bench: Bench, source: Source, levels: Sequence[int], wanted: set[View]) -> Prepared:
    """Read a source once, and compress, decode and preprocess it at every level."""
    pristine = bench.dataset.read(source.id)
    rows: list[dict[str, object]] = []
    squares: dict[View, list[Tensor]] = {one: [] for one in wanted}
    for level in levels:
        if level == PRISTINE:
            image, bits = pristine, bench.dataset.bits(source.id)
        else:
            bitstream = bench.distortion.encode(pristine, level)
            image, bits = bench.distortion.decode(bitstream), 8 * len(bitstream)
        pixels = int(pixel_digest(image), 16)
        rows.append({"source": source.id, "digest": source.digest, "level": level, "bits": bits, "pixels": pixels})
        tensor = to_tensor(image)
        for one, images in squares.items():
            images.append(one.square(tensor))
    return Prepared(rows, squares, pristine.shape[:2])


def prepare_shard(bench: Bench, shard: Shard) -> list[Prepared]:
    """Its images, for the networks whose files are not there yet; none where all are.

    All cores prepare, and only then the networks judge: done at once on one processor, the two would wait for each other.

    Raises:
        DataError: an image is unreadable; the message names its file.
    """
    left = [name for name in shard.networks if not bench.file(shard, name).is_file()]
    wanted = {bench.networks[name].preprocessing for name in left if name != IMAGES}
    if not left:
        return []
    with all_cores() as pool:
        return list(pool.map(lambda source: prepare(bench, source, shard.levels, wanted), shard.sources))


@torch.inference_mode()
def judge_shard(bench: Bench, shard: Shard, prepared: list[Prepared]) -> list[Path]:
    """Make the shard's files that are not there yet, of its prepared images; returns all, in the order of its networks."""
    files = {name: bench.file(shard, name) for name in shard.networks}
    left = [name for name, file in files.items() if not file.is_file()]
    images = pl.DataFrame([row for one in prepared for row in one.rows], schema=IMAGES_SCHEMA)
    if IMAGES in left:
        write_table(files[IMAGES], images, {})
    truths = [source.truth for source in shard.sources for _ in shard.levels]
    sizes = [one.size for one in prepared for _ in shard.levels]
    for judge in (bench.networks[name] for name in left if name != IMAGES):
        squares = [square for one in prepared for square in one.squares[judge.preprocessing]]
        outcomes = judge_images(bench, judge, squares, truths, sizes, pristine=shard.levels == (PRISTINE,))
        keys = images.select("source", "digest", "level")
        write_table(files[judge.name], keys.hstack(outcomes), {})
    return list(files.values())


def judge_images(
    bench: Bench,
    judge: Network,
    squares: list[Tensor],
    truths: list[Truth],
    sizes: list[tuple[int, int]],
    pristine: bool,
) -> pl.DataFrame:
    """Outcome columns of one network for these squares, in batches of fixed size."""
    task = TASKS[bench.setup.suite.task]
    tables = []
    # Compiled code is for one batch size: that of a level of a whole shard, which divides all others.
    size = SOURCES_PER_SHARD if bench.setup.compiled else BATCH
    for start in range(0, len(squares), size):
        given = squares[start : start + size]
        bench.last[judge.name] = given
        bench.counts[judge.name] = bench.counts.get(judge.name, 0) + len(given)
        fitted = None if pristine else bench.temperatures[judge.name]
        filled = given + [given[-1]] * (size - len(given)) if bench.setup.compiled else given
        answers = forward(bench, judge, filled)[: len(given)]
        here = slice(start, start + size)
        columns = task.observe(judge, answers, truths[here], sizes[here], fitted)
        extra = {"logits": pl.Array(pl.Float32, judge.classes)} if "logits" in columns else {}
        schema = {name: kind for name, kind in task.SCHEMA.items() if name in columns} | extra
        tables.append(pl.DataFrame(columns, schema=schema))
    return pl.concat(tables)


def forward(bench: Bench, network: Network, squares: list[Tensor]) -> Any:
    """The network's answers, at the bench's precision, compiled where it says so."""
    setup = bench.setup
    with autocast(setup.device, setup.precision):
        ready = network.preprocessing.normalise(squares, setup.device)
        return forward_of(bench, network, ready)(ready)


def forward_of(bench: Bench, network: Network, ready: Any) -> Callable[[Any], Any]:
    """A network's forward, compiled for such input where the bench says so and the network is a classifier's module."""
    if not bench.setup.compiled or network.module is None or network.task != "classification":
        return network.forward
    if network.name not in bench.forwards:
        print(f"compiling {network.name}", flush=True)
        start = time.perf_counter()
        bench.forwards[network.name] = compiled(network.module)
        bench.forwards[network.name](ready)
        bench.compiling += time.perf_counter() - start
    return bench.forwards[network.name]


@torch.inference_mode()
def bare_forward_seconds(bench: Bench) -> float:
    """What the forwards alone would have taken: each network's last batch again, from memory, times its batches."""
    total = 0.0
    for name, given in bench.last.items():
        network, setup = bench.networks[name], bench.setup
        ready = network.preprocessing.normalise(given, setup.device)
        times = []
        for _ in range(4):
            start = time.perf_counter()
            with autocast(setup.device, setup.precision):
                forward_of(bench, network, ready)(ready)
            times.append(time.perf_counter() - start)
        total += min(times) / len(given) * bench.counts[name]
    return total
