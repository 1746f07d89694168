"""Fisher information with respect to all weights of the classifier: its trace, by Hutchinson's estimator.

With L = diag(sqrt p) - p sqrt(p)^T, L L^T = diag p - p p^T, so that the trace of F is the mean of ||J^T L e||^2 over random
signs e: one backward pass for each of them. The signs are drawn from the seed, the same for every image.
"""

import torch
from torch.func import vjp

from baselines.fisher import LEAST
from baselines.fisher_form import network_of
from benchmark import Predictor

DRAWS = 8


def trace(module, image, signs):
    """Estimate of trace F of all weights, for one prepared image (3, S, S) and signs (draws, K)."""
    logits_of, weights = network_of(module, image)
    logits, back = vjp(logits_of, weights)
    p = logits.softmax(0)
    total = 0.0
    for sign in signs:
        (gradient,) = back(p.sqrt() * sign - p * (p.sqrt() @ sign))
        total += sum(part.cpu().double().square().sum() for part in gradient.values())
    return total / len(signs)


class FisherTrace(Predictor):
    """Minus log10 of the trace of the Fisher information in all weights of the classifier. No-reference, no training."""

    needs = {"classifier"}

    def __init__(self, context):
        super().__init__(context)
        self.classifier = context.open_classifier()
        generator = torch.Generator().manual_seed(context.seed)
        self.signs = torch.randint(0, 2, (DRAWS, self.classifier.classes), generator=generator) * 2.0 - 1

    def score(self, samples):
        images = self.classifier.prepared([sample.image for sample in samples], self.context.device)
        signs = self.signs.to(images.device)
        traces = torch.stack([trace(self.classifier.module, image, signs) for image in images])
        return (-traces.clamp(min=LEAST).log10()).tolist()
