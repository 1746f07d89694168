"""Plans: which scores the evaluation of a predictor on a label set needs; those that are not stored are made together.

    planner = Planner(truth, workspace, seeds=(), train_on="")
    plans = [planner.plan("ssim", "combined"), planner.plan("header", "combined")]
    planner.score_missing(plans)                       # one pass over the images serves both

A plan is checked before any of the work is done.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import polars as pl

from benchmark.core.errors import BenchmarkError, PredictorError, SubmissionError
from benchmark.core.files import check_writable, file_name
from benchmark.core.parquet import write_table
from benchmark.core.workspace import Workspace
from benchmark.evaluation.informed_rivals import informed_scores
from benchmark.evaluation.passes import attempted
from benchmark.evaluation.results import ScoresTable
from benchmark.evaluation.score_table import reported_scores
from benchmark.evaluation.scorecard import Scores
from benchmark.evaluation.scoring import (
    Run,
    RunIdentity,
    identity,
    make_scores,
    merged,
    recorded_identity,
    scores_table,
    stored_scores,
)
from benchmark.evaluation.training import check_no_overlap, training_record
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.pipeline import label
from benchmark.labelling.quick_look import check_labelled
from benchmark.metrics.bootstrap import Floats
from benchmark.plugins.distortions import find_distortion
from benchmark.plugins.distortions.variants import unscaled
from benchmark.plugins.predictors.base import LearnedPredictor, Predictor
from benchmark.plugins.predictors.informed import InformedRival
from benchmark.plugins.predictors.names import skeleton
from benchmark.plugins.predictors.resolve import PredictorSpec, look_up, resolve_predictor
from benchmark.plugins.predictors.submission import Submission
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import SuiteFolder, check_folders, file_stem, suite_folder
from benchmark.suites.spec import COMBINED, Suite

AnyPredictor = str | type[Predictor] | Submission | PredictorSpec | InformedRival
"""A predictor by its name or path, its class, or what `look_up` returns for a name."""
SEEDS = 3
"""The number of seeds of a predictor that learns, on combined labels."""
TOGETHER = 8
"""The most runs that score in one pass. Each keeps two predictors of one state in memory, which for those of other people are
two processes of 330 MB at least, 5 GB in all. Eight of them save seven eighths of the decoding, twice as many little more."""


@dataclass(frozen=True, eq=False)
class Plan:
    """The evaluation of a predictor on a label set."""

    labels: str
    identity: RunIdentity
    """What its scores are known by."""
    runs: tuple[Run, ...]
    """A run for each seed; none where the scores are looked up."""
    submission: Submission | None


class Planner:
    """Plans evaluations on one suite, and keeps the scores that are stored, looked up or made since."""

    def __init__(
        self, truth: GroundTruth, workspace: Workspace, *, seeds: Sequence[int], train_on: str | Suite
    ) -> None:
        self.truth, self.workspace = truth, workspace
        self.seeds, self.train_on = tuple(seeds), train_on
        self.folder = suite_folder(workspace, truth.suite)
        self.tables: dict[RunIdentity, ScoresTable] = {}
        self.stems: dict[str, RunIdentity] = {}
        self.find = functools.cache(functools.partial(look_up, hidden=workspace.private))
        self.other_training = functools.cache(self.label_other)

    def plan(self, predictor: AnyPredictor, labels: str) -> Plan:
        """The plan of an evaluation, whose stored scores are read.

        Raises:
            BenchmarkError: anything that would keep the result from being valid, as far as it is known before the work.
        """
        predictor = self.find(predictor) if isinstance(predictor, str) else predictor
        submission = predictor if isinstance(predictor, Submission) else None
        check_folders(self.workspace, self.truth.suite)
        check_writable(self.folder.card(labels, "").parent)
        check_labelled(self.truth, labels, ("validation", "test"), self.workspace)
        if isinstance(predictor, InformedRival):
            return self.looked_up(*informed_scores(self.truth, predictor, labels), labels, None)
        if submission and self.truth.suite.name in submission.card.scores:
            if self.train_on or len(self.seeds) > 1:
                raise SubmissionError(
                    f"{submission.folder}: its table for {self.truth.suite.name} is looked up, neither trained nor seeded here"
                )
            check_distinct(self.folder, submission.name)
            return self.looked_up(*reported_scores(submission, self.truth), labels, submission)
        return self.to_run(resolve_predictor(predictor, hidden=self.workspace.private), labels, submission)

    def looked_up(self, values: Floats, record: Scores, labels: str, submission: Submission | None) -> Plan:
        """The plan for scores that no predictor has to be run for."""
        run_identity = self.claimed(recorded_identity(record))
        self.tables[run_identity] = scores_table(self.truth.indexed, values, 0), record
        write_scores(self.folder, *self.tables[run_identity])
        return Plan(labels, run_identity, (), submission)

    def to_run(self, spec: PredictorSpec, labels: str, submission: Submission | None) -> Plan:
        """The plan for a predictor's code."""
        truth, training, training_labels = self.truth, self.truth, labels
        if self.train_on and spec.learns:
            training, training_labels = self.other_training(), COMBINED
        for suite in (truth.suite, training.suite):
            check_images(spec, suite)
        if issubclass(spec.kind, LearnedPredictor) and spec.kind.target == "label":
            check_labelled(training, training_labels, ("train", "validation"), self.workspace)
        check_distinct(self.folder, spec.name)
        run_identity = self.claimed(identity(truth, spec, training_record(spec, training, training_labels)))
        if stored := stored_scores(self.folder.scores(run_identity.predictor, run_identity.trained_on), run_identity):
            self.tables[run_identity] = stored
        seeds = self.seeds or range(SEEDS if labels == COMBINED and not truth.suite.limit else 1)
        runs = tuple(Run(spec, run_identity, training, seed) for seed in (seeds if spec.seeded else (0,)))
        return Plan(labels, run_identity, runs, submission)

    def label_other(self) -> GroundTruth:
        """The ground truth of the suite that predictors are trained on, where it is another one."""
        suite = self.train_on
        suite = load_suite(suite, limit=self.truth.suite.limit) if isinstance(suite, str) else suite
        training = label(suite, self.workspace)
        check_no_overlap(training, self.truth)
        return training

    def claimed(self, run_identity: RunIdentity) -> RunIdentity:
        """An identity, whose files are then its own; raises PredictorError if they are another's already."""
        stem = file_stem(run_identity.predictor, run_identity.trained_on)
        if self.stems.setdefault(stem, run_identity) != run_identity:
            raise PredictorError(
                f"{run_identity.predictor}: another predictor of this name is evaluated at the same time"
            )
        return run_identity

    def missing(self, plan: Plan | BenchmarkError) -> list[Run]:
        """The runs of a plan whose scores are to be made; none of one that failed."""
        if isinstance(plan, BenchmarkError):
            return []
        stored = self.tables.get(plan.identity)
        return [run for run in plan.runs if not stored or run.seed not in stored[1].seeds]

    def score_missing(self, plans: Sequence[Plan | BenchmarkError]) -> list[Plan | BenchmarkError]:
        """Make and store missing scores, of at most TOGETHER runs; returns the plans, errors in place of those that failed."""
        runs = list(dict.fromkeys(run for plan in plans for run in self.missing(plan)))[:TOGETHER]
        made = attempted(make_scores, self.truth, runs, self.workspace)
        results = dict.fromkeys(runs, made) if isinstance(made, BenchmarkError) else made
        failed = {run: error for run in runs if (error := self.store(run, results[run]))}
        return [
            next((failed[run] for run in plan.runs if run in failed), plan) if isinstance(plan, Plan) else plan
            for plan in plans
        ]

    def store(self, run: Run, result: ScoresTable | BenchmarkError) -> BenchmarkError | None:
        """Store the scores of a run beside those of other seeds; returns its error, or what keeps them from being stored.

        Those of other seeds are read again, since another process may have stored some meanwhile.
        """
        if isinstance(result, BenchmarkError):
            return result
        path = self.folder.scores(run.identity.predictor, run.identity.trained_on)
        stored = attempted(stored_scores, path, run.identity)
        if isinstance(stored, BenchmarkError):
            return stored
        before = stored or self.tables.get(run.identity)
        scores = before if before and run.seed in before[1].seeds else attempted(merged, before, result)
        if isinstance(scores, BenchmarkError):
            return scores
        if error := attempted(write_scores, self.folder, *scores):
            return error
        self.tables[run.identity] = scores
        return None


def write_scores(folder: SuiteFolder, scores: pl.DataFrame, record: Scores) -> None:
    """Store scores with their metadata; raises PredictorError as `check_distinct` does."""
    check_distinct(folder, record.predictor)
    write_table(folder.scores(record.predictor, record.trained_on), scores, msgspec.to_builtins(record))


def check_distinct(folder: SuiteFolder, name: str) -> None:
    """Raise PredictorError where results are stored of another predictor whose name, or whose files', looks like this one."""
    for stem in folder.score_stems():
        other = stem.partition("@")[0]
        if other != file_name(name) and skeleton(other) == skeleton(name):
            raise PredictorError(
                f"{name}: looks like {other}, of which {folder.path} holds results; choose another name, or remove those"
            )


def check_images(spec: PredictorSpec, suite: Suite) -> None:
    """Raise PredictorError where a predictor cannot read a suite's bitstreams, or compare its images with pristine ones."""
    names = [choice.name for choice in suite.distortions]
    if "reference" in spec.kind.needs and (smaller := [name for name in names if unscaled(name)[1] < 1]):
        raise PredictorError(
            f"{spec.name}: compares with the pristine image, which has another size than images of {', '.join(smaller)}"
        )
    given = {distortion.name: distortion.format for distortion in map(find_distortion, names)}
    foreign = [name for name in names if spec.kind.formats and given[name] not in spec.kind.formats]
    if foreign:
        valid = ", ".join(sorted(spec.kind.formats))
        raise PredictorError(f"{spec.name}: reads {valid} only; {suite.name} has images of {', '.join(foreign)}")
