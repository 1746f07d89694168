"""Shares with exact intervals, against SciPy and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.core.errors import MetricError
from benchmark.metrics.proportions import photographs_to_show, share_interval


@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_it_is_the_exact_interval_where_photographs_are_independent(kept):
    """Without groups the interval is SciPy's of Clopper and Pearson."""
    share, low, high = share_interval(kept, range(len(kept)))
    exact = stats.binomtest(sum(kept), len(kept)).proportion_ci(method="exact")
    assert share == pytest.approx(np.mean(kept))
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=60))
def test_the_share_lies_in_its_interval(rows):
    """Whatever the groups, 0 <= low <= share <= high <= 1, and names of groups do not matter."""
    kept, groups = zip(*rows, strict=True)
    share, low, high = share_interval(kept, groups)
    assert 0 <= low <= share + 1e-12
    assert share <= high + 1e-12 <= 1 + 1e-9
    assert share_interval(kept, [f"group {group}" for group in groups]) == (share, low, high)


def test_copies_of_photographs_make_no_interval_narrower():
    """Photographs that are repeated in one group count once."""
    kept = np.arange(40) % 8 > 0
    alone, repeated = share_interval(kept, range(40)), share_interval(np.repeat(kept, 10), np.repeat(np.arange(40), 10))
    assert repeated[0] == pytest.approx(alone[0])
    assert repeated[2] - repeated[1] >= alone[2] - alone[1]


@pytest.mark.parametrize("share", [0.8, 0.95])
def test_intervals_hold_the_true_share_where_frames_of_a_scene_resemble_each_other(share):
    """Of 500 simulated sets of 20 scenes of 10 frames, each with its own chance, at least 92 % of the intervals hold it."""
    random, held = np.random.default_rng(3), 0
    groups = np.repeat(np.arange(20), 10)
    for _ in range(500):
        chance = random.beta(3 * share, 3 * (1 - share), 20)
        _, low, high = share_interval(random.random(200) < chance[groups], groups)
        held += low <= share <= high
    assert held >= 0.92 * 500


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99, 0.999])
def test_so_many_photographs_show_a_share_and_one_fewer_does_not(share):
    """The interval of that many kept photographs reaches the share, that of one fewer does not."""
    count = photographs_to_show(share)
    assert share_interval([True] * count, range(count))[1] >= share
    assert share_interval([True] * (count - 1), range(count - 1))[1] < share


def test_nothing_has_no_share():
    """A share of no photographs raises."""
    with pytest.raises(MetricError, match="no photographs"):
        share_interval([], [])
