"""Samples and examples: each photograph is read once for all that is made of it, in an order that tells nothing."""

from collections import Counter

import numpy as np
import pytest
import torch

from baselines._squares import DRAWN, Draws, Squares, batches, spread
from benchmark.feed import BATCH, lesson, samples, shuffled
from benchmark.ground_truth import wanted_rows
from benchmark.predictor import LearnedPredictor


@pytest.fixture
def reads(tiny, monkeypatch):
    """Counts how often each source is read."""
    counts, read = Counter(), tiny.dataset.read

    def counted(source):
        counts[source] += 1
        return read(source)

    monkeypatch.setattr(tiny.dataset, "read", counted)
    return counts


@pytest.fixture
def train(tiny):
    """Examples of the training part."""
    return lesson(tiny, "combined", "train", LearnedPredictor)


def test_every_row_is_made_once_and_every_photograph_read_once(tiny, reads):
    """Batches hold each row once, with the pixels of its source and level."""
    rows = [(source, level) for _, source, level in wanted_rows(tiny)]
    found = {}
    for places, some in samples(tiny, rows, {"reference", "bitstream"}):
        assert len(places) == len(some) <= BATCH
        found |= dict(zip(places, some, strict=True))
    assert sorted(found) == list(range(len(rows)))
    assert set(reads.values()) == {1}
    for place in range(0, len(rows), 37):
        source, level = rows[place]
        pristine = tiny.dataset.read(source)
        assert (found[place].reference.permute(1, 2, 0).numpy() == pristine).all()
        assert found[place].bitstream[:2] == b"\xff\xd8"
        assert len(found[place].bitstream) > 100 + level


def test_the_order_tells_neither_level_nor_part(tiny):
    """Levels come mixed: the place in the order says next to nothing of them."""
    rows = [(source, level) for _, source, level in wanted_rows(tiny)]
    order = [place for places, _ in samples(tiny, rows, ()) for place in places]
    levels = np.array([rows[place][1] for place in order])
    assert abs(np.corrcoef(np.arange(len(levels)), levels)[0, 1]) < 0.15
    assert order == [place for places, _ in samples(tiny, rows, ()) for place in places]
    assert order != sorted(order)


def test_examples_are_the_same_however_they_are_taken(train, reads):
    """One by one, by slices or by places, in any order and with repetition; each photograph is read once a call."""
    places = [5, 0, 5, len(train) - 1, 1]
    taken = train.take(places)
    assert max(reads.values()) == 1
    for place, example in zip(places, taken, strict=True):
        one = train[place]
        assert torch.equal(one.sample.image, example.sample.image)
        assert (one.label, one.utility, one.weight, one.group) == (
            example.label, example.utility, train.weights[place], train.groups[place],
        )  # fmt: skip
    assert [one.group for one in train[2:6]] == list(train.groups[2:6])
    with pytest.raises(IndexError):
        train[len(train)]


def test_an_epoch_reads_each_photograph_at_most_once(train, reads):
    """All that an epoch draws of a photograph is made together, whatever the size of the lists."""
    groups = len(set(train.groups))
    for size in (16, 64):
        reads.clear()
        made = Squares(train, 64, "label")
        lists = list(Draws(train, size, DRAWN * groups // size, seed=0))
        assert {len(one) for one in lists} == {size}
        for one in lists:
            assert made.__getitems__(one)[0][0].shape == (1, 64, 64)
        drawn = sum(reads.values())
        assert max(reads.values()) <= 2  # the first epoch's last lists are filled up by the second
        assert drawn < 0.8 * size * len(lists)


def test_draws_follow_the_weights(train):
    """Both classes are drawn alike, each example as often as its weight says."""
    labels = np.array([one.label for one in train])
    places = [place for one in Draws(train, 32, 400, seed=1) for place, _ in one]
    assert len(places) == 32 * 400
    assert np.mean(labels[places]) == pytest.approx(0.5, abs=0.03)
    counts = np.bincount(places, minlength=len(train))
    assert np.corrcoef(counts, train.weights)[0, 1] > 0.9


def test_draws_depend_on_the_seed_alone(train):
    """The same seed draws the same places and numbers; another draws others."""
    one, again, other = (list(Draws(train, 32, 5, seed)) for seed in (3, 3, 4))
    assert one == again != other


def test_lists_are_cut_into_batches():
    """Batches have the size that was asked for, in order, and end where the steps end."""
    lists = [(torch.arange(8) + 8 * number, torch.arange(8)) for number in range(3)]
    found = [squares.tolist() for squares, _ in batches(lists, 4, 5)]
    assert found == [[4 * number + place for place in range(4)] for number in range(5)]


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_validation_is_shared_out(train, most):
    """What is looked at is at most so much, evenly spread, and each process has its own of it."""
    one = list(spread(train, most))
    assert 1 <= len(one) <= most
    shared = [example for process in range(3) for example in spread(train, most, process, 3)]
    assert sorted(example.utility for example in shared) == sorted(example.utility for example in one)


def test_shuffling_keeps_every_item():
    """A shuffle is a permutation that its seed alone decides."""
    items = list("abcdefghij")
    assert sorted(shuffled(items, "x")) == items
    assert shuffled(items, "x") == shuffled(items, "x") != shuffled(items, "y")
