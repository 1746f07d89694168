"""Summary: what `label` tells of a suite's labels, as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from benchmark.core.markdown import markdown, number
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.near_duplicates import NEAR, Pair, near_duplicates
from benchmark.metrics import classification
from benchmark.suites.tasks import TASKS

TOLD = 10
"""Pairs that an audit prints."""


def label_summary(truth: GroundTruth, cache: Path) -> str:
    """How many rows of each part each label set labels, and what the audit for leaks found, as text."""
    rows = []
    for labels in truth.suite.label_sets:
        table = truth.labels(labels)
        for part in truth.parts:
            here = table.filter(part=part)
            useful, others = here.filter(label=1).height, here.filter(label=0).height
            coverage = number((useful + others) / here.height)
            rows.append([labels, part, str(here.height), str(useful), str(others), coverage])
    head = ["labels", "part", "rows", "useful", "non-useful", "coverage"]
    counted = markdown(head, rows)
    named = f"{truth.suite.folder}, fingerprint {truth.fingerprint}"
    return "\n".join([named, "", *counted, *rule_summary(truth), *audit_summary(near_duplicates(truth, cache))])


def audit_summary(pairs: Sequence[Pair]) -> list[str]:
    """What the audit for leaks found."""
    audited = "Audit: no photograph stands in two parts, by id or content"
    if not pairs:
        return [
            f"{audited}, and none looks like one of another part (perceptual hashes differ in more than {NEAR} bits)."
        ]
    told = (
        f"{audited}; {len(pairs)} pairs of different parts look alike (at most {NEAR} of 64 bits differ). Look at them:"
    )
    more = [f"... and {len(pairs) - TOLD} more"] if len(pairs) > TOLD else []
    return [told, *(f"  {pair}" for pair in pairs[:TOLD]), *more]


def rule_summary(truth: GroundTruth) -> list[str]:
    """What each of the task's rules would make of all distorted images, and how much of it the level alone tells."""
    rows = []
    for name, labels in TASKS[truth.suite.task].rules(truth.suite.labels).items():
        other = replace(truth, suite=replace(truth.suite, labels=labels))
        mark = " (this suite's)" if labels == truth.suite.labels else ""
        for label_set in truth.suite.label_sets:
            table = other.labels(label_set)
            known = table.filter(pl.col("label") >= 0)
            useful, others = known.filter(label=1).height, known.filter(label=0).height
            alone = number(classification.auroc(known["label"], known["level"]) if useful and others else None)
            rows.append([name + mark, label_set, str(useful), str(others), alone])
    head = ["rule", "labels", "useful", "non-useful", "AUROC of the level alone"]
    return markdown(head, rows)
