"""The local engine: shards one after the other, in this process."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmark.labelling import Bench, Shard, run_shard
from benchmark.progress import progress


def run(bench: Bench, shards: Iterable[Shard], title: str) -> dict[str, list[Path]]:
    """Run the shards; returns each network's files, in the shards' order."""
    shards = list(shards)
    files: dict[str, list[Path]] = {}
    with progress(title, sum(shard.images for shard in shards), "images") as advance:
        for shard in shards:
            for name, path in zip(shard.networks, run_shard(bench, shard), strict=True):
                files.setdefault(name, []).append(path)
            advance(shard.images)
    return files
