"""Random ground truth and detections, for tests of detection."""

import numpy as np

from benchmark.core.types import Detections, Objects


def random_image(random, classes, ties=False):
    """Objects, some of them crowds, and detections near them, some wrong; either may be missing."""
    count, found = int(random.integers(0, 6)), int(random.integers(0, 12))
    corners = random.random((count, 2)) * 80
    boxes = np.concatenate([corners, corners + 5 + random.random((count, 2)) * 40], axis=1)
    kinds = random.integers(0, classes, count)
    crowd = random.random(count) < 0.15
    near = random.integers(0, max(1, count), found)
    if count:
        places, guesses = boxes[near] + random.normal(0, 3, (found, 4)), kinds[near]
    else:
        places, guesses = np.tile([10.0, 10, 30, 30], (found, 1)), random.integers(0, classes, found)
    places[:, 2:] = np.maximum(places[:, 2:], places[:, :2] + 1)
    guesses = np.where(random.random(found) < 0.2, random.integers(0, classes, found), guesses)
    scores = random.random(found)
    if ties:
        scores = np.round(scores, 1) + 0.01
    order = np.argsort(-scores, kind="stable")
    return Objects(boxes, kinds, crowd, (128, 128)), Detections(places[order], scores[order], guesses[order])


def random_images(seed, count=40, classes=4, ties=False):
    """Lists of objects and of detections."""
    random = np.random.default_rng(seed)
    return map(list, zip(*(random_image(random, classes, ties) for _ in range(count)), strict=True))
