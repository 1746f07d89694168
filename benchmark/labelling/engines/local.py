"""The local engine, which runs shards one after the other in this process.

On a device other than `cpu`, a shard is judged while the next one is prepared.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmark.core.devices import ahead
from benchmark.core.progress import show_progress
from benchmark.labelling.shards import Shard
from benchmark.labelling.worker import Worker, judge_shard, prepare_shard


def run(worker: Worker, shards: Iterable[Shard], title: str) -> dict[str, list[Path]]:
    """Run the shards; returns the files of each network, in the order of the shards."""
    shards = list(shards)
    files: dict[str, list[Path]] = {}
    coming = ((shard, prepare_shard(worker, shard)) for shard in shards)
    with show_progress(title, sum(shard.images for shard in shards), "images") as advance:
        for shard, prepared in ahead(coming, worker.config.device):
            for name, path in zip(shard.networks, judge_shard(worker, shard, prepared), strict=True):
                files.setdefault(name, []).append(path)
            advance(shard.images)
    return files
