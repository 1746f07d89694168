"""Scores of informed rivals: what training shows of a condition, and perhaps a class, or the utility to other networks."""

from __future__ import annotations

import inspect

import numpy as np

from benchmark.core.digests import digest
from benchmark.core.errors import PredictorError
from benchmark.core.types import IMAGE
from benchmark.evaluation import condition_shares
from benchmark.evaluation.scorecard import FORMAT, Cost, Provenance, Scores
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics.bootstrap import Floats
from benchmark.plugins.predictors.code_digests import code_digest
from benchmark.plugins.predictors.informed import CEILING, INFORMED_TRACK, InformedRival
from benchmark.suites.results_folder import Training
from benchmark.suites.spec import COMBINED, Suite


def informed_scores(truth: GroundTruth, rival: InformedRival, labels: str) -> tuple[Floats, Scores]:
    """The scores of an informed rival, in the order of the suite's `scored_rows`, and their metadata.

    Raises:
        PredictorError: images of this suite have no class, or no other network judges them.
        LabelError: the training part lacks rows of one label.
    """
    suite, by_class = truth.suite, rival.informed_of == "condition and class"
    if by_class and suite.task != "classification":
        raise PredictorError(f"{rival.name}: images of {suite.name} show several classes; it needs one of each")
    if rival.informed_of == "other networks":
        scores = other_utilities(truth, other_networks(suite, labels))
    else:
        truth.labelled(labels, "train")
        scores = condition_shares.condition_shares(truth, labels, truth.indexed.scored_rows, by_class=by_class)
    record = Scores(
        format=FORMAT,
        suite=suite.folder,
        fingerprint=truth.fingerprint,
        predictor=rival.name,
        track=INFORMED_TRACK,
        trained_on=Training(suite.folder, labels, truth.lesson_digest(labels)),
        seeds=(0,),
        cost=Cost(score_ms_per_image=None, fit_seconds=None),
        provenance=Provenance(scores="re-run", code=rival_code(rival)),
    )
    return scores, record


def rival_code(rival: InformedRival) -> str:
    """Digest of the code that makes a rival's scores."""
    others, shares = (other_utilities, other_networks), (condition_shares,)
    return digest(*(code_digest(inspect.getsource(part)) for part in (others if rival == CEILING else shares)))


def other_networks(suite: Suite, labels: str) -> tuple[str, ...]:
    """The networks that judge the same images and have no say in a label set: the other labelling ones, or else the probe.

    Raises:
        PredictorError: there is none.
    """
    others = tuple(name for name in suite.networks.labelling if labels not in (COMBINED, name))
    others = others or tuple(filter(None, [suite.networks.probe]))
    if not others:
        raise PredictorError(f"{CEILING.name}: no other network judges the images of {suite.name}; it names no probe")
    return others


def other_utilities(truth: GroundTruth, networks: tuple[str, ...]) -> Floats:
    """The utility (paper, Eq. 2) of each of `scored_rows` to these networks, mean over them, shape (N,)."""
    rows = truth.indexed.scored_rows
    judged = [rows.join(truth.judgement(name), on=IMAGE, how="left", maintain_order="left") for name in networks]
    return np.asarray(np.mean([table["utility"].to_numpy() for table in judged], axis=0))
