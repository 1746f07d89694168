"""Levels that make a suite hard enough: from those that hardly hurt to those at which networks mostly decide otherwise.

They are chosen on training sources alone, by what is left of the labelling networks' decisions at a grid of levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.advice.observation import observe
from benchmark.core.errors import SuiteError
from benchmark.core.types import CONDITION
from benchmark.core.workspace import Workspace
from benchmark.labelling.execution import PUBLISHED
from benchmark.labelling.indexed_suite import index_suite
from benchmark.plugins.distortions import find_distortion
from benchmark.suites.spec import DistortionChoice, Suite

GRID = 16
"""Number of levels of a codec that are tried; all levels of camera faults are."""
MILD, STRONG = 0.97, 0.1
"""Shares of decisions kept between which levels lie, where the codec reaches them."""
TRAINING = 5
"""Number of training levels; between two of them lies a held-out level."""


@dataclass(frozen=True)
class Proposal:
    """The levels that are proposed for one distortion."""

    choice: DistortionChoice
    """Training and held-out levels, from the top down."""
    levels: tuple[int, ...]
    """The levels that were tried, from the top down."""
    kept: tuple[float, ...]
    """Mean share of the labelling networks' decisions that is kept at each, 0 to 1."""

    @property
    def text(self) -> str:
        """The same as two lines."""
        shares = dict(zip(self.levels, self.kept, strict=True))
        shown = ", ".join(f"{level}: {shares[level]:.2f}" for level in sorted(self.choice.levels, reverse=True))
        between = ", ".join(f"{level}: {shares[level]:.2f}" for level in sorted(self.choice.held_out, reverse=True))
        tried = ", ".join(f"{level}: {share:.2f}" for level, share in shares.items())
        return f"{self.choice.name}: levels {shown}; held out {between}\n  share of decisions kept at each: {tried}"


def propose(suite: Suite, workspace: Workspace, *, sample: int) -> list[Proposal]:
    """Levels of each of a suite's distortions, from what networks keep on about so many training sources.

    Raises:
        SuiteError: the training part is empty, or a distortion has too few levels.
    """
    names = [choice.name for choice in suite.distortions]
    grids = tuple(DistortionChoice(name, grid(name), ()) for name in names)
    members = [source.id for source in index_suite(suite, workspace).parts["train"] if not source.parent]
    if not members:
        raise SuiteError(f"{suite.name}: no photograph is in the training part")
    labelling = suite.networks.labelling
    observation = observe(suite.dataset, labelling, grids, workspace, execution=PUBLISHED, limit=sample, among=members)
    rows = pl.concat(observation.decisions(name, 0.5).select(*CONDITION, "kept") for name in labelling)
    shares = {
        (str(name), int(level)): kept
        for name, level, kept in rows.group_by(CONDITION).agg(pl.col("kept").mean()).rows()
    }
    proposals = []
    for choice in grids:
        kept = tuple(float(shares[choice.name, level] or 0.0) for level in choice.levels)
        training, between = spread(choice.levels, np.array(kept))
        proposals.append(Proposal(DistortionChoice(choice.name, training, between), choice.levels, kept))
    return proposals


def grid(name: str) -> tuple[int, ...]:
    """The levels of a distortion that are tried, from the top down: denser at the bottom of a codec, where most is lost."""
    distortion = find_distortion(name)
    levels = distortion.levels
    if len(levels) < 2 * TRAINING - 1:
        raise SuiteError(f"{name}: has {len(levels)} levels; {2 * TRAINING - 1} are needed")
    if len(levels) <= GRID:
        return tuple(reversed(levels))
    steps = levels[0] - 1 + np.geomspace(1, levels[-1] - levels[0] + 1, GRID)
    filled = {round(step) for step in steps} | {round(step) for step in np.linspace(levels[0], levels[-1], GRID // 2)}
    return tuple(sorted(filled, reverse=True))


def spread(levels: Sequence[int], kept: NDArray[np.float64]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Training levels, whose shares of decisions kept are spread evenly, and held-out levels between them.

    Args:
        levels: at least nine levels from the top down.
        kept: share of decisions that is kept at each, shape (L,), 0 to 1.

    Returns:
        Five and four levels, each from the top down.

    Examples:
        >>> spread([9, 8, 7, 6, 5, 4, 3, 2, 1], np.linspace(1, 0, 9))
        ((9, 7, 5, 3, 1), (8, 6, 4, 2))
    """
    smooth = np.minimum.accumulate(np.asarray(kept, np.float64))
    targets = np.linspace(min(MILD, smooth[0]), max(STRONG, smooth[-1]), 2 * TRAINING - 1)
    chosen: list[int] = []
    for number, target in enumerate(targets):
        left = len(targets) - number - 1  # as many must remain below
        candidates = range(chosen[-1] + 1 if chosen else 0, len(levels) - left)
        chosen.append(min(candidates, key=lambda index: abs(smooth[index] - target)))
    ordered = [levels[index] for index in chosen]
    return tuple(ordered[::2]), tuple(ordered[1::2])
