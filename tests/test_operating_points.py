"""Thresholds that reach a wanted share of useful images, kept fraction or bit rate."""

import numpy as np
import polars as pl
import pytest

from benchmark.core.errors import MetricError
from benchmark.metrics.operating_points import AIMS, operating_point


def rows(seed=0, sources=40, versions=5):
    """Validation images whose scores follow their labels, with unlabelled ones among them."""
    random = np.random.default_rng(seed)
    label = random.choice([1, 0, -1], sources * versions)
    return pl.DataFrame({
        "source": np.repeat([f"s{number}" for number in range(sources)], versions),
        "score": np.round(label + random.normal(size=len(label)), 1),
        "label": label,
        "bits": random.integers(100, 1000, len(label)),
    })  # fmt: skip


def brute(table, aim, threshold):
    """What a threshold reaches, image by image."""
    kept = table.filter(pl.col("score") >= threshold)
    if aim == "accuracy":
        known = kept.filter(pl.col("label") >= 0)
        return known["label"].mean()
    return kept.height / table.height if aim == "fraction" else kept["bits"].sum() / table.height


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("aim", "value"), [("accuracy", 0.6), ("fraction", 0.3), ("bits", 150.0)])
def test_the_threshold_reaches_the_aim_and_no_lower_one_does(aim, value, seed):
    """It is the lowest of all scores that reaches what is wanted."""
    table = rows(seed)
    point = operating_point(table, aim, value)
    reached = {score: brute(table, aim, score) for score in table["score"].unique()}
    good = [
        score
        for score, one in reached.items()
        if one is not None and (one >= value if aim == "accuracy" else one <= value)
    ]
    assert point.threshold == min(good)
    for name in AIMS:
        assert point.reached[name][0] == pytest.approx(brute(table, name, point.threshold))


@pytest.mark.parametrize("aim", AIMS)
def test_intervals_hold_the_value(aim):
    """Threshold and reached values lie within their intervals."""
    point = operating_point(rows(), aim, {"accuracy": 0.6, "fraction": 0.3, "bits": 150.0}[aim])
    assert point.low <= point.threshold <= point.high
    for value, low, high in point.reached.values():
        assert low <= value <= high
        assert low < high


def test_a_wider_aim_keeps_more():
    """The more may be kept, the lower the threshold."""
    thresholds = [operating_point(rows(), "fraction", value).threshold for value in (0.1, 0.5, 1.0)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[-1] == rows()["score"].min()


def test_what_cannot_be_reached_is_told_with_what_can():
    """The message gives the best that there is."""
    table = rows().with_columns(label=pl.when(pl.col("label") == 1).then(0).otherwise(pl.col("label")))
    with pytest.raises(MetricError, match=r"no threshold keeps accuracy at 0.9 .* it is 0 at most"):
        operating_point(table, "accuracy", 0.9)
    with pytest.raises(MetricError, match=r"bits at 0\.001 .* at least"):
        operating_point(rows(), "bits", 0.001)


@pytest.mark.parametrize(("aim", "value"), [("accuracy", 1.5), ("fraction", 0.0), ("bits", -1.0), ("speed", 0.5)])
def test_senseless_aims_are_refused(aim, value):
    """Shares lie between 0 and 1, bits above 0, and there are three aims."""
    with pytest.raises(MetricError, match="cannot keep"):
        operating_point(rows(), aim, value)
