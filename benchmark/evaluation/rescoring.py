"""Rescoring: some images are scored again, since a score that depends on other images or on earlier calls voids the run.

It finds what concerns many images: what goes wrong with one image in ten is met in 97 of 100 runs. Like all that runs in the
predictor's own process, it is a fence and no wall.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import PredictorError
from benchmark.core.types import Image, image_name
from benchmark.evaluation.dataloading import BATCH, samples, shuffled
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.plugins.predictors.answers import checked_scores
from benchmark.plugins.predictors.base import Predictor
from benchmark.plugins.predictors.contract import CLOSE, largest_gap

RESCORED = 32
"""Number of images that are scored alone; as many others share their second batch."""


def check_independence(
    predictor: Predictor,
    fresh: Predictor,
    *,
    name: str,
    indexed: IndexedSuite,
    rows: Sequence[Image],
    scores: NDArray[np.float64],
    secret: str,
) -> None:
    """Score random images once more, in another batch and each alone, and compare with their scores in the run.

    Args:
        predictor: the predictor, which has scored all rows; it scores the other batch.
        fresh: another one with the same learned state, which has scored nothing; it scores the images alone.
        name: the predictor's name, for messages.
        indexed: the suite.
        rows: source, distortion and level of each image, N of them.
        scores: the scores of the run, shape (N,).
        secret: decides which images are scored again.

    Raises:
        PredictorError: a score differs by more than CLOSE; the message names the image and the difference.
    """
    chosen = shuffled(range(len(rows)), f"{secret} chosen")[:BATCH]
    [(order, batch)] = samples(indexed, [rows[index] for index in chosen], predictor.needs, f"{secret} again")
    again = [chosen[index] for index in order]
    names = [image_name(*rows[index]) for index in again]
    together = checked_scores(name, predictor, batch, names)
    few = range(min(RESCORED, len(batch)))
    alone = np.concatenate([checked_scores(name, fresh, [batch[index]], [names[index]]) for index in few])
    for repeated, when in ((together, "in another batch"), (alone, "alone, by a new predictor of the same state")):
        first = scores[again[: len(repeated)]]
        gap, worst = largest_gap(first, repeated, spread=float(scores.std()))
        if gap > CLOSE:
            raise PredictorError(
                f"{name}: the score of {names[worst]} is {first[worst]:.6g} in the run and {repeated[worst]:.6g} {when}: "
                f"{gap:.2g} of the scores' standard deviation apart, at most {CLOSE:g} is valid; a score must depend on its "
                f"own image alone, not on others or on earlier calls; the run is void"
            )
