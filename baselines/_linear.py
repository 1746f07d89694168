"""A linear model of features of images: `header`, `dct_statistics` and `gatekeeper` differ in what they describe an image by.

Features are standardised, and what lies beyond the range of the training part counts as the end of that range: a line does not
hold there, and images of which little is left would otherwise get the highest scores.
"""

import numpy as np
import torch

from benchmark import LearnedPredictor

TOGETHER = 32
"""Examples that are described together, about so many."""


class LinearPredictor(LearnedPredictor):
    """A linear model of an image's features, trained on labels or utilities."""

    seeded = False

    def __init__(self, context, describe, estimator, target):
        """A model that is not trained yet.

        Args:
            context: the environment, see `benchmark.Context`.
            describe: maps a list of N samples to features, shape (N, F).
            estimator: a linear model of scikit-learn, which is fitted to standardised features with weights.
            target: `label` or `utility`, the part of an example that it learns.
        """
        super().__init__(context)
        self.describe, self.estimator, self.aim = describe, estimator, target
        self.tensors = {}

    def fit(self, train, validation):
        inputs, aims = self.described(train)
        centre, scale = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-3)
        self.estimator.fit((inputs - centre) / scale, aims, train.weights)
        self.tensors = {
            "low": inputs.min(axis=0), "high": inputs.max(axis=0), "centre": centre, "scale": scale,
            "slope": self.estimator.coef_.reshape(-1), "offset": np.atleast_1d(self.estimator.intercept_),
        }  # fmt: skip
        self.notes = {"examples": str(len(train)), "features": str(inputs.shape[1])}

    def described(self, train):
        """Features (N, F) and aims (N,) of all examples, read photograph by photograph."""
        inputs, aims = None, np.zeros(len(train))
        for indices in np.array_split(np.argsort(train.groups, kind="stable"), -(-len(train) // TOGETHER)):
            examples = train.take(indices.tolist())
            features = self.describe([example.sample for example in examples])
            inputs = np.zeros((len(train), features.shape[1])) if inputs is None else inputs
            inputs[indices], aims[indices] = features, [getattr(example, self.aim) for example in examples]
        return inputs, aims

    def score(self, samples):
        model = self.tensors
        inputs = np.clip(self.describe(samples), model["low"], model["high"])
        return ((inputs - model["centre"]) / model["scale"] @ model["slope"] + model["offset"]).tolist()

    def state(self):
        return {name: torch.from_numpy(value) for name, value in self.tensors.items()}

    def load_state(self, state):
        self.tensors = {name: value.numpy() for name, value in state.items()}
