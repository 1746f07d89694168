"""Rescoring: some images are scored again, since a score that depends on other images or on earlier calls voids the run.

It finds what concerns many images: what goes wrong with one image in ten is met in 97 of 100 runs. Like all that runs in the
predictor's own process, it is a fence and no wall.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import PredictorError
from benchmark.core.types import Image, Sample, image_name
from benchmark.evaluation.dataloading import BATCH, narrowed, samples, shuffled
from benchmark.evaluation.passes import Entrant
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.plugins.predictors.answers import checked_scores
from benchmark.plugins.predictors.contract import CLOSE, largest_gap

RESCORED = 32
"""Number of images that are scored alone; as many others share their second batch."""


@dataclass(frozen=True, eq=False)
class Repeats:
    """Images that are scored again, the same for all predictors of a pass."""

    rows: list[int]
    """Index of each among the images of the pass."""
    samples: list[Sample]
    names: list[str]
    """The name of each, for messages."""


def draw_repeats(indexed: IndexedSuite, rows: Sequence[Image], needs: Collection[str], secret: str) -> Repeats:
    """Draw images that are scored again, and make their samples anew.

    Args:
        indexed: the suite.
        rows: source, distortion and level of each image of the pass.
        needs: the extra inputs that any of its predictors asks for.
        secret: decides which images are drawn.
    """
    chosen = shuffled(range(len(rows)), f"{secret} chosen")[:BATCH]
    [(order, batch)] = samples(indexed, [rows[index] for index in chosen], needs, f"{secret} again")
    again = [chosen[index] for index in order]
    return Repeats(again, batch, [image_name(*rows[index]) for index in again])


def check_independence(entrant: Entrant, scores: NDArray[np.float64], repeats: Repeats) -> None:
    """Score random images once more, in another batch and each alone, and compare with their scores in the run.

    Args:
        entrant: the predictor, which has scored all images and now scores the other batch; its fresh one, which has scored
            nothing, scores the images alone.
        scores: the scores of the run, shape (N,).
        repeats: the images.

    Raises:
        PredictorError: a score differs by more than CLOSE; the message names the image and the difference.
    """
    name, names = entrant.name, repeats.names
    batch = narrowed(repeats.samples, entrant.needs)
    together = checked_scores(name, entrant.predictor, batch, names)
    few = range(min(RESCORED, len(batch)))
    alone = np.concatenate([checked_scores(name, entrant.fresh, [batch[index]], [names[index]]) for index in few])
    for repeated, when in ((together, "in another batch"), (alone, "alone, by a new predictor of the same state")):
        first = scores[repeats.rows[: len(repeated)]]
        gap, worst = largest_gap(first, repeated, spread=float(scores.std()))
        if gap > CLOSE:
            raise PredictorError(
                f"{name}: the score of {names[worst]} is {first[worst]:.6g} in the run and {repeated[worst]:.6g} {when}: "
                f"{gap:.2g} of the scores' standard deviation apart, at most {CLOSE:g} is valid; a score must depend on its "
                f"own image alone, not on others or on earlier calls; the run is void"
            )
