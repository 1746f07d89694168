"""Training and evaluating the reference, beside what its network alone takes."""

import time

import pytest
import torch
from torch.utils.data import default_collate

from baselines._squares import Draws, Squares
from baselines.resnet18 import Recipe, ResNet18
from benchmark import Predictor
from benchmark.evaluate import evaluate
from benchmark.feed import lesson
from benchmark.ground_truth import label
from benchmark.predictor import Context
from benchmark.suite import load_suite

STEPS = 160


class Untrained(Predictor):
    """The reference's network in float32, which takes as long untrained."""

    seconds = 0.0

    def __init__(self, context):
        super().__init__(context)
        self.network = ResNet18(context)

    def score(self, samples):
        start = time.perf_counter()
        scores = self.network.score(samples)
        Untrained.seconds += time.perf_counter() - start
        return scores


@pytest.mark.parametrize("name", ["imagenet-lite", "glyphs"])
def test_evaluating(name, published, once, figure):
    """Reading, compressing, scoring, judging with all intervals and writing, beside the predictor's own time."""
    suite = load_suite(name)
    truth = label(suite, published, "cpu")
    evaluate(
        "chance", suite, paths=published, truth=truth, device="cpu"
    )  # what all predictors of a suite share is made once
    Untrained.seconds = 0.0
    _, seconds = once(lambda: evaluate(Untrained, suite, paths=published, truth=truth, device="cpu"))
    figure(
        f"overhead of `run` on {name}, ResNet-18 in float32", seconds / Untrained.seconds - 1, "<= 0.10",
        own_seconds=Untrained.seconds, run_seconds=seconds,
    )  # fmt: skip


def test_training(published, once, figure):
    """A training with its reading, compressing and validating, beside as many steps on squares in memory."""
    truth = label(load_suite("imagenet-lite"), published, "cpu")
    train, validation = (lesson(truth, "combined", part, ResNet18) for part in ("train", "validation"))
    predictor = ResNet18(Context(), Recipe(steps=STEPS, patience=100))
    _, seconds = once(predictor.fit, train, validation)
    made = Squares(train, 96, "label")
    lists = [made.__getitems__(some) for some in Draws(train, 32, 20, 0)]
    batches = [default_collate(one) for one in lists]
    model, optimiser = predictor.model, predictor.optimiser()
    bare = []
    for number in range(STEPS):
        start = time.perf_counter()
        predictor.train_step(model, batches[number % len(batches)], optimiser, torch.Tensor.backward)
        bare.append(time.perf_counter() - start)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.perf_counter()
    for some in Draws(train, 256, 4, 0):
        made.__getitems__(some)
    loading = (time.perf_counter() - start) / 32
    torch.set_num_threads(threads)
    figure(
        "steps of a training on squares in memory / training, imagenet-lite", sum(bare) / seconds, "none",
        step_seconds=sum(bare) / STEPS, seconds_to_load_a_batch_on_one_core=loading, training_seconds=seconds,
    )  # fmt: skip
