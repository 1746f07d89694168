"""20,000 sources on one node, on two, and on two of which one is lost midway: `python -m tests.studies.many_nodes`.

Pictures of letters, each pristine and at two qualities of JPEG, are judged by three networks on a real Ray cluster on this
machine, whose nodes have one core each; the driver needs little. *Local* is the engine without Ray, with one thread. Files of
outcomes are compared byte by byte. Writes results/studies/many_nodes.md; half an hour on two quiet cores.
"""

import contextlib
import dataclasses
import os
import tempfile
import threading
import time
from pathlib import Path

from tests.studies.table import write_table

SOURCES = 20_000
ARMS = {
    "local": (0, False),
    "one node": (1, False),
    "two nodes": (2, False),
    "two nodes, one lost midway": (2, True),
}
"""Nodes of one core, 0 without Ray, and whether one of them is killed when half of the files are there."""


def suite():
    """`glyphs` with many sources, two qualities and three networks."""
    from benchmark.suites.loading import load_suite
    from benchmark.suites.spec import DistortionChoice, NetworkChoice

    counts = {"train": SOURCES * 7 // 10, "validation": SOURCES // 10, "test": SOURCES * 2 // 10}
    return dataclasses.replace(
        load_suite("glyphs"),
        name="many",
        dataset={"name": "glyphs", **counts},
        distortions=(DistortionChoice("jpeg", (30,), (10,)),),
        networks=NetworkChoice(("zoo:vgg", "zoo:resnet"), ("zoo:shufflenet",)),
    )


@contextlib.contextmanager
def cluster_of(nodes):
    """A cluster of a head that only listens and so many nodes of one core; None for no node."""
    if not nodes:
        yield None
        return
    import psutil
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for core in range(nodes):
        node = cluster.add_node(num_cpus=1)
        started = psutil.Process(node.all_processes["raylet"][0].process.pid)
        for process in (started, *started.children(recursive=True)):  # later ones inherit it
            process.cpu_affinity([core])
    ray.init(cluster.address, log_to_driver=False)
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def lose_node(cluster, shards, count):
    """Kill a node of the cluster, without a word to it, when there are so many files of shards."""
    while sum(1 for _ in shards.rglob("*.parquet")) < count:
        time.sleep(1)
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)


def measured(nodes, lost, folder):
    """Label the suite in an empty folder; returns the seconds, and the files of outcomes as bytes."""
    from benchmark.core.workspace import Workspace
    from benchmark.labelling.execution import ExecutionConfig
    from benchmark.labelling.pipeline import label

    workspace = Workspace.named(results=str(folder / "results"), cache=str(folder / "cache"), device="cpu")
    with cluster_of(nodes) as cluster:
        groups = -(-SOURCES // 16)
        thread = threading.Thread(
            target=lose_node, args=(cluster, folder / "cache" / "shards", groups * 4), daemon=True
        )
        if lost:
            thread.start()
        start = time.perf_counter()
        label(suite(), workspace, execution=ExecutionConfig(engine="ray" if nodes else "local"))
        seconds = time.perf_counter() - start
        if lost:
            thread.join(timeout=1)
            assert not thread.is_alive(), "no node was lost"
    outcomes = folder / "results" / "many" / "outcomes"
    return seconds, {path.name: path.read_bytes() for path in sorted(outcomes.iterdir())}


def main():
    """Label in every way and write the table."""
    import torch

    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # what `label` would set otherwise
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    given, rows = {}, []
    with tempfile.TemporaryDirectory() as folder:
        every = os.sched_getaffinity(0)
        for number, (arm, (nodes, lost)) in enumerate(ARMS.items()):
            os.sched_setaffinity(0, every if nodes else {0})
            given[arm] = measured(nodes, lost, Path(folder) / str(number))
            same = given[arm][1] == given["local"][1]
            rows.append((arm, f"{given[arm][0]:.0f}", "all" if same else "NO"))
            print(*rows[-1], flush=True)
        one = given["one node"][0]
        images = 3 * SOURCES
        table = [[arm, s, f"{one / float(s):.2f}", f"{images / float(s):.0f}", same] for arm, s, same in rows]
        about = f"{os.cpu_count()} cores. " + " ".join(__doc__.splitlines()[2:5]).partition(" Writes")[0]
        head = [
            "engine",
            "seconds",
            "times as fast as one node",
            "images a second",
            "files equal to the local engine's",
        ]
        write_table("many_nodes", head, table, about)


if __name__ == "__main__":
    main()
