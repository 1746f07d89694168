"""Energy score for out-of-distribution detection, as a measure of utility (Liu et al., NeurIPS 2020).

E(x) = -T log sum_k exp(f_k(x) / T) with the logits f of the suite's classifier, here at T = 1 in float32. The score is -E:
higher is more like what the classifier was trained on.
"""

import torch

from benchmark import Predictor


class Energy(Predictor):
    """Negative energy of the classifier's logits. No-reference, no training."""

    needs = {"classifier"}

    def __init__(self, context):
        super().__init__(context)
        self.classifier = context.open_classifier()

    @torch.inference_mode()
    def score(self, samples):
        logits = self.classifier.answer([sample.image for sample in samples], self.context.device)
        return logits.float().logsumexp(1).tolist()
