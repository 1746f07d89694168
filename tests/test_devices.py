"""The path to other devices, as far as a machine without any can follow it: the device `meta`, which computes shapes only."""

import dataclasses
import time

import pytest
import torch

from benchmark.core.devices import ahead, to_device
from benchmark.core.parquet import read_table
from benchmark.core.precision import PRECISIONS, autocast
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.pipeline import label
from benchmark.plugins.networks import load
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import suite_folder

CLASSIFIERS = ["zoo:resnet", "zoo:vgg", "zoo:densenet", "zoo:shufflenet"]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_network_answers_on_the_device_that_it_was_loaded_for(name):
    """Weights, input and answers are all on `meta`; nothing on the way is left on the processor."""
    network = load(name, None, device="meta")
    assert {value.device.type for value in network.module.state_dict().values()} == {"meta"}
    images = [torch.zeros(3, 80, 64, dtype=torch.uint8)] * 3
    ready = network.prepared(images, "meta")
    assert ready.device.type == "meta"
    assert ready.is_contiguous(memory_format=torch.channels_last)
    answers = network.forward(ready)
    assert (answers.device.type, tuple(answers.shape)) == ("meta", (3, network.classes))


def test_the_reference_computes_on_its_device():
    """Squares go to the device before anything is computed of them, and a step's forward and backward stay there."""
    from baselines._squares import ready
    from baselines.resnet18 import ResNet18
    from benchmark import Context

    predictor = ResNet18(Context(device="meta")).inner
    squares = ready(torch.zeros(4, 1, 96, 96, dtype=torch.uint8), "meta")
    assert squares.is_contiguous(memory_format=torch.channels_last)
    predictor.model.to("meta")(squares).sum().backward()
    assert all(one.grad.device.type == "meta" for one in predictor.model.parameters())


def test_a_batch_goes_to_a_device_unchanged():
    """Values, type and shape are kept; on the processor nothing is copied."""
    batch = torch.arange(24, dtype=torch.uint8).view(2, 3, 2, 2)
    assert to_device(batch, "cpu") is batch
    moved = to_device(batch, "meta")
    assert (moved.device.type, moved.dtype, moved.shape) == ("meta", batch.dtype, batch.shape)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_autocast_computes_at_its_precision(precision):
    """A product is of the type that the precision names."""
    kinds = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    with autocast("cpu:0", precision):
        assert (torch.ones(4, 4) @ torch.ones(4, 4)).dtype == kinds[precision]


def test_working_ahead_keeps_order_and_errors():
    """Items come in their order, one is made while the one before is used, and what making one raises arrives."""
    made = []

    def items():
        for number in range(4):
            made.append(number)
            yield number
        raise ValueError("at the end")

    found = []
    with pytest.raises(ValueError, match="at the end"):
        for item in ahead(items(), "cuda"):
            found.append(item)
            until = time.monotonic() + 10
            while len(made) < min(item + 2, 4) and time.monotonic() < until:
                time.sleep(0.001)
            assert len(made) == min(item + 2, 4)
    assert found == [0, 1, 2, 3]
    assert list(ahead([], "cuda")) == []


def test_preparing_ahead_changes_no_outcome(tiny, tiny_file, tiny_workspace, tmp_path):
    """A device that is prepared for while it judges, which `cpu:0` counts as, gives the same files."""
    folders = {"cache": tmp_path / "cache", "results": tmp_path / "results"}
    workspace = dataclasses.replace(tiny_workspace, **folders, chosen_device="cpu:0")
    label(load_suite(str(tiny_file)), workspace)
    for path in (tiny_workspace.results / "tiny" / "outcomes").iterdir():
        assert (workspace.results / "tiny" / "outcomes" / path.name).read_bytes() == path.read_bytes()


def test_labels_hardly_depend_on_the_precision(tiny_file, tiny_workspace, tmp_path):
    """In half precision at most one label in fifty is another, and the outcomes say how they were made."""
    suite, truths = load_suite(str(tiny_file), limit=60), {}
    for precision in PRECISIONS:
        workspace = dataclasses.replace(tiny_workspace, cache=tmp_path / precision, results=tmp_path / precision)
        truths[precision] = label(suite, workspace, execution=ExecutionConfig(precision=precision))
        for name in suite.networks.labelling:
            labels, others = (truths[each].labels(name)["label"].to_numpy() for each in ("float32", precision))
            assert len(labels) > 100
            assert (labels != others).mean() < 0.02
            _, metadata = read_table(suite_folder(workspace, suite).outcomes(name))
            assert metadata["precision"] == precision
