"""Fisher information with respect to the classifier's last layer (Martin & Elster, Neurocomputing 382, 2020).

The Fisher information of the predicted distribution p with respect to the weights is F = J^T (diag p - p p^T) J, J the
Jacobian of the logits. The score is -log10 of v^T F v with v = grad log p_y, y the predicted class; the paper's authors find
it high for adversarial inputs, so utility is its negative. For the last linear layer, whose input is h, it has a closed form:
u = J v = a (e_y - p) with a = ||h||^2 + 1, and v^T F v is the variance of u under p.

`fisher_form` is the same with respect to all weights, `fisher_trace` the trace of F; the authors' code sums over layers, which
is another number.
"""

import torch

from benchmark import Predictor

LEAST = 1e-300
"""Where the classifier is certain beyond float64, so that the logarithm stays finite."""


def last_layer(classifier):
    """The linear layer that gives the classifier's logits."""
    layers = [module for module in classifier.module.modules() if isinstance(module, torch.nn.Linear)]
    fitting = [layer for layer in layers if layer.out_features == classifier.classes]
    if not fitting:
        name, classes = classifier.name, classifier.classes
        raise ValueError(f"{name} has no linear layer with {classes} outputs; Fisher information needs one")
    return fitting[-1]


def variance(p, u):
    """Variance of u under p, row by row: sum p u^2 - (sum p u)^2, (N, K) and (N, K) -> (N,)."""
    return (p * (u - (p * u).sum(-1, keepdim=True)) ** 2).sum(-1)


def closed_form(logits, inputs):
    """v^T F v of the last layer, float64 (N,), from its logits (N, K) and its inputs (N, D)."""
    logits, inputs = logits.cpu().double(), inputs.cpu().double()
    p = logits.softmax(-1)
    u = torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]) - p
    return (inputs.square().sum(-1) + 1) ** 2 * variance(p, u)


class Fisher(Predictor):
    """Minus log10 of the Fisher form in the classifier's last layer. No-reference, no training."""

    needs = {"classifier"}

    def __init__(self, context):
        super().__init__(context)
        self.classifier = context.open_classifier()
        self.inputs = []
        last_layer(self.classifier).register_forward_pre_hook(lambda layer, given: self.inputs.append(given[0]))

    @torch.inference_mode()
    def score(self, samples):
        self.inputs.clear()
        logits = self.classifier.answer([sample.image for sample in samples], self.context.device)
        form = closed_form(logits, self.inputs[-1])
        return (-form.clamp(min=LEAST).log10()).tolist()
