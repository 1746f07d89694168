"""Objects are found by the detections that pycocotools matches to them."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval

from benchmark.core.types import Objects
from benchmark.metrics.box_matching import intersection_over_union, matched_scores, pairs
from benchmark.metrics.coco_tables import coco_tables
from tests.scenes import random_images

CLASSES = 4


def plain(objects):
    """The objects that are no crowds."""
    alone = ~objects.crowd
    return Objects(objects.boxes[alone], objects.classes[alone], objects.crowd[alone], objects.size)


def flat(objects, detections):
    """Arguments of `matched_scores`."""
    return {
        "images": np.repeat(np.arange(len(detections)), [len(one.scores) for one in detections]),
        "boxes": np.concatenate([one.boxes for one in detections]),
        "classes": np.concatenate([one.classes for one in detections]),
        "scores": np.concatenate([one.scores for one in detections]),
        "object_images": np.repeat(np.arange(len(objects)), [len(one.classes) for one in objects]),
        "object_boxes": np.concatenate([one.boxes for one in objects]),
        "object_classes": np.concatenate([one.classes for one in objects]),
    }


def by_pycocotools(objects, detections):
    """The score of the detection that COCOeval matches to each object at IoU .5, 0 where none."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(*coco_tables(objects, detections, CLASSES), "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets, evaluation.params.iouThrs = [100], np.array([0.5])
        evaluation.evaluate()
    expected = np.zeros(sum(len(one.classes) for one in objects))
    for entry in filter(None, evaluation.evalImgs):
        score = dict(zip(entry["dtIds"], entry["dtScores"], strict=True))
        for thing, found in zip(entry["gtIds"], entry["gtMatches"][0], strict=True):
            expected[thing - 1] = score.get(int(found), 0)
    return expected


@pytest.mark.parametrize("ties", [False, True], ids=["distinct scores", "tied scores"])
@pytest.mark.parametrize("seed", range(8))
def test_matches_are_pycocotools(seed, ties):
    """On random images each object is found with the score that COCOeval's match has."""
    objects, detections = random_images(seed, ties=ties)
    objects = [plain(one) for one in objects]
    found = matched_scores(**flat(objects, detections))
    np.testing.assert_array_equal(found, by_pycocotools(objects, detections))
    assert 0 < (found > 0).sum() < len(found)


def test_one_detection_finds_one_object():
    """Of two objects in one place the second needs a second detection, and the better one goes first."""
    box = np.array([[0.0, 0, 10, 10]])
    common = {
        "object_images": np.array([0, 0]),
        "object_boxes": np.repeat(box, 2, 0),
        "object_classes": np.array([1, 1]),
    }
    once = matched_scores(np.array([0]), box, np.array([1]), np.array([0.7]), **common)
    assert sorted(once) == [0, 0.7]
    twice = matched_scores(np.array([0, 0]), np.repeat(box, 2, 0), np.array([1, 1]), np.array([0.4, 0.7]), **common)
    assert sorted(twice) == [0.4, 0.7]


@pytest.mark.parametrize(("kind", "image", "shift"), [(2, 0, 0), (1, 3, 0), (1, 0, 6)], ids=["class", "image", "place"])
def test_a_wrong_detection_finds_nothing(kind, image, shift):
    """Another class, another image, or too little overlap."""
    box = np.array([[0.0, 0, 10, 10]])
    objects = {"object_images": np.array([0]), "object_boxes": box, "object_classes": np.array([1])}
    found = matched_scores(np.array([image]), box + shift, np.array([kind]), np.array([0.9]), **objects)
    assert found.tolist() == [0]


def test_hand_worked_overlaps():
    """Halves of a square overlap it by a half, disjoint boxes by 0, a box itself by 1, empty boxes by 0."""
    square = np.array([[0.0, 0, 2, 2]])
    cases = {(0, 0, 1, 2): 0.5, (5, 5, 6, 6): 0, (0, 0, 2, 2): 1, (1, 1, 3, 3): 1 / 7, (1, 1, 1, 1): 0}
    for box, expected in cases.items():
        assert intersection_over_union(square, np.array([box], float))[0] == pytest.approx(expected)


def test_pairs_are_all_equal_places():
    """As a brute-force double loop finds them, in the same order."""
    random = np.random.default_rng(0)
    left, right = random.integers(0, 5, 30), random.integers(0, 7, 20)
    expected = [(i, j) for i in range(30) for j in range(20) if left[i] == right[j]]
    assert list(zip(*(one.tolist() for one in pairs(left, right)), strict=True)) == expected
