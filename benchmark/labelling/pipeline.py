"""Labelling of a suite: makes its ground truth and runs the networks only for outcomes that are not recorded anywhere.

    truth = label(load_suite("glyphs"), Workspace.named())           # photographs -> outcomes -> labels
    truth = recorded_truth(load_suite("glyphs"), Workspace.named())  # recorded outcomes only, no photographs

`label` writes the suite's choices, its sources and the labels of every set beside the outcomes.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from benchmark.core.devices import keep_freed_memory
from benchmark.core.errors import LabelError, ResultError, SuiteError
from benchmark.core.files import file_errors, sweep, write_text
from benchmark.core.parquet import read_table, write_table
from benchmark.core.types import IMAGE
from benchmark.core.workspace import Workspace
from benchmark.labelling.consensus import with_consensus
from benchmark.labelling.execution import PUBLISHED, ExecutionConfig
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.indexed_suite import IndexedSuite, index_suite
from benchmark.labelling.outcome_checks import Stored, WeightsHere, check_codec, check_weights
from benchmark.labelling.outcomes import adopt, needed_rows, read_outcomes, table_names
from benchmark.labelling.probe_agreement import record_agreements
from benchmark.labelling.recorded import SOURCE_SCHEMA, LabelsMetadata, read_labels, read_sources, recorded_suite
from benchmark.labelling.shards import plan
from benchmark.plugins.networks import weights_here
from benchmark.suites.loading import argument_of, read_suite
from benchmark.suites.results_folder import (
    SuiteFolder,
    check_folders,
    first_with,
    outcome_folders,
    readable_folders,
    suite_folder,
    written_folders,
)
from benchmark.suites.spec import COMBINED, Suite
from benchmark.suites.tasks import TASKS

logger = logging.getLogger(__name__)


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
        LabelError: the recorded outcomes have other pixels, weights or precision, or are of another suite of this name, or a
            source is in two parts.
        ResultError: what is recorded is damaged or not valid; that of a quick look is made again.
        FileError: results or cache cannot be written.
    """
    keep_freed_memory()  # before indexing starts threads, each of which would keep memory of its own
    check_folders(workspace, suite)
    for path in (workspace.cache, *(home.path for home in written_folders(workspace, suite))):
        sweep(path)
    check_definition(suite, workspace)
    weights = functools.partial(weights_here, folder=workspace.networks)
    truth = make_ground_truth(suite, workspace, execution=execution, weights=weights)
    save_labels(truth, suite_folder(workspace, suite))
    return truth


def check_definition(suite: Suite, workspace: Workspace) -> None:
    """Check that the results of this name are of this suite; those of a quick look that are not, or not readable, are removed.

    Raises:
        LabelError: they are of another definition, which would overwrite them.
        SuiteError: the recorded choices are not those of a suite.
    """
    for folder in written_folders(workspace, suite):
        try:
            check_choices(suite, folder)
            for path in folder.tables_of_rows() if suite.limit else ():
                read_table(path)
        except (LabelError, ResultError, SuiteError) as error:
            if not suite.limit:
                raise
            logger.warning(f"{error}: the quick look {folder.path} is made again")
            with file_errors(folder.path):
                for path in filter(Path.is_dir, folder.folders[1:]):
                    shutil.rmtree(path)
                for path in folder.files:
                    path.unlink(missing_ok=True)


def check_choices(suite: Suite, folder: SuiteFolder) -> None:
    """Raise LabelError if the choices that are recorded in a folder are of another suite than outcomes of this one are."""
    if not folder.choices.is_file():
        return
    recorded = read_suite(folder.choices)
    pairs: dict[str, tuple[Any, Any]] = {
        "task": (recorded.task, suite.task),
        "[dataset]": (recorded.dataset, suite.dataset),
    }
    if folder.path.name == suite.folder:
        pairs["version"] = (recorded.version, suite.version)
    for key, (before, now) in pairs.items():
        if before != now:
            raise LabelError(
                f"{folder.path}: belongs to another suite of the name {suite.name}: {key} is {before!r} there, {now!r} here; "
                "give the suite another name, label into another folder (--results), or remove this one"
            )


def make_ground_truth(
    suite: Suite,
    workspace: Workspace,
    *,
    execution: ExecutionConfig = PUBLISHED,
    weights: WeightsHere | None = None,
) -> GroundTruth:
    """Make the ground truth as `label` does, without writing labels; recorded weights are compared if `weights` is given."""
    from benchmark.labelling.missing_outcomes import complete  # with torch, which `recorded_truth` does not need

    indexed = index_suite(suite, workspace)
    own, *others = outcome_folders(workspace, suite)
    stored = read_outcomes(indexed, own)
    check_codec(indexed, stored, own)
    if weights:
        check_weights(stored, weights, own)
    for folder in others:
        stored = adopt(indexed, stored, own, folder, execution, weights=weights)
    stored = complete(indexed, stored, own, workspace=workspace, execution=execution)
    return with_recorded_digests(with_outcomes(indexed, stored), readable_folders(workspace, suite.folder))


def recorded_truth(suite: Suite, workspace: Workspace) -> GroundTruth:
    """The recorded ground truth, without photographs or networks; for a limited suite, `label` must have run with its limit.

    Raises:
        ResultError: sources or outcomes are not recorded anywhere; the message names the command that records them.
    """
    home = first_with(lambda folder: folder.sources, readable_folders(workspace, suite.folder))
    hint = f"`utilbench label {argument_of(suite.folder)}`"
    if not home.sources.is_file():
        raise ResultError(f"{home.path}: no sources.parquet; {hint} records sources and labels")
    indexed, fingerprint = recorded_suite(suite, home)
    if indexed.fingerprint != fingerprint:
        raise ResultError(f"{home.path}: recorded of other choices than {suite.name} has now; {hint} records them anew")
    stored: Stored = {}
    for folder in outcome_folders(workspace, suite):
        stored = read_outcomes(indexed, folder) | stored
    if missing := [name for name in table_names(suite) if name not in stored]:
        raise ResultError(f"{home.path}: no outcomes of {missing[0]}; {hint} records them")
    for shards in plan(suite, indexed.parts, {name: table for name, (table, _) in stored.items()}):
        if lacking := [name for shard in shards for name in shard.networks if name in stored]:
            raise ResultError(f"{home.path}: outcomes of {lacking[0]} lack images; {hint} records them")
    return with_recorded_digests(with_outcomes(indexed, stored), readable_folders(workspace, suite.folder))


def with_outcomes(indexed: IndexedSuite, stored: Stored) -> GroundTruth:
    """The ground truth that these outcomes and their temperatures give an indexed suite."""
    tables = {name: needed_rows(indexed, name, table) for name, (table, _) in stored.items()}
    indexed = with_consensus(indexed, tables)
    temperatures = {
        name: metadata["temperature"] for name, (_, metadata) in stored.items() if "temperature" in metadata
    }
    return GroundTruth(indexed, tables, temperatures)


def with_recorded_digests(truth: GroundTruth, folders: Sequence[SuiteFolder]) -> GroundTruth:
    """The ground truth with the digests of recorded labels, where labels and decisions are the same though outcomes are not.

    Outcomes of another processor differ in their last digits. Where they are not published, as those of a suite with too many
    boxes, what follows from one's own is the published ground truth all the same, and scorecards may be compared.
    """
    home = first_with(lambda folder: folder.labels, folders)
    if not home.labels.is_file():
        return truth
    table, about = read_labels(home.labels)
    if about["fingerprint"] != truth.fingerprint or about["labels"].get(COMBINED) == truth.digest(COMBINED):
        return truth
    same = about["decisions"] == truth.decisions_digest and table.equals(label_table(truth))
    return dataclasses.replace(truth, recorded=about) if same else truth


def label_metadata(truth: GroundTruth) -> LabelsMetadata:
    """The digests that are recorded with the labels."""
    sets = truth.suite.label_sets
    return {
        "fingerprint": truth.fingerprint,
        "labels": {name: truth.digest(name) for name in sets},
        "lessons": {name: truth.lesson_digest(name) for name in sets},
        "held_out": truth.held_out_digest,
        "decisions": truth.decisions_digest,
    }


def label_table(truth: GroundTruth) -> pl.DataFrame:
    """The labels of every set as they are recorded: the columns part, IMAGE, and one named by each set."""
    tables = {name: truth.labels(name) for name in truth.suite.label_sets}
    labels = [table["label"].alias(name) for name, table in tables.items()]
    return tables[COMBINED].select("part", *IMAGE).with_columns(labels)


def save_labels(truth: GroundTruth, folder: SuiteFolder) -> None:
    """Write choices, sources, labels and agreements, so that later steps need neither the suite file nor the photographs."""
    suite, task = truth.suite, TASKS[truth.suite.task]
    write_text(folder.choices, json.dumps(dataclasses.asdict(suite), indent=1) + "\n")
    about = label_metadata(truth)
    if not (folder.labels.is_file() and read_labels(folder.labels)[1] == about):
        write_table(folder.labels, label_table(truth), dict(about))
    metadata = {"fingerprint": truth.fingerprint, "classes": truth.indexed.dataset.classes}
    if not (folder.sources.is_file() and read_sources(folder, suite.task)[1] == metadata):
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
    record_agreements(truth, folder)
