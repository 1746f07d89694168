"""The photographs that scikit-image, scikit-learn and Matplotlib ship, and crops of them, for tests that need real pictures."""

import functools
from pathlib import Path

import matplotlib as mpl
import numpy as np
import skimage
import sklearn
from PIL import Image

FOLDERS = (
    Path(skimage.__file__).parent / "data",
    Path(sklearn.__file__).parent / "datasets" / "images",
    Path(mpl.get_data_path()) / "sample_data",
)
NAMES = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "china.jpg", "clock_motion.png",
    "coffee.png", "coins.png", "color.png", "flower.jpg", "grace_hopper.jpg", "grass.png", "gravel.png",
    "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "retina.jpg", "rocket.jpg",
)  # fmt: skip


@functools.cache
def photograph(name):
    """One of the shipped photographs, uint8 RGB."""
    (path,) = (folder / name for folder in FOLDERS if (folder / name).is_file())
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def crops(size, count):
    """So many random crops of each photograph, reduced to (size, size), from one to three times as large."""
    random = np.random.default_rng(0)
    pictures = []
    for name in NAMES:
        image = photograph(name)
        for _ in range(count):
            side = int(size + random.random() * (min(3 * size, *image.shape[:2]) - size))
            top, left = (int(random.random() * (length - side + 1)) for length in image.shape[:2])
            crop = Image.fromarray(image[top : top + side, left : left + side])
            pictures.append(np.asarray(crop.resize((size, size), Image.Resampling.BICUBIC)))
    return pictures
