"""Evaluate: suite + predictor -> scores -> scorecard.

    card = evaluate("ssim", suite="glyphs")                 # a baseline
    card = evaluate(MyPredictor, suite="glyphs")            # your own class
    card = evaluate("submissions/NAME", suite="glyphs")     # its table of scores for the suite, else its predictor.py

Scores are stored raw, one file per predictor; a scorecard is a pure function of them and the ground truth. Training and
scoring that the same code has already done on the same images and labels are not repeated.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import polars as pl
from msgspec.structs import replace

from benchmark.core.devices import prepare_process
from benchmark.core.errors import PredictorError, ResultError, SubmissionError
from benchmark.core.files import check_writable, file_name
from benchmark.core.parquet import write_table
from benchmark.core.workspace import Workspace
from benchmark.evaluation.downstream import rival_curves
from benchmark.evaluation.informed_rivals import informed_scores
from benchmark.evaluation.measures import make_card
from benchmark.evaluation.rates import stored_rates
from benchmark.evaluation.results import ScoresTable
from benchmark.evaluation.score_table import reported_scores
from benchmark.evaluation.scorecard import Scorecard, Scores, SubmissionNote, write_card
from benchmark.evaluation.scoring import identity, make_scores, merged, scores_table, stored_scores
from benchmark.evaluation.training import check_no_overlap, training_record
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.pipeline import label, save_labels
from benchmark.labelling.quick_look import check_labelled
from benchmark.plugins.distortions import find_distortion
from benchmark.plugins.predictors.base import LearnedPredictor, Predictor
from benchmark.plugins.predictors.informed import InformedRival
from benchmark.plugins.predictors.names import skeleton
from benchmark.plugins.predictors.resolve import PredictorSpec, look_up, resolve_predictor
from benchmark.plugins.predictors.submission import Submission
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import SuiteFolder, check_folders, file_stem, suite_folder
from benchmark.suites.spec import COMBINED, Suite

SEEDS = 3
"""The number of seeds of a predictor that learns, on combined labels."""


def evaluate(
    predictor: str | type[Predictor] | Submission | PredictorSpec | InformedRival,
    suite: str | Suite,
    *,
    labels: str = COMBINED,
    seeds: Sequence[int] = (),
    train_on: str | Suite = "",
    truth: GroundTruth | None = None,
    workspace: Workspace | None = None,
    limit: int = 0,
) -> Scorecard:
    """Train the predictor if it learns, score the suite's images, and write and return the scorecard.

    Args:
        predictor: name of a baseline or an informed rival, path of a file, folder of a submission, or class; or what `look_up`
            returns for a name.
        suite: name, path of a TOML file, or a loaded suite.
        labels: label set, `combined` or a labelling network.
        seeds: seeds of a predictor that learns; by default three for combined labels of a whole suite and one otherwise;
            metrics are means over these seeds and those that were run before.
        train_on: another suite, on whose combined labels a predictor that learns is trained (the paper's Tables III, IV);
            thresholds are still those of the validation part of `suite`.
        truth: the suite's ground truth, if it has been made already.
        workspace: folders and device; by default those of the environment, and the best available device.
        limit: for a suite that is given by name or path, about this number of its sources, for a quick look; 0 for all.

    Raises:
        BenchmarkError: anything that keeps the result from being valid; see `benchmark.core.errors`.
    """
    prepare_process()
    workspace = workspace or Workspace.named()
    suite = load_suite(suite, limit=limit) if isinstance(suite, str) else suite
    predictor = look_up(predictor, hidden=workspace.private) if isinstance(predictor, str) else predictor
    submission = predictor if isinstance(predictor, Submission) else None
    if truth is None:
        truth = label(suite, workspace)
    else:
        check_folders(workspace, suite)
    folder = suite_folder(workspace, suite)
    check_writable(folder.card(labels, "").parent)
    check_labelled(truth, labels, ("validation", "test"), workspace)
    if isinstance(predictor, InformedRival):
        values, record = informed_scores(truth, predictor, labels)
        scores = scores_table(truth.indexed, values, 0)
        write_scores(folder, scores, record)
    elif submission and suite.name in submission.card.scores:
        if train_on or len(seeds) > 1:
            raise SubmissionError(
                f"{submission.folder}: its table for {suite.name} is looked up, neither trained nor seeded here"
            )
        check_distinct(folder, submission.name)
        values, record = reported_scores(submission, truth)
        scores = scores_table(truth.indexed, values, 0)
        write_scores(folder, scores, record)
    else:
        seeds = tuple(seeds) or range(SEEDS if labels == COMBINED and not suite.limit else 1)
        spec = resolve_predictor(predictor, hidden=workspace.private)
        scores, record = run_scores(truth, spec, labels, seeds=seeds, train_on=train_on, workspace=workspace)
    if submission:
        note = msgspec.convert(submission.about, SubmissionNote)
        record = replace(record, provenance=replace(record.provenance, submission=note))
    save_labels(truth, folder)
    return write_result(truth, folder, scores, record, labels)


def check_distinct(folder: SuiteFolder, name: str) -> None:
    """Raise PredictorError where results are stored of another predictor whose name, or whose files', looks like this one."""
    for stem in folder.score_stems():
        other = stem.partition("@")[0]
        if other != file_name(name) and skeleton(other) == skeleton(name):
            raise PredictorError(
                f"{name}: looks like {other}, of which {folder.path} holds results; choose another name, or remove those"
            )


def write_scores(folder: SuiteFolder, scores: pl.DataFrame, record: Scores) -> None:
    """Store scores with their metadata."""
    write_table(folder.scores(record.predictor, record.trained_on), scores, msgspec.to_builtins(record))


def write_result(
    truth: GroundTruth, folder: SuiteFolder, scores: pl.DataFrame, record: Scores, labels: str
) -> Scorecard:
    """Make the scorecard of scores, write it with its replicates, and return it."""
    stored_rates(truth, folder)
    card, replicates = make_card(truth, scores, record, labels, rival_curves(truth, folder))
    path = folder.card(labels, file_stem(record.predictor, record.trained_on))
    write_table(path.with_suffix(".parquet"), replicates, {"ground_truth": card.ground_truth})
    write_card(path, card)
    return card


def run_scores(
    truth: GroundTruth,
    spec: PredictorSpec,
    labels: str,
    *,
    seeds: Sequence[int],
    train_on: str | Suite,
    workspace: Workspace,
) -> ScoresTable:
    """The scores of a predictor's code, read if they are stored or else made and stored, and their metadata."""
    training, training_labels = truth, labels
    if train_on and spec.learns:
        training_suite = load_suite(train_on, limit=truth.suite.limit) if isinstance(train_on, str) else train_on
        training, training_labels = label(training_suite, workspace), COMBINED
        check_no_overlap(training, truth)
    for suite in (truth.suite, training.suite):
        check_formats(spec, suite)
    if issubclass(spec.kind, LearnedPredictor) and spec.kind.target == "label":
        check_labelled(training, training_labels, ("train", "validation"), workspace)
    run = identity(truth, spec, training_record(spec, training, training_labels))
    folder = suite_folder(workspace, truth.suite)
    check_distinct(folder, spec.name)
    stored = stored_scores(folder.scores(run.predictor, run.trained_on), run)
    for seed in seeds if spec.seeded else (0,):
        if stored is None or seed not in stored[1].seeds:
            new_run = make_scores(truth, spec, run, seed=seed, training=training, workspace=workspace)
            stored = merged(stored, new_run)
            write_scores(folder, *stored)
    if stored is None:
        raise ResultError(f"{spec.name}: no seed to run")
    return stored


def check_formats(spec: PredictorSpec, suite: Suite) -> None:
    """Raise PredictorError where a predictor cannot read the bitstreams of some distortion of a suite."""
    names = [choice.name for choice in suite.distortions]
    given = {distortion.name: distortion.format for distortion in map(find_distortion, names)}
    foreign = [name for name in names if spec.kind.formats and given[name] not in spec.kind.formats]
    if foreign:
        valid = ", ".join(sorted(spec.kind.formats))
        raise PredictorError(f"{spec.name}: reads {valid} only; {suite.name} has images of {', '.join(foreign)}")
