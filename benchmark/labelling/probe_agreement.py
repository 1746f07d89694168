"""How far a suite's probe, into which predictors may look, decides as the networks do that label images or are held out.

    agreements(truth)["zoo:vgg"].kappa             # of a ground truth
    recorded_agreements(suite, folder)             # of recorded outcomes, without photographs or networks

A predictor that looks into the probe is told by this how close the probe is to those whose decisions it predicts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from benchmark.core.errors import MetricError
from benchmark.core.types import CONDITION, IMAGE
from benchmark.labelling.consensus import truths_for
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.indexed_suite import IndexedSuite, conditions_table
from benchmark.labelling.recorded import read_outcomes_of, recorded_suite
from benchmark.metrics.classification import kappa
from benchmark.suites.results_folder import SuiteFolder, outcomes_home
from benchmark.suites.spec import Suite
from benchmark.suites.tasks import TASKS


@dataclass(frozen=True)
class Agreement:
    """The agreement of the probe with one network."""

    kappa: float | None
    """Cohen's kappa of their decisions, right or wrong; -1 to 1, 1 best, 0 by chance; None where both decide all alike."""
    rows: int
    """Number of images that both judged."""


Agreements = dict[str, Agreement]
"""Network -> its agreement with the probe."""


def agreements(truth: GroundTruth) -> Agreements:
    """The agreement of the probe with each network of a ground truth; see `agreements_of`."""
    return agreements_of(truth.indexed, truth.judgement)


def recorded_agreements(suite: Suite, folder: SuiteFolder) -> Agreements:
    """The same from the tables that are recorded; a network without one is left out, and all where sources or probe lack.

    Raises:
        ResultError: a table is damaged or not valid; the message names it.
    """
    home = outcomes_home(folder, suite)
    recorded = tuple(name for name in suite.all_networks if home.outcomes(name).is_file())
    if not folder.sources.is_file() or suite.networks.probe not in recorded:
        return {}
    indexed, _ = recorded_suite(suite, folder)
    tested = indexed.parts["test"]  # no others are compared, and detections take long to judge
    members = pl.DataFrame({"source": [s.id for s in tested], "digest": [s.digest for s in tested]})

    def judgement(name: str) -> pl.DataFrame:
        table, metadata = read_outcomes_of(home, name, suite.task)
        own = table.join(members, on=["source", "digest"], how="semi", maintain_order="left")
        return TASKS[suite.task].judge(own, truths_for(indexed, name, own), metadata["temperature"], suite.labels)

    return agreements_of(indexed, judgement, networks=recorded)


def agreements_of(
    indexed: IndexedSuite, judgement: Callable[[str], pl.DataFrame], *, networks: tuple[str, ...] | None = None
) -> Agreements:
    """The agreement of the probe with each other network that judges images of the test part which the probe judges.

    These are the distorted images of test sources at all conditions. A decision is whether it is right (Eq. 5, Eq. 6).

    Args:
        indexed: the suite and its sources.
        judgement: maps a network to its decisions, see the task's `judge`.
        networks: the networks that may be asked, by default `Suite.all_networks`.

    Returns:
        Empty where the suite has no probe.
    """
    suite, probe = indexed.suite, indexed.suite.networks.probe
    if not probe:
        return {}
    members = indexed.membership.filter(part="test")
    conditions = conditions_table(suite.training_conditions + suite.held_out_conditions)

    def decisions(name: str) -> pl.DataFrame:
        rows = judgement(name).join(members, on="source", how="semi").join(conditions, on=CONDITION, how="semi")
        return rows.select(*IMAGE, "right")

    own, results = decisions(probe), {}
    for name in networks if networks is not None else suite.all_networks:
        both = own.join(decisions(name), on=IMAGE) if name != probe else own.clear()
        if both.height:
            results[name] = Agreement(kappa_or_none(both["right"], both["right_right"]), both.height)
    return results


def kappa_or_none(first: pl.Series, second: pl.Series) -> float | None:
    """Cohen's kappa, or None where it is not defined."""
    try:
        return kappa(first, second)
    except MetricError:
        return None
