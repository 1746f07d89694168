"""The spread between the seeds of a training, as part of every interval, p value and rank.

Sources and seeds are crossed: each seed is judged on the same test sources. An interval that resamples sources and averages
over seeds therefore leaves out how much another training would have differed, and three seeds are too few to be resampled. So
the replicates of the mean over K seeds are spread by s / sqrt(K) times Student's t with K - 1 degrees of freedom, where s is
the standard deviation over seeds: the distribution of the sum of a bootstrap error and of a mean of K normal values of unknown
variance (Behrens, 1929; Fisher, Annals of Eugenics 6, 1935). The study `tests/studies/seeds.py` shows how often such intervals
hold the truth, beside Welch and Satterthwaite's t interval, which is too short where seeds differ more than sources do. All is
conditional on the training sources, which are the same for every seed.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit
from scipy.stats import t as student

from benchmark.core.digests import digest
from benchmark.metrics.bootstrap import Floats

EDGE = 1e-6
"""Shares are kept this far from 0 and 1 before they are taken to the logit scale."""


def over_seeds(values: Floats, name: str, *, least: float = -np.inf, most: float = np.inf) -> Floats:
    """Mean over seeds, and replicates of it that hold the spread between seeds too.

    Args:
        values: the value, then its replicates, of each of K seeds; shape (K, 1 + R).
        name: what is measured of which predictor; the same name gives the same random order, others an independent one.
        least: lower end of the measure's range.
        most: upper end. With the range of a share, 0 to 1, the spread is added on the logit scale, which suits an AUROC.

    Returns:
        Shape (1 + R), within the range; with one seed, its values.

    Examples:
        >>> one, three = np.array([[0.5, 0.4, 0.6]]), np.array([[0.5, 0.5, 0.5], [0.6, 0.6, 0.6], [0.7, 0.7, 0.7]])
        >>> over_seeds(one, "auroc").tolist()
        [0.5, 0.4, 0.6]
        >>> np.sort(over_seeds(three, "auroc").round(3)).tolist()         # sources tell nothing here, seeds do
        [0.553, 0.6, 0.647]
    """
    mean, share = values.mean(axis=0), (least, most) == (0, 1)
    seeds, replicates = len(values), values.shape[1] - 1
    if seeds == 1 or not replicates:
        return np.clip(mean, least, most)
    points, drawn = values[:, 0], mean[1:]
    if share:
        points, drawn = (logit(np.clip(part, EDGE, 1 - EDGE)) for part in (points, drawn))
    random = np.random.default_rng(int(digest("seeds", name), 16))
    quantiles = student.ppf((np.arange(replicates) + 0.5) / replicates, seeds - 1)
    spread = drawn + points.std(ddof=1) / np.sqrt(seeds) * random.permutation(quantiles)
    return np.clip(np.r_[mean[0], expit(spread) if share else spread], least, most)
