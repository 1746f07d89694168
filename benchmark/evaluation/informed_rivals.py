"""Scores of informed rivals: the share of useful rows that the training part shows in a row's condition, and perhaps class."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.digests import digest
from benchmark.core.errors import PredictorError
from benchmark.evaluation import condition_shares as shares
from benchmark.evaluation.scorecard import FORMAT, Cost, Provenance, Scores
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics.bootstrap import Floats
from benchmark.plugins.predictors.informed import INFORMED_TRACK, InformedRival
from benchmark.suites.results_folder import Training


def informed_scores(truth: GroundTruth, rival: InformedRival, labels: str) -> tuple[Floats, Scores]:
    """The scores of an informed rival, in the order of the suite's `scored_rows`, and their metadata.

    Raises:
        PredictorError: images of this suite have no class.
        LabelError: the training part lacks rows of one label.
    """
    suite = truth.suite
    if rival.by_class and suite.task != "classification":
        raise PredictorError(f"{rival.name}: images of {suite.name} show several classes; it needs one of each")
    truth.labelled(labels, "train")
    scores = shares.condition_shares(truth, labels, truth.indexed.scored_rows, by_class=rival.by_class)
    record = Scores(
        format=FORMAT,
        suite=suite.folder,
        fingerprint=truth.fingerprint,
        predictor=rival.name,
        track=INFORMED_TRACK,
        trained_on=Training(suite.folder, labels, truth.lesson_digest(labels)),
        seeds=(0,),
        cost=Cost(score_ms_per_image=None, fit_seconds=None),
        provenance=Provenance(scores="re-run", code=digest(Path(shares.__file__).read_bytes())),
    )
    return scores, record
