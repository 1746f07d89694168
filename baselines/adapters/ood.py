"""The detectors of pytorch-ood that need a classifier and nothing else: `ood:max_logit`, ... (Kirchheim et al., 2022).

They look into the suite's classifier. Their scores rise as an image is less like what that was trained on, so utility is the
negative. Others in the library are fitted first, split the network in two, or draw random numbers.
"""

from pytorch_ood import detector

from benchmark import Predictor


def odin(classifier):
    """ODIN whose step is 0.0014 of pixels in 0..1, whatever the classifier's normalisation."""
    return detector.ODIN(classifier.module, norm_std=list(classifier.preprocessing.std))


PREDICTORS = {
    "energy": (lambda network: detector.EnergyBased(network.module), "Log sum exp of the logits (Liu et al., 2020)"),
    "entropy": (
        lambda network: detector.Entropy(network.module),
        "Minus the entropy in nats (Chan et al., 2021); best 0",
    ),
    "gen": (lambda network: detector.GEN(network.module), "Minus the generalised entropy (Liu et al., 2023); best 0"),
    "max_logit": (lambda network: detector.MaxLogit(network.module), "The greatest logit (Hendrycks et al., 2022)"),
    "max_softmax": (
        lambda network: detector.MaxSoftmax(network.module),
        "The greatest probability (Hendrycks & Gimpel, 2017); up to 1",
    ),
    "odin": (odin, "The greatest probability at T = 1000 after a step towards it (Liang et al., 2018); up to 1"),
}
"""By name: from the classifier to the detector, and what utility then is."""


def find(name):
    make, about = PREDICTORS[name]

    class Familiarity(Predictor):
        __doc__ = f"{about}. No-reference, no training."
        needs = {"classifier"}

        def __init__(self, context):
            super().__init__(context)
            self.classifier = context.open_classifier()
            self.detector = make(self.classifier)

        def score(self, samples):
            batch = self.classifier.prepared([sample.image for sample in samples], self.context.device)
            return (-self.detector.predict(batch)).tolist()

    return Familiarity
