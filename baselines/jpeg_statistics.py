"""`dct_statistics` with what the bitstream says outright: the table of quantisation steps, and the size."""

from baselines.dct_statistics import DCTStatistics, features
from baselines.jpeg_quality import luminance_table
from benchmark import Variant


def from_bitstream(sample):
    """Features of a sample (F,)."""
    return features(sample.image, luminance_table(sample.bitstream).reshape(8, 8), 8 * len(sample.bitstream))


class JPEGStatistics(Variant):
    """Ridge regression of utility on statistics of the DCT and bits per pixel. Bitstream, trained on the suite's labels."""

    needs = {"bitstream"}
    formats = {"JPEG"}
    seeded = False

    def __init__(self, context):
        super().__init__(context, DCTStatistics(context, from_bitstream))
