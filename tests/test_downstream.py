"""Gains of held-out networks: by hand on the small suites, and in replicates on repeated sources."""

import numpy as np
import polars as pl
import pytest

from benchmark.core.parquet import read_table, write_table
from benchmark.core.types import IMAGE
from benchmark.evaluation import downstream
from benchmark.evaluation.downstream import FRACTIONS, gains, rival_curves
from benchmark.evaluation.measures import mean_gains
from benchmark.suites.results_folder import SuiteFolder


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Few resamples."""
    monkeypatch.setattr("benchmark.suites.tasks.filtering.Downstream.REPLICATES", 30)
    monkeypatch.setattr("benchmark.suites.tasks.replacement.Downstream.REPLICATES", 6)


@pytest.fixture
def rivals(tiny, tmp_path):
    """The rivals' curves of the small suite."""
    return rival_curves(tiny, SuiteFolder(tmp_path))


def gained(truth, scores, threshold, rivals, drawn=None):
    """Mean gains and measures of the scores of one seed; the thresholds of resamples are the same one unless given."""
    thresholds = np.r_[threshold, np.full(len(truth.resamples["test"]), threshold) if drawn is None else drawn]
    seed = gains(truth, scores, thresholds, rivals)
    return mean_gains([seed], "mine"), seed.gains


def held_out(truth, **columns):
    """The test images at the held-out levels as a table of scores, with a score from the network's own answers."""
    right = truth.judgement(truth.suite.networks.held_out[0])
    names = {source.id for source in truth.parts["test"]}
    chosen = pl.col("level").is_in(truth.suite.distortions[0].held_out) & pl.col("source").is_in(names)
    return right.filter(chosen).with_columns(**columns)


def some_scores(truth):
    """Distinct scores that know a little of the network's answers."""
    rows = held_out(truth)
    noise = np.random.default_rng(0).normal(size=rows.height)
    return rows.select(*IMAGE, score=pl.Series(rows["right"].to_numpy() + noise))


def test_the_area_is_1_for_the_oracle_and_0_for_random(tiny, rivals):
    """On the scale of gain area the network's own answers earn 1, their reverse less than 0, one score for all 0."""
    scores = {
        "oracle": pl.col("right").cast(pl.Float64),
        "reverse": -pl.col("right").cast(pl.Float64),
        "all": pl.lit(0.0),
    }
    areas = {}
    for name, score in scores.items():
        rows = held_out(tiny, score=score).select(*IMAGE, "score")
        areas[name] = gained(tiny, rows, 0.5, rivals)[1]["area"][0]
    assert areas["oracle"] == pytest.approx(1, abs=1e-6)
    assert areas["reverse"] < 0
    assert areas["all"] == pytest.approx(0, abs=1e-6)


def test_curve_and_area_are_what_sorting_gives(tiny, rivals):
    """Each point is the accuracy of the share with the highest scores; the area is their mean on the rivals' scale."""
    scores = some_scores(tiny)
    found, measured = gained(tiny, scores, 0.5, rivals)
    table = scores.join(held_out(tiny), on=IMAGE).sort("score", descending=True)
    right = table["right"].to_numpy().astype(float)
    exact = [right[: round(share * len(right))].mean() for share in FRACTIONS]
    assert len(right) % 10 == 0
    assert found["zoo:resnext"].curve.value == pytest.approx(exact)
    best = np.sort(right)[::-1]
    oracle = np.mean([best[: round(share * len(right))].mean() for share in FRACTIONS])
    area = (np.mean(exact) - right.mean()) / (oracle - right.mean())
    assert measured["area"][0] == pytest.approx(area, abs=1e-6)
    assert found["zoo:resnext"].area == pytest.approx(area, abs=1e-6)


def test_replicates_are_gains_of_repeated_sources(tiny, rivals):
    """In a resample every source counts as often as it was drawn."""
    scores = some_scores(tiny)
    _, measured = gained(tiny, scores, 0.5, rivals)
    table = scores.join(held_out(tiny), on=IMAGE, maintain_order="left")
    names = [source.id for source in tiny.parts["test"]]
    for number in range(10):
        times = dict(zip(names, tiny.resamples["test"][number].tolist(), strict=True))
        rows = table[np.repeat(np.arange(table.height), [times[source] for source in table["source"]])]
        kept = rows.filter(pl.col("score") >= 0.5)
        gain = kept["right"].mean() - rows["right"].mean()
        assert measured["gain"][1 + number] == pytest.approx(gain)
        assert measured["over_random"][1 + number] == pytest.approx(gain)


def test_the_operating_point_by_hand(tiny, rivals):
    """Unfiltered, kept and filtered are means over rows; quality keeps the higher levels first; gains are differences."""
    rows = held_out(tiny, score=pl.col("level").cast(pl.Float64))
    found, measured = gained(tiny, rows.select(*IMAGE, "score"), 20.0, rivals)
    point = found["zoo:resnext"]
    high = rows.filter(level=30)
    assert point.kept == 0.5
    assert point.unfiltered == pytest.approx(rows["right"].mean())
    assert point.filtered == point.condition == pytest.approx(high["right"].mean())
    assert point.random == pytest.approx(rows["right"].mean())
    assert measured["over_condition"] == pytest.approx(np.zeros(31))
    assert measured["gain"][0] == pytest.approx(point.filtered - point.unfiltered)


def test_what_keeps_nothing_has_no_gain(tiny, rivals):
    """With nothing kept there is no accuracy; area and curve stay."""
    found, measured = gained(tiny, some_scores(tiny), 1e9, rivals)
    assert found["zoo:resnext"].kept == 0
    assert found["zoo:resnext"].filtered is None
    assert np.isnan(measured["gain"]).all()
    assert np.isfinite(measured["area"]).all()


def test_detection_keeps_every_image(tiny_det, tmp_path):
    """With nothing kept all images are replaced, with all kept none; the curve lies between, its area on the rivals' scale."""
    rivals = rival_curves(tiny_det, SuiteFolder(tmp_path))
    rows = held_out(tiny_det, score=pl.col("utility") + 1e-6 * pl.int_range(pl.len())).select(*IMAGE, "score")
    (name,) = tiny_det.suite.networks.held_out
    none, _ = gained(tiny_det, rows, 1e9, rivals)
    every, measured = gained(tiny_det, rows, -1e9, rivals)
    assert none[name].filtered == pytest.approx(none[name].pristine)
    assert every[name].filtered == pytest.approx(every[name].unfiltered)
    assert measured["gain"] == pytest.approx(np.zeros(7))
    assert measured["area"][0] == pytest.approx(1, abs=0.1)
    assert every[name].unfiltered < every[name].pristine


def test_rivals_are_made_once(tiny, rivals, tmp_path, monkeypatch):
    """What is stored is read again; where it is of other outcomes or resamples, it is made anew."""
    path = tmp_path / "rivals.parquet"
    monkeypatch.setattr(downstream, "redrawn", lambda *_: pytest.fail("made again"))
    again = rival_curves(tiny, SuiteFolder(tmp_path))
    assert again.keys() == rivals.keys()
    for key, values in again.items():
        assert values == pytest.approx(rivals[key], abs=1e-6)
        assert values.shape == (31, 9)
    table, metadata = read_table(path)
    for outdated in ((table, {"held_out": "other"}), (table[:-3], metadata)):
        write_table(path, *outdated)
        with pytest.raises(pytest.fail.Exception, match="made again"):
            rival_curves(tiny, SuiteFolder(tmp_path))


def test_random_is_flat_and_the_oracle_never_rises(rivals):
    """Random choice keeps the accuracy whatever it keeps; what the oracle keeps gets worse the more it is."""
    for (_, rival), curves in rivals.items():
        if rival == "random":
            assert curves == pytest.approx(np.repeat(curves[:, :1], 9, axis=1), abs=1e-6)
        if rival == "oracle":
            assert (np.diff(curves, axis=1) <= 1e-6).all()


def test_each_resample_has_a_threshold_of_its_own(tiny, rivals):
    """With thresholds that keep everything in even resamples and nothing in odd ones, gains are 0 and undefined in turn."""
    drawn = np.tile([-1e9, 1e9], len(tiny.resamples["test"]) // 2)
    _, measured = gained(tiny, some_scores(tiny), 0.5, rivals, drawn)
    assert measured["gain"][1::2] == pytest.approx(np.zeros(15))
    assert np.isnan(measured["gain"][2::2]).all()


def test_curves_hold_the_spread_between_seeds(tiny, rivals):
    """The interval of a mean over three seeds that differ is wider than over three that do not."""
    thresholds = np.full(1 + len(tiny.resamples["test"]), 0.5)
    rows = held_out(tiny)
    random = np.random.default_rng(3)
    seeds = [
        gains(tiny, rows.select(*IMAGE, score=pl.Series(weight * rows["right"].cast(pl.Float64).to_numpy()
              + random.normal(size=rows.height))), thresholds, rivals)
        for weight in (-1, 0, 2)
    ]  # fmt: skip
    (name,) = tiny.suite.networks.held_out
    same, differing = mean_gains([seeds[0]] * 3, "mine")[name].curve, mean_gains(seeds, "mine")[name].curve
    assert same.value == pytest.approx(mean_gains(seeds[:1], "mine")[name].curve.value)
    assert differing.high[2] - differing.low[2] > 2 * (same.high[2] - same.low[2])
