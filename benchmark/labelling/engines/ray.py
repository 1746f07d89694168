"""The engine for many machines, which runs shards on Ray Data with one actor per GPU or per few cores.

A worker opens the dataset and the networks itself, from the same names, and returns the files of each shard as bytes, so that
the nodes share only the disk of the weights, and that of the photographs unless these have an address. If a node is lost, its
shards are repeated; their files equal those that the local engine makes on such a machine with as many threads.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.core.devices import prepare_process
from benchmark.core.errors import LabelError
from benchmark.core.files import write_bytes
from benchmark.core.messages import show_messages
from benchmark.core.progress import show_progress
from benchmark.labelling.engines.local import run_shards
from benchmark.labelling.shards import Shard
from benchmark.labelling.worker import Worker, WorkerConfig


class RayWorker:
    """An actor with a worker of its own, which runs the shards that are passed to it."""

    def __init__(self, config: WorkerConfig, temperatures: dict[str, float]) -> None:
        show_messages()  # in the actor's log
        prepare_process(threads=config.threads)
        self.folder = tempfile.TemporaryDirectory(prefix="utilbench-")
        # No image comes twice here, and the folder is lost at the end.
        self.worker = config.open(Path(self.folder.name), keep_bitstreams=False)
        self.worker.temperatures = temperatures

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The files of a batch of shards, each with the number of its shard, its network and its bytes."""
        rows = []
        for number, text in zip(batch["number"], batch["shard"], strict=True):
            shard: Shard = pickle.loads(text)  # it comes from the driver of this cluster
            run_shards(self.worker, [shard])
            for name in shard.networks:
                path = self.worker.file(shard, name)
                rows.append((number, name, path.read_bytes()))
                path.unlink()
        numbers, names, files = zip(*rows, strict=True)
        return {"number": list(numbers), "name": list(names), "file": np.array(files, dtype=object)}


def run(worker: Worker, shards: Sequence[Shard], title: str, *, address: str = "") -> dict[str, list[Path]]:
    """Run the shards on a cluster; returns the files of each network in this machine's cache, in the order of the shards.

    Args:
        worker: the worker whose config is sent to the cluster.
        shards: the shards to run; those that the cache holds are not run again.
        title: title of the progress display.
        address: address of the cluster for `ray.init`; empty: the connected cluster, else a new one on this machine.

    Raises:
        LabelError: Ray is not installed, or the cluster has no node with enough resources for a worker.
    """
    left = {number: shard for number, shard in enumerate(shards) if worker.missing(shard)}
    if left:
        collect(worker, left, title, address)
    return worker.files(shards)


def collect(worker: Worker, shards: dict[int, Shard], title: str, address: str) -> None:
    """Run the shards on the cluster, and write each file into the cache when it arrives."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise LabelError(f"--engine ray needs Ray ({error}); pip install 'utilbench[scale]'") from error
    if not ray.is_initialized():
        ray.init(address or None, include_dashboard=False, log_to_driver=False)
    config = worker.config
    share = {"num_gpus": 1.0} if config.device.startswith("cuda") else {"num_cpus": float(config.threads)}
    kind, needed = ("GPU", 1) if "num_gpus" in share else ("CPU", config.threads)
    slots = sum(int(node["Resources"].get(kind, 0) // needed) for node in ray.nodes() if node["Alive"])
    if not slots:
        raise LabelError(f"no node of the cluster has {needed} {kind}, which a worker needs")
    rows = [{"number": number, "shard": pickle.dumps(shard)} for number, shard in shards.items()]
    results = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        RayWorker,
        batch_size=1,
        fn_constructor_args=(config, worker.temperatures),
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(slots, len(rows))),
        **share,
    )
    waiting = {number: set(shard.networks) for number, shard in shards.items()}
    with show_progress(title, sum(shard.images for shard in shards.values()), "images") as advance:
        for row in results.iter_rows():
            shard = shards[row["number"]]
            write_bytes(worker.file(shard, row["name"]), row["file"])
            waiting[row["number"]].discard(row["name"])
            if not waiting[row["number"]]:
                advance(shard.images)
