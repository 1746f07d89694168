import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from benchmark.core.errors import LabelError
from benchmark.metrics import image_utility

light = settings(max_examples=50)
confidence = st.floats(0, 1)


@pytest.mark.parametrize(
    ("phi", "pristine", "phi_rec", "expected"),
    [
        (0.7, 0.9, 0.5, 0.2 / 0.6),
        (1.0, 1.0, 0.5, 1.0),
        (0.0, 1.0, 0.5, -1.0),
        (0.5, 0.8, 0.5, 0.0),
        (1.0, 0.0, 0.5, 1 / 3),
        (0.9, 0.5, 0.5, 0.4),
        (0.6, 0.8, 0.2, 1.0),
        (0.1, 0.3, 0.2, -0.1 / 0.9),
    ],
)
def test_utility_by_hand(phi, pristine, phi_rec, expected):
    """Equation 2 gives the values worked out by hand."""
    assert image_utility.utility(phi, pristine, phi_rec=phi_rec) == pytest.approx(expected, abs=1e-12)


@light
@given(confidence, confidence)
def test_utility_range(phi, pristine):
    """At phi_rec = .5 utility lies in -1 to 1."""
    assert -1 <= image_utility.utility(phi, pristine) <= 1


@light
@given(confidence, confidence, st.floats(0.01, 1))
def test_utility_sign(phi, pristine, phi_rec):
    """Utility is negative only below phi_rec and positive only above it."""
    value = image_utility.utility(phi, pristine, phi_rec=phi_rec)
    assert value <= 0 if phi < phi_rec else value >= 0
    assert value < 0 or phi > phi_rec - 1e-9
    assert value > 0 or phi < phi_rec + 1e-9


@light
@given(confidence, confidence, confidence, st.floats(0.01, 1))
def test_utility_grows_with_phi(one, other, pristine, phi_rec):
    """A higher confidence on the distorted image never lowers utility, and a clearly higher one raises it."""
    low, high = sorted((one, other))
    below, above = image_utility.utility([low, high], pristine, phi_rec=phi_rec)
    assert below < above if high - low > 1e-6 else below <= above


@light
@given(confidence, confidence, st.floats(0.51, 1))
def test_utility_grows_with_pristine_confidence_where_positive(one, other, phi):
    """Where utility is positive, a higher confidence on the pristine image raises it."""
    low, high = sorted((one, other))
    below, above = image_utility.utility(phi, [low, high])
    assert below < above if high - low > 1e-6 else below <= above


def test_utility_broadcasts():
    """One pristine confidence serves all levels of a source."""
    table = image_utility.utility([[0.2, 0.7], [0.9, 0.1]], [[0.9], [0.6]])
    assert table == pytest.approx(np.array([[-0.5, 1 / 3], [0.4 / 0.9, -0.4 / 0.9]]), abs=1e-12)


@pytest.mark.parametrize("phi_rec", [0, -0.1, 1.01, float("nan")])
def test_utility_refuses_a_threshold_that_can_diverge(phi_rec):
    """A phi_rec outside (0, 1] raises and is named."""
    with pytest.raises(LabelError, match=str(phi_rec)):
        image_utility.utility(0.5, 0.5, phi_rec=phi_rec)


@pytest.mark.parametrize("wrong", [-0.01, 1.01, float("nan"), float("inf")])
@pytest.mark.parametrize("place", [0, 1])
def test_utility_refuses_what_is_no_confidence(wrong, place):
    """A value that is not finite or outside 0..1 raises in either place."""
    pair = [0.5, 0.5]
    pair[place] = wrong
    with pytest.raises(LabelError, match=r"0\.\.1"):
        image_utility.utility(*pair)


def test_confidences_forgive_rounding():
    """A softmax that sums to a hair above 1 counts as 1."""
    assert image_utility.utility(1 + 1e-7, 1.0) == 1


@light
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_correct_is_equality(rows):
    """Equation 5 is 1 exactly where the predicted class is the true one."""
    predicted, truth = zip(*rows, strict=True)
    assert image_utility.correct(predicted, truth).tolist() == [guess == true for guess, true in rows]


@pytest.mark.parametrize(
    ("phi", "right", "right_pristine", "expected"),
    [
        (0.95, True, True, 1),
        (0.9, True, True, -1),
        (np.nextafter(0.9, 1), True, True, 1),
        (0.5, True, True, -1),
        (0.05, True, True, -1),
        (0.05, False, True, 0),
        (0.1, False, True, -1),
        (np.nextafter(0.1, 0), False, True, 0),
        (0.4, False, True, -1),
        (0.95, True, False, -1),
        (0.05, False, False, -1),
    ],
)
def test_threshold_labels_by_hand(phi, right, right_pristine, expected):
    """T_H and T_L are strict, and a source whose pristine image is misclassified is unlabelled."""
    labels = image_utility.threshold_labels([phi], [right], [right_pristine], high=0.9, low=0.1)
    assert labels.dtype == np.int8
    assert labels.tolist() == [expected]


@light
@given(st.lists(st.tuples(confidence, st.booleans(), st.booleans()), min_size=1), confidence, confidence)
def test_threshold_labels_are_a_row_wise_rule(rows, one, other):
    """Every row's label follows from that row alone, by the paper's two sentences."""
    low, high = sorted((one, other))
    expected = [
        1 if pristine and right and phi > high else 0 if pristine and not right and phi < low else -1
        for phi, right, pristine in rows
    ]
    columns = zip(*rows, strict=True)
    assert image_utility.threshold_labels(*columns, high=high, low=low).tolist() == expected


@pytest.mark.parametrize(("high", "low"), [(0.1, 0.9), (1.1, 0.1), (0.9, -0.1), (float("nan"), 0.1)])
def test_threshold_labels_refuse_thresholds_out_of_order(high, low):
    """Thresholds that are not 0 <= low <= high <= 1 raise and are named."""
    with pytest.raises(LabelError, match=f"low {low}, high {high}"):
        image_utility.threshold_labels([0.5], [True], [True], high=high, low=low)


def test_threshold_labels_refuse_what_is_no_confidence():
    """A confidence that is not a number raises instead of becoming unlabelled."""
    with pytest.raises(LabelError, match="finite"):
        image_utility.threshold_labels([float("nan")], [True], [True])


LABELS = np.array(list(itertools.product((-1, 0, 1), repeat=3))).T
VOTES = np.array(list(itertools.product((0, 1), repeat=4))).T


def test_unanimous_over_every_combination():
    """Three networks' labels combine to 1 or 0 only where all three say so."""
    expected = [column[0] if len(set(column)) == 1 else -1 for column in LABELS.T.tolist()]
    assert image_utility.unanimous(LABELS).tolist() == expected


@pytest.mark.parametrize("networks", [1, 2, 3, 4])
def test_majority_over_every_combination(networks):
    """The larger camp wins the vote and a tie is unlabelled."""
    votes = VOTES[:networks]
    ones = votes.sum(axis=0)
    expected = [1 if one > networks - one else 0 if one < networks - one else -1 for one in ones.tolist()]
    assert image_utility.majority(votes).tolist() == expected


@pytest.mark.parametrize("wrong", [-1, 2])
def test_majority_refuses_what_is_no_vote(wrong):
    """An unlabelled row is not a vote, so it raises."""
    with pytest.raises(LabelError, match="0 or 1"):
        image_utility.majority([[0], [wrong]])


@light
@given(st.lists(st.lists(st.floats(-1, 1), min_size=2, max_size=2), min_size=1, max_size=5))
def test_mean_and_maximum_combine_over_networks(rows):
    """Mean and maximum run over the networks, not over the images."""
    columns = list(zip(*rows, strict=True))
    assert image_utility.mean(rows) == pytest.approx([sum(column) / len(column) for column in columns])
    assert image_utility.maximum(rows).tolist() == [max(column) for column in columns]


@pytest.mark.parametrize(
    "rule", [image_utility.unanimous, image_utility.majority, image_utility.mean, image_utility.maximum]
)
def test_no_network_is_an_error(rule):
    """There is nothing to combine without a network, so every rule raises."""
    with pytest.raises(LabelError, match="no network"):
        rule(np.empty((0, 5)))


@pytest.mark.parametrize("rule", [image_utility.unanimous, image_utility.majority])
def test_one_network_agrees_with_itself(rule):
    """Combining one network's labels changes nothing."""
    assert rule([[0, 1, 1, 0]]).tolist() == [0, 1, 1, 0]


def over_confident(temperature, rows=4000, classes=5, seed=0):
    """Logits of a network that is exactly calibrated once they are divided by the temperature, and the truth."""
    random = np.random.default_rng(seed)
    honest = random.normal(size=(rows, classes)) * 2
    truth = (random.random((rows, 1)) > softmax(honest, axis=1).cumsum(axis=1)).sum(axis=1).clip(max=classes - 1)
    return honest * temperature, truth


def loss(temperature, logits, truth):
    """Negative log-likelihood at a temperature."""
    return -log_softmax(logits / temperature, axis=1)[np.arange(len(truth)), truth].mean()


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5, 8.0])
def test_fit_temperature_recovers_a_known_one(temperature):
    """The temperature that made a network over-confident is found again within sampling error."""
    assert image_utility.fit_temperature(*over_confident(temperature)) == pytest.approx(temperature, rel=0.08)


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_fit_temperature_agrees_with_other_minimisers(temperature):
    """A dense grid and scipy's simplex find no better temperature."""
    logits, truth = over_confident(temperature, rows=300, seed=1)
    fitted = image_utility.fit_temperature(logits, truth)
    grid = np.geomspace(0.05, 20, 600)
    best = grid[np.argmin([loss(t, logits, truth) for t in grid])]
    simplex = minimize(lambda x: loss(np.exp(x[0]), logits, truth), [0.0], method="Nelder-Mead")
    assert fitted == pytest.approx(best, rel=0.011)
    assert fitted == pytest.approx(float(np.exp(simplex.x[0])), rel=1e-3)


@pytest.mark.parametrize(("truth", "bound"), [([0, 1], 0.05), ([1, 0], 20)])
def test_fit_temperature_stays_within_its_bounds(truth, bound):
    """A network that is always or never right gets the outermost temperature, not infinity."""
    fitted = image_utility.fit_temperature([[0.1, 0.0], [0.0, 0.1]], truth)
    assert fitted == pytest.approx(bound, rel=1e-3)
    assert 0.05 <= fitted <= 20


def test_fit_temperature_needs_images():
    """No images have no temperature."""
    with pytest.raises(LabelError, match="no images"):
        image_utility.fit_temperature(np.empty((0, 10)), [])
