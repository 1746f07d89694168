"""Fisher information with respect to all weights of the classifier: the form v^T F v, as `fisher` for its last layer.

With v = grad log p_y by one backward pass and u = J v by one forward derivative, v^T F v is the variance of u under p. Each
image costs about four forward passes of the classifier.
"""

import torch
from torch.func import functional_call, jvp, vjp

from baselines.fisher import LEAST, variance
from benchmark import Predictor


def network_of(module, image):
    """The logits (K,) of one image as a function of the module's weights, and these."""
    weights = dict(module.named_parameters())
    return (lambda given: functional_call(module, given, (image[None],))[0]), weights


def form(module, image):
    """v^T F v of all weights, for one prepared image (3, S, S)."""
    logits_of, weights = network_of(module, image)
    logits, back = vjp(logits_of, weights)
    p = logits.softmax(0)
    (gradient,) = back(torch.nn.functional.one_hot(logits.argmax(), len(p)) - p)
    _, u = jvp(logits_of, (weights,), (gradient,))
    return variance(p.cpu().double(), u.cpu().double())


class FisherForm(Predictor):
    """Minus log10 of the Fisher form in all weights of the classifier. No-reference, no training."""

    needs = {"classifier"}

    def __init__(self, context):
        super().__init__(context)
        self.classifier = context.open_classifier()

    def score(self, samples):
        images = self.classifier.prepared([sample.image for sample in samples], self.context.device)
        forms = torch.stack([form(self.classifier.module, image) for image in images])
        return (-forms.clamp(min=LEAST).log10()).tolist()
