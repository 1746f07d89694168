"""The paper's suite `coco`, on a few photographs and fewer levels.

No machine of ours has torchvision's weights: the six architectures are random, so no object is ever found. Everything else is
the real path: names, weights folder, transforms, category ids, augmentation, outcomes, labels, and the error that says that
no row is labelled useful.
"""

import dataclasses

import pytest
import torch
from safetensors.torch import save_file
from torchvision import models

from benchmark.core.errors import LabelError
from benchmark.core.workspace import Workspace
from benchmark.evaluation.evaluate import evaluate
from benchmark.labelling.pipeline import label
from benchmark.suites.loading import load_suite


@pytest.mark.slow
def test_the_papers_suite_labels_and_says_that_nothing_is_useful(coco_data, tmp_path):
    """Six detectors of torchvision record outcomes; by the paper's text all rows are non-useful, which training refuses."""
    suite = load_suite("coco", limit=5)
    suite = dataclasses.replace(
        suite, distortions=(dataclasses.replace(suite.distortions[0], levels=(30,), held_out=(12,)),)
    )
    (tmp_path / "networks").mkdir()
    for name in (*suite.networks.labelling, *suite.networks.held_out):
        model = name.partition(":")[2]
        torch.manual_seed(1)
        module = models.get_model(model, weights=None, weights_backbone=None)
        save_file(module.state_dict(), tmp_path / "networks" / f"{model}.safetensors")
    workspace = Workspace(
        coco_data, tmp_path / "networks", tmp_path / "cache", tmp_path / "results", chosen_device="cpu"
    )
    truth = label(suite, workspace)
    assert any(source.parent for source in truth.parts["train"])
    for name in suite.networks.labelling:
        assert set(truth.judgement(name)["label"]) == {0}
    with pytest.raises(LabelError, match="labelled useful"):
        evaluate("jpeg_quality", suite, workspace=workspace, truth=truth)
