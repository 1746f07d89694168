"""Informed rivals: they know of an image what no predictor does: its condition, its class, or its utility to other networks.

They look at no image. What does not beat `condition` has learned the conditions and not the images; what beats it and not
`condition_and_class` may have learned which classes are hard. `ceiling` knows the ground truth, and how far another network
still recognises it: what one network tells of others, which is no bound. `evaluation.informed_rivals` makes their scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

INFORMED_TRACK = "informed"
"""The track of informed rivals, which boards show and do not rank."""


@dataclass(frozen=True)
class InformedRival:
    """A rival that is told what no predictor knows."""

    name: str
    about: str
    informed_of: Literal["condition", "condition and class", "other networks"]


CONDITION = InformedRival(
    "condition", "The share of useful rows in training at an image's condition; no predictor.", "condition"
)
CONDITION_AND_CLASS = InformedRival(
    "condition_and_class", "The same at its condition and class; no predictor.", "condition and class"
)
CEILING = InformedRival(
    "ceiling",
    "The utility of the image to other networks, which needs its ground truth; no predictor.",
    "other networks",
)
INFORMED = {rival.name: rival for rival in (CONDITION, CONDITION_AND_CLASS, CEILING)}
"""The informed rivals by name."""
