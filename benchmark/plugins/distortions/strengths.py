"""How strong each camera fault is at its ten levels, of which 10 is hardly visible and 1 clearly hurts.

A higher level is better quality, as for codecs, so that whatever is monotone in the level is so for both. Blur is relative to
the image's shorter side: a network sees images resized to one size, where it does not matter how many pixels the photograph
had. Noise and zoom are a matter of pixels, as in a camera: a photograph of more pixels suffers less from them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Strengths:
    """The strengths of a camera fault."""

    unit: str
    """What the numbers are."""
    values: tuple[float, ...]
    """The strength at level 1, 2, ..."""

    @property
    def levels(self) -> range:
        """The valid levels."""
        return range(1, len(self.values) + 1)

    def at(self, level: int) -> float:
        """The strength at a level.

        Examples:
            >>> Strengths("stops", (4, 2, 1)).at(3)
            1
        """
        return dict(zip(self.levels, self.values, strict=True))[level]


STRENGTHS = {
    "blur": Strengths(
        "standard deviation in shares of the shorter side",
        (0.040, 0.028, 0.020, 0.014, 0.010, 0.0075, 0.0055, 0.0040, 0.0030, 0.0020),
    ),
    "motion_blur": Strengths(
        "length in shares of the shorter side",
        (0.200, 0.140, 0.100, 0.070, 0.050, 0.036, 0.026, 0.018, 0.013, 0.009),
    ),
    "noise": Strengths(
        "electrons that white holds",
        (6, 10, 18, 32, 56, 100, 180, 320, 560, 1000),
    ),
    "low_light": Strengths(
        "share of the light that is left",
        (0.005, 0.01, 0.02, 0.04, 0.07, 0.12, 0.2, 0.35, 0.6, 0.85),
    ),
    "downscale": Strengths(
        "share of the sides that is left",
        (0.04, 0.06, 0.08, 0.11, 0.15, 0.20, 0.27, 0.37, 0.50, 0.70),
    ),
}
"""The one table of strengths, by fault."""
