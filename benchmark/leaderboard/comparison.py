"""Comparison: does one predictor beat another on a suite? Paired differences with intervals that resample sources.

    for row in compare(truth, "dct_statistics", "resnet18", "combined", Workspace.named()):
        print(row.measure, row.difference, row.low, row.high, row.p)

Both predictors are measured on the same resamples, so that variation which they share cancels out. The replicates of the
measures on the scorecards are stored by `run`, or made again here where they are missing. P values are two-sided and corrected
(Holm) within each family of measures: metrics of labels, agreement with the utility, downstream gains, AUROC by
condition, by largest object and by class, and mAP by object size. Gains at the frozen thresholds depend on how much each
predictor keeps; gain areas do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.errors import ResultError
from benchmark.core.markdown import markdown, number
from benchmark.core.similar_names import near
from benchmark.core.types import IMAGE, Condition
from benchmark.core.workspace import Workspace
from benchmark.evaluation.measure_table import GROUPS, describe, whole
from benchmark.evaluation.replicates import replicates_reader
from benchmark.evaluation.results import PredictorResult, read_result
from benchmark.evaluation.scorecard import read_card
from benchmark.evaluation.size_replicates import read_size_replicates
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.leaderboard.plot_data import ENOUGH
from benchmark.metrics import bootstrap, classification, weighted
from benchmark.metrics.seeds import over_seeds
from benchmark.suites.loading import argument_of
from benchmark.suites.results_folder import Training, file_stem, list_suite_folders, readable_folders, suite_folder
from benchmark.suites.spec import COMBINED, Suite
from benchmark.suites.tasks import TASKS

SIGNIFICANT = 0.05

Replicates = dict[str, tuple[float, NDArray[np.float64]]]
"""Maps each measure to its value and to its values in the resamples, shape (R,)."""


@dataclass(frozen=True)
class Difference:
    """One measure of two predictors, compared."""

    measure: str
    """Name of a metric or of a gain of the held-out networks; `measure_table` gives its direction."""
    first: float
    """Value of the first predictor."""
    second: float
    """Value of the second predictor."""
    low: float
    """Lower end of the 95 % interval of `first - second`."""
    high: float
    """Upper end of that interval."""
    p: float
    """Two-sided p value, corrected within the family."""

    @property
    def difference(self) -> float:
        """Value of the first predictor minus that of the second."""
        return self.first - self.second

    @property
    def first_is_better(self) -> bool:
        """Whether the first predictor has the better value."""
        return (self.difference > 0) == bool(describe(self.measure).higher_is_better)


def family(result: PredictorResult, group: str) -> Replicates:
    """The measures of one of GROUPS on the scorecard that have intervals.

    The AUROC over the condition's is left out, since it differs between two predictors as the AUROC does.
    """
    return {
        name: (measure.value, result.replicates_of(name))
        for name, measure in result.card.measures(group).items()
        if measure.low is not None and measure.value is not None and whole(name) != "auroc_over_condition"
    }


def compare(truth: GroundTruth, first: str, second: str, labels: str, workspace: Workspace) -> list[Difference]:
    """Compare two predictors that were run on a suite in every measure, averaged over seeds.

    Args:
        truth: ground truth of the suite.
        first: name of a predictor, or `NAME@SUITE.LABELS` as its files are called.
        second: name of the predictor that it is compared with, in the same form.
        labels: name of the label set.
        workspace: where the results are stored.

    Raises:
        ResultError: a predictor was not run, or was run on other images or labels, or both names are of one predictor.
    """
    pair = [judged(truth, name, labels, workspace) for name in (first, second)]
    if len({(result.card.predictor, result.card.trained_on) for result in pair}) == 1:
        raise ResultError(f"{first} and {second} are one predictor; name two that were run")
    both = []
    for result in pair:
        families = [family(result, name) for name in GROUPS]
        stem = file_stem(result.card.predictor, result.card.trained_on)
        folder = suite_folder(workspace, truth.suite)
        by_size = read_size_replicates(truth, result, folder.size_replicates(folder.card(labels, stem)))
        sizes = {name: parted(values) for name, values in by_size.items()}
        both.append([*families, *grouped_replicates(truth, result, labels), sizes])
    return [row for families in zip(*both, strict=True) for row in differences(*families)]


def differences(first: Replicates, second: Replicates) -> list[Difference]:
    """The differences in one family of measures, with p values corrected for the number of measures.

    Undefined differences are left out, such as those in the gain of a predictor that keeps nothing.
    """
    rows = [
        Difference(name, first[name][0], second[name][0], *bootstrap.interval(deltas), bootstrap.p_value(deltas))
        for name in first
        if name in second
        for deltas in [first[name][1] - second[name][1]]
        if np.isfinite(deltas).mean() > 0.5 and np.isfinite(first[name][0] - second[name][0])
    ]
    corrected = bootstrap.holm([row.p for row in rows])
    return [replace(row, p=float(p)) for row, p in zip(rows, corrected, strict=True)]


def as_records(rows: Sequence[Difference]) -> list[dict[str, Any]]:
    """The differences as values of JSON."""
    return [asdict(row) | {"difference": row.difference} for row in rows]


def as_table(first: str, second: str, rows: Sequence[Difference]) -> list[str]:
    """The differences as a Markdown table; it names the better predictor, or shows `=` where the corrected p is .05 or more."""
    cells = [
        [
            row.measure,
            number(row.first),
            number(row.second),
            f"{row.difference:+.3f}",
            f"{row.low:+.3f} to {row.high:+.3f}",
            f"{row.p:.3f}",
            "=" if row.p >= SIGNIFICANT else first if row.first_is_better else second,
        ]
        for row in rows
    ]
    return markdown(["measure", first, second, "difference", "95 % interval", "p (Holm)", "better"], cells)


def judged(truth: GroundTruth, name: str, labels: str, workspace: Workspace) -> PredictorResult:
    """The stored scores, scorecard and replicates of a predictor on this ground truth.

    Raises:
        ResultError: scores or scorecard are missing, or are of other images or labels.
    """
    folders = readable_folders(workspace, truth.suite.folder)
    own = file_stem(name, Training(truth.suite.folder, labels, ""))
    pairs = [
        (folder, stem) for folder in folders for stem in (file_stem(name, None), own) if stem in folder.score_stems()
    ]
    if not pairs:
        stems = sorted({stem for folder in folders for stem in folder.score_stems()})
        there = ", ".join(stems) or "none"
        hint = quick_look(name, workspace, truth.suite) or near(name, stems)
        raise ResultError(f"{folders[0].path}: no scores of {name!r}{hint}; there are {there}")
    hint = f"`utilbench run {name} -s {argument_of(truth.suite.folder)} -l {labels}` makes it"
    having = [(folder, folder.card(labels, stem)) for folder, stem in pairs if folder.card(labels, stem).is_file()]
    if not having:
        raise ResultError(f"no scorecard {pairs[0][0].card(labels, pairs[0][1])}; {hint}")
    folder, path = having[0]
    card = read_card(path)
    if (card.fingerprint, card.ground_truth) != (truth.fingerprint, truth.digest(labels)):
        raise ResultError(f"{path} is of other images or labels than this machine's; {hint} anew")
    return read_result(folder, path, card, replicates_reader(lambda: truth, suite_folder(workspace, truth.suite)))


def quick_look(name: str, workspace: Workspace, suite: Suite) -> str:
    """Words on a quick look at a suite in which a predictor was run, as the end of a message; empty without one."""
    for folder in list_suite_folders(workspace.results):
        whole, _, limit = folder.path.name.rpartition("-limit")
        stems = (file_stem(name, None), file_stem(name, Training(folder.path.name, COMBINED, "")))
        if whole == suite.folder and set(stems) & set(folder.score_stems()):
            return f" but of a quick look, which --limit {limit} compares"
    return ""


def grouped_replicates(truth: GroundTruth, result: PredictorResult, labels: str) -> list[Replicates]:
    """AUROC on the labelled test rows of each condition, largest object and class with at least ENOUGH rows of both labels."""
    test = truth.labelled(labels, "test")
    kinds = TASKS[truth.suite.task].groups
    member = {source.id: kinds(source.truth) for source in truth.parts["test"]}
    indices: dict[str, list[int]] = {}
    for index, (source, *condition) in enumerate(test.select(IMAGE).iter_rows()):
        for name in (str(Condition(*condition)), *member[source]):
            indices.setdefault(name, []).append(index)
    families: dict[str, Replicates] = {"condition": {}, "largest": {}, "class": {}}
    for name in sorted(indices, key=natural):
        rows, kind = test[indices[name]], name.partition(" ")[0]
        if min(rows.filter(label=label).height for label in (0, 1)) >= ENOUGH:
            family = families.get(kind, families["condition"])
            family[f"AUROC, {name}"] = auroc_replicates(truth, result, name, rows)
    return list(families.values())


def natural(name: str) -> tuple[str, float]:
    """Sort key that orders names which end in a number by that number, the highest first."""
    word, _, digits = name.rpartition(" ")
    return (word, -float(digits)) if digits.isdigit() else (name, 0.0)


def auroc_replicates(
    truth: GroundTruth, result: PredictorResult, name: str, rows: pl.DataFrame
) -> tuple[float, NDArray[np.float64]]:
    """AUROC on these rows and in each of their resamples, as a mean over seeds with their spread."""
    cluster, counts = truth.clusters(rows, "test")
    y, values = rows["label"].to_numpy(), []
    for seed in result.card.seeds:
        scores = result.scores.filter(part="test", seed=seed).select(*IMAGE, "score")
        s = rows.join(scores, on=IMAGE, how="left", maintain_order="left")["score"].to_numpy()
        values.append(np.r_[classification.auroc(y, s), bootstrap.replicate(weighted.auroc, counts, cluster, y, s)])
    return parted(over_seeds(np.array(values), f"{result.title}, {name}", least=0, most=1))


def parted(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """A value and its replicates, from an array that begins with the value."""
    return float(values[0]), values[1:]
