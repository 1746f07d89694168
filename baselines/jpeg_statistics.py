"""`dct_statistics` with what the bitstream says outright: the table of quantisation steps, and the size."""

import numpy as np
from sklearn.linear_model import Ridge

from baselines._linear import LinearPredictor
from baselines.dct_statistics import SHRINKAGE, features
from baselines.jpeg_quality import luminance_table
from benchmark import Variant


def from_bitstreams(samples):
    """Features of N samples (N, F)."""
    return np.stack([
        features(s.image, luminance_table(s.bitstream).reshape(8, 8), 8 * len(s.bitstream)) for s in samples
    ])  # fmt: skip


class JPEGStatistics(Variant):
    """Ridge regression of utility on statistics of the DCT and bits per pixel. Bitstream, trained on the suite's labels."""

    needs = {"bitstream"}
    formats = {"JPEG"}
    seeded = False

    def __init__(self, context):
        super().__init__(context, LinearPredictor(context, from_bitstreams, Ridge(SHRINKAGE), "utility"))
