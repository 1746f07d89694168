"""How far a suite's probe, into which predictors may look, decides as the networks do that label images or are held out.

    agreements(truth)["zoo:vgg"].kappa
    record_agreements(truth, folder)               # `label` and `run` store them with the results; boards show them

Readers of a board see by this how close the probe is to the networks whose decisions are predicted.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl

from benchmark.core.errors import MetricError, ResultError
from benchmark.core.sealed import read_sealed, write_sealed
from benchmark.core.types import CONDITION, IMAGE
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.indexed_suite import conditions_table
from benchmark.metrics.classification import kappa
from benchmark.suites.results_folder import SuiteFolder
from benchmark.suites.spec import COMBINED

DIGITS = 6
"""Digits to which kappas are stored."""


class Agreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agreement of the probe with one network."""

    kappa: float | None
    """Cohen's kappa of their decisions, right or wrong; -1 to 1, 1 best, 0 by chance; None where both decide all alike."""
    rows: int
    """Number of images that both judged."""


Agreements = dict[str, Agreement]
"""Network -> its agreement with the probe."""


class RecordedAgreements(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agreements of a suite as they are stored."""

    ground_truth: str
    """Digest of the labels and outcomes that they are made of, that of the combined labels."""
    networks: Agreements


def agreements(truth: GroundTruth) -> Agreements:
    """The agreement of the probe with each other network that judges images of the test part which the probe judges.

    These are the distorted images of test sources at all conditions. A decision is whether it is right (Eq. 5, Eq. 6).

    Returns:
        Empty where the suite has no probe.
    """
    suite, probe = truth.suite, truth.suite.networks.probe
    if not probe:
        return {}
    members = truth.indexed.membership.filter(part="test")
    conditions = conditions_table(suite.training_conditions + suite.held_out_conditions)

    def decisions(name: str) -> pl.DataFrame:
        rows = truth.judgement(name).join(members, on="source", how="semi").join(conditions, on=CONDITION, how="semi")
        return rows.select(*IMAGE, "right")

    own, results = decisions(probe), {}
    for name in suite.all_networks:
        both = own.join(decisions(name), on=IMAGE) if name != probe else own.clear()
        if both.height:
            results[name] = Agreement(kappa_or_none(both["right"], both["right_right"]), both.height)
    return results


def record_agreements(truth: GroundTruth, folder: SuiteFolder) -> None:
    """Store the agreements of a suite with its results, unless those of this ground truth are there; nothing without a probe.

    Raises:
        ResultError: what is stored is damaged; the message names the file.
    """
    path, ground_truth = folder.agreements, truth.digest(COMBINED)
    if truth.suite.networks.probe and not (path.is_file() and read_agreements(path).ground_truth == ground_truth):
        write_sealed(path, msgspec.to_builtins(made_agreements(truth)))


def made_agreements(truth: GroundTruth) -> RecordedAgreements:
    """The agreements of a ground truth as they are stored."""
    return RecordedAgreements(truth.digest(COMBINED), agreements(truth))


def recorded_agreements(folder: SuiteFolder, ground_truth: str) -> Agreements:
    """The stored agreements of a suite; empty where there are none.

    Raises:
        ResultError: they are damaged, or of another ground truth than this digest of the combined labels says.
    """
    if not folder.agreements.is_file():
        return {}
    recorded = read_agreements(folder.agreements)
    if recorded.ground_truth != ground_truth:
        raise ResultError(
            f"{folder.agreements}: stale: of the ground truth {recorded.ground_truth}, {folder.labels} is of {ground_truth}; "
            "`utilbench label` makes it again"
        )
    return recorded.networks


def read_agreements(path: Path) -> RecordedAgreements:
    """Read stored agreements; raises ResultError, which names the file and the key, if they are not valid."""
    title = "agreements of a probe"
    return read_sealed(path, RecordedAgreements, title=title, again=lambda record: "delete it to make it again")


def kappa_or_none(first: pl.Series, second: pl.Series) -> float | None:
    """Cohen's kappa, or None where it is not defined."""
    try:
        return round(kappa(first, second), DIGITS)
    except MetricError:
        return None
