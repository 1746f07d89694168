"""The local engine, which runs shards one after the other in this process.

On a device other than `cpu`, a piece of a shard is judged while the next one is prepared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import polars as pl

from benchmark.core.devices import ahead, return_freed_memory
from benchmark.core.progress import show_progress
from benchmark.labelling.judging import Prepared, judge, prepare, write_shard
from benchmark.labelling.shards import Shard
from benchmark.labelling.worker import Worker

Step = tuple[Shard, Shard, tuple[str, ...], list[Prepared]]
"""A shard, a piece of it, the networks whose files are missing, and the piece's images, prepared for these."""


def run(worker: Worker, shards: Iterable[Shard], title: str) -> dict[str, list[Path]]:
    """Run the shards; returns the files of each network, in the order of the shards."""
    shards = list(shards)
    with show_progress(title, sum(shard.images for shard in shards), "images") as advance:
        run_shards(worker, shards, advance=advance)
    return worker.files(shards)


def run_shards(
    worker: Worker, shards: Iterable[Shard], *, advance: Callable[[int], None] = lambda images: None
) -> None:
    """Write the files of these shards that are missing; `advance` is given the number of images of each piece."""
    device, tables = worker.config.device, list[dict[str, pl.DataFrame]]()
    for shard, piece, names, prepared in ahead(steps(worker, shards), device):
        tables.append(judge(worker, piece, prepared, names))
        prepared.clear()
        if names and device == "cpu":  # elsewhere a thread is just preparing the next piece
            return_freed_memory()
        if len(tables) == len(shard.pieces):
            write_shard(worker, shard, tables)
            tables = []
        advance(piece.images)


def steps(worker: Worker, shards: Iterable[Shard]) -> Iterator[Step]:
    """The pieces of all shards, prepared one after the other."""
    for shard in shards:
        names = worker.missing(shard)
        for piece in shard.pieces:
            yield shard, piece, names, prepare(worker, piece, names)
