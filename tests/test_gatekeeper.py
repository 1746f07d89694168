"""The gatekeeper: its features against SciPy and by hand, its training, and what its cards say of the network it asks."""

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from scipy.special import logsumexp, softmax
from scipy.stats import entropy

import benchmark
from baselines.gatekeeper import Gatekeeper, of_classes, of_detections
from benchmark.core.errors import PredictorError
from benchmark.evaluation.dataloading import lesson
from benchmark.evaluation.evaluate import evaluate
from benchmark.plugins.datasets.glyphs import scene

CONTEXTS = {
    "classification": benchmark.Context(probe="zoo:resnet_wide"),
    "detection": benchmark.Context(task="detection", probe="zoo:fcos_resnet_wide"),
}


@pytest.fixture(scope="module", params=CONTEXTS)
def learned(request):
    """A gatekeeper that was trained on the small suite of a task, and that suite."""
    truth = request.getfixturevalue("tiny" if request.param == "classification" else "tiny_det")
    predictor = Gatekeeper(CONTEXTS[request.param])
    predictor.fit(*(lesson(truth, "combined", part, Gatekeeper) for part in ("train", "validation")))
    return predictor, truth


def samples(count):
    """Letters on their grounds."""
    images = [torch.from_numpy(scene("test", number).transpose(2, 0, 1).copy()) for number in range(count)]
    return [benchmark.Sample(image) for image in images]


def test_entropy_is_scipys():
    """The first feature of a classifier is the entropy of its softmax, the second its greatest logit."""
    logits = np.random.default_rng(0).normal(0, 4, (7, 11))
    features = of_classes(torch.from_numpy(logits), True)
    assert features[:, 0] == pytest.approx(entropy(softmax(logits, axis=1), axis=1))
    assert features[:, 1] == pytest.approx(logits.max(axis=1))


def test_probabilities_give_the_entropy_of_their_logits():
    """A network that gives probabilities has the entropy that its logits have, and minus their log-sum-exp less."""
    logits = np.random.default_rng(0).normal(0, 4, (7, 11))
    features = of_classes(torch.from_numpy(softmax(logits, axis=1)), False)
    assert features[:, 0] == pytest.approx(entropy(softmax(logits, axis=1), axis=1))
    assert features[:, 1] == pytest.approx(logits.max(axis=1) - logsumexp(logits, axis=1))


def test_a_certain_network_has_no_entropy():
    """Probabilities of 0 and 1 give finite features."""
    features = of_classes(torch.eye(3), False)
    assert features[:, 0] == pytest.approx(0, abs=1e-9)
    assert np.isfinite(features).all()


def test_scores_of_detections_by_hand():
    """Logit of the best, logarithm of the sum, logarithm of the number and one."""
    best, total, count = of_detections(np.array([0.25, 0.8, 0.05]))
    assert best == pytest.approx(np.log(4))
    assert total == pytest.approx(np.log(1.11))
    assert count == pytest.approx(np.log(4))


def test_an_image_without_detections_scores_lowest():
    """No detection gives finite features, each below those of any detection."""
    nothing = of_detections(np.zeros(0))
    assert np.isfinite(nothing).all()
    assert (nothing < of_detections(np.array([0.02]))).all()


def test_a_sure_network_means_a_useful_image(learned):
    """The slopes say that a less uncertain probe, or a better detection, makes an image more useful."""
    predictor, truth = learned
    slope = predictor.inner.tensors["slope"]
    assert slope[0] < 0 if truth.suite.task == "classification" else slope[0] > 0


@pytest.mark.usefixtures("few_resamples")
def test_its_card_names_the_network_that_it_asks(learned, workspace):
    """The probe neither labels nor is held out, and the gatekeeper tells useful images from others."""
    _, truth = learned
    card = evaluate(Gatekeeper, truth.suite, workspace=workspace, truth=truth)
    assert card.provenance.looks_into == (truth.suite.networks.probe,)
    assert not card.provenance.peeks
    assert card.metrics["auroc"].value > 0.8


def test_saved_and_loaded_it_gives_the_same_scores(learned):
    """Scores are the same to the last digit after the state went through a file."""
    predictor, _ = learned
    restored = Gatekeeper(predictor.context)
    restored.load_state(load(save(predictor.state())))
    assert restored.score(samples(4)) == predictor.score(samples(4))


@pytest.mark.parametrize(
    ("probe", "message"),
    [("", "names no probe"), ("zoo:fcos_resnet_wide", "does detection, the suite is classification")],
)
def test_a_probe_that_does_not_fit_is_refused_by_name(probe, message):
    """Without a probe of the suite's task there is no gatekeeper."""
    with pytest.raises(PredictorError, match=message):
        Gatekeeper(benchmark.Context(probe=probe))
