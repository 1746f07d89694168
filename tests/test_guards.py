"""A predictor learns nothing but what it is meant to see, and a score that depends on more than its image is refused.

Each attack is a small predictor, as a participant could submit it.
"""

import dataclasses
import hashlib
import numbers

import numpy as np
import polars as pl
import pytest
import torch

import benchmark
from benchmark.core.errors import PredictorError
from benchmark.core.types import IMAGE
from benchmark.evaluation.dataloading import lesson, samples
from benchmark.evaluation.passes import Entrant
from benchmark.evaluation.scoring import score_rows, scores_table


def contrast(sample):
    """Standard deviation of the pixels."""
    return float(sample.image.float().std())


def known(sample):
    """What an image can be recognised by."""
    return hashlib.blake2b(sample.image.numpy().tobytes()).digest()


def ranks(samples):
    """Rank of each sample's contrast in its batch."""
    return np.argsort(np.argsort([contrast(sample) for sample in samples])).astype(float)


class Honest(benchmark.Predictor):
    """A score that depends on its image, but for the last digits of a network that computes a batch at once."""

    def score(self, samples):
        torch.manual_seed(0)
        images = torch.stack([sample.image for sample in samples]).float() / 255
        return torch.nn.Conv2d(3, 64, 9)(images).relu().mean(dim=(1, 2, 3)).detach().numpy()


class Ranked(benchmark.Predictor):
    """Attack: ranks within a batch, which compares images."""

    def score(self, samples):
        return ranks(samples)


class Following(benchmark.Predictor):
    """Attack: a running mean of what came before."""

    before = 0.0

    def score(self, samples):
        found = [contrast(sample) + 0.1 * self.before for sample in samples]
        self.before = found[-1]
        return found


class Remembering(benchmark.Predictor):
    """Attack: another answer to an image that it has seen before."""

    def __init__(self, context):
        super().__init__(context)
        self.seen = set()

    def score(self, samples):
        found = [-contrast(sample) if known(sample) in self.seen else contrast(sample) for sample in samples]
        self.seen |= {known(sample) for sample in samples}
        return found


class Behaving(benchmark.Predictor):
    """Attack: keeps the contract in small batches, such as those of `check`, and ranks in large ones."""

    def score(self, samples):
        return ranks(samples) if len(samples) > 20 else [contrast(sample) for sample in samples]


class Filling(benchmark.Predictor):
    """Attack: keeps the contract only in batches of more than 20 images."""

    def score(self, samples):
        return [contrast(sample) if len(samples) > 20 else 0.0 for sample in samples]


class Sticking(benchmark.Predictor):
    """Attack: ranks within the first batch of an image, and the same again whenever the image comes back."""

    def __init__(self, context):
        super().__init__(context)
        self.said = {}

    def score(self, samples):
        for sample, rank in zip(samples, ranks(samples), strict=True):
            self.said.setdefault(known(sample), rank)
        return [self.said[known(sample)] for sample in samples]


class Faint(benchmark.Predictor):
    """Attack: ranks in a batch, as differences that are small beside 1."""

    def score(self, samples):
        return 1e-9 * ranks(samples)


def scores_of(predictor, truth):
    """Scores of all images of a suite, as stored; raises the error of the predictor."""
    name = type(predictor).__name__.lower()
    [result] = score_rows({name: Entrant.of(name, predictor)}, truth.indexed).values()
    if isinstance(result, PredictorError):
        raise result
    return scores_table(truth.indexed, result.scores, 0)


def run(kind, truth):
    """Scores of all images of a suite by a new predictor of a class."""
    return scores_of(kind(benchmark.Context()), truth)


@pytest.mark.parametrize("kind", [Ranked, Following, Remembering, Behaving, Filling, Sticking, Faint])
def test_scores_that_depend_on_other_images_are_refused(kind, tiny):
    """Some images are scored again, alone and in other company; the message names one whose score differs, and by how much."""
    told = (
        rf"{kind.__name__.lower()}: the score of (validation|test|train)-\d+, jpeg \d+ is .* standard deviation apart"
    )
    with pytest.raises(PredictorError, match=told):
        run(kind, tiny)


def test_rounding_of_a_batched_network_passes(tiny):
    """A network that computes a batch at once differs in the last digits, which is no offence, and so is one score for all."""
    assert run(Honest, tiny)["score"].n_unique() > 100

    class Constant(benchmark.Predictor):
        def score(self, samples):
            return [1.0] * len(samples)

    assert run(Constant, tiny)["score"].n_unique() == 1


def test_what_is_not_in_the_state_is_missed(tiny):
    """A predictor that learned more than it saves is refused, for nobody could have its scores again."""

    class Lossy(benchmark.LearnedPredictor):
        factor = 0.0

        def fit(self, train, validation):
            self.factor = 2.0

        def score(self, samples):
            return [self.factor * contrast(sample) for sample in samples]

        def state(self):
            return {"nothing": torch.zeros(1)}

        def load_state(self, state):
            pass

    predictor = Lossy(benchmark.Context())
    predictor.fit([], [])
    with pytest.raises(PredictorError, match="by a new predictor of the same state"):
        scores_of(predictor, tiny)


def test_the_order_of_a_run_is_its_secret(tiny):
    """Two runs see the images in different orders, neither that of the public fingerprint, and store the same scores."""
    orders = []

    class Noting(benchmark.Predictor):
        def score(self, samples):
            orders[-1].extend(known(sample) for sample in samples)
            return [contrast(sample) for sample in samples]

    tables = []
    for _ in range(2):
        orders.append([])
        tables.append(run(Noting, tiny))
    rows = tiny.indexed.scored_rows.select(IMAGE).rows()
    public = [known(sample) for _, batch in samples(tiny.indexed, rows, (), tiny.fingerprint) for sample in batch]
    first, second = (order[: len(rows)] for order in orders)
    assert sorted(first) == sorted(second) == sorted(public)
    for one, other in ((first, second), (first, public), (second, public)):
        assert np.mean([a == b for a, b in zip(one, other, strict=True)]) < 0.1
    assert tables[0].equals(tables[1])


def reachable(thing, found):
    """All that ordinary access leads to: attributes, `__dict__`, slots, fields and elements, and what these lead to."""
    if id(thing) in found or isinstance(thing, type | torch.Tensor | np.ndarray | numbers.Number | bytes):
        return found
    found[id(thing)] = thing
    if isinstance(thing, str):
        return found
    names = [name for name in dir(thing) if not name.startswith("__")] + ["__dict__", "__slots__"]
    if dataclasses.is_dataclass(thing):
        names += [field.name for field in dataclasses.fields(thing)]
    for name in names:
        reachable(getattr(thing, name, None), found)
    if isinstance(thing, dict):
        thing = [*thing.keys(), *thing.values()]
    if isinstance(thing, list | tuple | set):
        for one in thing:
            reachable(one, found)
    return found


@pytest.mark.parametrize("part", ["train", "validation"])
def test_examples_lead_to_no_ids_levels_or_suite(part, tiny):
    """From what `fit` receives, ordinary access finds samples, labels and numbers, and no name or table of the suite."""
    given = lesson(tiny, "combined", part, benchmark.LearnedPredictor)
    found = list(reachable([given, given[0], given.take([1, 2])], {}).values())
    assert any(isinstance(thing, benchmark.Sample) for thing in found)
    assert not [thing for thing in found if isinstance(thing, str) and thing in tiny.indexed.sources]
    assert not [
        thing for thing in found if type(thing).__module__.startswith(("benchmark.labelling", "benchmark.suites"))
    ]
    assert not [thing for thing in found if isinstance(thing, pl.DataFrame)]
    assert set(vars(given)) == {"weights", "groups"}


def test_groups_are_numbers(tiny):
    """Examples of one photograph share a number, others have another; numbers follow the ids, as draws did before."""
    rows = tiny.labelled("combined", "train")
    given = lesson(tiny, "combined", "train", benchmark.LearnedPredictor)
    _, expected = np.unique(rows["source"].to_numpy(), return_inverse=True)
    assert list(given.groups) == expected.tolist()
    assert {type(group) for group in given.groups} == {int}
