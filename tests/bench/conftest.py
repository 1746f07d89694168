"""What the benches share: folders, timing once, and the figures that end in the table."""

from pathlib import Path

import pytest

from benchmark.core.devices import prepare_process
from benchmark.core.workspace import Workspace
from tests.conftest import folder_with

ROOT = Path(__file__).parents[2]


@pytest.fixture
def figure(benchmark):
    """Records what a benchmark found: a figure in words, its value, what it should be, and what it was made of."""

    def record(name, value, aim, **made_of):
        found = {"figure": name, "value": float(value), "aim": aim, "made_of": made_of}
        benchmark.extra_info.setdefault("figures", []).append(found)

    return record


@pytest.fixture
def once(benchmark):
    """Calls a function once, timed; returns what it returns, and its seconds."""

    def call(function, *given, **named):
        found = benchmark.pedantic(function, given, named, rounds=1, iterations=1)
        return found, benchmark.stats.stats.min

    return call


@pytest.fixture
def lite(tmp_path):
    """Photographs and networks of the lite suites, with new folders for results and cache."""
    data, networks = (
        folder_with("UTILBENCH_DATA", "imagenet"),
        folder_with("UTILBENCH_NETWORKS", "mobilenet_v2_quant.onnx"),
    )
    prepare_process()
    return Workspace(
        data=data, networks=networks, cache=tmp_path / "cache", results=tmp_path / "results", chosen_device="cpu"
    )


@pytest.fixture
def published(lite):
    """The same, with the committed outcomes of all suites in the new folder of results."""
    for home in (ROOT / "results").glob("*/outcomes"):
        (lite.results / home.parent.name).mkdir(parents=True)
        (lite.results / home.parent.name / "outcomes").symlink_to(home)
    return lite
