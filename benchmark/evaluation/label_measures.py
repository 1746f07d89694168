"""How well the scores of one seed predict labels and follow the utility, with the resamples of each measure."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from benchmark.core.errors import MetricError
from benchmark.core.types import CONDITION, IMAGE, PRISTINE
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.shards import IMAGES
from benchmark.metrics import bootstrap, classification, correlation, histograms, rank_correlation, weighted
from benchmark.metrics.bootstrap import Floats, Weights

KERNELS = {
    "average_precision": weighted.average_precision,
    "overlap": histograms.overlap,
}
Measured = dict[str, Floats]
"""Name -> value on the test part, then in each resample of it, shape (1 + R,); or (1,) where there is no interval."""


def drawn_thresholds(truth: GroundTruth, rows: pl.DataFrame) -> Floats:
    """The threshold that these rows of the validation part give, then that of each resample of its sources, (1 + R,).

    Each resample of the test sources is decided by a threshold of its own, so that intervals hold the threshold's chance too.
    """
    y, s = rows["label"].to_numpy().astype(np.int64), rows["score"].to_numpy()
    threshold = classification.best_threshold(y, s)
    cluster, counts = truth.clusters(rows, "validation")
    drawn = bootstrap.replicate(weighted.best_thresholds, counts, cluster, y, s)
    return np.r_[threshold, np.where(np.isfinite(drawn), drawn, threshold)]


def label_metrics(truth: GroundTruth, rows: pl.DataFrame, thresholds: Floats) -> Measured:
    """How well the scores predict the labels of these rows of the test part; the column `condition` has the rival's scores."""
    cluster, counts = truth.clusters(rows, "test")
    y, s, conditions = rows["label"].to_numpy().astype(np.int64), rows["score"].to_numpy(), condition_codes(rows)
    strata = 3 * conditions + rows["source"].replace_strict(size_thirds(truth), return_dtype=pl.Int64).to_numpy()
    values: dict[str, float | None] = {
        **classification.decisions(y, s, float(thresholds[0])),
        "within_condition_auroc": stratified(y, s, conditions)[0],
        "within_condition_and_size_auroc": stratified(y, s, strata)[0],
        "average_precision": classification.average_precision(y, s),
        "overlap": classification.overlap(y, s),
        "overlap_permuted": histograms.permuted_overlap(y, s, conditions, cluster, seed=truth.fingerprint),
    }

    def decided(weights: Weights, drawn: Floats) -> Floats:
        return weighted.decisions(weights, y, s >= drawn[:, None])

    replicates = {name: bootstrap.replicate(kernel, counts, cluster, y, s) for name, kernel in KERNELS.items()}
    for name, groups in (("within_condition_auroc", conditions), ("within_condition_and_size_auroc", strata)):
        replicates[name] = bootstrap.replicate(weighted.stratified_auroc, counts, cluster, y, s, groups)
    decisions = bootstrap.replicate(decided, counts, cluster, choices=thresholds[1:])
    replicates |= dict(zip(("accuracy", "balanced_accuracy", "mcc"), decisions.T, strict=True))
    measured = {
        name: np.r_[np.nan if value is None else value, replicates.get(name, np.empty(0))]
        for name, value in values.items()
    }
    return measured | auroc_metrics(truth, rows) | {"overlap": histograms.reflected(measured["overlap"])}


def auroc_metrics(truth: GroundTruth, rows: pl.DataFrame) -> Measured:
    """AUROC on these labelled rows of the test part, and how far it is above that of the column `condition`."""
    cluster, counts = truth.clusters(rows, "test")
    y = rows["label"].to_numpy().astype(np.int64)
    own, rival = (
        np.r_[classification.auroc(y, s), bootstrap.replicate(weighted.auroc, counts, cluster, y, s)]
        for s in (rows["score"].to_numpy(), rows["condition"].to_numpy())
    )
    return {"auroc": own, "auroc_over_condition": own - rival}


def size_thirds(truth: GroundTruth) -> dict[str, int]:
    """Source of the test part -> the third, 0 to 2, in which the size of its pristine image lies among them.

    The size is the shorter side, or the number of pixels where all shorter sides are alike.
    """
    names = [source.id for source in truth.parts["test"]]
    images = truth.outcomes[IMAGES].filter(pl.col("source").is_in(names), distortion=PRISTINE.distortion)
    sides = images.select(pl.col("height", "width").cast(pl.Int64)).to_numpy()
    sizes = sides.min(axis=1)
    if np.ptp(sizes) == 0:
        sizes = sides.prod(axis=1)
    thirds = np.searchsorted(np.quantile(sizes, (1 / 3, 2 / 3)), sizes)
    return dict(zip(images["source"], thirds.tolist(), strict=True))


def soft_metrics(truth: GroundTruth, rows: pl.DataFrame) -> Measured:
    """How well the scores follow the utility of these rows of the test part; NaN where all scores are equal."""
    cluster, counts = truth.clusters(rows, "test")
    y, s = rows["utility"].to_numpy(), rows["score"].to_numpy()
    try:
        curve = correlation.fitted(y, s)
    except MetricError:
        return {name: np.full(1 + len(counts), np.nan) for name in correlation.SOFT}
    plcc, rmse = bootstrap.value_and_replicates(correlation.fit_kernel, counts, cluster, y, curve).T
    srcc, krcc = rank_metrics(truth, rows).values()
    return dict(zip(correlation.SOFT, (srcc, plcc, krcc, rmse), strict=True))


def satisfied_metrics(truth: GroundTruth, scores: pl.DataFrame) -> Measured:
    """How well the scores of the test part follow the satisfied machine ratio: SRCC and tau-b, -1 to 1, best 1."""
    rows = truth.satisfied.join(scores.filter(part="test"), on=IMAGE, maintain_order="left")
    return {f"smr_{name}": values for name, values in rank_metrics(truth, rows).items()}


def rank_metrics(truth: GroundTruth, rows: pl.DataFrame) -> Measured:
    """SRCC and KRCC (tau-b) of the scores with the utility of these rows of the test part; NaN where either is constant."""
    cluster, counts = truth.clusters(rows, "test")
    y, s = rows["utility"].to_numpy(), rows["score"].to_numpy()
    if is_constant(y, s):
        return {name: np.full(1 + len(counts), np.nan) for name in ("srcc", "krcc")}
    srcc, krcc = rank_correlation.rank_replicates(counts, cluster, y, s)
    return {"srcc": np.r_[correlation.srcc(y, s), srcc], "krcc": np.r_[correlation.krcc(y, s), krcc]}


def srcc_values(truth: GroundTruth, rows: pl.DataFrame) -> Floats:
    """SRCC of scores and utility on these rows of the test part, then in each resample; NaN where either is constant."""
    cluster, counts = truth.clusters(rows, "test")
    y, s = rows["utility"].to_numpy(), rows["score"].to_numpy()
    if is_constant(y, s):
        return np.full(1 + len(counts), np.nan)
    return np.r_[correlation.srcc(y, s), bootstrap.replicate(rank_correlation.srcc_kernel, counts, cluster, y, s)]


def is_constant(utilities: Floats, scores: Floats) -> bool:
    """Whether there are too few rows for a correlation, or all their utilities or all their scores are the same."""
    return len(scores) < 3 or bool(np.ptp(utilities) == 0 or np.ptp(scores) == 0)


def condition_codes(rows: pl.DataFrame) -> NDArray[np.int64]:
    """A number for the condition of each row, the same for rows of one condition."""
    return rows.select(pl.struct(CONDITION).rank("dense")).to_series().to_numpy().astype(np.int64)


def stratified(labels: ArrayLike, scores: ArrayLike, strata: ArrayLike) -> tuple[float | None, int]:
    """The stratified AUROC, but (None, 0) where few rows are labelled and no stratum has both classes."""
    try:
        return classification.stratified_auroc(labels, scores, strata)
    except MetricError:
        return None, 0
