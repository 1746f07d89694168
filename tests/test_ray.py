"""Labelling on a real Ray cluster of several nodes gives the local engine's files, also where a node is lost on the way."""

import dataclasses
import threading
import time

import pytest
from PIL import Image

import benchmark
from benchmark.core.errors import LabelError
from benchmark.labelling.engines import find_engine
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.pipeline import label
from benchmark.suites.loading import load_suite

ray = pytest.importorskip("ray", reason="Ray is not installed (extra `scale`)")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own


@pytest.fixture
def cluster(monkeypatch):
    """A cluster of a head that only listens and two nodes that work, each with the cores that one worker needs."""
    import torch
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        found.add_node(num_cpus=torch.get_num_threads())
    ray.init(found.address, log_to_driver=False)
    yield found
    ray.shutdown()
    found.shutdown()


def outcomes(workspace):
    """The recorded outcomes' files as bytes."""
    return {path.name: path.read_bytes() for path in (workspace.results / "tiny" / "outcomes").iterdir()}


def test_advice_on_a_cluster_is_that_of_this_machine(cluster, tiny, tmp_path):
    """Photographs of one's own are judged on the cluster as they are here, decision by decision."""
    folder = tmp_path / "letters"
    folder.mkdir()
    for source in tiny.parts["test"][:20]:
        Image.fromarray(tiny.indexed.dataset.read(source.id)).save(folder / f"{source.id}.png")
    tables = [
        benchmark.advise(
            folder,
            ["zoo:vgg"],
            codecs=["jpeg:90/10", "webp:50"],
            execution=ExecutionConfig(engine=engine),
            workspace=benchmark.Workspace.named(cache=str(tmp_path / engine), device="cpu"),
        ).table
        for engine in ("local", "ray")
    ]
    assert tables[0].equals(tables[1])
    assert tables[0]["kept"].min() < 1


def test_a_cluster_that_loses_a_node_gives_the_local_files(cluster, tiny, tiny_file, tiny_workspace, tmp_path, capfd):
    """With one of two nodes killed while it works, every outcome is there, byte by byte the local engine's."""
    workspace = dataclasses.replace(tiny_workspace, cache=tmp_path / "cache", results=tmp_path / "results")
    lost = []

    def lose():
        shards = tmp_path / "cache" / "shards"
        while not list(shards.rglob("*.parquet")):
            time.sleep(0.05)
        node = cluster.list_all_nodes()[-1]
        cluster.remove_node(node, allow_graceful=False)
        lost.append(node)

    thread = threading.Thread(target=lose)
    thread.start()
    label(load_suite(str(tiny_file)), workspace, execution=ExecutionConfig(engine="ray"))
    thread.join(timeout=60)
    assert lost
    assert outcomes(workspace) == outcomes(tiny_workspace)


def test_engines_are_named():
    """An unknown engine is answered with those there are; only Ray has an address."""
    with pytest.raises(LabelError, match="no engine 'slurm'; there are local, ray"):
        find_engine("slurm")
    with pytest.raises(LabelError, match="takes no address"):
        find_engine("local", address="auto")
