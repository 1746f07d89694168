"""Training and evaluating the reference, beside what its network alone takes."""

import time

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from baselines import _network_training
from baselines._network_training import Recipe, SquareClassifier
from baselines._squares import Draws, Squares, batches
from benchmark import Predictor
from benchmark.evaluation.dataloading import lesson
from benchmark.evaluation.evaluate import evaluate
from benchmark.labelling.pipeline import label
from benchmark.plugins.predictors.base import Context
from benchmark.suites.loading import load_suite

BATCH, PART = Recipe().batch, 4


class Untrained(Predictor):
    """The reference's network in float32, which takes as long untrained."""

    seconds = 0.0

    def __init__(self, context):
        super().__init__(context)
        torch.manual_seed(context.seed)  # a second one must have the same weights
        self.network = SquareClassifier(context, Recipe())

    def score(self, samples):
        start = time.perf_counter()
        scores = self.network.score(samples)
        Untrained.seconds += time.perf_counter() - start
        return scores


@pytest.mark.parametrize(
    ("name", "limit", "aim"),
    [("imagenet-lite", 300, "<= 0.05"), ("glyphs", 0, "<= 0.15")],
    ids=["photographs", "letters"],
)
def test_evaluating(name, limit, aim, published, once, figure):
    """Reading, compressing, scoring, judging with all intervals and writing, beside the predictor's own time."""
    suite = load_suite(name, limit=limit)
    truth = label(suite, published)
    evaluate("chance", suite, workspace=published, truth=truth)  # what all predictors of a suite share is made once
    Untrained.seconds = 0.0
    _, seconds = once(lambda: evaluate(Untrained, suite, workspace=published, truth=truth))
    figure(
        f"overhead of `run` on {name}, ResNet-18 in float32", seconds / Untrained.seconds - 1, aim,
        own_seconds=Untrained.seconds, run_seconds=seconds,
    )  # fmt: skip


def test_training(published, once, figure, monkeypatch):
    """A training with its reading, compressing and checks, beside as many steps on squares in memory.

    It is a quarter of one by the recipe: there are as many steps between two checks.
    """
    monkeypatch.setattr(_network_training, "CHECKS", _network_training.CHECKS // PART)
    truth = label(load_suite("imagenet-lite"), published)
    train, validation = (lesson(truth, "combined", part, SquareClassifier) for part in ("train", "validation"))
    predictor = SquareClassifier(Context(), Recipe(steps=Recipe().steps // PART))
    _, seconds = once(predictor.fit, train, validation)
    steps = int(predictor.notes["steps"])
    made = Squares(train, int(predictor.notes["side"]), "label")
    lists = list(Draws(train, 8 * BATCH, 4, 0))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.perf_counter()
    squares = [default_collate(made.__getitems__(some)) for some in lists]
    loading = (time.perf_counter() - start) / (8 * len(lists))
    torch.set_num_threads(threads)
    model, optimiser, bare = predictor.model, predictor.optimiser(), []
    for batch in batches(squares, BATCH, 8 * len(lists)):
        start = time.perf_counter()
        predictor.train_step(model, batch, optimiser, torch.Tensor.backward)
        bare.append(time.perf_counter() - start)
    step = float(np.median(bare))
    told = {"step_seconds": step, "steps": steps, "training_seconds": seconds}
    figure("steps on squares in memory / training, imagenet-lite, ResNet-18", steps * step / seconds, ">= 0.85", **told)
    figure("a step / one core reading and compressing its batch", step / loading, "> 1", loading_seconds=loading)
