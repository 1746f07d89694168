"""Metrics of rate and utility, against the package `bjontegaard`, brute force and their properties."""

import itertools

import numpy as np
import pytest
from bjontegaard import bd_rate as reference

from benchmark.core.errors import MetricError
from benchmark.metrics.bootstrap import once
from benchmark.metrics.rates import (
    bd_rate,
    just_useful,
    lowest_levels,
    monotone,
    saved_bits,
    search_threshold,
    search_thresholds,
    searched_levels,
)

RATES = np.array([0.1, 0.2, 0.4, 0.8, 1.6])
UTILITY = np.array([0.2, 0.45, 0.7, 0.85, 0.9])


def test_strictly_rising_curves_are_the_packages():
    """Where nothing must be made monotone, the value is that of `bjontegaard` with PCHIP."""
    other = RATES[:4] * [0.7, 0.8, 0.6, 0.9], UTILITY[:4] + 0.02
    expected = reference(RATES, UTILITY, *other, method="pchip", require_matching_points=False, min_overlap=0) / 100
    assert bd_rate(RATES, UTILITY, *other) == pytest.approx(expected)


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0, 2.0])
def test_a_codec_of_so_many_times_the_rate_differs_by_that(factor):
    """Equal utilities at `factor` times the rate are factor - 1, whatever the curve."""
    assert bd_rate(RATES, UTILITY, factor * RATES, UTILITY) == pytest.approx(factor - 1)


def test_the_order_of_points_does_not_matter():
    """Points may come in any order."""
    order = [3, 0, 4, 1, 2]
    assert bd_rate(RATES[order], UTILITY[order], RATES / 2, UTILITY) == pytest.approx(-0.5)


def test_curves_that_hardly_overlap_have_no_difference():
    """With less than half of the whole range in common, the value is not defined; nor with one utility alone."""
    assert np.isnan(bd_rate(RATES, UTILITY, RATES, UTILITY / 4))
    assert np.isnan(bd_rate(RATES, UTILITY, RATES, np.full(5, 0.5)))


def test_flat_parts_become_one_point():
    """At the top the lowest rate, at the bottom the highest, in between the geometric mean; utilities rise strictly."""
    rates, values = monotone([1, 2, 4, 8, 16, 32, 64], [0.1, 0.1, 0.5, 0.4, 0.6, 0.9, 0.9])
    assert rates == pytest.approx([2, np.sqrt(32), 16, 32])
    assert values == pytest.approx([0.1, 0.45, 0.6, 0.9])
    assert (np.diff(values) > 0).all()


@pytest.mark.parametrize("rates", [[0.0, 1.0], [], [1.0, 2.0, 3.0]])
def test_senseless_curves_are_refused(rates):
    """A rate of nothing, no points, and rates and utilities of different numbers are errors."""
    with pytest.raises(MetricError):
        monotone(rates, [0.1, 0.2][: max(2, len(rates)) if rates else 0])


@pytest.mark.parametrize("passed", list(itertools.product([0, 1], repeat=4)))
def test_the_search_stops_before_the_first_failure(passed):
    """From the top level down; if the top level fails, it is the top level."""
    index = 3
    while passed[index] and index and passed[index - 1]:
        index -= 1
    assert lowest_levels(np.array([passed], bool)).tolist() == [index]


def test_just_useful_rates_are_censored():
    """A source that fails at the top is never useful, one that passes everywhere always; the others have a rate."""
    random = np.random.default_rng(0)
    useful, bits = random.random((200, 5)) < 0.7, np.sort(random.random((200, 5)), axis=1)
    rates = just_useful(useful, bits)
    for row, spent, value, never, always in zip(useful, bits, rates.bits, rates.never, rates.always, strict=True):
        assert never == (not row[-1])
        assert always == row.all()
        lowest = next(level for level in range(5) if row[level:].all()) if row[-1] else None
        assert np.isnan(value) if never or always else value == spent[lowest]


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_the_smallest_that_keeps_enough(seed):
    """No smaller score keeps 95 % of what the top level keeps, by trying all."""
    random = np.random.default_rng(seed)
    scores = random.integers(0, 12, (40, 4)) + np.arange(4) * 2.0
    kept = (random.random((40, 4)) < np.linspace(0.3, 0.95, 4)).astype(float)
    threshold = search_threshold(scores, kept)

    def share(value):
        chosen = lowest_levels(scores >= value)
        return np.take_along_axis(kept, chosen[:, None], axis=1).mean()

    goal = 0.95 * kept[:, -1].mean()
    assert share(threshold) >= goal - 1e-9
    assert all(share(value) < goal for value in np.unique(scores) if value < threshold)


def resampled(seed, sources=25, levels=4, replicates=30):
    """Scores with ties, what is kept, and how often each source counts in each replicate."""
    random = np.random.default_rng(seed)
    scores = random.integers(0, 9, (sources, levels)) + np.arange(levels) * 1.5
    kept = random.integers(0, 4, (sources, levels)) / 3 * np.linspace(0.4, 1, levels)
    return scores, kept, random.multinomial(sources, np.full(sources, 1 / sources), replicates)


@pytest.mark.parametrize("seed", range(5))
def test_thresholds_of_resamples_are_those_of_repeated_sources(seed):
    """In each replicate it is the smallest score at which a level is reached that keeps enough of the repeated sources."""
    scores, kept, weights = resampled(seed)
    for times, threshold in zip(weights, search_thresholds(weights, scores, kept), strict=True):
        rows = np.repeat(np.arange(len(scores)), times.astype(int))
        goal = 0.95 * kept[rows, -1].mean()
        reached = [
            value
            for value in {row[start:].min() for row in scores[rows] for start in range(scores.shape[1])}
            if np.take_along_axis(kept[rows], lowest_levels(scores[rows] >= value)[:, None], axis=1).mean()
            >= goal - 1e-9
        ]
        assert threshold == min(reached, default=np.inf)


def test_where_no_score_keeps_enough_all_is_sent_at_the_top():
    """The threshold is infinite where even the highest score of all lets the search go too far down."""
    scores, kept = np.array([[5.0, 1.0], [5.0, 9.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    assert search_threshold(scores, kept) == 9.0
    assert search_threshold([[9.0, 9.0]], [[0.0, 1.0]]) == np.inf


def test_levels_of_thresholds_are_those_of_the_search():
    """Whatever the threshold, the level is where the search from the top down ends."""
    scores, _, _ = resampled(0)
    thresholds = np.r_[np.unique(scores), -1.0, 4.2, np.inf]
    for threshold, chosen in zip(thresholds, searched_levels(scores, thresholds), strict=True):
        assert chosen.tolist() == lowest_levels(scores >= threshold).tolist()


def test_each_replicate_may_choose_its_own_levels():
    """Savings of replicates with levels of their own are those of each one alone."""
    scores, kept, weights = resampled(3)
    bits = np.sort(np.random.default_rng(0).random(scores.shape), axis=1)
    chosen = searched_levels(scores, np.linspace(0, 14, len(weights)))
    alone = [saved_bits(own[None], bits, kept, levels)[0] for own, levels in zip(weights, chosen, strict=True)]
    assert saved_bits(weights, bits, kept, chosen) == pytest.approx(np.array(alone))


def test_a_fixed_level_saves_nothing():
    """Against fixed levels, a fixed level saves 0, and a level that costs more than its share is worth saves less."""
    random = np.random.default_rng(0)
    bits = np.sort(random.random((30, 4)), axis=1) + np.arange(4)
    kept = (random.random((30, 4)) < [0.2, 0.5, 0.7, 0.9]).astype(float)
    weights = np.r_[once(30), random.multinomial(30, np.full(30, 1 / 30), 5)]
    for level in range(4):
        saved = saved_bits(weights, bits, kept, np.full(30, level))
        rises = (np.diff((weights @ kept), axis=1) >= 0).all(axis=1)
        assert saved[rises] == pytest.approx(np.zeros(rises.sum()), abs=1e-9)


def test_savings_are_those_of_repeated_sources():
    """In a resample every source counts as often as it was drawn."""
    random = np.random.default_rng(1)
    bits, kept = np.sort(random.random((20, 3)), axis=1), (random.random((20, 3)) < [0.3, 0.6, 0.9]).astype(float)
    chosen, times = random.integers(0, 3, 20), random.multinomial(20, np.full(20, 1 / 20))
    rows = np.repeat(np.arange(20), times)
    expected = saved_bits(once(20), bits[rows], kept[rows], chosen[rows])
    assert saved_bits(times[None], bits, kept, chosen) == pytest.approx(expected)
