"""Crops of the photographs that scikit-image, scikit-learn and Matplotlib ship, for tests that compare pictures with them."""

import numpy as np
from PIL import Image

from benchmark.plugins.datasets.glyphs import PHOTOGRAPHS, photograph


def crops(size, count):
    """So many random crops of each photograph, reduced to (size, size), from one to three times as large."""
    random = np.random.default_rng(0)
    found = []
    for name in sorted(name for names in PHOTOGRAPHS.values() for name in names):
        image = photograph(name)
        for _ in range(count):
            side = int(size + random.random() * (min(3 * size, *image.shape[:2]) - size))
            top, left = (int(random.random() * (length - side + 1)) for length in image.shape[:2])
            crop = Image.fromarray(image[top : top + side, left : left + side])
            found.append(np.asarray(crop.resize((size, size), Image.Resampling.BICUBIC)))
    return found
