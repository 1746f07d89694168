"""SSIM to the pristine image: the classical full-reference measure of visual quality (Fig. 1 of the paper)."""

import numpy as np
from skimage.metrics import structural_similarity

from benchmark import Predictor

WINDOW = 7


def filled(image):
    """uint8 tensor (3, H, W) as an array with sides of at least one window, its edges repeated."""
    missing = [max(0, WINDOW - length) for length in image.shape[1:]]
    return np.pad(image.numpy(), [(0, 0), (0, missing[0]), (0, missing[1])], mode="edge")


class SSIM(Predictor):
    """Structural similarity to the pristine image (Wang et al., 2004). Full-reference, no training; -1 to 1."""

    needs = {"reference"}

    def score(self, samples):
        pairs = [(filled(s.reference), filled(s.image)) for s in samples]
        return [structural_similarity(*pair, win_size=WINDOW, channel_axis=0) for pair in pairs]
