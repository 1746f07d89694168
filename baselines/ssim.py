"""SSIM to the pristine image: the classical full-reference measure of visual quality (Fig. 1 of the paper)."""

from skimage.metrics import structural_similarity

from benchmark import Predictor


class SSIM(Predictor):
    """Structural similarity to the pristine image (Wang et al., 2004). Full-reference, no training; -1 to 1."""

    needs = {"reference"}

    def score(self, samples):
        return [structural_similarity(s.reference.numpy(), s.image.numpy(), channel_axis=0) for s in samples]
