"""Measures of the rows of each distortion, and of seen and unseen kinds of distortion, with the resamples of each.

    kinds = of_kinds(truth, scores, "combined")               # `webp`, ..., `unseen kinds` -> rows with labels and scores
    kind_metrics(truth, kinds, thresholds)                    # `auroc on webp`, ...

Labels and utilities of seen kinds are measured at the training conditions, those of unseen kinds, on which no predictor is
trained, at the held-out ones. A measure of labels or utility without a kind, such as `auroc` or `srcc`, is therefore that of
all seen kinds together. Gains are measured at the held-out conditions of both: `area` is of all kinds, `area on seen kinds` and
`area on unseen kinds` are of either.
"""

from __future__ import annotations

import functools

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.types import CONDITION, IMAGE
from benchmark.evaluation.condition_shares import condition_shares
from benchmark.evaluation.downstream import BOUNDS, FRACTIONS, Curves, Network, at_thresholds, redrawn, scaled
from benchmark.evaluation.label_measures import (
    Measured,
    auroc_metrics,
    condition_codes,
    srcc_values,
    stratified,
)
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.indexed_suite import conditions_table
from benchmark.metrics import bootstrap, weighted
from benchmark.metrics.bootstrap import Floats, Weights


def of_kinds(truth: GroundTruth, scores: pl.DataFrame, labels: str) -> dict[str, pl.DataFrame]:
    """The test rows of each distortion, and of the unseen kinds together, with labels, utilities and scores.

    Those of seen kinds are at the training conditions, those of unseen kinds at the held-out ones. It is empty for a suite with
    a single distortion.
    """
    if not truth.suite.is_mixed:
        return {}
    chosen = conditions_table(truth.suite.training_conditions + truth.suite.unseen_conditions)
    every = truth.labels(labels).filter(part="test").join(chosen, on=CONDITION, how="semi", maintain_order="left")
    rows = every.join(scores.filter(pl.col("part") != "validation").drop("part"), on=IMAGE, maintain_order="left")
    rows = rows.with_columns(condition=condition_shares(truth, labels, rows))
    kinds = {choice.name: rows.filter(distortion=choice.name) for choice in truth.suite.distortions}
    unseen = truth.suite.unseen_kinds
    return kinds | ({"unseen kinds": rows.filter(pl.col("distortion").is_in(unseen))} if unseen else {})


def kind_metrics(truth: GroundTruth, kinds: dict[str, pl.DataFrame], thresholds: Floats) -> Measured:
    """AUROC, also over the condition's and within a condition, and balanced accuracy on the labelled rows of each kind.

    The column `condition` has the rival's scores. A kind on which one of the labels does not occur is left out.
    """
    measured: Measured = {}
    for name, every in kinds.items():
        rows = every.filter(pl.col("label") >= 0)
        if rows["label"].n_unique() < 2:
            continue
        cluster, counts = truth.clusters(rows, "test")
        y, s, conditions = rows["label"].to_numpy().astype(np.int64), rows["score"].to_numpy(), condition_codes(rows)
        decided = functools.partial(balanced_accuracies, y, s)
        within = stratified(y, s, conditions)[0]
        measured |= {f"{measure} on {name}": values for measure, values in auroc_metrics(truth, rows).items()}
        measured |= {
            f"within_condition_auroc on {name}": np.r_[
                np.nan if within is None else within,
                bootstrap.replicate(weighted.stratified_auroc, counts, cluster, y, s, conditions),
            ],
            f"balanced_accuracy on {name}": bootstrap.value_and_replicates(
                decided, counts, cluster, choices=thresholds
            ),
        }
    return measured


def balanced_accuracies(labels: NDArray[np.int64], scores: Floats, weights: Weights, thresholds: Floats) -> Floats:
    """Balanced accuracy in each replicate with the threshold of its own; shape (R,)."""
    return weighted.decisions(weights, labels, scores >= thresholds[:, None])[:, 1]


def kind_soft(truth: GroundTruth, kinds: dict[str, pl.DataFrame]) -> Measured:
    """SRCC of the scores with the utility on the rows of each of these kinds whose pristine versions are judged correctly.

    -1 to 1, best 1; NaN where all scores or all utilities of a kind are the same.
    """
    return {f"srcc on {name}": srcc_values(truth, rows.filter(pl.col("eligible"))) for name, rows in kinds.items()}


def kind_gains(truth: GroundTruth, scores: pl.DataFrame, thresholds: Floats, rivals: Curves) -> Measured:
    """Gain area, and the gain at the threshold, on the images of seen and on those of unseen kinds.

    Both are of all held-out networks together, as `area` and `gain` are, which `downstream.gains` defines. They are empty for a
    suite without unseen kinds.

    Args:
        truth: the ground truth of the suite.
        scores: source, distortion, level and score of the test sources at the held-out conditions.
        thresholds: the first, then those of the resamples; shape (1 + R,).
        rivals: the curves that `rival_curves` returns.
    """
    measured: Measured = {}
    for kind, distortions in truth.suite.kinds.items():
        if not truth.suite.networks.held_out:
            measured |= {f"{name} on {kind}": np.full(len(thresholds), np.nan) for name in ("area", "gain")}
            continue
        rows = scores.filter(pl.col("distortion").is_in(distortions))
        areas, gained = [], []
        for name in truth.suite.networks.held_out:
            network = truth.downstream(name)
            placed = network.placed(rows)
            curve = redrawn(truth, network, placed, network.best, placed["score"].to_numpy(), FRACTIONS)
            bounds = [rivals[name, f"{rival} on {kind}"] for rival in BOUNDS]
            areas.append([values.mean(axis=1) for values in (curve, *bounds)])
            gained.append(gains_at(truth, network, placed, thresholds))
        own, random, oracle = np.array(areas).sum(axis=0)
        measured |= {
            f"area on {kind}": scaled(own - random, oracle - random),
            f"gain on {kind}": np.mean(gained, axis=0),
        }
    return measured


def gains_at(truth: GroundTruth, network: Network, rows: pl.DataFrame, thresholds: Floats) -> Floats:
    """What a network gains over all these rows at the first threshold, then in each resample at its own; shape (1 + R,)."""
    score, everything = rows["score"].to_numpy(), np.ones(rows.height, bool)
    cluster, counts = truth.clusters(rows, "test")

    def kernel(weights: Weights, drawn: Floats) -> Floats:
        kept = network.chosen(rows, weights, score >= drawn[:, None])
        return kept - network.chosen(rows, weights, everything)

    return at_thresholds(kernel, network, counts, cluster, thresholds)
