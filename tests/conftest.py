"""Shared fixtures: small suites of letters, labelled once by real networks; and what not every machine has.

ImageNet's and COCO's photographs and the ONNX networks are no part of the repository. Tests that need them ask for the
fixtures `imagenet_data`, `coco_data`, `open_data` and `onnx_networks`, and are skipped, with the reason printed, only where
`UTILBENCH_DATA` or `UTILBENCH_NETWORKS` does not lead to them.
"""

import dataclasses
import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from benchmark.core.devices import cores
from benchmark.core.workspace import Workspace
from benchmark.evaluation.evaluate import evaluate
from benchmark.labelling.pipeline import label
from benchmark.plugins.predictors.discovery import load_file
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import suite_folder

settings.register_profile("utilbench", deadline=None, derandomize=True, database=None)
settings.load_profile("utilbench")  # the same examples each time, and as long as they take

SPLIT_AND_LEVELS = """
[split]
train = 0.5
validation = 0.25
test = 0.25
[[distortions]]
name = "jpeg"
levels = [50, 10, 3]
held_out = [30, 5]"""
TINY = f"""
name = "tiny"
version = 1
title = "A few letters"
task = "classification"
[dataset]
name = "glyphs"
train = 80
validation = 40
test = 60
{SPLIT_AND_LEVELS}
[networks]
labelling = ["zoo:densenet", "zoo:resnet"]
held_out = ["zoo:resnext"]
probe = "zoo:resnet_wide"
[labels]
high = 0.8
low = 0.2
"""

TINY_DET = f"""
name = "tiny-det"
version = 1
title = "A few scenes of letters"
task = "detection"
[dataset]
name = "glyph-scenes"
train = 40
validation = 20
test = 24
{SPLIT_AND_LEVELS}
[networks]
labelling = ["zoo:retinanet_vgg", "zoo:ssd_resnext"]
held_out = ["zoo:fcos_shufflenet"]
probe = "zoo:fcos_resnet_wide"
classifier = "zoo:nfnet"
[labels]
confidence = 0.5
"""


def pytest_make_parametrize_id(val):
    """Ids of texts that are no UTF-8 in ASCII, since processes that share the tests send them to each other."""
    return ascii(val) if isinstance(val, str) and any("\ud800" <= letter <= "\udfff" for letter in val) else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """`-n auto` is a process for each core that these processes are given, six at most, since each holds a GB or two."""
    return min(cores(), 6)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """What a test printed becomes UTF-8, for the same reason."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


def workspace_in(folder):
    """Folders for results and cache, and the processor as device; no data and no networks folder."""
    return Workspace(data=None, networks=None, cache=folder / "cache", results=folder / "results", chosen_device="cpu")


def folder_with(variable, part):
    """The folder that an environment variable names, or a skip where it does not hold this part."""
    folder = Path(os.environ.get(variable, "unset"))
    if not (folder / part).exists():
        pytest.skip(f"no {part} in the folder {variable} ({folder})")
    return folder


@pytest.fixture(scope="session")
def imagenet_data():
    """The data folder, with ImageNet's photographs."""
    return folder_with("UTILBENCH_DATA", "imagenet")


@pytest.fixture(scope="session")
def coco_data():
    """The data folder, with COCO's photographs."""
    return folder_with("UTILBENCH_DATA", "coco")


@pytest.fixture(scope="session")
def open_data():
    """The data folder, with photographs under open licences."""
    return folder_with("UTILBENCH_DATA", "open")


@pytest.fixture(scope="session")
def onnx_networks():
    """The folder of ONNX networks."""
    return folder_with("UTILBENCH_NETWORKS", "mobilenet_v1_050_quant.onnx")


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory):
    """A suite file of 180 scenes, three levels and four networks of the zoo."""
    path = tmp_path_factory.mktemp("suite") / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory):
    """A folder that all processes of the tests share, for what is made once."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def tiny_workspace(tmp_path_factory, shared_folder):
    """Folders for results and cache, and the processor as device; no data and no networks folder.

    All processes share the results, and the shards of outcomes that they are of.
    """
    workspace = workspace_in(tmp_path_factory.mktemp("tiny"))
    (shared_folder / "shards").mkdir(exist_ok=True)
    workspace.cache.mkdir()
    (workspace.cache / "shards").symlink_to(shared_folder / "shards")
    return dataclasses.replace(workspace, results=shared_folder / "labelled")


@pytest.fixture(scope="session")
def tiny(tiny_file, tiny_workspace):
    """The ground truth of the small suite; its results folder holds the outcomes, which no test may change."""
    yield from labelled(load_suite(str(tiny_file)), tiny_workspace)


@pytest.fixture(scope="session")
def tiny_det(tmp_path_factory, tiny_workspace):
    """The ground truth of a small suite of detection: 84 scenes, three levels, three detectors of the zoo."""
    path = tmp_path_factory.mktemp("suite") / "tiny-det.toml"
    path.write_text(TINY_DET)
    yield from labelled(load_suite(str(path)), tiny_workspace)


def labelled(suite, workspace):
    """Yield the ground truth of a suite, and fail afterwards where its recorded outcomes were changed."""
    with FileLock(f"{workspace.results}.lock"):
        truth = label(suite, workspace)
    files = sorted(suite_folder(workspace, suite).path.glob("outcomes/*"))
    recorded = [path.read_bytes() for path in files]
    yield truth
    changed = [path.name for path, content in zip(files, recorded, strict=True) if path.read_bytes() != content]
    assert not changed, f"a test changed the outcomes that all share: {', '.join(changed)}"


@pytest.fixture
def workspace(tiny_workspace, tiny, tiny_det, tmp_path):
    """Folders of its own, with the outcomes of both small suites."""
    fresh = Workspace(
        data=None, networks=None, cache=tmp_path / "cache", results=tmp_path / "results", chosen_device="cpu"
    )
    for truth in (tiny, tiny_det):
        name = truth.suite.name
        shutil.copytree(tiny_workspace.results / name / "outcomes", fresh.results / name / "outcomes")
    return fresh


def evaluated_with_images(truth, recorded, folder, predictors, label_sets=("combined",)):
    """Folders below `folder` with results of predictors on a small suite, whose outcomes are recorded, and may be shown."""
    name, fresh = truth.suite.name, dataclasses.replace(workspace_in(folder), chosen_device="")
    shutil.copytree(recorded.results / name / "outcomes", fresh.results / name / "outcomes")
    suite = dataclasses.replace(truth.suite, redistributable=True)
    shown = dataclasses.replace(truth, indexed=dataclasses.replace(truth.indexed, suite=suite))
    for predictor in predictors:
        for labels in label_sets:
            evaluate(predictor, suite, labels=labels, workspace=fresh, truth=shown)
    return fresh


@pytest.fixture
def few_rows_are_ranked(monkeypatch):
    """Boards rank the predictors of a suite however few rows it has."""
    monkeypatch.setattr("benchmark.evaluation.card_parts.ENOUGH_ROWS", 1)


@pytest.fixture
def no_pictures(monkeypatch):
    """`rank` draws no figure, which takes longer than all else of it, for tests that look at none."""
    monkeypatch.setattr("benchmark.leaderboard.figures.draw", lambda *_, **__: [])


@pytest.fixture
def few_resamples(monkeypatch):
    """Intervals of gains in an mAP are of few resamples, which otherwise take most of the time of a card."""
    monkeypatch.setattr("benchmark.suites.tasks.replacement.Downstream.REPLICATES", 20)


@pytest.fixture
def in_this_process(monkeypatch):
    """Predictors of files run in this process; starting one of their own, which has its own tests, takes seconds each time."""
    monkeypatch.setattr("benchmark.plugins.predictors.discovery.child_kind", lambda origin: load_file(origin.file))


@pytest.fixture
def no_networks(monkeypatch):
    """Loading a network fails the test."""

    def refuse(name, *_, **__):
        raise AssertionError(f"{name} was loaded")

    monkeypatch.setattr("benchmark.labelling.worker.load", refuse)
