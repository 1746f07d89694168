"""A trained predictor leaves as ONNX and gives the same scores."""

import numpy as np
import onnxruntime
import pytest
import torch

from baselines.resnet18 import ResNet18
from baselines.ssim import SSIM
from benchmark.cli.main import main
from benchmark.core.errors import PredictorError
from benchmark.core.types import Sample
from benchmark.deployment import onnx
from benchmark.deployment.inference import InferencePredictor
from benchmark.plugins.predictors.base import Context, Predictor


@pytest.fixture(scope="module")
def ready():
    """The reference, not trained, but with other batch statistics than at its start."""
    torch.manual_seed(0)
    predictor = ResNet18(Context())
    for module in predictor.inner.model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return InferencePredictor("resnet18", predictor, 0.25, "JPEG", lambda: pytest.fail("not asked for"))


@pytest.fixture(scope="module")
def written(ready, tmp_path_factory):
    """The reference as a file."""
    path = tmp_path_factory.mktemp("onnx") / "one.onnx"
    assert onnx.to_onnx(ready, path, {"suite": "glyphs"}) < 1e-4
    return path


@pytest.mark.parametrize("size", [(64, 64), (65, 127), (128, 90), (200, 128), (223, 225), (333, 500)])
def test_scores_are_the_predictors(ready, written, size):
    """For images of any size from 64 px on, whichever square the predictor would look at."""
    images = torch.randint(0, 256, (3, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    found = onnxruntime.InferenceSession(str(written)).run(["scores"], {"images": images.numpy()})[0]
    assert found == pytest.approx(np.array(ready.predictor.score([Sample(image) for image in images])), abs=1e-4)


def test_the_file_says_what_it_is(written):
    """Name, suite and threshold are in its metadata."""
    known = onnxruntime.InferenceSession(str(written)).get_modelmeta().custom_metadata_map
    assert {key: known[key] for key in ("predictor", "suite", "threshold")} == {
        "predictor": "resnet18", "suite": "glyphs", "threshold": "0.25"
    }  # fmt: skip


def test_a_predictor_without_a_network_is_refused(tmp_path):
    """SSIM has nothing to export, and says so."""
    ready = InferencePredictor("ssim", SSIM(Context()), 0.5, "JPEG", lambda: pytest.fail("not asked for"))
    with pytest.raises(PredictorError, match="SSIM is no network"):
        onnx.to_onnx(ready, tmp_path / "ssim.onnx", {})
    assert not list(tmp_path.iterdir())


class Mean(torch.nn.Module):
    """Mean brightness."""

    def forward(self, images):
        return images.float().mean(dim=(1, 2, 3))


class Wrong(Predictor):
    """Scores with the mean brightness, and exports something else."""

    def score(self, samples):
        return [float(sample.image.float().mean()) + 1 for sample in samples]

    def graph(self):
        return Mean()


def test_other_scores_leave_no_file(tmp_path):
    """A graph that computes something else than the predictor is found out before the file is there."""
    wrong = InferencePredictor("wrong", Wrong(Context()), 0.5, "JPEG", lambda: pytest.fail("not asked for"))
    with pytest.raises(PredictorError, match="wrong: scores in ONNX are off by"):
        onnx.to_onnx(wrong, tmp_path / "one.onnx", {})
    assert not list(tmp_path.iterdir())


def test_missing_packages_are_named(ready, tmp_path, monkeypatch):
    """The message says what to install."""
    monkeypatch.setattr(onnx, "PACKAGES", ("onnx", "no_such_package"))
    with pytest.raises(PredictorError, match=r"needs no_such_package; pip install 'utilbench\[onnx\]'"):
        onnx.to_onnx(ready, tmp_path / "one.onnx", {})


def test_the_verb_needs_a_trained_predictor(tmp_path, capsys, monkeypatch):
    """Without a trained state on this machine the message is the command that makes it."""
    monkeypatch.setenv("UTILBENCH_CACHE", str(tmp_path / "cache"))
    arguments = ["export", "resnet18", "-s", "glyphs", "-o", str(tmp_path / "x.onnx"), "--results", str(tmp_path)]
    assert main(arguments) == 1
    assert "utilbench run resnet18 -s glyphs" in capsys.readouterr().err
