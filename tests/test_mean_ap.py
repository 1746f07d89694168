"""Mean average precision equals pycocotools' on whatever images are chosen."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.cocoeval import COCOeval

from benchmark.core.errors import MetricError
from benchmark.core.types import Detections, Objects
from benchmark.metrics.coco_tables import coco_tables
from benchmark.metrics.matches import match, match_by_area
from benchmark.metrics.mean_ap import mean_ap, weighted_mean_ap
from tests.scenes import random_images

EVERYTHING = (0, 1e10)
CLASSES = 4


def reference(objects, detections):
    """AP over IoU .5 to .95 as pycocotools' COCOeval gives it."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(*coco_tables(objects, detections, CLASSES), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[0]


def tied_between(detections):
    """The same, whose tied scores are of different images only."""
    return [
        Detections(one.boxes, one.scores + 1e-4 * np.arange(len(one.scores))[::-1], one.classes) for one in detections
    ]


@pytest.mark.parametrize("ties", [False, True], ids=["distinct scores", "tied scores"])
@pytest.mark.parametrize("seed", range(5))
def test_equals_coco_eval(seed, ties):
    """With crowds, empty images, images without detections and ties, all images score what COCOeval says."""
    objects, detections = random_images(seed, ties=ties)
    assert any(one.crowd.any() for one in objects)
    assert any(not len(one.boxes) for one in objects)
    assert any(not len(one.scores) for one in detections)
    found = mean_ap(match(objects, detections, CLASSES), np.arange(len(objects)))
    assert found == pytest.approx(reference(objects, detections), abs=1e-9)


@settings(max_examples=15)
@given(st.integers(0, 1000), st.lists(st.integers(0, 19), min_size=5, max_size=40), st.booleans())
def test_a_choice_with_repeats_equals_coco_eval_of_the_copies(seed, chosen, ties):
    """Images that are chosen several times count as so many images, copies side by side."""
    objects, detections = random_images(seed, count=20, ties=ties)
    detections = tied_between(detections)
    chosen = sorted(chosen)
    if not any((~objects[place].crowd).any() for place in chosen):
        return
    found = mean_ap(match(objects, detections, CLASSES), chosen)
    expected = reference([objects[place] for place in chosen], [detections[place] for place in chosen])
    assert found == pytest.approx(expected, abs=1e-9)


def coco_statistics(objects, detections):
    """The twelve numbers that COCOeval summarises."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(*coco_tables(objects, detections, CLASSES), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("place", "area"), [(3, (0, 32**2)), (4, (32**2, 96**2))], ids=["small", "medium"])
def test_an_area_equals_coco_eval(seed, place, area):
    """Objects of other sizes, and what is found of them, count neither way, as in COCO's mAP by size."""
    objects, detections = random_images(seed)
    found = mean_ap(match_by_area(objects, detections, CLASSES, [EVERYTHING, area])[1], np.arange(len(objects)))
    assert found == pytest.approx(coco_statistics(objects, detections)[place], abs=1e-9)


@settings(max_examples=15)
@given(st.integers(0, 1000))
def test_images_alone_have_the_value_that_they_have_among_others(seed):
    """Matches of chosen images give, bit by bit, what all matches give where the other images do not occur."""
    objects, detections = random_images(seed, count=20)
    matches, random = match(objects, detections, CLASSES), np.random.default_rng(seed)
    chosen = random.permutation(20)[: random.integers(4, 20)]
    counts = np.zeros(20, np.int64)
    counts[chosen] = random.integers(0, 4, len(chosen))
    counts[chosen[0]] = 1
    if (counts @ matches.objects).any():
        assert weighted_mean_ap(matches.of_images(chosen), counts[chosen]) == weighted_mean_ap(matches, counts)


def test_counts_beyond_32_bits_are_summed():
    """Images that count so often that their detections exceed 32 bits have the value that they have once."""
    objects, detections = random_images(3, count=6)
    matches, counts = match(objects, detections, CLASSES), np.arange(1, 7)
    assert weighted_mean_ap(matches, counts * 2**30) == pytest.approx(weighted_mean_ap(matches, counts), abs=1e-9)


@pytest.mark.parametrize("place", [3, 4], ids=["small", "medium"])
def test_an_area_at_its_bound_equals_coco_eval(place):
    """A wrong detection of 32 x 32 px is small and medium, whether an object of its class is in the image or not."""
    side, size = 32.0, (99, 99)
    objects = [
        Objects(np.array([[0.0, 0, length, length]]), np.array([kind]), np.array([False]), size)
        for kind in (0, 1)
        for length in (20, 50)
    ]
    boxes = [np.concatenate([one.boxes, one.boxes, [[60, 60, 60 + side, 60 + side]] * 2]) for one in objects]
    answers = [Detections(box, np.array([0.5, 0.4, 0.9, 0.8]), np.array([0, 1, 0, 1])) for box in boxes]
    found = mean_ap(match_by_area(objects, answers, CLASSES, [(0, side**2), (side**2, 96**2)])[place - 3], np.arange(4))
    assert found == pytest.approx(coco_statistics(objects, answers)[place], abs=1e-9)
    assert found < 0.9


def test_a_crowded_image_equals_coco_eval():
    """Of more than a hundred detections of a class the best hundred count, of a class that the image lacks as well."""
    random = np.random.default_rng(0)
    corners = random.integers(0, 60, (270, 2)).astype(float)
    boxes = np.concatenate([corners, corners + 12], axis=1)
    classes = np.repeat([0, 1], [150, 120])
    crowded = Detections(boxes, random.permutation(270) / 300 + 0.05, classes)
    objects = [
        Objects(boxes[150:160], classes[150:160], np.zeros(10, bool), (99, 99)),
        Objects(boxes[:2], classes[:2], np.zeros(2, bool), (99, 99)),
    ]
    few = Detections(boxes[:2], np.array([0.3, 0.2]), classes[:2])
    found = mean_ap(match(objects, [crowded, few], CLASSES), [0, 1])
    assert found == pytest.approx(reference(objects, [crowded, few]), abs=1e-9)
    assert 0 < found < 1


def test_perfect_detections_score_one():
    """Each object found with its very box is 1, and no detection at all is 0."""
    objects, _ = random_images(3)
    plain = [Objects(one.boxes, one.classes, np.zeros(len(one.boxes), bool), one.size) for one in objects]
    perfect = [Detections(one.boxes, np.full(len(one.boxes), 0.9), one.classes) for one in plain]
    nothing = [Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64)) for _ in plain]
    everything = np.arange(len(plain))
    assert mean_ap(match(plain, perfect, CLASSES), everything) == pytest.approx(1)
    assert mean_ap(match(plain, nothing, CLASSES), everything) == 0


def test_no_object_is_an_error():
    """Average precision of images without objects is refused, not 0."""
    empty = Objects(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, bool), (8, 8))
    matches = match([empty], [Detections(np.array([[0.0, 0, 4, 4]]), np.array([0.5]), np.array([0]))], CLASSES)
    with pytest.raises(MetricError, match="no object"):
        mean_ap(matches, [0])


def test_a_hand_worked_average_precision():
    """Right, wrong, right of two objects: precision 1 up to recall .5, 2/3 above, at 51 and 50 of the 101 recalls."""
    boxes = np.array([[0.0, 0, 10, 10], [20, 20, 30, 30]])
    objects = Objects(boxes, np.zeros(2, np.int64), np.zeros(2, bool), (40, 40))
    places = np.array([boxes[0], [0, 30, 5, 40], boxes[1]])
    detections = Detections(places, np.array([0.9, 0.8, 0.7]), np.zeros(3, np.int64))
    assert mean_ap(match([objects], [detections], 1), [0]) == pytest.approx((51 + 50 * 2 / 3) / 101)


@settings(max_examples=15)
@given(st.integers(0, 1000), st.booleans())
def test_weights_are_repeats(seed, ties):
    """An image of weight k counts as k copies, and one of weight 0 not at all."""
    objects, detections = random_images(seed, count=20, ties=ties)
    detections = tied_between(detections)
    matches = match(objects, detections, CLASSES)
    counts = np.random.default_rng(seed).multinomial(20, np.full(20, 1 / 20))
    chosen = np.repeat(np.arange(20), counts)
    expected = reference([objects[place] for place in chosen], [detections[place] for place in chosen])
    assert weighted_mean_ap(matches, counts) == pytest.approx(expected, abs=1e-9)
    assert mean_ap(matches, chosen[::-1]) == weighted_mean_ap(matches, counts)
