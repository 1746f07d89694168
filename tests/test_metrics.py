import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from benchmark.core.errors import MetricError
from benchmark.metrics import classification

light = settings(max_examples=50)
small = st.integers(-9, 9)


@light
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_kappa_is_agreement_beyond_chance(pairs):
    """It is (agreement - chance) / (1 - chance), the same both ways, and refused where chance agrees always."""
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    observed = np.mean(first == second)
    chance = first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean())
    if len({value for pair in pairs for value in pair}) == 1:
        with pytest.raises(MetricError, match="by chance is certain"):
            classification.kappa(first, second)
        return
    value = classification.kappa(first, second)
    assert value == pytest.approx((observed - chance) / (1 - chance))
    assert value == pytest.approx(classification.kappa(second, first))
    assert value == pytest.approx(reference.cohen_kappa_score(first, second))
    assert -1 <= value <= 1


@pytest.mark.parametrize(("first", "second"), [([], []), ([1, 0], [1]), ([[1, 0]], [[1, 0]])])
def test_kappa_needs_decisions_on_the_same_images(first, second):
    """No decisions, others in number, and tables of them are refused."""
    with pytest.raises(MetricError, match="both must be"):
        classification.kappa(first, second)


@st.composite
def rows(draw, scores=small):
    """Labels of both classes and scores, with many ties."""
    labels = [0, 1, *draw(st.lists(st.integers(0, 1), max_size=30))]
    return np.array(labels), np.array(draw(st.lists(scores, min_size=len(labels), max_size=len(labels))), float)


def concordance(labels, scores):
    """Concordant pairs, ties counted half, and all pairs of a useful and a non-useful row."""
    pairs = list(itertools.product(scores[labels == 1], scores[labels == 0]))
    return sum(1.0 if high > low else 0.5 if high == low else 0.0 for high, low in pairs), len(pairs)


def balanced_accuracy(labels, scores, threshold):
    """Mean of the two classes' shares that "useful where score >= threshold" gets right."""
    return ((scores[labels == 1] >= threshold).mean() + (scores[labels == 0] < threshold).mean()) / 2


def total_variation(labels, scores, edges):
    """Half the L1 distance of the two classes' binned distributions; the last bin holds its upper edge."""
    bins = [min(np.searchsorted(edges, score, side="right") - 1, len(edges) - 2) for score in scores]
    bins = np.array(bins)
    return sum(abs((bins[labels == 1] == b).mean() - (bins[labels == 0] == b).mean()) for b in set(bins.tolist())) / 2


@light
@given(rows())
def test_auroc_is_the_share_of_concordant_pairs(data):
    """AUROC equals brute force over all pairs, and scikit-learn's."""
    concordant, pairs = concordance(*data)
    assert classification.auroc(*data) == pytest.approx(concordant / pairs)
    assert classification.auroc(*data) == pytest.approx(reference.roc_auc_score(*data))


@light
@given(rows())
def test_average_precision_is_precision_summed_over_recall(data):
    """Average precision equals the sum of precision times the gain in recall at each distinct score."""
    labels, scores = data
    expected, recall = 0.0, 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        kept = labels[scores >= threshold]
        expected += kept.mean() * (kept.sum() / labels.sum() - recall)
        recall = kept.sum() / labels.sum()
    assert classification.average_precision(*data) == pytest.approx(expected)


@light
@given(rows(), st.integers(-10, 10))
def test_decisions_agree_with_scikit_learn_and_counts(data, threshold):
    """Accuracy, balanced accuracy and MCC are scikit-learn's, and follow from the four counts."""
    labels, scores = data
    guess = scores >= threshold
    found = classification.decisions(labels, scores, threshold)
    assert found["accuracy"] == pytest.approx((guess == labels).mean())
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy(labels, scores, threshold))
    assert found["majority_accuracy"] == max(labels.mean(), 1 - labels.mean())
    assert found["mcc"] == pytest.approx(reference.matthews_corrcoef(labels, guess.astype(int)))
    hits, misses = int(guess[labels == 1].sum()), int((~guess[labels == 1]).sum())
    alarms, passes = int(guess[labels == 0].sum()), int((~guess[labels == 0]).sum())
    scale = (hits + alarms) * (hits + misses) * (passes + alarms) * (passes + misses)
    assert found["mcc"] == pytest.approx((hits * passes - alarms * misses) / np.sqrt(scale) if scale else 0)


@light
@given(rows(), st.data())
def test_stratified_auroc_pools_pairs_of_one_level(data, draw):
    """The within-level AUROC equals brute force over the pairs that share a level."""
    labels, scores = data
    levels = np.array([5, 5, *(draw.draw(st.sampled_from([5, 30, 90])) for _ in labels[2:])])
    counts = [concordance(labels[levels == one], scores[levels == one]) for one in (5, 30, 90)]
    value, pairs = classification.stratified_auroc(labels, scores, levels)
    assert pairs == sum(count for _, count in counts)
    assert value == pytest.approx(sum(concordant for concordant, _ in counts) / pairs)


@light
@given(rows(), st.data())
def test_stratified_auroc_gives_the_level_nothing(data, draw):
    """A score that is a function of the level alone earns .5 within levels, however good its AUROC."""
    labels, _ = data
    levels = np.array([5, 5, *(draw.draw(st.sampled_from([5, 30, 90])) for _ in labels[2:])])
    assert classification.stratified_auroc(labels, np.sqrt(levels), levels)[0] == 0.5


@light
@given(rows())
def test_within_one_level_it_is_auroc(data):
    """With a single level the within-level AUROC is scikit-learn's AUROC."""
    labels, scores = data
    value, pairs = classification.stratified_auroc(labels, scores, np.full(len(labels), 30))
    assert value == pytest.approx(reference.roc_auc_score(labels, scores))
    assert pairs == labels.sum() * (1 - labels).sum()


def test_stratified_auroc_needs_a_pair():
    """Where each level has one class only there is no pair to measure."""
    with pytest.raises(MetricError, match="no pair"):
        classification.stratified_auroc([0, 0, 1, 1], [1, 2, 3, 4], [5, 5, 90, 90])


@pytest.mark.parametrize("levels", [[5], [5, 5, 5], 5, [[5, 5]]])
def test_stratified_auroc_needs_a_level_for_each_row(levels):
    """Levels that do not stand beside the rows one by one raise MetricError."""
    with pytest.raises(MetricError):
        classification.stratified_auroc([0, 1], [0.0, 1.0], levels)


HALVES = np.arange(-9.5, 10, 1.0)
EDGES = {
    "default": lambda scores: classification.histogram_edges(scores),
    "fine": lambda scores: HALVES,
    "coarse": lambda scores: HALVES[[0, 3, 9, 12, -1]],
}


@pytest.mark.parametrize("edges", EDGES)
@light
@given(data=rows())
def test_overlap_is_one_minus_total_variation(edges, data):
    """Overlap is 1 minus the total variation of the binned distributions."""
    bounds = EDGES[edges](data[1])
    assert classification.overlap(*data, edges=bounds) == pytest.approx(1 - total_variation(*data, bounds))


@pytest.mark.parametrize("edges", EDGES)
@light
@given(data=rows())
def test_overlap_bounds_every_threshold_on_an_edge(edges, data):
    """No threshold on a bin edge has a balanced accuracy above 1 - overlap / 2."""
    bounds = EDGES[edges](data[1])
    best = max(balanced_accuracy(*data, threshold) for threshold in bounds)
    assert best <= 1 - classification.overlap(*data, edges=bounds) / 2 + 1e-12


@pytest.mark.parametrize("transform", [lambda s: s**3, lambda s: np.exp(s / 3), np.arctan, lambda s: 1e6 * s - 7])
@light
@given(data=rows(st.integers(-50, 50)))
def test_overlap_does_not_change_with_an_increasing_transform(transform, data):
    """With its default edges the overlap depends on the scores' order alone."""
    labels, scores = data
    assert classification.overlap(labels, transform(scores)) == classification.overlap(labels, scores)


@light
@given(rows())
def test_overlap_does_not_change_when_classes_swap(data):
    """Overlap is symmetric in the two classes and lies in 0 to 1."""
    labels, scores = data
    assert classification.overlap(1 - labels, scores) == pytest.approx(classification.overlap(labels, scores))
    assert 0 <= classification.overlap(labels, scores) <= 1 + 1e-12


@light
@given(rows())
def test_overlap_of_a_class_with_itself(data):
    """Two classes of the same scores overlap fully."""
    scores = np.repeat(data[1], 2)
    assert classification.overlap(np.tile([0, 1], len(data[1])), scores) == pytest.approx(1)


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        ([0, 0, 1, 1], [0, 0, 1, 1]),
        ([0, 0, 0, 1], [3, 3, 3, 7]),
        ([0, 0, 1, 1], [0, 1, 2, 3]),
        ([0, 0, 1, 1], [0, 1, 5, 5]),
        ([1, 1, 0, 0], [0, 1, 5, 5]),
    ],
)
def test_overlap_of_separated_scores_is_zero(labels, scores):
    """Scores of few values that tell the classes apart perfectly do not overlap."""
    assert classification.overlap(labels, scores) == 0


def test_overlap_of_a_constant_score_is_one():
    """A score that never changes tells nothing apart."""
    assert classification.overlap([0, 1, 1], [2.5, 2.5, 2.5]) == pytest.approx(1)


@pytest.mark.parametrize(("bins", "expected"), [(20, 0.85), (50, 0.76), (200, 0.55)])
def test_overlap_of_identical_gaussians_falls_with_the_number_of_bins(bins, expected):
    """With 200 rows a class, equal-width bins and identical Gaussians, overlap is far below 1 and depends on the bins."""
    random, labels = np.random.default_rng(0), np.repeat([0, 1], 200)
    draws = [random.normal(size=400) for _ in range(40)]
    values = [classification.overlap(labels, s, edges=np.linspace(s.min(), s.max(), bins + 1)) for s in draws]
    assert np.mean(values) == pytest.approx(expected, abs=0.02)


@light
@given(rows(st.integers(-1000, 1000)))
def test_default_edges_cover_the_scores(data):
    """Default edges increase strictly, make at most 20 bins and the last score's own, and span all scores."""
    edges = classification.histogram_edges(data[1])
    assert (np.diff(edges) > 0).all()
    assert 2 <= len(edges) <= 22
    assert edges[0] == data[1].min()
    assert edges[-1] >= data[1].max()


def test_default_edges_are_quantiles():
    """A thousand distinct scores fall into twenty bins of fifty, but for the shared last edge."""
    scores = np.random.default_rng(0).permutation(1000)
    counts = np.histogram(scores, classification.histogram_edges(scores))[0]
    assert counts[:20].min() >= 49
    assert counts.max() <= 51
    assert counts.sum() == 1000


@pytest.mark.parametrize("edges", [[0.5, 2], [0, 0.5], [], [0], [0, np.nan, 1], [1, 0]])
def test_overlap_refuses_edges_that_do_not_cover(edges):
    """Edges that leave a score out, or are no increasing edges, raise MetricError."""
    with pytest.raises(MetricError):
        classification.overlap([0, 1], [0, 1], edges=edges)


@light
@given(rows())
def test_best_threshold_maximises_balanced_accuracy(data):
    """No threshold beats the best one, and no lower cut is as good."""
    labels, scores = data
    cuts = [*sorted(set(scores.tolist())), scores.max() + 1]
    values = [balanced_accuracy(labels, scores, cut) for cut in cuts]
    lowest = next(cut for cut, value in zip(cuts, values, strict=True) if value >= max(values) - 1e-12)
    found = classification.best_threshold(labels, scores)
    assert ((scores >= found) == (scores >= lowest)).all()
    assert found in scores


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [([0, 1], [1, 3], 3), ([0, 0, 1, 1], [1, 2, 4, 9], 4), ([1, 0], [1, 3], 1), ([0, 1, 0, 1], [1, 3, 5, 7], 3)],
)
def test_best_threshold_by_hand(labels, scores, expected):
    """The threshold is a score, at the lowest of equal cuts, so that nothing between two scores is kept by accident."""
    assert classification.best_threshold(labels, scores) == expected


@pytest.mark.parametrize(
    "low", [0.3, 0.1, 1.0, -1.0, 5e-324, 0.30000000000000004, 1.7e308, -1.7e308], ids=lambda low: f"{low:g}"
)
@pytest.mark.parametrize("step", [np.nextafter, lambda low, _: low + abs(low) / 64])
def test_best_threshold_separates_close_and_huge_scores(low, step):
    """Even between neighbouring floats, or near the largest, the threshold keeps the two apart."""
    scores = [low, float(step(low, np.inf))]
    threshold = classification.best_threshold([0, 1], scores)
    assert classification.decisions([0, 1], scores, threshold)["balanced_accuracy"] == (
        1 if scores[0] < scores[1] else 0.5
    )


METRICS = {
    "auroc": classification.auroc,
    "average_precision": classification.average_precision,
    "stratified_auroc": lambda labels, scores: classification.stratified_auroc(
        labels, scores, np.zeros(np.shape(labels))
    ),
    "overlap": classification.overlap,
    "overlap_with_edges": lambda labels, scores: classification.overlap(labels, scores, edges=[0, 1]),
    "decisions": lambda labels, scores: classification.decisions(labels, scores, 0.5),
    "best_threshold": classification.best_threshold,
}
DEGENERATE = {
    "empty": ([], []),
    "only useful": ([1, 1], [0.1, 0.9]),
    "only non-useful": ([0, 0], [0.1, 0.9]),
    "one row": ([1], [0.5]),
    "not a number": ([0, 1], [np.nan, 0.5]),
    "infinite": ([0, 1], [0.5, np.inf]),
    "too few scores": ([0, 1], [0.5]),
    "too many scores": ([0, 1], [0.5, 0.2, 0.1]),
    "a matrix": ([[0, 1]], [[0.5, 0.2]]),
    "scalars": (1, 0.5),
    "unlabelled rows": ([0, 1, -1], [0.1, 0.9, 0.5]),
    "soft labels": ([0, 0.5, 1], [0.1, 0.5, 0.9]),
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_input_raises(metric, case):
    """Every metric raises MetricError where there is nothing to measure; none answers 0."""
    with pytest.raises(MetricError):
        METRICS[metric](*DEGENERATE[case])


@pytest.mark.parametrize("metric", METRICS)
@light
@given(data=rows(st.integers(0, 100)))
def test_metrics_do_not_depend_on_the_order_of_rows(metric, data):
    """Shuffling the rows changes no metric."""
    labels, scores = data[0], data[1] / 100
    order = np.random.default_rng(len(labels)).permutation(len(labels))
    assert METRICS[metric](labels[order], scores[order]) == pytest.approx(METRICS[metric](labels, scores))
