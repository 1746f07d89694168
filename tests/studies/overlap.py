"""How often intervals of the overlap hold the truth, for weak, middling and strong scores: `python -m tests.studies.overlap`.

Sources are drawn as `coverage` does. The overlap of few rows in 20 bins is too low by chance, and its resamples are lower
still, so percentile intervals miss; reflected replicates (`histograms.reflected`) correct most of that. Writes
results/studies/overlap.md.
"""

import sys

import numpy as np

from benchmark.metrics import bootstrap, histograms
from tests.studies.coverage import draw
from tests.studies.table import write_table

STRENGTHS = {"weak": 0.05, "middling": 0.5, "strong": 2.0}
"""What the utility weighs in the score, beside noise of standard deviation 1."""


def scores(strength, utility, seed):
    """Scores that follow the utility with this strength."""
    return strength * utility + np.random.default_rng((seed, 7)).normal(size=len(utility))


def study(trials, strength, sources=200, replicates=400):
    """Shares of trials: percentile and reflected interval hold the truth, and hold their own point; and the mean errors."""
    _, _, labels, utility, _, _ = draw(40_000, 10**6)
    truth = histograms.overlap(np.ones((1, len(labels))), labels, scores(strength, utility, 10**6))[0]
    held, errors = np.zeros(4), np.zeros(2)
    for trial in range(trials):
        cluster, _, labels, utility, _, _ = draw(sources, trial)
        given = scores(strength, utility, trial)
        counts = bootstrap.resamples(sources, f"trial {trial}", replicates=replicates)
        plain = np.r_[
            histograms.overlap(np.ones((1, len(labels))), labels, given),
            bootstrap.replicate(histograms.overlap, counts, cluster, labels, given),
        ]
        both = (plain, histograms.reflected(plain))
        ends = [bootstrap.interval(values[1:]) for values in both]
        held += [low <= truth <= high for low, high in ends] + [
            low <= values[0] <= high for (low, high), values in zip(ends, both, strict=True)
        ]
        errors += [values[0] - truth for values in both]
    return truth, held / trials, errors / trials


def main(trials=1000):
    """Run the study and write its table."""
    head = (
        "score",
        "truth",
        "percentile",
        "reflected",
        "own point in percentile",
        "in reflected",
        "bias",
        "bias corrected",
    )
    text = f"Share of {trials} trials of 200 sources of nine rows in which a 95 % interval holds the truth, or its own point."
    write_table("overlap", head, (row(name, strength, trials) for name, strength in STRENGTHS.items()), text)


def row(name, strength, trials):
    """What the study of scores of one strength gives."""
    truth, held, errors = study(trials, strength)
    return [name, f"{truth:.3f}", *(f"{share:.3f}" for share in held), *(f"{error:+.3f}" for error in errors)]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
