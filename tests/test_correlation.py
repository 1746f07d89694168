"""The soft track's measures against SciPy, and in replicates against SciPy on repeated rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import curve_fit

from benchmark.core.errors import MetricError
from benchmark.metrics import bootstrap, correlation, rank_correlation

MEASURES = {name: getattr(correlation, name) for name in correlation.SOFT}


def data(seed, sources=20, rows=4):
    """Utilities and scores with ties, clusters, and resamples."""
    random = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(sources), rows)
    target = np.tanh(random.normal(size=sources)[cluster] + random.normal(size=len(cluster))).round(1)
    scores = (target + random.normal(0, 0.5, len(cluster))).round(1)
    return target, scores, cluster, bootstrap.resamples(sources, "any", replicates=40)


def logistic(x, a, b, centre, width):
    """The curve that is fitted."""
    return a + b / (1 + np.exp(-(x - centre) / abs(width)))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("name", "outside"), [("srcc", stats.spearmanr), ("krcc", stats.kendalltau)])
def test_rank_correlations_of_replicates_are_scipys_on_repeated_rows(name, outside, seed):
    """A replicate is the measure of the rows that were drawn, each as often as it was drawn."""
    target, scores, cluster, counts = data(seed)
    found = rank_correlation.rank_replicates(counts, cluster, target, scores)[("srcc", "krcc").index(name)]
    for value, count in zip(found, counts, strict=True):
        some = np.repeat(np.arange(len(target)), count[cluster])
        assert value == pytest.approx(outside(target[some], scores[some]).statistic, abs=1e-12)


@pytest.mark.parametrize("pairs", [1, 300, 3_000])
def test_pairs_may_be_compared_a_few_at_a_time(pairs, monkeypatch):
    """Kendall's correlation of replicates is the same to the bit, however many sources are compared at once."""
    target, scores, cluster, counts = data(5)
    together = rank_correlation.rank_replicates(counts, cluster, target, scores)
    monkeypatch.setattr(rank_correlation, "PAIRS", pairs)
    assert len(target) ** 2 > 3_000
    np.testing.assert_array_equal(rank_correlation.rank_replicates(counts, cluster, target, scores), together)


@pytest.mark.parametrize("seed", range(4))
def test_the_logistic_fit_is_that_of_curve_fit(seed):
    """PLCC and RMSE after the fit are those of SciPy's least squares over all four parameters."""
    target, scores, _, _ = data(seed, sources=60)
    start = [target.min(), np.ptp(target), scores.mean(), scores.std()]
    parameters, _ = curve_fit(logistic, scores, target, start, maxfev=20_000)
    told = logistic(scores, *parameters)
    assert correlation.plcc(target, scores) == pytest.approx(stats.pearsonr(told, target).statistic, abs=1e-6)
    assert correlation.rmse(target, scores) == pytest.approx(np.sqrt(np.mean((told - target) ** 2)), abs=1e-6)


def test_fit_replicates_are_correlations_of_repeated_rows():
    """With the curve's shape kept, PLCC and RMSE are those of a straight line through the rows that were drawn."""
    target, scores, cluster, counts = data(1)
    curve = correlation.fitted(target, scores)
    found = bootstrap.replicate(correlation.fit_kernel, counts, cluster, target, curve)
    for (plcc, rmse), count in zip(found, counts, strict=True):
        some = np.repeat(np.arange(len(target)), count[cluster])
        line = stats.linregress(curve[some], target[some])
        rest = target[some] - line.intercept - line.slope * curve[some]
        assert (plcc, rmse) == pytest.approx((line.rvalue, np.sqrt(np.mean(rest**2))), abs=1e-9)


@given(st.integers(0, 500))
def test_increasing_transforms_leave_rank_correlations(seed):
    """SRCC and KRCC depend on the order of the scores alone, and turn their sign with it."""
    target, scores, _, _ = data(seed)
    for measure in (correlation.srcc, correlation.krcc):
        assert measure(target, np.exp(3 * scores) - 7) == pytest.approx(measure(target, scores))
        assert measure(target, -scores) == pytest.approx(-measure(target, scores))
        assert -1 <= measure(target, scores) <= 1


@settings(max_examples=30)
@given(st.integers(0, 500), st.floats(0.01, 100), st.floats(-50, 50))
def test_scale_and_offset_leave_the_fit(seed, scale, offset):
    """PLCC and RMSE do not depend on a score's units, and lie where they must."""
    target, scores, _, _ = data(seed)
    plcc = correlation.plcc(target, scores)
    assert correlation.plcc(target, scale * scores + offset) == pytest.approx(plcc, abs=1e-3)
    assert stats.pearsonr(target, scores).statistic - 5e-3 <= plcc <= 1
    assert 0 <= correlation.rmse(target, scores) <= target.std() + 1e-12


def test_a_bent_score_is_straightened():
    """A score that is a rising curve of the utility has PLCC near 1 and hardly an error; the wrong way round nothing."""
    target = np.linspace(-1, 1, 200)
    scores = np.arctanh(0.99 * target)
    assert correlation.plcc(target, scores) > 0.999
    assert correlation.rmse(target, scores) < 0.03
    assert correlation.plcc(target, -scores) < 0
    assert correlation.rmse(target, -scores) == pytest.approx(target.std())


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize(
    ("target", "scores", "told"),
    [
        ([], [], "N at least 3"),
        ([1, 2, 3], [1, 2], "both must be"),
        ([1, 1, 1], [1, 2, 3], "constant"),
        ([1, 2, 3], [2, 2, 2], "constant"),
        ([1, 2, np.nan], [1, 2, 3], "not finite"),
        ([1, 2, 3], [1, np.inf, 3], "not finite"),
    ],
)
def test_what_has_no_correlation_is_refused(name, target, scores, told):
    """No rows, constants and what is no number raise, and never score 0."""
    with pytest.raises(MetricError, match=told):
        MEASURES[name](target, scores)
