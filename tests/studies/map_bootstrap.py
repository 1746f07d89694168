"""What 1,000 resamples of an mAP cost at the size of COCO val2017: `python -m tests.studies.map_bootstrap`.

5,000 images, 36,000 objects, 100 detections an image, 80 classes, 10 IoU thresholds; random. Compared with COCOeval, which is
run a few times on resampled sets and extrapolated. Each replicate equals it to 1e-9 (`tests/test_mean_ap.py`).
"""

import contextlib
import io
import resource
import time

import numpy as np
from pycocotools.cocoeval import COCOeval

from benchmark.core.types import Detections, Objects
from benchmark.metrics import bootstrap
from benchmark.metrics.coco_tables import coco_tables
from benchmark.metrics.matches import match
from benchmark.metrics.mean_ap import weighted_mean_ap

IMAGES, OBJECTS, DETECTIONS, CLASSES = 5000, 36_000, 100, 80


def images(seed=0, count=IMAGES, objects=OBJECTS):
    """Random objects and detections near them."""
    random = np.random.default_rng(seed)
    numbers = np.diff(np.sort(np.r_[0, random.integers(0, objects, count - 1), objects]))
    truth, found = [], []
    for number in numbers:
        corners = random.random((number, 2)) * 500
        boxes = np.concatenate([corners, corners + 20 + random.random((number, 2)) * 120], axis=1)
        kinds = random.integers(0, CLASSES, number)
        near = random.integers(0, max(1, number), DETECTIONS)
        places = boxes[near] if number else np.tile([10.0, 10, 60, 60], (DETECTIONS, 1))
        places = places + random.normal(0, 6, (DETECTIONS, 4))
        places[:, 2:] = np.maximum(places[:, 2:], places[:, :2] + 1)
        guesses = kinds[near] if number else random.integers(0, CLASSES, DETECTIONS)
        guesses = np.where(random.random(DETECTIONS) < 0.2, random.integers(0, CLASSES, DETECTIONS), guesses)
        scores = np.sort(random.random(DETECTIONS))[::-1].copy()
        truth.append(Objects(boxes, kinds, np.zeros(number, bool), (640, 640)))
        found.append(Detections(places, scores, guesses))
    return truth, found


def coco_eval(truth, found):
    """The mAP by COCOeval, and the seconds of evaluation and accumulation."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(*coco_tables(truth, found, CLASSES), "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [100]
        start = time.perf_counter()
        evaluation.evaluate()
        evaluation.accumulate()
        seconds = time.perf_counter() - start
    precision = evaluation.eval["precision"]
    return precision[precision > -1].mean(), seconds


def main(replicates=1000, runs=3):
    """Time both; returns the seconds of all replicates, and those of one run of COCOeval."""
    truth, found = images()
    start = time.perf_counter()
    matches = match(truth, found, CLASSES)
    print(f"matching, once: {time.perf_counter() - start:.1f} s; {len(matches.images)} detections kept")
    counts = bootstrap.resamples(IMAGES, "study", replicates=replicates)
    start = time.perf_counter()
    values = [weighted_mean_ap(matches, count) for count in counts]
    ours = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{replicates} replicates: {ours:.1f} s, peak memory of the process {memory:.2f} GiB")
    print(f"mAP {weighted_mean_ap(matches, np.ones(IMAGES, np.int64)):.4f}, 95 % {bootstrap.interval(values)}")
    theirs = []
    for value, count in zip(values[:runs], counts, strict=False):
        places = np.repeat(np.arange(IMAGES), count)
        reference, seconds = coco_eval([truth[place] for place in places], [found[place] for place in places])
        theirs.append(seconds)
        print(f"COCOeval on a resampled set: {seconds:.1f} s; differs by {abs(value - reference):.1e}")
    print(f"{replicates} runs of COCOeval would take {np.mean(theirs) * replicates / ours:.0f} times as long")
    return ours, float(np.mean(theirs))


if __name__ == "__main__":
    main()
