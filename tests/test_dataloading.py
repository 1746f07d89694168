"""Samples and examples: each photograph is read once for all that is made of it, in an order that tells nothing."""

import dataclasses
import multiprocessing.context
import pickle
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines._squares import DRAWS_OF_A_PHOTOGRAPH, Draws, Squares, batches, sampled
from benchmark.core.types import IMAGE, Example, Examples, Source
from benchmark.evaluation.dataloading import BATCH, lesson, made, samples, shuffled
from benchmark.labelling.bitstreams import Bitstreams
from benchmark.plugins.datasets import Augmented
from benchmark.plugins.datasets.glyphs import scene
from benchmark.plugins.distortions import compressed, find_distortion
from benchmark.plugins.predictors.base import LearnedPredictor
from benchmark.suites.loading import load_suite


@pytest.fixture
def reads(tiny, monkeypatch):
    """Counts how often each source is read."""
    counts, read = Counter(), tiny.indexed.dataset.dataset.read

    def counted(source):
        counts[source] += 1
        return read(source)

    monkeypatch.setattr(tiny.indexed.dataset.dataset, "read", counted)
    return counts


@pytest.fixture
def train(tiny):
    """Examples of the training part."""
    return lesson(tiny, "combined", "train", LearnedPredictor)


def test_every_row_is_made_once_and_every_photograph_read_once(tiny, reads):
    """Batches hold each row once, with the pixels of its source and level."""
    rows = tiny.indexed.scored_rows.select(IMAGE).rows()
    found = {}
    for places, some in samples(tiny.indexed, rows, {"reference", "bitstream"}, "any"):
        assert len(places) == len(some) <= BATCH
        found |= dict(zip(places, some, strict=True))
    assert sorted(found) == list(range(len(rows)))
    assert set(reads.values()) == {1}
    for place in range(0, len(rows), 37):
        source, _, level = rows[place]
        pristine = tiny.indexed.dataset.read(source)
        assert (found[place].reference.permute(1, 2, 0).numpy() == pristine).all()
        assert found[place].bitstream[:2] == b"\xff\xd8"
        assert len(found[place].bitstream) > 100 + level


def test_the_order_tells_neither_level_nor_part_nor_photograph(tiny):
    """Levels and parts come mixed, and neighbours are hardly ever of one photograph."""
    rows = tiny.indexed.scored_rows.rows()

    def ordered(secret):
        return [place for places, _ in samples(tiny.indexed, [row[1:] for row in rows], (), secret) for place in places]

    order = ordered("one")
    count = np.arange(len(rows))
    parts, sources, levels = (np.array([rows[place][column] for place in order]) for column in (0, 1, 3))
    for column in (levels, parts == "test", parts == "validation"):
        assert abs(np.corrcoef(count, column)[0, 1]) < 0.15
    assert (sources[1:] == sources[:-1]).mean() < 0.1
    assert (levels[1:] >= levels[:-1]).mean() < 0.75
    assert order == ordered("one") != ordered("other")


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
        lists = list(Draws(train, size, DRAWS_OF_A_PHOTOGRAPH * groups // size, seed=0))
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


@pytest.mark.parametrize("most", [1, 7, 60, 1000])
def test_validation_is_shared_out(train, most):
    """What is looked at is at most so much, of all levels, and each process has its own of it."""
    one = [example.utility for example in sampled(train, most)]
    assert len(one) == min(most, len(train))
    shared = [example.utility for process in range(3) for example in sampled(train, most, process, 3)]
    assert sorted(shared) == sorted(one)


def test_what_is_looked_at_is_of_all_levels():
    """Rows that come in nine levels are not looked at in steps that meet only some of them."""
    some = Examples.of([Example(None, 0, float(place % 9), 1.0, place // 9) for place in range(4266)])
    counts = Counter(example.utility for example in sampled(some, 2000))
    assert len(counts) == 9
    assert min(counts.values()) > 2000 / 9 * 0.75


def test_versions_of_a_photograph_are_made_of_one_reading():
    """Augmented versions among the examples have their own pixels, and the photograph of them all is read once."""
    suite = load_suite("glyphs")
    suite = dataclasses.replace(suite, training=dataclasses.replace(suite.training, copies=2))
    photograph = scene("train", 3)
    indexed = SimpleNamespace(
        suite=suite,
        bitstreams=Bitstreams(0),
        dataset=Augmented(
            SimpleNamespace(classes=10, sources=list, read=lambda name: reads.append(name) or photograph)
        ),
        sources={name: Source(name, 0, parent=parent) for name, parent in (("a", ""), ("a~aug1", "a"), ("a~aug2", "a"))},
    )  # fmt: skip
    reads = []
    rows = [(name, "jpeg", level, 1, 0.5) for name in ("a", "a~aug1", "a~aug2") for level in (90, 5)]
    found = made(indexed, rows, np.ones(len(rows)), (), range(len(rows)), groups=[4] * len(rows))
    assert reads == ["a"]
    assert {example.group for example in found} == {4}
    codec = find_distortion("jpeg")
    for (name, _, level, *_), example in zip(rows, found, strict=True):
        assert torch.equal(example.sample.image, compressed(codec, indexed.dataset.read(name), level).image)


def test_examples_are_sent_to_a_process_that_is_started_and_nowhere_else(train, monkeypatch):
    """What a DataLoader's workers are started with can be pickled; at any other time, pickles would tell what is hidden."""
    with pytest.raises(RuntimeError, match="Examples objects should only be shared between processes"):
        pickle.dumps(train)
    monkeypatch.setattr(multiprocessing.context, "get_spawning_popen", lambda: "a process is being started")
    sent = pickle.loads(pickle.dumps(Examples.of(train[:3])))
    assert [one.utility for one in sent] == [one.utility for one in train[:3]]


def test_shuffling_keeps_every_item():
    """A shuffle is a permutation that its seed alone decides."""
    items = list("abcdefghij")
    assert sorted(shuffled(items, "x")) == items
    assert shuffled(items, "x") == shuffled(items, "x") != shuffled(items, "y")
