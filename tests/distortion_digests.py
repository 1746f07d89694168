"""Digests of what distortions make of one image, on one core: `python -m tests.distortion_digests jpeg avif`, as JSON."""

import json
import os
import sys

import numpy as np

from benchmark.core.digests import digest
from benchmark.core.images import pixel_digest
from benchmark.plugins.distortions import DISTORTIONS, decoded, encoded


def scenery():
    """An image of smooth hills of three colours, with grain, which several threads would share; uint8 (150, 200, 3)."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:150, :200][..., None] / 40
    hills = np.sin(rows * [1, 2, 3] + columns) + np.cos(columns * [2, 1, 0.5])
    return (128 + 40 * hills + random.normal(0, 6, hills.shape)).clip(0, 255).astype(np.uint8)


def digests(names):
    """Digests of bytes and pixels at the middle level, by name of the distortion."""
    image, pairs = scenery(), {}
    for name in names:
        distortion = DISTORTIONS[name]
        bitstream = encoded(distortion, image, distortion.levels[len(distortion.levels) // 2], "scenery", seed=7)
        pairs[name] = [digest(bitstream), pixel_digest(decoded(distortion, bitstream, "scenery"))]
    return pairs


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(json.dumps(digests(sys.argv[1:])))
