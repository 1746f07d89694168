"""Informed rivals: what is told the condition of an image, or its condition and class, which no predictor is.

They look at no image. What does not beat `condition` has learned the conditions and not the images; what beats it and not
`condition_and_class` may have learned which classes are hard. `benchmark.evaluation.informed_rivals` makes their scores.
"""

from __future__ import annotations

from dataclasses import dataclass

INFORMED_TRACK = "informed"
"""The track of informed rivals, which boards show and do not rank."""


@dataclass(frozen=True)
class InformedRival:
    """A rival that is told what no predictor knows."""

    name: str
    about: str
    by_class: bool
    """Whether it is told the class of what the image shows, besides the condition."""


CONDITION = InformedRival(
    "condition", "The share of useful rows in training at an image's condition; no predictor.", False
)
CONDITION_AND_CLASS = InformedRival("condition_and_class", "The same at its condition and class; no predictor.", True)
INFORMED = {rival.name: rival for rival in (CONDITION, CONDITION_AND_CLASS)}
"""The informed rivals by name."""
