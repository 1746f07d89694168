"""`dct_statistics` with what the bitstream says outright: the table of quantisation steps, and the size."""

from baselines.dct_statistics import DCTStatistics, features
from baselines.jpeg_quality import luminance_table
from benchmark import LearnedPredictor


def from_bitstream(sample):
    """Features of a sample (F,)."""
    return features(sample.image, luminance_table(sample.bitstream).reshape(8, 8), 8 * len(sample.bitstream))


class JPEGStatistics(LearnedPredictor):
    """Ridge regression of utility on statistics of the DCT and bits per pixel. Bitstream, trained on the suite's labels."""

    needs = {"bitstream"}

    def __init__(self, context):
        super().__init__(context)
        self.inner = DCTStatistics(context, from_bitstream)

    def score(self, samples):
        return self.inner.score(samples)

    def fit(self, train, validation):
        self.inner.fit(train, validation)
        self.notes = self.inner.notes

    def state(self):
        return self.inner.state()

    def load_state(self, state):
        self.inner.load_state(state)
