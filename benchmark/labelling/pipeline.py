"""Labelling of a suite: makes its ground truth and runs the networks only for outcomes that are not recorded anywhere.

    truth = label(load_suite("glyphs"), Workspace.named())           # photographs -> outcomes -> labels
    truth = recorded_truth(load_suite("glyphs"), Workspace.named())  # recorded outcomes only, no photographs

`label` writes the suite's choices, its sources and the labels of every set beside the outcomes.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any

import polars as pl

from benchmark.core.errors import ResultError
from benchmark.core.files import write_text
from benchmark.core.parquet import read_metadata, read_table, write_table
from benchmark.core.types import Source
from benchmark.core.workspace import Workspace
from benchmark.labelling.execution import PUBLISHED, ExecutionConfig
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.indexed_suite import IndexedSuite, index_suite
from benchmark.labelling.outcome_checks import Stored, WeightsHere, check_codec, check_weights
from benchmark.labelling.outcomes import adopt, complete, read_outcomes
from benchmark.plugins.datasets import Augmented, NoPhotographs
from benchmark.plugins.networks import weights_here
from benchmark.suites.results_folder import SuiteFolder, first_with, outcome_folders, readable_folders, suite_folder
from benchmark.suites.spec import Suite
from benchmark.suites.splits import PARTS, Parts
from benchmark.suites.tasks import TASKS

SOURCE_SCHEMA: dict[str, Any] = dict.fromkeys(("part", "source", "digest", "parent"), pl.String)
"""Columns of `sources.parquet` beside those of the task's ground truth, and `copy_of` where there are copies."""


def label(suite: Suite, workspace: Workspace, *, execution: ExecutionConfig = PUBLISHED) -> GroundTruth:
    """Record every outcome that the suite needs and that is not recorded yet; write its labels; return its ground truth.

    Args:
        suite: the suite to label.
        workspace: folders, and the device on which networks run, if they must; outcomes of the same images and arithmetic in
            its `published` are used instead of computed.
        execution: precision, compilation and engine of that run.

    Raises:
        DataError: photographs are missing or unreadable.
        NetworkError: a network that must run cannot be run; published outcomes need no network.
        LabelError: the recorded outcomes have other pixels, weights or precision, or a source is in two parts.
    """
    weights = functools.partial(weights_here, folder=workspace.networks)
    truth = make_ground_truth(suite, workspace, execution=execution, weights=weights)
    save_labels(truth, suite_folder(workspace, suite))
    return truth


def make_ground_truth(
    suite: Suite,
    workspace: Workspace,
    *,
    execution: ExecutionConfig = PUBLISHED,
    weights: WeightsHere | None = None,
) -> GroundTruth:
    """Make the ground truth as `label` does, without writing labels; recorded weights are compared if `weights` is given."""
    indexed = index_suite(suite, workspace)
    own, *others = outcome_folders(workspace, suite)
    stored = read_outcomes(indexed, own)
    check_codec(indexed, stored, own)
    if weights:
        check_weights(stored, weights, own)
    for folder in others:
        stored = adopt(indexed, stored, own, folder, execution, weights=weights)
    stored = complete(indexed, stored, own, workspace=workspace, execution=execution)
    return with_outcomes(indexed, stored)


def recorded_truth(suite: Suite, workspace: Workspace) -> GroundTruth:
    """The recorded ground truth, without photographs or networks; for a limited suite, `label` must have run with its limit.

    Raises:
        ResultError: sources or outcomes are not recorded anywhere; the message names the command that records them.
    """
    folders = readable_folders(workspace, suite.folder)
    home = first_with(lambda folder: folder.sources, folders)
    hint = f"`utilbench label {suite.name}" + (f" --limit {suite.limit}`" if suite.limit else "`")
    if not home.sources.is_file():
        raise ResultError(f"{home.path}: no sources.parquet; {hint} records sources and labels")
    task = TASKS[suite.task]
    table, metadata = read_table(home.sources, schema=pl.Schema(SOURCE_SCHEMA | task.TRUTH_SCHEMA))
    parts: Parts = {part: [] for part in PARTS}
    for row in table.iter_rows(named=True):
        source = Source(
            row["source"], task.truth_of(row), row["digest"], parent=row["parent"], copy_of=row.get("copy_of", "")
        )
        parts[row["part"]].append(source)
    indexed = IndexedSuite(suite, Augmented(NoPhotographs(metadata["classes"])), parts)
    if indexed.fingerprint != metadata["fingerprint"]:
        raise ResultError(f"{home.path}: recorded of other choices than {suite.name} has now; {hint} records them anew")
    stored: Stored = {}
    for folder in outcome_folders(workspace, suite):
        stored = read_outcomes(indexed, folder) | stored
    if missing := [name for name in (*suite.networks.labelling, *suite.networks.held_out) if name not in stored]:
        raise ResultError(f"{home.path}: no outcomes of {missing[0]}; {hint} records them")
    return with_outcomes(indexed, stored)


def with_outcomes(indexed: IndexedSuite, stored: Stored) -> GroundTruth:
    """The ground truth that these outcomes and their temperatures give an indexed suite."""
    tables = {name: table for name, (table, _) in stored.items()}
    temperatures = {
        name: metadata["temperature"] for name, (_, metadata) in stored.items() if "temperature" in metadata
    }
    return GroundTruth(indexed, tables, temperatures)


def save_labels(truth: GroundTruth, folder: SuiteFolder) -> None:
    """Write the suite's choices, sources and labels, so that later steps need neither the suite file nor the photographs."""
    suite, task = truth.suite, TASKS[truth.suite.task]
    write_text(folder.choices, json.dumps(dataclasses.asdict(suite), indent=1) + "\n")
    digests = {"fingerprint": truth.fingerprint, "labels": {name: truth.digest(name) for name in suite.label_sets}}
    if not (folder.labels.is_file() and read_metadata(folder.labels) == digests):
        tables = [truth.labels(name) for name in suite.label_sets]
        columns = [table["label"].alias(name) for name, table in zip(suite.label_sets, tables, strict=True)]
        write_table(folder.labels, tables[0].select("part", "source", "level").with_columns(columns), digests)
    metadata = {"fingerprint": truth.fingerprint, "classes": truth.indexed.dataset.classes}
    if not (folder.sources.is_file() and read_metadata(folder.sources) == metadata):
        copies = any(source.copy_of for source in truth.indexed.sources.values())
        rows = [
            {"part": part, "source": source.id, "digest": source.digest, "parent": source.parent}
            | ({"copy_of": source.copy_of} if copies else {})
            | task.truth_values(source.truth)
            for part, sources in truth.parts.items()
            for source in sources
        ]
        columns = SOURCE_SCHEMA | ({"copy_of": pl.String} if copies else {}) | task.TRUTH_SCHEMA
        write_table(folder.sources, pl.DataFrame(rows, schema=columns), metadata)
