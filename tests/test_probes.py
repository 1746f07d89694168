"""Energy and Fisher information are what their definitions say, by brute force on a tiny network."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import benchmark
from baselines import energy, fisher, fisher_form, fisher_trace
from benchmark.core.errors import PredictorError
from benchmark.core.types import Sample
from benchmark.plugins.networks.network import Preprocessing, from_module

CLASSES, SIDE = 4, 6


def tiny_module(seed):
    """A convolution and two linear layers, in float64."""
    torch.manual_seed(seed)
    layers = [torch.nn.Conv2d(3, 2, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(32, 5), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(5, CLASSES)).double().eval()


def fisher_matrix(module, image, last_only):
    """F = J^T (diag p - p p^T) J and grad log p_y, with J from one backward pass a class."""
    weights = list(module[-1].parameters() if last_only else module.parameters())
    logits = module(image[None])[0]
    rows = [
        torch.cat([part.flatten() for part in torch.autograd.grad(logit, weights, retain_graph=True)])
        for logit in logits
    ]
    jacobian, p = torch.stack(rows), logits.softmax(0).detach()
    gradient = jacobian.T @ (torch.nn.functional.one_hot(logits.argmax(), CLASSES) - p)
    return jacobian.T @ (torch.diag(p) - torch.outer(p, p)) @ jacobian, gradient


@pytest.fixture(params=range(5))
def case(request):
    """A network and an image."""
    module = tiny_module(request.param)
    return module, 2 * torch.rand(3, SIDE, SIDE, dtype=torch.float64) - 1


def test_closed_form_of_the_last_layer_is_brute_force(case):
    """v^T F v of the last layer, from its input and the logits alone."""
    module, image = case
    inputs = module[:-1](image[None])
    matrix, v = fisher_matrix(module, image, last_only=True)
    found = fisher.closed_form(module[-1](inputs), inputs)
    torch.testing.assert_close(found[0], v @ matrix @ v)


def test_form_of_all_weights_is_brute_force(case):
    """v^T F v by one backward and one forward derivative."""
    module, image = case
    matrix, v = fisher_matrix(module, image, last_only=False)
    torch.testing.assert_close(fisher_form.form(module, image).detach(), v @ matrix @ v)


def test_trace_over_all_signs_is_brute_force(case):
    """Over all 16 vectors of signs, Hutchinson's estimate is the trace itself."""
    module, image = case
    matrix, _ = fisher_matrix(module, image, last_only=False)
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * CLASSES)
    torch.testing.assert_close(fisher_trace.trace(module, image, signs).detach(), matrix.trace())


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=6), st.lists(st.floats(-5, 5), min_size=2, max_size=6))
def test_variance_is_numpys(logits, values):
    """The weighted variance equals the textbook difference of moments, and is never negative."""
    count = min(len(logits), len(values))
    p = torch.tensor(logits[:count], dtype=torch.float64).softmax(0)
    u = torch.tensor(values[:count], dtype=torch.float64)
    found = float(fisher.variance(p, u))
    assert found >= 0
    weights = p.numpy() / p.numpy().sum()
    mean = np.average(values[:count], weights=weights)
    assert found == pytest.approx(np.average((u.numpy() - mean) ** 2, weights=weights), abs=1e-9)


class Probed:
    """A context whose classifier is a tiny network."""

    device, seed = "cpu", 0

    def open_classifier(self):
        return from_module("test:tiny", tiny_module(0).float(), CLASSES, Preprocessing(SIDE, SIDE), "0", device="cpu")


@pytest.mark.parametrize("kind", [energy.Energy, fisher.Fisher, fisher_form.FisherForm, fisher_trace.FisherTrace])
def test_scores_are_finite_and_depend_on_their_own_image_alone(kind):
    """One finite score an image, the same alone and in a batch."""
    torch.manual_seed(0)
    samples = [Sample(torch.randint(0, 256, (3, 9, side), dtype=torch.uint8)) for side in (6, 9, 20)]
    predictor = kind(Probed())
    together = predictor.score(samples)
    assert np.isfinite(together).all()
    assert [predictor.score([sample])[0] for sample in samples] == pytest.approx(together, rel=1e-4)


def test_energy_is_minus_logsumexp_and_higher_is_more_familiar():
    """The score is log sum exp of the logits: adding 1 to all of them adds 1 to it."""
    context = Probed()
    network = context.open_classifier()
    sample = Sample(torch.randint(0, 256, (3, SIDE, SIDE), dtype=torch.uint8))
    expected = network.answer([sample.image], "cpu").logsumexp(1)
    predictor = energy.Energy(context)
    assert predictor.score([sample]) == pytest.approx(expected.tolist())
    with torch.no_grad():
        predictor.classifier.module[-1].bias += 1
    assert predictor.score([sample]) == pytest.approx((expected + 1).tolist(), rel=1e-5)


def test_the_probe_is_the_suites():
    """The context opens the classifier that the suite names."""
    context = benchmark.Context(classifier="zoo:vgg")
    assert energy.Energy(context).classifier.name == "zoo:vgg"
    assert fisher.last_layer(context.open_classifier()).out_features == 11


@pytest.mark.parametrize(
    ("probe", "told"),
    [("", "names no classifier"), ("zoo:fcos_resnet_wide", "zoo:fcos_resnet_wide gives no logits")],
)
def test_a_probe_without_logits_is_refused_by_name(probe, told):
    """No probe, or one that gives no logits, is an error that says so."""
    with pytest.raises(PredictorError, match=told):
        energy.Energy(benchmark.Context(classifier=probe))


def test_a_probe_without_a_linear_layer_is_refused_by_name():
    """Where the logits come from a convolution there is no last linear layer."""
    module = torch.nn.Sequential(torch.nn.Conv2d(3, CLASSES, SIDE), torch.nn.Flatten())
    probe = from_module("test:flat", module, CLASSES, Preprocessing(SIDE, SIDE), "0", device="cpu")
    with pytest.raises(ValueError, match="test:flat has no linear layer with 4 outputs"):
        fisher.last_layer(probe)
