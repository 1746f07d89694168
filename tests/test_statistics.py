"""The statistics: kernels against scikit-learn on repeated rows, intervals against simulation."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from benchmark.core.errors import MetricError
from benchmark.metrics import bootstrap, classification, histograms, rank_correlation, weighted
from benchmark.metrics.seeds import over_seeds
from tests.studies import seeds
from tests.studies.coverage import study

KERNELS = {
    "auroc": (weighted.auroc, reference.roc_auc_score),
    "average_precision": (weighted.average_precision, reference.average_precision_score),
    "overlap": (histograms.overlap, None),
}


def data(seed, rows=60, ties=True):
    """Labels, scores, levels and clusters of random rows."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, rows)
    labels[:2] = 0, 1
    scores = labels + random.normal(size=rows)
    return labels, np.round(scores, 1) if ties else scores, random.integers(0, 3, rows), np.arange(rows) // 4


def repeated(labels, scores, levels, cluster, count):
    """The rows, each as often as its cluster counts."""
    times = count[cluster]
    return [np.repeat(column, times) for column in (labels, scores, levels)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["auroc", "average_precision"])
def test_replicates_equal_scikit_learn_on_repeated_rows(name, seed):
    """A replicate is the measure of the rows that were drawn, each as often as it was drawn."""
    labels, scores, levels, cluster = data(seed)
    kernel, outside = KERNELS[name]
    counts = bootstrap.resamples(15, "any", replicates=50)
    values = bootstrap.replicate(kernel, counts, cluster, labels, scores)
    for value, count in zip(values, counts, strict=True):
        y, s, _ = repeated(labels, scores, levels, cluster, count)
        assert value == pytest.approx(outside(y, s), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_decisions_equal_scikit_learn_on_repeated_rows(seed):
    """So are accuracy, balanced accuracy and Matthews' correlation."""
    labels, scores, levels, cluster = data(seed)
    counts = bootstrap.resamples(15, "any", replicates=50)
    values = bootstrap.replicate(weighted.decisions, counts, cluster, labels, scores >= 0.5)
    for value, count in zip(values, counts, strict=True):
        y, s, _ = repeated(labels, scores, levels, cluster, count)
        known = classification.decisions(y, s, 0.5)
        assert value == pytest.approx([known["accuracy"], known["balanced_accuracy"], known["mcc"]], abs=1e-12)


def test_mcc_of_one_decision_is_0():
    """Where everything is kept, Matthews' correlation is 0 as scikit-learn has it."""
    labels, _, _, cluster = data(0)
    counts = bootstrap.resamples(15, "any", replicates=5)
    values = bootstrap.replicate(weighted.decisions, counts, cluster, labels, np.ones(60, bool))
    assert values[:, 2].tolist() == [0.0] * 5


@pytest.mark.parametrize("seed", range(4))
def test_within_level_replicates_equal_the_metric_on_repeated_rows(seed):
    """The pairs of one level are counted as the metric counts them."""
    labels, scores, levels, cluster = data(seed)
    counts = bootstrap.resamples(15, "any", replicates=50)
    values = bootstrap.replicate(weighted.stratified_auroc, counts, cluster, labels, scores, levels)
    for value, count in zip(values, counts, strict=True):
        known, _ = classification.stratified_auroc(*repeated(labels, scores, levels, cluster, count))
        assert value == pytest.approx(known, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_overlap_replicates_equal_the_metric_in_the_same_bins(seed):
    """Bins are those of all rows, in each replicate."""
    labels, scores, levels, cluster = data(seed)
    counts = bootstrap.resamples(15, "any", replicates=50)
    values = bootstrap.replicate(histograms.overlap, counts, cluster, labels, scores)
    for value, count in zip(values, counts, strict=True):
        y, s, _ = repeated(labels, scores, levels, cluster, count)
        assert value == pytest.approx(
            classification.overlap(y, s, edges=classification.histogram_edges(scores)), abs=1e-12
        )


@given(st.integers(0, 1000), st.booleans())
def test_weights_of_one_give_the_metric(seed, ties):
    """A kernel with each row counted once is the metric itself."""
    labels, scores, _, _ = data(seed, 40, ties)
    once = bootstrap.once(40)
    assert weighted.auroc(once, labels, scores)[0] == pytest.approx(classification.auroc(labels, scores))
    assert weighted.average_precision(once, labels, scores)[0] == pytest.approx(
        classification.average_precision(labels, scores)
    )
    assert histograms.overlap(once, labels, scores)[0] == pytest.approx(classification.overlap(labels, scores))


def test_chunks_do_not_change_the_values(monkeypatch):
    """However many replicates are weighed at once, they are the same."""
    labels, scores, _, cluster = data(1)
    counts = bootstrap.resamples(15, "any", replicates=50)
    whole = bootstrap.replicate(weighted.auroc, counts, cluster, labels, scores)
    monkeypatch.setattr(bootstrap, "CELLS", 130)
    assert bootstrap.replicate(weighted.auroc, counts, cluster, labels, scores).tolist() == whole.tolist()


def test_resamples_are_the_same_for_the_same_seed():
    """Draws depend on the seed's text alone, and draw as many sources as there are."""
    one, same, other = (bootstrap.resamples(40, seed, replicates=100) for seed in ("a", "a", "b"))
    assert (one == same).all()
    assert (one != other).any()
    assert (one.sum(axis=1) == 40).all()


def test_a_replicate_of_one_class_is_undefined():
    """Where only useful rows were drawn, AUROC is NaN, and the interval leaves it out."""
    labels, scores, cluster = np.array([1, 1, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1]), np.arange(4)
    values = bootstrap.replicate(weighted.auroc, bootstrap.resamples(4, "any", replicates=200), cluster, labels, scores)
    assert np.isnan(values).any()
    assert bootstrap.interval(values) == (1.0, 1.0)


def test_an_interval_of_hardly_any_replicate_is_refused():
    """Fewer than half of the replicates say too little."""
    with pytest.raises(MetricError, match="only 1 of 3"):
        bootstrap.interval([0.5, np.nan, np.nan])


@pytest.mark.parametrize(
    ("cluster", "column", "told"),
    [([0, 1, 2], [1, 0], "differ in length"), ([0, 1, 15], [1, 0, 1], "0 to 14"), ([], [], "0 to 14")],
)
def test_wrong_clusters_are_refused(cluster, column, told):
    """A row of no known source, or a column of another length, is an error."""
    with pytest.raises(MetricError, match=told):
        bootstrap.replicate(
            weighted.auroc, bootstrap.resamples(15, "any", replicates=5), np.array(cluster, int), column
        )


def test_one_source_has_no_interval():
    """Nothing can be resampled from a single source."""
    with pytest.raises(MetricError, match="two or more"):
        bootstrap.resamples(1, "any")


def test_holm_by_hand():
    """The smallest is multiplied by n, the next by n - 1, and none becomes smaller than one before."""
    assert bootstrap.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert bootstrap.holm([0.6, 0.9]).tolist() == [1.0, 1.0]


def test_p_values_by_hand():
    """Twice the rarer sign, one added to both counts."""
    assert bootstrap.p_value([1.0] * 99) == pytest.approx(2 / 100)
    assert bootstrap.p_value([1.0] * 95 + [-1.0] * 4) == pytest.approx(10 / 100)
    assert bootstrap.p_value([1.0, -1.0]) == 1.0


def test_intervals_over_sources_cover_and_intervals_over_rows_do_not():
    """With correlated rows 95 % intervals hold the truth 93 to 97 % of the time only where sources are resampled.

    Figures of all measures: results/studies/coverage.md.
    """
    by_source, by_row = study(400, replicates=300, names=("AUROC",))["AUROC"]
    assert 0.93 <= by_source <= 0.97
    assert by_row < 0.85


@pytest.mark.parametrize("most", [0, weighted.FEW_PRIORITIES], ids=["running sums", "products"])
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 2)), min_size=1, max_size=5), st.data())
def test_kept_mean_is_the_mean_over_orders(most, pairs, draw):
    """Ties at the cut are an expectation: the same as averaging over all orders of the rows, however the rows are added."""
    count = draw.draw(st.integers(1, len(pairs)))
    orders = [sorted(order, key=lambda pair: -pair[1])[:count] for order in itertools.permutations(pairs)]
    expected = np.mean([value for order in orders for value, _ in order])
    values, priorities = (np.array(column) for column in zip(*pairs, strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weighted, "FEW_PRIORITIES", most)
        found = weighted.kept_mean(bootstrap.once(len(pairs)), values, priorities, [count / len(pairs)])
    assert found.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", [int, float])
def test_kept_means_of_many_replicates_are_those_of_each(kind):
    """Few priorities and many replicates are added by products, one replicate by running sums; the values are the same."""
    random = np.random.default_rng(1)
    values, priorities, shares = random.integers(0, 2, 60).astype(kind), random.integers(0, 5, 60), [0.2, 0.7, 1.0]
    weights = random.integers(0, 3, (30, 60))
    together = weighted.kept_mean(weights, values, priorities, shares)
    alone = [weighted.kept_mean(own[None], values, priorities, shares)[0] for own in weights]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("kernel", [weighted.auroc, weighted.average_precision, rank_correlation.srcc_kernel])
def test_no_rows_have_no_replicates(kernel):
    """Without rows there is neither a value nor a replicate, and the error says so."""
    counts = bootstrap.resamples(4, "any", replicates=3)
    with pytest.raises(MetricError, match="clusters are none; with so many counts they must be 0 to 3"):
        bootstrap.value_and_replicates(kernel, counts, [], np.zeros(0, int), np.zeros(0))


@pytest.mark.parametrize("rows", [12, 208_067])
def test_a_replicate_of_equal_values_has_no_rank_correlation(rows):
    """However often the rows count, values that are all the same have no spread."""
    weights = np.array([[rows - 2, 1, 1]])
    assert np.isnan(rank_correlation.srcc_kernel(weights, np.array([1.0, 2.0, 3.0]), np.ones(3))).all()


def test_kept_mean_replicates_are_those_of_repeated_rows():
    """A row that counts three times is kept as three equal rows are."""
    random = np.random.default_rng(0)
    values, priorities = random.random(40), random.integers(0, 9, 40).astype(float)
    times, shares = random.integers(0, 4, (20, 40)), np.array([0.1, 0.5, 0.77, 1.0])
    found = weighted.kept_mean(times, values, priorities, shares)
    for row, count in zip(found, times, strict=True):
        some = np.repeat(np.arange(40), count)
        expected = weighted.kept_mean(bootstrap.once(len(some)), values[some], priorities[some], shares)[0]
        assert row == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=30))
def test_no_order_beats_the_values_themselves(rows):
    """Keeping by the values is best at every share, by their reverse worst, and any order lies between."""
    values, priorities = (np.array(column, float) for column in zip(*rows, strict=True))
    once, shares = bootstrap.once(len(rows)), np.linspace(0.1, 1, 10)
    best, found, worst = (weighted.kept_mean(once, values, order, shares) for order in (values, priorities, -values))
    assert (worst - 1e-9 <= found).all()
    assert (found <= best + 1e-9).all()


def test_nothing_kept_has_no_mean():
    """At a share of 0 there is no value."""
    assert np.isnan(weighted.kept_mean(bootstrap.once(3), np.ones(3), np.ones(3), [0.0])).all()


def test_permuted_overlap_exchanges_whole_sources():
    """It is the mean of the metric over exchanges of the sources' labels, level by level, where all rows are labelled."""
    random = np.random.default_rng(5)
    sources, levels = 40, np.tile([1, 2], 40)
    labels, cluster = random.integers(0, 2, 2 * sources), np.repeat(np.arange(sources), 2)
    scores = labels + random.normal(size=2 * sources)
    found = histograms.permuted_overlap(labels, scores, levels, cluster, seed="any", permutations=2000)
    exchanged = (labels.reshape(sources, 2)[random.permutation(sources)].ravel() for _ in range(2000))
    assert found == pytest.approx(np.mean([classification.overlap(drawn, scores) for drawn in exchanged]), abs=0.01)
    assert found == histograms.permuted_overlap(labels, scores, levels, cluster, seed="any", permutations=2000)


def test_permuted_overlap_is_that_of_the_level():
    """Scores that are the level overlap as they are, whoever has which labels; sources without a counterpart are left out."""
    levels, cluster = np.tile([1, 2, 3], 30), np.repeat(np.arange(30), 3)
    labels = (levels > 1).astype(int)
    assert histograms.permuted_overlap(labels, levels, levels, cluster, seed="any") == pytest.approx(
        classification.overlap(labels, levels)
    )
    some = np.arange(90) % 7 > 0
    assert histograms.permuted_overlap(*(column[some] for column in (labels, levels, levels, cluster)), seed="any") == 0


@pytest.mark.parametrize("seed", range(4))
def test_thresholds_of_resamples_are_those_of_repeated_rows(seed):
    """In each resample the threshold is the one that the metric chooses on the rows that were drawn, as often as drawn."""
    labels, scores, levels, cluster = data(seed)
    counts = bootstrap.resamples(15, "any", replicates=50)
    values = bootstrap.replicate(weighted.best_thresholds, counts, cluster, labels, scores)
    for value, count in zip(values, counts, strict=True):
        y, s, _ = repeated(labels, scores, levels, cluster, count)
        assert value == classification.best_threshold(y, s)


def test_a_resample_of_one_label_has_no_threshold():
    """Where only useful rows were drawn there is no threshold."""
    weights = np.array([[1, 0], [1, 1]])
    found = weighted.best_thresholds(weights, np.array([1, 0]), np.array([2.0, 1.0]))
    assert np.isnan(found[0])
    assert found[1] == 2.0


@pytest.mark.parametrize("own_choices", [False, True])
def test_a_value_comes_before_its_replicates(own_choices):
    """The value is the kernel's with each row once, and the replicates are those that are made alone."""
    labels, scores, _, cluster = data(3)
    counts = bootstrap.resamples(15, "any", replicates=20)
    choices = np.linspace(-1, 1, 21) if own_choices else None

    def kernel(weights, labels, *drawn):
        assert weights.dtype == np.int64
        return weighted.decisions(weights, labels, scores >= (drawn[0][:, None] if drawn else 0))

    both = bootstrap.value_and_replicates(kernel, counts, cluster, labels, choices=choices)
    first, later = (None, None) if choices is None else (choices[:1], choices[1:])
    alone = bootstrap.replicate(kernel, np.ones((1, 15), np.int32), cluster, labels, choices=first)
    np.testing.assert_array_equal(both[:1], alone)
    np.testing.assert_array_equal(both[1:], bootstrap.replicate(kernel, counts, cluster, labels, choices=later))


def test_each_replicate_has_its_own_choice(monkeypatch):
    """A replicate with a threshold of its own is that of a kernel with this threshold for all, whatever the chunks."""
    labels, scores, _, cluster = data(2)
    counts = bootstrap.resamples(15, "any", replicates=40)
    choices = np.random.default_rng(0).choice([0.1, 0.5, 0.9], 40)

    def kernel(weights, drawn):
        return weighted.decisions(weights, labels, scores >= drawn[:, None])

    monkeypatch.setattr(bootstrap, "CELLS", 500)
    found = bootstrap.replicate(kernel, counts, cluster, choices=choices)
    for choice in set(choices):
        whole = bootstrap.replicate(weighted.decisions, counts, cluster, labels, scores >= choice)
        np.testing.assert_allclose(found[choices == choice], whole[choices == choice], atol=1e-12)


def test_one_seed_has_no_spread():
    """With one seed, or no replicates, values stay as they are."""
    values = np.random.default_rng(0).random((1, 50))
    np.testing.assert_array_equal(over_seeds(values, "any"), values[0])
    assert over_seeds(np.array([[0.4], [0.6]]), "any").tolist() == [0.5]


def test_seeds_that_agree_add_nothing_and_those_that_differ_widen():
    """Three equal seeds have the interval of one; the farther apart they are, the wider it is; the mean stays."""
    drawn = np.random.default_rng(0).normal(0.8, 0.02, 2000)
    widths = []
    for apart in (0.0, 0.02, 0.1):
        values = np.array([np.r_[0.8 + shift, drawn + shift] for shift in (-apart, 0.0, apart)])
        spread = over_seeds(values, "any", least=0, most=1)
        assert spread[0] == pytest.approx(0.8)
        assert ((spread >= 0) & (spread <= 1)).all()
        low, high = bootstrap.interval(spread[1:])
        widths.append(high - low)
    assert widths[0] == pytest.approx(np.subtract(*np.quantile(drawn, [0.975, 0.025])), rel=1e-3)
    assert widths[0] < widths[1] < widths[2]


def test_intervals_with_seeds_cover():
    """Where trainings differ as much as sources do, intervals that leave the seeds out fall short, those with them do not.

    More settings: `tests/studies/seeds.py`.
    """
    alone, with_seeds, _ = seeds.study(100, seeds=3, spread=0.3, sources=100, replicates=200)
    assert alone < 0.85
    assert with_seeds >= 0.92


def test_reflected_replicates_are_the_basic_interval():
    """The ends are twice the value minus the opposite quantile, and the point is twice the value minus the mean."""
    random = np.random.default_rng(1)
    values = np.r_[0.5, random.normal(0.45, 0.02, 5001)]
    found = histograms.reflected(values)
    low, high = bootstrap.interval(values[1:])
    assert bootstrap.interval(found[1:]) == pytest.approx((1 - high, 1 - low))
    assert found[0] == pytest.approx(1 - values[1:].mean())
    assert histograms.reflected(np.array([0.99, 0.9, 0.9])).max() == 1.0


def test_rank_intervals_by_hand():
    """The best in all replicates has rank 1; two that change places share both; equal ones share theirs."""
    values = np.array([[9.0] * 100, [3.0] * 60 + [1.0] * 40, [2.0] * 100])
    assert bootstrap.rank_intervals(values).tolist() == [[1, 1], [2, 3], [2, 3]]
    assert bootstrap.rank_intervals([[1.0, 1.0], [1.0, 1.0]]).tolist() == [[1, 2], [1, 2]]
    with pytest.raises(MetricError, match="no replicate"):
        bootstrap.rank_intervals([[np.nan], [1.0]])


def test_who_is_tied_with_the_first():
    """One that is always below is told apart, one that is above as often as below is not."""
    first, random = np.zeros(2000), np.random.default_rng(0).normal(size=2000)
    assert bootstrap.tied_with_first([first, random, np.full(2000, -1.0)]).tolist() == [True, True, False]
    assert bootstrap.tied_with_first([first]).tolist() == [True]
