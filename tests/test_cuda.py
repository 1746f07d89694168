"""What only a CUDA device can show: outcomes and scores are a processor's, and times are of work that is done."""

import dataclasses

import pytest
import torch

from benchmark.core.devices import prepare_process, synchronise
from benchmark.core.parquet import read_table
from benchmark.core.precision import PRECISIONS
from benchmark.evaluation.evaluate import evaluate
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.pipeline import label
from benchmark.labelling.shards import IMAGES
from benchmark.suites.results_folder import suite_folder
from benchmark.suites.tasks import TASKS

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture
def on_cuda(tiny_workspace, tmp_path):
    """Folders of its own, and the first CUDA device."""
    folders = {"cache": tmp_path / "cache", "results": tmp_path / "results"}
    return dataclasses.replace(tiny_workspace, **folders, chosen_device="cuda")


@pytest.mark.parametrize("fixture", ["tiny", "tiny_det"])
def test_outcomes_are_those_of_the_processor(fixture, on_cuda, tiny_workspace, request):
    """In float32 every outcome is within the tolerances of `verify`, and every label is the same."""
    expected = request.getfixturevalue(fixture)
    truth = label(expected.suite, on_cuda)
    for name in expected.outcomes.keys() - {IMAGES}:
        file = suite_folder(tiny_workspace, expected.suite).outcomes(name)
        recorded, again = (read_table(path)[0] for path in (file, suite_folder(on_cuda, expected.suite).outcomes(name)))
        assert not TASKS[expected.suite.task].disagree(recorded, again).any()
    for name in expected.suite.label_sets:
        assert truth.labels(name)["label"].equals(expected.labels(name)["label"])


@pytest.mark.parametrize("precision", PRECISIONS[1:])
def test_half_precision_changes_few_labels(precision, tiny, on_cuda):
    """At most one label in fifty is another."""
    truth = label(tiny.suite, on_cuda, execution=ExecutionConfig(precision=precision))
    for name in tiny.suite.label_sets:
        assert (truth.labels(name)["label"] != tiny.labels(name)["label"]).mean() < 0.02


@pytest.mark.parametrize("channels", [3, 64])
def test_float32_is_not_tf32(channels):
    """A convolution is as exact as float32 allows; in TF32 it is off by some 1e-4."""
    prepare_process()
    random = torch.Generator().manual_seed(0)
    images, weights = (torch.randn(*shape, generator=random) for shape in ((8, channels, 32, 32), (64, channels, 3, 3)))
    exact = torch.nn.functional.conv2d(images.double(), weights.double())
    found = torch.nn.functional.conv2d(images.cuda(), weights.cuda()).cpu().double()
    assert (found - exact).norm() / exact.norm() < 2e-6


def test_a_time_is_of_work_that_is_done():
    """A product of matrices is given to the device in no time and takes a while; after `synchronise` it is there."""
    square, done = torch.randn(8192, 8192, device="cuda"), torch.cuda.Event()
    for _ in range(20):
        square @ square
    done.record()
    assert not done.query()
    synchronise("cuda")
    assert done.query()


@pytest.mark.parametrize("name", ["energy", "fisher", "resnet18"])
def test_scores_do_not_depend_on_other_images(name, tiny, on_cuda):
    """A run scores images alone and in other batches, and is void where that changes a score; so it was made on the device."""
    card = evaluate(name, tiny.suite, seeds=[0], truth=label(tiny.suite, on_cuda), workspace=on_cuda)
    assert card.provenance.device == "cuda"
