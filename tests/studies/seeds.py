"""How often intervals hold the truth where a predictor is trained with several seeds: `python -m tests.studies.seeds`.

Each trial draws sources as `coverage` does, and K trainings. Each training weighs the utility by a factor of its own, so that
some are better than others on every source. The truth is the mean AUROC of 400 trainings on 40,000 sources. Intervals: over
sources alone, of the mean over seeds; with the seeds' spread (`metrics.seeds`); Welch and Satterthwaite's t interval on the
logit scale. Writes results/studies/seeds.md.
"""

import sys

import numpy as np
from scipy.special import expit, logit
from scipy.stats import t as student

from benchmark.metrics import bootstrap, weighted
from benchmark.metrics.seeds import over_seeds
from tests.studies.coverage import draw
from tests.studies.table import write_table

SPREADS = {"none": 0.0, "a third of the sources'": 0.05, "that of the sources": 0.15, "three times that": 0.45}
"""Standard deviation of a training's factor."""
WAYS = ("sources alone", "with seeds", "Satterthwaite")


def trained(factors, utility, score):
    """The scores of one training for each factor, (K, N)."""
    return factors[:, None] * utility + (score - utility)


def truth(spread, trainings=400):
    """The mean AUROC over trainings on many sources."""
    _, _, labels, utility, score, _ = draw(40_000, 10**6)
    factors = 1 + np.random.default_rng(5).normal(0, spread, trainings if spread else 1)
    once = np.ones((1, len(labels)))
    return float(np.mean([weighted.auroc(once, labels, row)[0] for row in trained(factors, utility, score)]))


def satterthwaite(values):
    """The ends of the t interval of a mean over seeds, from (K, 1 + R)."""
    points, mean = logit(values[:, 0]), logit(values.mean(axis=0))
    sources, seeds = np.nanvar(mean[1:], ddof=1), points.var(ddof=1) / len(points)
    freedom = (sources + seeds) ** 2 / (seeds**2 / (len(points) - 1)) if seeds else np.inf
    reach = student.ppf(0.975, freedom) * np.sqrt(sources + seeds)
    return expit(mean[0] - reach), expit(mean[0] + reach)


def study(trials, seeds, spread, sources=200, replicates=400, known=None):
    """Share of trials in which each of WAYS holds the truth."""
    known = truth(spread) if known is None else known
    held = np.zeros(len(WAYS))
    for trial in range(trials):
        cluster, _, labels, utility, score, _ = draw(sources, trial)
        factors = 1 + np.random.default_rng((trial, seeds)).normal(0, spread, seeds)
        counts = bootstrap.resamples(sources, f"trial {trial}", replicates=replicates)
        values = np.array([
            np.r_[weighted.auroc(np.ones((1, len(labels))), labels, row),
                  bootstrap.replicate(weighted.auroc, counts, cluster, labels, row)]
            for row in trained(factors, utility, score)
        ])  # fmt: skip
        ends = (
            bootstrap.interval(values.mean(axis=0)[1:]),
            bootstrap.interval(over_seeds(values, f"trial {trial}", least=0, most=1)[1:]),
            satterthwaite(values),
        )
        held += [low <= known <= high for low, high in ends]
    return held / trials


def main(trials=1000):
    """Run the study and write its table."""
    error = np.sqrt(0.95 * 0.05 / trials)
    text = f"Share of {trials} trials of 200 sources in which a 95 % interval holds the truth (standard error {error:.3f})."
    write_table("seeds", ["seeds", "their spread", *WAYS], rows(trials), text)


def rows(trials):
    """What each number of seeds gives at each spread."""
    for name, spread in SPREADS.items():
        known = truth(spread)
        for seeds in (3, 5):
            shares = study(trials, seeds, spread, known=known)
            yield [str(seeds), name, *(f"{share:.3f}" for share in shares)]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
