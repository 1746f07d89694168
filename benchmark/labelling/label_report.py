"""The summary of a suite's labels that `label` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from benchmark.core.errors import MetricError
from benchmark.core.markdown import markdown, number
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.near_duplicates import NEAR, Pair, near_duplicates
from benchmark.labelling.probe_agreement import agreements
from benchmark.metrics import classification
from benchmark.suites.spec import COMBINED
from benchmark.suites.tasks import TASKS

PRINTED_PAIRS = 10
"""Number of pairs that an audit prints, and of classes that a warning names."""
SHOWN_CLASSES, ENOUGH_ROWS, RARE = 20, 20, 0.01
"""Most classes whose counts are printed, fewest labelled rows of a class whose labels are looked at, and share of them below
which a label is rare."""


def label_summary(truth: GroundTruth, cache: Path) -> str:
    """The numbers of labelled rows per label set and part, the counts of each rule and the result of the audit, as text."""
    rows = []
    for labels in truth.suite.label_sets:
        for part in truth.parts:
            members = truth.rows_of(labels, part)
            useful, others = members.filter(label=1).height, members.filter(label=0).height
            coverage = number((useful + others) / members.height)
            rows.append([labels, part, str(members.height), str(useful), str(others), coverage])
    head = ["labels", "part", "rows", "useful", "non-useful", "coverage"]
    counted = markdown(head, rows)
    named = f"{truth.suite.folder}, fingerprint {truth.fingerprint}"
    return "\n".join(
        [
            named,
            "",
            *counted,
            *class_summary(truth),
            *rule_summary(truth),
            *probe_summary(truth),
            *audit_summary(near_duplicates(truth.indexed, cache)),
        ]
    )


def class_summary(truth: GroundTruth) -> list[str]:
    """The combined labels of each class, where there are few, and a warning of classes with hardly any row of one label.

    Where nearly all images of a class have one label, the class predicts it, and a predictor may learn the class instead of the
    damage.
    """
    groups = TASKS[truth.suite.task].groups
    counts: dict[str, list[int]] = {}
    for source, label in (
        trained_rows(truth, COMBINED).filter(pl.col("label") >= 0).select("source", "label").iter_rows()
    ):
        for name in groups(truth.indexed.truths[source]):
            if name.startswith("class "):
                counts.setdefault(name, [0, 0])[1 - label] += 1
    names = sorted(counts, key=lambda name: int(name.split()[1]))
    rows = [[name.removeprefix("class "), str(counts[name][0]), str(counts[name][1])] for name in names]
    table = markdown(["class", "useful", "non-useful"], rows) if 0 < len(names) <= SHOWN_CLASSES else []
    alone = [
        name for name in names if sum(counts[name]) >= ENOUGH_ROWS and min(counts[name]) < RARE * sum(counts[name])
    ]
    if not alone:
        return table
    listed = ", ".join(
        f"{name} ({counts[name][0]} useful, {counts[name][1]} non-useful)" for name in alone[:PRINTED_PAIRS]
    )
    return [*table, f"Warning: {len(alone)} classes have hardly any row of one of the combined labels: {listed}", ""]


def trained_rows(truth: GroundTruth, label_set: str) -> pl.DataFrame:
    """The rows of all parts at the training conditions."""
    return pl.concat([truth.rows_of(label_set, part) for part in truth.parts])


def audit_summary(pairs: Sequence[Pair]) -> list[str]:
    """The result of the audit for leaks, as lines of text."""
    audited = "Audit: no photograph stands in two parts, by id or content"
    if not pairs:
        return [
            f"{audited}, and none looks like one of another part, mirrored or turned either (perceptual hashes differ in more "
            f"than {NEAR} bits). Crops are not found."
        ]
    message = (
        f"{audited}; {len(pairs)} pairs of different parts look alike (at most {NEAR} of 64 bits differ, mirrored "
        "and turned versions included; crops are not found). Look at them:"
    )
    more = [f"... and {len(pairs) - PRINTED_PAIRS} more"] if len(pairs) > PRINTED_PAIRS else []
    return [message, *(f"  {pair}" for pair in pairs[:PRINTED_PAIRS]), *more]


def rule_summary(truth: GroundTruth) -> list[str]:
    """Counts of the labels that each of the task's rules gives, and how well the level alone predicts these labels.

    Levels of several distortions are no one scale, so the AUROC is that of pairs of one distortion.
    """
    rows = []
    for name, labels in TASKS[truth.suite.task].rules(truth.suite.labels).items():
        suite = replace(truth.suite, labels=labels)
        other = replace(truth, indexed=replace(truth.indexed, suite=suite))
        mark = " (this suite's)" if labels == truth.suite.labels else ""
        for label_set in truth.suite.label_sets:
            table = trained_rows(other, label_set)
            labelled = table.filter(pl.col("label") >= 0)
            useful, others = labelled.filter(label=1).height, labelled.filter(label=0).height
            alone = number(level_alone(labelled))
            rows.append([name + mark, label_set, str(useful), str(others), alone])
    head = ["rule", "labels", "useful", "non-useful", "AUROC of the level alone"]
    return markdown(head, rows)


def probe_summary(truth: GroundTruth) -> list[str]:
    """How far the probe decides as each network does; empty where there is none."""
    rows = [[name, number(other.kappa), str(other.rows)] for name, other in agreements(truth).items()]
    head = ["network", f"Cohen's kappa with the probe, {truth.suite.networks.probe}", "test images"]
    note = "Of the decisions, right or wrong, on the test images that both judged: 1 always alike, 0 as by chance."
    return [*markdown(head, rows), note, ""] if rows else []


def level_alone(labelled: pl.DataFrame) -> float | None:
    """AUROC of the level within each distortion, pooled over pairs; None where no distortion has both labels."""
    try:
        return classification.stratified_auroc(labelled["label"], labelled["level"], labelled["distortion"])[0]
    except MetricError:
        return None
