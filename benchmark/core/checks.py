"""A named check and its result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One requirement and its result."""

    name: str
    """The requirement, in words."""
    problem: str
    """The problem, or empty if the requirement holds."""
