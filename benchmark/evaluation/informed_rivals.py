"""Scores of informed rivals: the share of useful rows that the training part shows in a row's condition, and perhaps class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.digests import digest
from benchmark.core.errors import PredictorError
from benchmark.evaluation.scorecard import FORMAT, Cost, Provenance, Scores
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics.bootstrap import Floats
from benchmark.plugins.predictors.informed import INFORMED_TRACK, InformedRival
from benchmark.suites.results_folder import Training

PRIOR = 10
"""Number of rows that a share is drawn towards what is known without them."""
TIE = 1e-6
"""What a level adds to a share, so that higher levels win ties."""


def informed_scores(truth: GroundTruth, rival: InformedRival, labels: str) -> tuple[Floats, Scores]:
    """The scores of an informed rival, in the order of the suite's `scored_rows`, and their metadata.

    A share is (useful + m p) / (labelled + m), where p is the share of all labelled training rows, or for a class that of its
    condition, and m is `PRIOR`; shares never fall with the level, and are interpolated between levels.

    Raises:
        PredictorError: images of this suite have no class.
        LabelError: the training part lacks rows of one label.
    """
    kinds = classes_told(truth, rival)
    rows, scored = (
        table.with_columns(group=pl.col("source").replace_strict(kinds, return_dtype=pl.Int32))
        for table in (truth.labelled(labels, "train"), truth.indexed.scored_rows)
    )
    levels = np.array(sorted(truth.suite.distortion.levels))
    overall = float(rows["label"].mean())  # type: ignore[arg-type] # a number
    condition = shares_by_level(rows, levels, np.full(len(levels), overall))
    at, groups, scores = scored["level"].to_numpy(), scored["group"].to_numpy(), np.zeros(scored.height)
    for group in np.unique(groups).tolist():
        shares = shares_by_level(rows.filter(group=group), levels, condition) if rival.by_class else condition
        scores[groups == group] = np.interp(at[groups == group], levels, shares)
    scores += TIE * at
    record = Scores(
        format=FORMAT,
        suite=truth.suite.folder,
        fingerprint=truth.fingerprint,
        predictor=rival.name,
        track=INFORMED_TRACK,
        trained_on=Training(truth.suite.folder, labels, truth.lesson_digest(labels)),
        seeds=(0,),
        cost=Cost(score_ms_per_image=None, fit_seconds=None),
        provenance=Provenance(scores="re-run", code=digest(Path(__file__).read_bytes())),
    )
    return scores, record


def classes_told(truth: GroundTruth, rival: InformedRival) -> dict[str, int]:
    """What a rival is told of each source besides the condition: its class, or 0 for all; raises PredictorError without one."""
    if not rival.by_class:
        return dict.fromkeys(truth.indexed.truths, 0)
    if truth.suite.task != "classification":
        raise PredictorError(f"{rival.name}: images of {truth.suite.name} show several classes; it needs one of each")
    return {source: int(kind) for source, kind in truth.indexed.truths.items()}


def shares_by_level(rows: pl.DataFrame, levels: NDArray[np.int64], prior: Floats) -> Floats:
    """The share of useful rows at each level, drawn towards `prior`, made never to fall with the level; each of shape (L,)."""
    from sklearn.isotonic import isotonic_regression

    counts = np.array([rows.filter(level=level)["label"].len() for level in levels.tolist()])
    useful = np.array([rows.filter(level=level)["label"].sum() for level in levels.tolist()])
    share = (useful + PRIOR * prior) / (counts + PRIOR)
    return np.asarray(isotonic_regression(share, sample_weight=counts + PRIOR))
