"""How often intervals of a gain area in mAP hold the truth: `python -m tests.studies.map_areas`.

An mAP is no mean: that of a resample tends to be higher, and areas may inherit that. The test sources of glyphs-det are taken
for all there are; each trial draws 60 of them with replacement, and resamples these. The truth is the area of the first
held-out detector on all sources. Reflected replicates (`histograms.reflected`) are twice the point less each replicate. Reads
committed scores and outcomes, and writes results/studies/map_areas.md.
"""

import sys

import numpy as np
import polars as pl

from benchmark.core.types import IMAGE
from benchmark.core.workspace import Workspace
from benchmark.evaluation.downstream import FRACTIONS, RIVALS, scaled
from benchmark.evaluation.results import read_scores
from benchmark.labelling.pipeline import recorded_truth
from benchmark.metrics import bootstrap, histograms
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import Training, suite_folder
from tests.studies.table import write_table

SUITE, SOURCES, REPLICATES = "glyphs-det", 60, 200
PREDICTORS = ("dct_statistics", "ssim", "chance")
LEARNED = ("dct_statistics",)


class Areas:
    """The gain area of a predictor on sources drawn any number of times."""

    def __init__(self, predictor):
        suite, workspace = load_suite(SUITE), Workspace.named()
        truth = recorded_truth(suite, workspace)
        trained_on = Training(SUITE, "combined", digest="") if predictor in LEARNED else None
        scores, _ = read_scores(suite_folder(workspace, suite).scores(predictor, trained_on))
        seed = scores["seed"].min()
        plain = scores.filter(pl.col("seed") == seed, part="held_out").select(*IMAGE, "score")
        self.network = truth.downstream(suite.networks.held_out[0])
        self.rows = self.network.placed(plain)
        names, self.cluster = np.unique(self.rows["source"].to_numpy(), return_inverse=True)
        self.sources = len(names)
        self.priorities = (
            self.rows["score"].to_numpy(), RIVALS["random"](self.rows), RIVALS["oracle"](self.rows),
        )  # fmt: skip

    def __call__(self, counts):
        """The area for each row of counts (R, S)."""
        weights = counts[:, self.cluster].astype(np.float64)
        mine, random, oracle = (
            self.network.best(self.rows, weights, priority, FRACTIONS).mean(axis=1) for priority in self.priorities
        )
        return scaled(mine - random, oracle - random)


def study(area, trials):
    """The truth, shares of trials in which the percentile and the reflected interval hold it, mean errors in SE."""
    random = np.random.default_rng(0)
    everything = np.full(area.sources, 1 / area.sources)
    truth, held, points = area(np.ones((1, area.sources), np.int64))[0], np.zeros(2), np.zeros((trials, 2))
    for trial in range(trials):
        sample = random.multinomial(SOURCES, everything)
        resampled = random.multinomial(SOURCES, sample / SOURCES, REPLICATES)
        plain = area(np.concatenate([sample[None], resampled]))
        both = (plain, histograms.reflected(plain))
        points[trial] = [values[0] for values in both]
        held += [low <= truth <= high for low, high in (bootstrap.interval(values[1:]) for values in both)]
    return truth, held / trials, (points.mean(axis=0) - truth) / points.std(axis=0)


def main(trials=200):
    """Run the study and write its table."""
    head = ["scores", "area", "percentile", "reflected", "bias in standard errors", "bias corrected"]
    text = f"Share of {trials} trials of {SOURCES} sources in which a 95 % interval of the gain area in mAP holds the truth."
    write_table("map_areas", head, (row(name, trials) for name in PREDICTORS), text)


def row(name, trials):
    """What the study of a predictor gives."""
    truth, held, errors = study(Areas(name), trials)
    return [name, f"{truth:.2f}", *(f"{share:.3f}" for share in held), *(f"{error:+.2f}" for error in errors)]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
