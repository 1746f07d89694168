"""JPEG quality alone, read from the bitstream: the rival that every content-aware predictor must beat."""

import io

import numpy as np
from PIL import Image

from benchmark import Predictor


def luminance_table(bitstream):
    """The 64 quantisation steps of the luminance in a JPEG bitstream."""
    with Image.open(io.BytesIO(bitstream)) as image:
        return np.asarray(image.quantization[0])


def encoded(quality):
    """A small JPEG of this quality."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


class JPEGQuality(Predictor):
    """The quality, 1 to 100, whose standard luminance table is nearest to that in the bitstream. No training."""

    needs = {"bitstream"}
    formats = {"JPEG"}

    def __init__(self, context):
        super().__init__(context)
        self.standard = np.stack([luminance_table(encoded(quality)) for quality in range(1, 101)])

    def score(self, samples):
        distances = [np.abs(self.standard - luminance_table(s.bitstream)).sum(axis=1) for s in samples]
        return [float(np.argmin(distance) + 1) for distance in distances]
