"""What is done to the images of a shard: they are prepared once for all networks, and judged; files are written.

`plan` gives the shards, whose outcomes can be computed on any machine and repeated; `complete` puts their files together.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import torch

from benchmark.core.devices import all_cores, compiled, synchronise
from benchmark.core.images import pixel_digest, to_tensor
from benchmark.core.parquet import write_table
from benchmark.core.precision import autocast
from benchmark.core.types import CONDITION, PRISTINE, Condition, Sizes, Source, Truth, image_name
from benchmark.labelling.shards import IMAGES, IMAGES_SCHEMA, SOURCES_TOGETHER, Shard
from benchmark.labelling.worker import Worker
from benchmark.plugins.distortions import decoded, find_distortion
from benchmark.suites.tasks import TASKS

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.plugins.networks.network import Letterbox, Network, NoResize, Preprocessing

    View = Preprocessing | Letterbox | NoResize

logger = logging.getLogger(__name__)
BATCH, BATCH_ON_CPU = 32, 8
"""Images that a network gets at once; on a processor more would take more memory and no less time."""


@dataclass(frozen=True)
class Prepared:
    """One source under several conditions, ready for the networks."""

    rows: list[dict[str, object]]
    """One row per condition, in the schema of `images`."""
    squares: dict[View, list[Tensor]]
    """One uint8 tensor (3, S, S) per condition, for each preprocessing that occurs."""
    sizes: list[Sizes]
    """The sizes of the image under each condition."""


def prepare_source(worker: Worker, source: Source, conditions: Sequence[Condition], views: set[View]) -> Prepared:
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


def prepare(worker: Worker, piece: Shard, names: Collection[str]) -> list[Prepared]:
    """The images of a piece of a shard, prepared for the networks of these names; empty if there are none.

    All cores prepare before the networks run, since both at once on one processor would compete for the cores.

    Raises:
        DataError: an image is unreadable, or the codec cannot encode it; the message names it.
    """
    if not names:
        return []
    views = {worker.networks[name].preprocessing for name in names if name != IMAGES}
    with all_cores() as pool:
        return list(pool.map(lambda source: prepare_source(worker, source, piece.conditions, views), piece.sources))


@torch.inference_mode()
def judge(worker: Worker, piece: Shard, prepared: list[Prepared], names: Collection[str]) -> dict[str, pl.DataFrame]:
    """The tables of these networks, and `images`, for the prepared images of a piece of a shard."""
    images = pl.DataFrame([row for entry in prepared for row in entry.rows], schema=IMAGES_SCHEMA)
    truths = [source.truth for source in piece.sources for _ in piece.conditions]
    sizes = [size for entry in prepared for size in entry.sizes]
    shown = [image_name(source.id, *condition) for source in piece.sources for condition in piece.conditions]
    tables = {IMAGES: images} if IMAGES in names else {}
    for network in (worker.networks[name] for name in names if name != IMAGES):
        squares = [square for entry in prepared for square in entry.squares[network.preprocessing]]
        outcomes = judge_images(worker, network, squares, truths, sizes, names=shown, pristine=piece.is_pristine)
        tables[network.name] = images.select("source", "digest", *CONDITION).hstack(outcomes)
    return tables


def write_shard(worker: Worker, shard: Shard, tables: Sequence[dict[str, pl.DataFrame]]) -> None:
    """Write the files of a shard from the tables of its pieces."""
    for name in tables[0]:
        write_table(worker.file(shard, name), pl.concat([piece[name] for piece in tables]), {})


def judge_images(
    worker: Worker,
    network: Network,
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
    # Compiled code supports one batch size: the number of sources of a whole piece, which divides its number of images.
    eager = BATCH_ON_CPU if worker.config.device == "cpu" else BATCH
    size = SOURCES_TOGETHER if worker.config.execution.compiled else eager
    for start in range(0, len(squares), size):
        window = slice(start, start + size)
        batch = squares[window]
        worker.judged += len(batch)
        fitted = None if pristine else worker.temperatures[network.name]
        fill = size - len(batch) if worker.config.execution.compiled else 0
        filled, shown = batch + [batch[-1]] * fill, names[window] + [names[window][-1]] * fill
        answers = forward(worker, network, filled, shown)[: len(batch)]
        columns = task.observe(network, answers, truths[window], sizes[window], fitted)
        extra = {"logits": pl.Array(pl.Float32, network.classes)} if "logits" in columns else {}
        schema = {name: kind for name, kind in task.SCHEMA.items() if name in columns} | extra
        tables.append(pl.DataFrame(columns, schema=schema))
    return pl.concat(tables)


def forward(worker: Worker, network: Network, squares: list[Tensor], names: list[str]) -> Any:
    """The network's checked answers at the worker's precision, computed by compiled code if the worker's config says so."""
    config = worker.config
    with autocast(config.device, config.execution.precision):
        ready = network.preprocessing.normalise(squares, config.device)
        return network.ask(ready, names, forward=lambda batch: timed_forward(worker, network, batch))


def timed_forward(worker: Worker, network: Network, ready: Any) -> Any:
    """The network's answers to such input; adds the time, without that of compiling, to the worker's."""
    run = forward_of(worker, network, ready)
    synchronise(worker.config.device)
    start = time.perf_counter()
    answers = run(ready)
    synchronise(worker.config.device)
    worker.seconds += time.perf_counter() - start
    return answers


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
