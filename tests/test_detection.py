"""Labels and downstream gains of detection, on cases worked by hand."""

import contextlib
import io

import numpy as np
import polars as pl
import pytest
from pycocotools.cocoeval import COCOeval

from benchmark.core.errors import LabelError
from benchmark.core.types import IMAGE, PRISTINE, Objects
from benchmark.metrics import bootstrap
from benchmark.metrics.coco_tables import coco_tables
from benchmark.metrics.image_utility import retention_labels
from benchmark.metrics.matches import match
from benchmark.metrics.mean_ap import mean_ap
from benchmark.suites.tasks import detection
from benchmark.suites.tasks.detection import LabelChoice, find_objects, judge
from benchmark.suites.tasks.replacement import unpack
from tests.scenes import random_images

LEFT, RIGHT = (0.0, 0.0, 20.0, 20.0), (40.0, 0.0, 60.0, 20.0)
TRUTH = Objects(np.array([LEFT, RIGHT]), np.array([3, 5]), np.array([False, False]), (64, 64))


def outcome(source, level, *found):
    """A row of outcomes; each detection is (box, score, class)."""
    return {
        "source": source,
        "digest": "",
        "distortion": "jpeg" if level >= 0 else "pristine",
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
    assert judged[0].select(*IMAGE, "right", "kept").rows() == [("a", "jpeg", 30, right, kept)]
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
    table = outcomes(*rows)
    bits = [1000 if level < 0 else level for _, level in names]
    return table, truths, table.select(*IMAGE, bits=pl.Series(bits))


def downstream_of(table, truths, images):
    """The detector's downstream performance, and the rows of its distorted images."""
    downstream = detection.Downstream(table, truths, judge(table, truths, 1.0, LabelChoice()), images)
    return downstream, downstream.placed(table.filter(pl.col("level") != -1).select(IMAGE))


def test_replacement_is_an_evaluation_of_other_images():
    """The mAP after replacement is that of the very images that are then there; nothing replaced, all replaced."""
    table, truths, images = pooled()
    downstream, rows = downstream_of(table, truths, images)
    kept = np.arange(rows.height) >= 10
    once = bootstrap.once(rows.height)
    found, objects = unpack(table), [truths[name] for name in table["source"]]
    place = {key: number for number, key in enumerate(table.select(IMAGE).iter_rows())}
    keys = rows.select(IMAGE).rows()
    chosen = [place[key if stays else (key[0], *PRISTINE)] for key, stays in zip(keys, kept, strict=True)]
    expected = mean_ap(match([objects[c] for c in chosen], [found[c] for c in chosen], 4), np.arange(len(chosen)))
    assert downstream.chosen(rows, once, kept) == pytest.approx([expected], abs=1e-12)
    extras = downstream.extras(rows, kept)
    assert extras["bits"] == pytest.approx(20)
    assert extras["bits_filtered"] == pytest.approx(
        np.mean([level if stays else 1000 for (*_, level), stays in zip(keys, kept, strict=True)])
    )
    assert extras["pristine"] == downstream.best(rows, once, np.arange(rows.height, dtype=float), [0.0]).item()
    assert set(extras["conditions"]) == {"jpeg 30", "jpeg 10"}


def test_a_replicate_is_the_map_of_copies():
    """Where sources count several times or not at all, the best share and a choice are those of the repeated rows."""
    table, truths, images = pooled()
    downstream, rows = downstream_of(table, truths, images)
    random = np.random.default_rng(0)
    times = random.integers(0, 3, rows.height)
    score = random.permutation(rows.height).astype(float)
    repeated = rows[np.repeat(np.arange(rows.height), times)]
    kept = score >= 8
    again = downstream.chosen(repeated, bootstrap.once(repeated.height), np.repeat(kept, times))
    assert downstream.chosen(rows, times[None], kept) == pytest.approx(again, abs=1e-12)
    order = np.argsort(-score)
    taken = np.cumsum(times[order])
    best = np.zeros(rows.height, bool)
    best[order[taken <= 0.5 * taken[-1]]] = True
    expected = downstream.chosen(rows, times[None], best)
    assert downstream.best(rows, times[None], score, [0.5])[:, 0] == pytest.approx(expected)


def test_equal_priorities_are_kept_in_random_order():
    """Where all priorities are equal, the mAP is the mean over random choices: between its extremes, near their mean."""
    table, truths, images = pooled()
    downstream, rows = downstream_of(table, truths, images)
    once, random = bootstrap.once(rows.height), np.random.default_rng(1)
    values = [downstream.best(rows, once, random.random(rows.height), [0.5]).item() for _ in range(60)]
    found = downstream.best(rows, once, np.zeros(rows.height), [0.5]).item()
    assert found == pytest.approx(np.mean(values), abs=3 * np.std(values) / np.sqrt(10))


def test_a_replicate_does_not_depend_on_those_computed_with_it():
    """Random orders of equal priorities are of the replicate itself, however many are computed together."""
    table, truths, images = pooled()
    downstream, rows = downstream_of(table, truths, images)
    weights = np.random.default_rng(0).integers(0, 3, (4, rows.height)).astype(float)
    together = downstream.best(rows, weights, np.zeros(rows.height), [0.3, 0.6])
    assert np.array_equal(downstream.best(rows, weights[2:], np.zeros(rows.height), [0.3, 0.6]), together[2:])
    assert len(np.unique(together[:, 0])) == 4


def test_sizes_are_those_of_coco():
    """By size, only objects of that size are asked for, as COCOeval does with the areas of boxes."""
    table, truths, images = pooled(seed=3)
    downstream, rows = downstream_of(table, truths, images)
    once, everything = bootstrap.once(rows.height), np.ones(rows.height, bool)
    objects, found = [truths[name] for name in rows["source"]], unpack(table.filter(pl.col("level") != -1))
    for name, sized in downstream.by_size.items():
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation = COCOeval(*coco_tables(objects, found, 4), "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        expected = evaluation.stats[{"small": 3, "medium": 4, "large": 5}[name]]
        value = sized.chosen(rows, once, everything).item()
        assert np.isnan(value) if expected == -1 else value == pytest.approx(expected, abs=1e-9)


def test_groups_of_an_image():
    """An image belongs to its classes and to the size of its largest object, crowds apart."""
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 50, 50], [0, 0, 200, 200]])
    truth = Objects(boxes, np.array([2, 7, 2]), np.array([False, False, True]), (300, 300))
    assert detection.groups(truth) == ["largest object medium", "class 2", "class 7"]


def test_outcomes_that_are_not_the_recorded_ones_are_told():
    """Another score, class or box of a clear detection is told; a faint one is not looked at."""
    rows = [outcome("a", 30, (LEFT, 0.9, 3), (RIGHT, 0.05, 5))]
    same = outcomes(*rows)
    assert not detection.disagree(same, same).any()
    others = {
        "score": [(LEFT, 0.8, 3), (RIGHT, 0.05, 5)],
        "class": [(LEFT, 0.9, 4), (RIGHT, 0.05, 5)],
        "box": [((1.0, 0.0, 20.0, 20.0), 0.9, 3), (RIGHT, 0.05, 5)],
        "one more": [(LEFT, 0.9, 3), (RIGHT, 0.9, 5)],
        "none": [],
    }
    for name, found in others.items():
        assert detection.disagree(same, outcomes(outcome("a", 30, *found))).all(), name
    faint = outcomes(outcome("a", 30, (LEFT, 0.9, 3), (RIGHT, 0.15, 4)))
    assert not detection.disagree(same, faint).any()


SATISFIED = {
    # name: (pristine, distorted, satisfied)
    "the same": ([(LEFT, 0.9, 3), (RIGHT, 0.7, 5)], [(LEFT, 0.8, 3), (RIGHT, 0.6, 5)], True),
    "one of two": ([(LEFT, 0.9, 3), (RIGHT, 0.7, 5)], [(LEFT, 0.8, 3)], True),
    "none of two": ([(LEFT, 0.9, 3), (RIGHT, 0.7, 5)], [(LEFT, 0.4, 3)], False),
    "no object of the ground truth": ([((0, 40, 20, 60), 0.9, 7)], [((0, 40, 20, 60), 0.9, 7)], True),
    "another class": ([(LEFT, 0.9, 3)], [(LEFT, 0.9, 4)], False),
    "another place": ([(LEFT, 0.9, 3)], [((12, 12, 32, 32), 0.9, 3)], False),
    "nothing to find": ([(LEFT, 0.4, 3)], [], True),
    "one of three": ([(LEFT, 0.9, 3), (RIGHT, 0.9, 5), ((0, 40, 20, 60), 0.9, 7)], [(LEFT, 0.9, 3)], False),
}


@pytest.mark.parametrize("name", SATISFIED)
def test_a_detector_is_satisfied_with_half_of_its_own_objects(name):
    """What counts are a detector's own clear detections of the pristine version, not the ground truth."""
    pristine, distorted, satisfied = SATISFIED[name]
    table = outcomes(outcome("a", -1, *pristine), outcome("a", 30, *distorted))
    assert judge(table, {"a": TRUTH}, 1.0, LabelChoice())["satisfied"].to_list() == [satisfied]
