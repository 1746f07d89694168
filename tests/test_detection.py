"""Labels and downstream gains of detection, on cases worked by hand."""

import numpy as np
import polars as pl
import pytest

from benchmark.errors import LabelError
from benchmark.mean_ap import match, mean_ap
from benchmark.records import Objects
from benchmark.tasks import detection
from benchmark.tasks.detection import LabelChoice, find_objects, judge
from benchmark.tasks.replacement import FRACTIONS, unpack
from benchmark.utility import retention_labels
from tests.scenes import random_images

LEFT, RIGHT = (0.0, 0.0, 20.0, 20.0), (40.0, 0.0, 60.0, 20.0)
TRUTH = Objects(np.array([LEFT, RIGHT]), np.array([3, 5]), np.array([False, False]), (64, 64))


def outcome(source, level, *found):
    """A row of outcomes; each detection is (box, score, class)."""
    return {
        "source": source,
        "digest": "",
        "level": level,
        "boxes": [round(8 * value) for box, _, _ in found for value in box],
        "scores": [round(10_000 * score) for _, score, _ in found],
        "classes": [kind for _, _, kind in found],
    }


def outcomes(*rows):
    """A table of outcomes."""
    return pl.DataFrame(list(rows), schema=detection.SCHEMA)


CASES = {
    # name: (pristine, distorted, right, kept, utility, one, half, text)
    "both kept": ([(LEFT, 0.9, 3), (RIGHT, 0.7, 5)], [(LEFT, 0.8, 3), (RIGHT, 0.6, 5)], True, True, 0.2 / 0.7, 1, 1, 1),
    "one of two kept": ([(LEFT, 0.9, 3), (RIGHT, 0.7, 5)], [(LEFT, 0.8, 3)], True, False, -0.1 / 0.7, 1, 1, 1),
    "both lost": ([(LEFT, 0.9, 3), (RIGHT, 0.7, 5)], [(LEFT, 0.4, 3)], False, False, -0.3 / 0.7, 0, 0, 0),
    "another class": ([(LEFT, 0.9, 3)], [(LEFT, 0.9, 4)], False, False, -0.5 / 0.6, 0, 0, 0),
    "another place": ([(LEFT, 0.9, 3)], [((12, 12, 32, 32), 0.9, 3)], False, False, -0.5 / 0.6, 0, 0, 0),
    "another object": ([(LEFT, 0.9, 3)], [(RIGHT, 0.9, 5)], True, False, -0.5 / 0.6, 0, 0, 0),
    "never seen": ([(LEFT, 0.4, 3)], [(LEFT, 0.9, 3)], True, False, -0.5 / 1.5, -1, -1, 0),
    "nothing at all": ([], [], False, True, -0.5 / 1.5, -1, -1, 0),
    "at the threshold": ([(LEFT, 0.5, 3)], [(LEFT, 0.5, 3)], True, True, 0.0, 1, 1, 1),
}


@pytest.mark.parametrize("name", CASES)
def test_hand_worked_cases(name):
    """Decision, utility and the label by each rule."""
    pristine, distorted, right, kept, utility, *labels = CASES[name]
    table = outcomes(outcome("a", -1, *pristine), outcome("a", 30, *distorted))
    choices = [LabelChoice(), LabelChoice(retained="half"), LabelChoice(pristine_must_succeed=False)]
    judged = [judge(table, {"a": TRUTH}, 1.0, choice) for choice in choices]
    assert judged[0].select("source", "level", "right", "kept").rows() == [("a", 30, right, kept)]
    assert judged[0]["utility"][0] == pytest.approx(utility)
    assert [one["label"][0] for one in judged] == labels


def test_half_is_at_least_half():
    """One of three retained is enough for `one` and too little for `half`; one of two is enough for both."""
    assert retention_labels([1, 1, 2], [3, 2, 3]).tolist() == [1, 1, 1]
    assert retention_labels([1, 1, 2], [3, 2, 3], share=0.5).tolist() == [0, 1, 1]


def test_more_retained_than_there_were_is_an_error():
    """Retained objects are among those of the pristine image."""
    with pytest.raises(LabelError, match="retained"):
        retention_labels([2], [1])


def test_objects_and_crowds():
    """A crowd is no object to be found; an image without objects has none."""
    crowd = Objects(np.array([LEFT, RIGHT]), np.array([3, 5]), np.array([True, False]), (64, 64))
    empty = Objects(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, bool), (64, 64))
    table = outcomes(outcome("a", -1, (LEFT, 0.9, 3), (RIGHT, 0.8, 5)), outcome("b", -1, (LEFT, 0.9, 3)))
    rows, score = find_objects(table, {"a": crowd, "b": empty})
    assert (rows.tolist(), score.tolist()) == ([0], [0.8])


def pooled(seed=0, sources=12, levels=(30, 10)):
    """Random outcomes of many sources at some levels, with their truths and images."""
    objects, found = random_images(seed, count=sources * (1 + len(levels)))
    truths = {f"s{number}": objects[number] for number in range(sources)}
    names = [(f"s{number}", level) for number in range(sources) for level in (-1, *levels)]
    rows = [
        outcome(name, level, *zip(one.boxes.tolist(), one.scores, one.classes, strict=True))
        for (name, level), one in zip(names, found, strict=True)
    ]
    images = [(name, level, 1000 if level < 0 else level) for name, level in names]
    return outcomes(*rows), truths, pl.DataFrame(images, schema=["source", "level", "bits"], orient="row")


def test_replacement_is_an_evaluation_of_other_images():
    """The mAP after replacement is that of the very images that are then there; nothing replaced, all replaced."""
    table, truths, images = pooled()
    judged = judge(table, truths, 1.0, LabelChoice())
    downstream = detection.Downstream(table, truths, judged, images)
    sent = table.filter(pl.col("level") != -1)
    scores = sent.select("source", "level").with_columns(score=pl.Series(np.arange(sent.height, dtype=float)))
    threshold = 10.0
    gains = downstream.gains(scores, threshold)
    found, objects = unpack(table), [truths[name] for name in table["source"]]
    place = {key: number for number, key in enumerate(table.select("source", "level").iter_rows())}
    chosen = [place[name, level if score >= threshold else -1] for name, level, score in scores.iter_rows()]
    expected = mean_ap(match([objects[c] for c in chosen], [found[c] for c in chosen], 4), np.arange(len(chosen)))
    assert gains["filtered"] == pytest.approx(expected, abs=1e-12)
    assert gains["kept"] == pytest.approx(1 - 10 / sent.height)
    assert gains["bits"] == pytest.approx(20)
    bits = [level if score >= threshold else 1000 for _, level, score in scores.iter_rows()]
    assert gains["bits_filtered"] == pytest.approx(np.mean(bits))
    assert downstream.gains(scores, -1.0)["filtered"] == gains["unfiltered"]
    assert downstream.gains(scores, 1e9)["filtered"] == gains["pristine"]
    assert set(gains["levels"]) == {"30", "10"}


def test_the_area_scales_the_mean_over_kept_fractions():
    """The detector's own utility earns 1; others stand to it as their mean mAP over nine kept fractions does."""
    table, truths, images = pooled()
    judged = judge(table, truths, 1.0, LabelChoice())
    downstream = detection.Downstream(table, truths, judged, images)
    own = judged.select("source", "level", score="utility")
    draws = [np.random.default_rng(seed).random(own.height) for seed in range(3)]
    area, level = [], []
    for score in (own["score"].to_numpy() + 1e-9 * np.random.default_rng(0).random(own.height), *draws):
        mine = own.with_columns(score=pl.Series(score))
        area.append(downstream.gains(mine, 0.5)["area"])
        cuts = [np.sort(score)[own.height - int(share * own.height)] for share in FRACTIONS]
        level.append(np.mean([downstream.filtered(mine, cut) for cut in cuts]))
    assert area[0] == pytest.approx(1)
    for one in (1, 2):
        expected = (level[one] - level[3]) / (level[0] - level[3])
        assert (area[one] - area[3]) / (1 - area[3]) == pytest.approx(expected)


def test_quality_keeps_the_highest_levels():
    """Half of the images kept by quality are those of the higher level, whatever the predictor."""
    table, truths, images = pooled()
    downstream = detection.Downstream(table, truths, judge(table, truths, 1.0, LabelChoice()), images)
    sent = table.filter(pl.col("level") != -1).select("source", "level")
    by_level = sent.with_columns(score=pl.col("level").cast(pl.Float64))
    gains = downstream.gains(by_level, 20.0)
    assert gains["quality"] == pytest.approx(gains["filtered"])
    assert set(gains) == set(detection.GAINS)
