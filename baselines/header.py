"""What a bitstream's header and length say, and a linear model on it: the trained rival that never looks at a pixel.

Four logarithms describe an image: of its JPEG quality, short side, area and bits per pixel. Logistic regression on the labels,
weighted by class, needs no more. The four and the shrinkage were chosen by cross-validation (five folds of photographs, drawn
twenty times) over the training and validation sources of imagenet-lite and coco-lite: quality alone has AUROC .905 and .915,
with the short side .913 and .922, with the bits per pixel too .916 and .931, with all four .916 and .935. How many bits
an image took at its quality tells how much there was to lose, so they are what raises AUROC within a quality. Squares and
products of the four are no better than the four alone, and the shrinkage matters little.
"""

import io

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression

from baselines._linear import LinearPredictor
from baselines.dct_statistics import standard_tables
from benchmark import Variant

STRENGTH = 0.03
"""Inverse of the penalty on the squared slopes (scikit-learn's C)."""


def quality(image):
    """The quality, 1 to 100, whose standard luminance table is nearest to that of an opened JPEG; 1 for all other formats."""
    table = getattr(image, "quantization", {}).get(0)
    if table is None:
        return 1
    return 1 + int(np.abs(standard_tables().reshape(100, 64) - np.asarray(table)).sum(axis=1).argmin())


def features(bitstream):
    """Logarithms of quality, short side, area and bits per pixel (4,); Pillow reads the header and decodes nothing."""
    with Image.open(io.BytesIO(bitstream)) as image:
        area = image.width * image.height
        return np.log([quality(image), min(image.size), area, 8 * len(bitstream) / area])


def described(samples):
    """Features of N samples (N, 4)."""
    return np.stack([features(sample.bitstream) for sample in samples])


class Header(Variant):
    """Logistic regression of the label on quality, size and bits per pixel. Bitstream, trained on the suite's labels."""

    needs = {"bitstream"}
    seeded = False

    def __init__(self, context):
        super().__init__(context, LinearPredictor(context, described, LogisticRegression(C=STRENGTH), "label"))
