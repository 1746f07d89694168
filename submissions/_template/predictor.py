"""A template: copy the folder, rename it, and put your own predictor in the place of this one.

    utilbench check submissions/NAME/predictor.py        does it keep the contract? in seconds, without data
    utilbench run submissions/NAME -s glyphs             your scorecard

The file holds exactly one subclass of Predictor, or of LearnedPredictor where there is something to learn
(`baselines/resnet18.py` is an example). It may read files that lie beside it.
"""

from benchmark import Predictor


class Contrast(Predictor):
    """Standard deviation of the pixels: compression smooths an image. No-reference, no training."""

    # What `score` needs to see beside `sample.image`: "reference" (the pristine image), "bitstream" (the encoded bytes).
    # This decides the track: full-reference, bitstream, or, with neither, no-reference.
    needs = set()

    def score(self, samples):
        # One finite number for each sample; higher = more useful. `sample.image` is a uint8 RGB tensor (3, H, W), of any size.
        # A score must depend on its own sample only; no names, levels or labels are passed, and samples come shuffled.
        return [float(sample.image.float().std()) for sample in samples]
