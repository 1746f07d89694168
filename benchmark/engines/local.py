"""The local engine: shards one after the other, in this process.

A device that is not this processor judges a shard while the next one is prepared.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmark.labelling import Bench, Shard, judge_shard, prepare_shard
from benchmark.progress import show_progress
from benchmark.runtime import ahead


def run(bench: Bench, shards: Iterable[Shard], title: str) -> dict[str, list[Path]]:
    """Run the shards; returns each network's files, in the shards' order."""
    shards = list(shards)
    files: dict[str, list[Path]] = {}
    coming = ((shard, prepare_shard(bench, shard)) for shard in shards)
    with show_progress(title, sum(shard.images for shard in shards), "images") as advance:
        for shard, prepared in ahead(coming, bench.setup.device):
            for name, path in zip(shard.networks, judge_shard(bench, shard, prepared), strict=True):
                files.setdefault(name, []).append(path)
            advance(shard.images)
    return files
