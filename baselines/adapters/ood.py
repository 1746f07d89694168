"""The detectors of pytorch-ood that need a classifier and nothing else: `ood:max_logit`, ... (Kirchheim et al., 2022).

They look into the suite's probe. Their scores rise as an image is less like what the probe was trained on, so utility is the
negative. Others in the library are fitted first, split the network in two, or draw random numbers.
"""

from pytorch_ood import detector

from benchmark import Predictor


def odin(probe):
    """ODIN whose step is 0.0014 of pixels in 0..1, whatever the probe's normalisation."""
    return detector.ODIN(probe.module, norm_std=list(probe.preprocessing.std))


PREDICTORS = {
    "energy": (lambda probe: detector.EnergyBased(probe.module), "Log sum exp of the logits (Liu et al., 2020)"),
    "entropy": (lambda probe: detector.Entropy(probe.module), "Minus the entropy in nats (Chan et al., 2021); best 0"),
    "gen": (lambda probe: detector.GEN(probe.module), "Minus the generalised entropy (Liu et al., 2023); best 0"),
    "max_logit": (lambda probe: detector.MaxLogit(probe.module), "The greatest logit (Hendrycks et al., 2022)"),
    "max_softmax": (
        lambda probe: detector.MaxSoftmax(probe.module),
        "The greatest probability (Hendrycks & Gimpel, 2017); up to 1",
    ),
    "odin": (odin, "The greatest probability at T = 1000 after a step towards it (Liang et al., 2018); up to 1"),
}
"""By name: from the probe to the detector, and what utility then is."""


def find(name):
    make, about = PREDICTORS[name]

    class Familiarity(Predictor):
        __doc__ = f"{about}. No-reference, no training."
        needs = {"probe"}

        def __init__(self, context):
            super().__init__(context)
            self.probe = context.classifier()
            self.detector = make(self.probe)

        def score(self, samples):
            batch = self.probe.prepared([sample.image for sample in samples], self.context.device)
            return (-self.detector.predict(batch)).tolist()

    return Familiarity
