"""Bits per pixel alone, from the length of the bitstream: what any codec spends on an image says something of what is left."""

from benchmark import Predictor


class BitsPerPixel(Predictor):
    """Bits of the bitstream for each pixel of the image. No training."""

    needs = {"bitstream"}

    def score(self, samples):
        return [8 * len(sample.bitstream) / sample.image[0].numel() for sample in samples]
