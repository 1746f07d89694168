"""The paper's suite `imagenet`, whole, on a few photographs.

No machine of ours has torchvision's weights: the six architectures get random bodies, and a last layer that is fitted in closed
form to the photographs at hand, so that labels exist: pristine ones to their class, at quality 5 to their neighbour's. Both
thresholds are .5: above .9 such networks leave no useful image in a validation part of four photographs.
Everything else is the real path: names, weights folder, transforms, augmentation, outcomes, labels, scorecards, board.
"""

import dataclasses

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from benchmark.core.images import to_tensor
from benchmark.core.workspace import Workspace
from benchmark.evaluation.evaluate import evaluate
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.pipeline import label
from benchmark.leaderboard.rank import rank
from benchmark.plugins.datasets import index, open_dataset
from benchmark.plugins.datasets.class_names import class_names
from benchmark.plugins.distortions import decode_jpeg, encode_jpeg
from benchmark.plugins.networks.network import Preprocessing
from benchmark.plugins.networks.torchvision_networks import ARGUMENTS
from benchmark.suites.loading import load_suite
from benchmark.suites.splits import split

LIMIT = 40


@torch.no_grad()
def fit_last_layer(model, images, truths):
    """Set batch-norm statistics by one pass, then solve the last layer so that each image gets its own class."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    last = [module for module in model.modules() if isinstance(module, nn.Linear) and module.out_features == 1000][-1]
    features = []
    hook = last.register_forward_pre_hook(lambda module, given: features.append(given[0].flatten(1)))
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    for batch in images.split(8):
        model(batch)
    features.clear()
    model.eval()
    for batch in images.split(8):
        model(batch)
    hook.remove()
    x = torch.cat(features).double()
    shift = x.mean(0)
    targets = torch.zeros(len(x), 1000, dtype=torch.double)
    targets[torch.arange(len(x)), torch.tensor(truths)] = 16.0
    centred = x - shift
    gram = centred @ centred.T
    solved = centred.T @ torch.linalg.solve(gram + 1e-6 * gram.diagonal().mean() * torch.eye(len(x)), targets)
    last.weight.copy_(solved.T.float())
    last.bias.copy_(-(shift @ solved).float())


@pytest.fixture(scope="module")
def folders(imagenet_data, tmp_path_factory):
    """A networks folder with the suite's six architectures, and fresh folders for results and cache."""
    folder = tmp_path_factory.mktemp("imagenet")
    (folder / "networks").mkdir()
    workspace = Workspace(imagenet_data, folder / "networks", folder / "cache", folder / "results", chosen_device="cpu")
    suite = load_suite("imagenet", limit=LIMIT)
    dataset = open_dataset({"name": "imagenet"}, workspace.data)
    parts = split(index(dataset, workspace.cache), suite.split, limit=LIMIT)
    sources = [source for members in parts.values() for source in members]
    for name in (*suite.networks.labelling, *suite.networks.held_out):
        model = name.partition(":")[2]
        torch.manual_seed(1)
        module = models.get_model(model, weights=None, **ARGUMENTS.get(model, {}))
        t = models.get_model_weights(model)["IMAGENET1K_V1"].transforms()
        prepare = Preprocessing(
            t.resize_size[0], t.crop_size[0], interpolation=t.interpolation.value, mean=tuple(t.mean), std=tuple(t.std)
        )
        pristine = [dataset.read(source.id) for source in sources]
        seen = pristine + [decode_jpeg(encode_jpeg(image, 5)) for image in pristine]
        squares = torch.stack([prepare.square(to_tensor(image)) for image in seen])
        truths = [source.truth for source in sources]
        fit_last_layer(module, prepare.normalise(squares, "cpu"), truths + truths[1:] + truths[:1])
        save_file(module.state_dict(), workspace.networks / f"{model}.safetensors")
    return workspace


@pytest.mark.slow
def test_the_papers_suite_runs_from_names_to_board(folders, capsys):
    """Six architectures of torchvision label, are held out, and give a board of two predictors."""
    suite = load_suite("imagenet", limit=LIMIT)
    suite = dataclasses.replace(suite, labels=dataclasses.replace(suite.labels, high=0.5, low=0.5))
    truth = label(suite, folders, execution=ExecutionConfig(precision="bf16"))
    with capsys.disabled():
        for labels in suite.label_sets:
            print(labels, truth.labels(labels).group_by("part", "label").len().sort("part", "label").rows())
    assert len([source for source in truth.parts["train"] if source.parent]) == 28
    for name in ("jpeg_quality", "chance"):
        card = evaluate(name, suite, workspace=folders, truth=truth)
        assert set(card.downstream) == set(suite.networks.held_out)
    assert any("imagenet-limit40" in line for line in rank(["imagenet"], folders, limit=LIMIT))


def test_names_of_classes_are_torchvisions():
    """The file of names has those of torchvision's weights, in their order."""
    from torchvision.models import ResNet18_Weights

    assert list(class_names(1000)) == ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
