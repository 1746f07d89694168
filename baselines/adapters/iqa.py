"""Every measure of image quality in piq that needs no download: `iqa:psnr`, `iqa:ms_ssim`, ... (Kastryulin et al., 2022).

A score is what piq's function gives with its own parameters for images in 0..1, and its negative where less is better, so that
higher is always more useful. Images are scored one at a time.
"""

import piq
import torch
from torch.nn.functional import pad

from benchmark import Predictor


def haarpsi(image, reference):
    """piq's, and 1 where both images are black: it divides by their edges, and gives infinity for none."""
    return piq.haarpsi(image, reference).nan_to_num(posinf=1.0)


def iw_ssim(image, reference):
    """piq's, and MS-SSIM, which weighs all places alike, where a reference without content gives no weights."""
    try:
        value = piq.information_weighted_ssim(image, reference)
    except torch.linalg.LinAlgError:  # the covariance of the reference cannot be inverted
        return piq.multi_scale_ssim(image, reference)
    return value if value.isfinite() else piq.multi_scale_ssim(image, reference)


PAIR = {"reference"}
PREDICTORS = {
    "psnr": (piq.psnr, PAIR, 1, 1, "Peak signal-to-noise ratio in dB; 0 to 80, which piq gives to equal images"),
    "ssim": (piq.ssim, PAIR, 1, 11, "Structural similarity (Wang et al., 2004); -1 to 1"),
    "ms_ssim": (piq.multi_scale_ssim, PAIR, 1, 161, "Multi-scale structural similarity (Wang et al., 2003); 0 to 1"),
    "iw_ssim": (iw_ssim, PAIR, 1, 161, "Information content weighted SSIM (Wang & Li, 2011); 0 to 1"),
    "vif_p": (piq.vif_p, PAIR, 1, 41, "Visual information fidelity of pixels (Sheikh & Bovik, 2006); from 0, equal 1"),
    "fsim": (piq.fsim, PAIR, 1, 2, "Feature similarity in colour, FSIMc (Zhang et al., 2011); 0 to 1"),
    "vsi": (piq.vsi, PAIR, 1, 1, "Visual saliency-induced index (Zhang et al., 2014); 0 to 1"),
    "gmsd": (piq.gmsd, PAIR, -1, 1, "Gradient magnitude similarity deviation (Xue et al., 2013), negative; best 0"),
    "ms_gmsd": (piq.multi_scale_gmsd, PAIR, -1, 17, "Multi-scale GMSD (Zhang et al., 2017), negative; best 0"),
    "mdsi": (piq.mdsi, PAIR, -1, 1, "Mean deviation similarity index (Nafchi et al., 2016), negative; best 0"),
    "haarpsi": (haarpsi, PAIR, 1, 16, "Haar wavelet-based perceptual similarity (Reisenhofer et al., 2017); 0 to 1"),
    "srsim": (piq.srsim, PAIR, 1, 40, "Spectral residual-based similarity (Zhang & Li, 2012); 0 to 1"),
    "dss": (piq.dss, PAIR, 1, 32, "DCT subband similarity (Balanov et al., 2015); 0 to 1"),
    "total_variation": (piq.total_variation, set(), -1, 1, "Total variation, a loss in piq, negative; best 0"),
}
"""By name: function, needs, 1 where piq's value rises with quality or -1 where it falls, least side in px, what it is."""


def filled(image, least):
    """uint8 (3, H, W) -> float32 (1, 3, H, W) in 0..1 with sides of at least `least`, its edges repeated."""
    missing = [max(0, least - length) for length in image.shape[1:]]
    return pad(image[None].float() / 255, (0, missing[1], 0, missing[0]), mode="replicate")


def find(name):
    measure, asked, sign, least, about = PREDICTORS[name]

    class Quality(Predictor):
        __doc__ = f"{about}. {'Full' if asked else 'No'}-reference, no training."
        needs = asked

        @torch.inference_mode()
        def score(self, samples):
            pairs = [(s.image, s.reference) if asked else (s.image,) for s in samples]
            return [
                sign * float(measure(*(filled(image.to(self.context.device), least) for image in pair)))
                for pair in pairs
            ]

    return Quality
