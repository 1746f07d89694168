"""Statistics of the 8 x 8 DCT, and a linear model on them: what JPEG left of an image, and how much there was to lose.

JPEG rounds the DCT coefficients of 8 x 8 blocks to multiples of a table of steps. The table can be told from the pixels: on the
right one, the coefficients of the decoded image lie close to multiples. How many coefficients survived, how strong edges are
at and within the blocks, and how many pixels there are then tell two images of one quality apart. Ridge regression on the
continuous utility (paper, Eq. 2), weighted by class, learns from a few hundred photographs; it was chosen by cross-validation
over the training and validation sources of imagenet-lite and coco-lite, before logistic regression, boosted trees, random
trees and support vectors on the same features. `jpeg_statistics` reads the table and the size from the bitstream instead.
"""

import functools

import numpy as np
from scipy.fft import dctn
from sklearn.linear_model import Ridge

from baselines._linear import LinearPredictor
from baselines.jpeg_quality import encoded, luminance_table
from benchmark import Variant

SIGMA = 0.35
"""Standard deviation of a decoded coefficient about its multiple: pixels are rounded, once as YCbCr and once as RGB."""
FARTHEST = 1.0
"""Where the penalty of a coefficient that lies off its multiple ends."""
MOST_COEFFICIENTS = 4000
"""Coefficients that an estimate of the table looks at, at most."""
BANDS = ((1, 1), (2, 2), (3, 4), (5, 7), (8, 14))
"""Bands of DCT frequencies: first and last sum of the two indices."""
SHRINKAGE = 300.0
FREQUENCY = np.add.outer(np.arange(8), np.arange(8))


@functools.cache
def standard_tables():
    """Luminance tables of the qualities 1 to 100, (100, 8, 8)."""
    return np.stack([luminance_table(encoded(quality)) for quality in range(1, 101)]).reshape(-1, 8, 8)


def luminance(image):
    """uint8 (3, H, W) -> float32 (H, W), 0 to 255, filled up to whole blocks."""
    plane = np.tensordot(np.float32([0.299, 0.587, 0.114]), image.numpy(), 1).astype(np.float32)
    return np.pad(plane, [(0, -length % 8) for length in plane.shape], mode="edge")


def blocks(plane):
    """(..., H, W) -> (..., H / 8, W / 8, 8, 8)."""
    *others, height, width = plane.shape
    return plane.reshape(*others, height // 8, 8, width // 8, 8).swapaxes(-3, -2)


def estimated_table(coefficients, image):
    """The standard table (8, 8) that explains the coefficients (H / 8, W / 8, 8, 8) of an image (3, H, W) best.

    Log-likelihood of a coefficient x on multiples of a step t: log t - (distance to the nearest multiple)^2 / 2 SIGMA^2. Small
    coefficients, which any large step would explain as zero, are left out, and so are blocks with clipped pixels, and
    flat ones, whose pixels are all rounded alike.
    """
    rows, columns = (length // 8 for length in image.shape[1:])
    whole = blocks(image.numpy()[:, : 8 * rows, : 8 * columns])
    x = coefficients[:rows, :columns]
    clean = ((whole > 0) & (whole < 255)).all(axis=(0, 3, 4)) & (np.abs(x).sum(axis=(2, 3)) - np.abs(x[..., 0, 0]) > 30)
    x = x[clean] if clean.any() else coefficients
    indices = np.flatnonzero(np.abs(x) > 10 * SIGMA)
    indices = indices[:: max(1, len(indices) // MOST_COEFFICIENTS)]
    x = x.ravel()[indices]
    steps = standard_tables().reshape(100, 64)[:, indices % 64].astype(np.float32)
    penalty = (x - steps * np.round(x / steps)) ** 2 / (2 * SIGMA**2)
    likelihood = (np.log(steps) - np.minimum(penalty, FARTHEST + np.log(steps))).sum(axis=1)
    return standard_tables()[likelihood.argmax()]


def from_pixels(samples):
    """Features of N samples (N, F), the tables estimated from their pixels."""
    return np.stack([features(sample.image) for sample in samples])


def features(image, table=None, bits=0):
    """What the linear model sees of an image, uint8 (3, H, W); without a table (8, 8) it is estimated; bits 0: not known."""
    plane = luminance(image)
    tiles = blocks(plane - 128)
    coefficients = dctn(tiles, axes=(2, 3), norm="ortho")
    table = estimated_table(coefficients, image) if table is None else table
    survived = np.abs(coefficients) > table / 2
    survived[..., 0, 0] = False
    count, spread = survived.sum(axis=(2, 3)), tiles.std(axis=(2, 3))
    power = (coefficients**2).mean(axis=(0, 1))
    at, within = edges(plane)
    height, width = image.shape[1:]
    return np.array([
        np.log(table.mean()), np.log(height * width), np.log(min(height, width)),
        *([np.log(bits / (height * width))] if bits else []),
        count.mean(), (count == 0).mean(), (count <= 2).mean(), (count >= 6).mean(), central(count).mean(),
        *(np.log(1e-3 + power[(first <= FREQUENCY) & (last >= FREQUENCY)].mean()) for first, last in BANDS),
        *np.percentile(spread, (10, 50, 90)), np.log((central(spread).mean() + 0.1) / (spread.mean() + 0.1)),
        at, within, np.log((at + 0.1) / (within + 0.1)),
        np.log(1e-3 + coefficients[..., 0, 0].std()), coarse(coefficients[..., 0, 0] / 8),
        plane.mean(), plane.std(), colourfulness(image),
    ])  # fmt: skip


def edges(plane):
    """Mean steps between neighbouring pixels: across the borders of blocks, and within blocks."""
    at, within = 0.0, 0.0
    for steps in (np.abs(np.diff(plane, axis=1)), np.abs(np.diff(plane, axis=0)).T):
        border = np.arange(steps.shape[1]) % 8 == 7
        at += steps[:, border].mean() if border.any() else 0.0
        within += steps[:, ~border].mean()
    return at, within


def central(values):
    """The middle half of an array, in both directions; all of it where there are fewer than four blocks."""
    rows, columns = (slice(length // 4, length - length // 4) for length in values.shape)
    return values[rows, columns]


def coarse(means):
    """Logarithm of the mean step between the means of neighbouring blocks."""
    return np.log(0.1 + sum(np.abs(np.diff(means, axis=axis)).sum() for axis in (0, 1)) / means.size)


def colourfulness(image):
    """Spread and strength of the opponent colours (Hasler and Suesstrunk, 2003)."""
    red, green, blue = image.numpy().astype(np.float32)
    pairs = (red - green, (red + green) / 2 - blue)
    return np.hypot(*(pair.std() for pair in pairs)) + 0.3 * np.hypot(*(pair.mean() for pair in pairs))


class DCTStatistics(Variant):
    """Ridge regression of utility on statistics of the DCT. No-reference, trained on the suite's labels."""

    seeded = False

    def __init__(self, context):
        super().__init__(context, LinearPredictor(context, from_pixels, Ridge(SHRINKAGE), "utility"))
