"""Verify: is a submission complete and right for the suites on this machine? Each check reports all its problems.

    for check in verify("submissions/NAME", Workspace.named()):
        print(check.name, check.problem or "holds")

Nothing of the submission is executed unless that is requested: then its predictor is run again where it has tables of scores.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.core.checks import Check
from benchmark.core.errors import BenchmarkError
from benchmark.core.types import image_name
from benchmark.core.workspace import Workspace
from benchmark.evaluation.score_table import read_submitted_scores
from benchmark.evaluation.scoring import Run, identity, make_scores
from benchmark.evaluation.training import training_record
from benchmark.labelling.indexed_suite import index_suite
from benchmark.labelling.pipeline import make_ground_truth
from benchmark.plugins.predictors.base import track
from benchmark.plugins.predictors.contract import CLOSE, largest_gap
from benchmark.plugins.predictors.names import NAME
from benchmark.plugins.predictors.resolve import resolve_predictor
from benchmark.plugins.predictors.source import code_problems
from benchmark.plugins.predictors.submission import Submission, read_submission
from benchmark.suites.loading import load_suite, suite_names
from benchmark.suites.spec import COMBINED


def verify(folder: str, workspace: Workspace, *, run: bool = False) -> Iterator[Check]:
    """Yield each check of a submission; a check that fails in several ways is yielded once for each.

    Args:
        folder: the folder of the submission.
        workspace: folders, and the device on which its predictor is run; a table is checked against the photographs that the
            folders hold.
        run: whether to execute its predictor and compare its scores with the tables.
    """
    submission, problems = read_submission(Path(folder))
    yield from checks("name and card.toml", problems)
    if not NAME.fullmatch(submission.name):
        return
    if submission.code.is_file():
        wrong = code_problems(submission.code)
        yield from checks("predictor.py looks like one predictor", wrong)
        problems += wrong
    for suite in submission.card.scores:
        wrong = table_problems(submission, suite, workspace)
        yield from checks(f"the table for {suite}", wrong)
        if run and submission.code.is_file() and not (problems or wrong):
            yield rerun(submission, suite, workspace)
    if run and not (submission.code.is_file() and submission.card.scores):
        yield Check("predictor.py gives the reported scores", "a predictor.py and a table of scores are needed")


def checks(name: str, problems: Sequence[str]) -> list[Check]:
    """A check that holds, or one for each problem."""
    return [Check(name, problem) for problem in problems] or [Check(name, "")]


def table_problems(submission: Submission, name: str, workspace: Workspace) -> list[str]:
    """Every problem with the table for a suite, or the reason why the table cannot be checked."""
    if name not in suite_names():
        return [f"{submission.folder}: [scores.{name}]: there is no such suite; there are {', '.join(suite_names())}"]
    try:
        _, _, problems = read_submitted_scores(submission, index_suite(load_suite(name), workspace))
    except BenchmarkError as error:
        return [f"{submission.folder}: [scores.{name}]: cannot be checked on this machine ({error})"]
    return problems


def rerun(submission: Submission, name: str, workspace: Workspace) -> Check:
    """Check that the predictor, executed here, gives the scores of a table; its prints go to standard error."""
    claim = f"predictor.py gives the scores reported for {name}"
    try:
        with contextlib.redirect_stdout(sys.stderr):
            truth = make_ground_truth(load_suite(name), workspace)
            spec = resolve_predictor(submission, hidden=workspace.private)
            stated = submission.card.scores[name]
            run_identity = identity(truth, spec, training_record(spec, truth, stated.labels or COMBINED))
            [result] = make_scores(truth, [Run(spec, run_identity, truth, seed=0)], workspace).values()
    except BenchmarkError as error:
        return Check(claim, str(error))
    if isinstance(result, BenchmarkError):
        return Check(claim, str(result))
    scores, _ = result
    if track(spec.kind.needs) != submission.card.track:
        return Check(claim, f"its track is {track(spec.kind.needs)}, that of the card {submission.card.track}")
    if spec.learns != bool(stated.labels):
        learned = "it learns from labels" if spec.learns else "it learns from no labels"
        return Check(claim, f"{learned}, and [scores.{name}] has labels = {stated.labels!r}")
    _, reported, _ = read_submitted_scores(submission, truth.indexed)
    gap, worst = largest_gap(reported, scores["score"].to_numpy())
    _, *image = truth.indexed.scored_rows.row(worst)
    difference = f"the largest difference is {gap:.2g} of the scores' standard deviation"
    if gap <= CLOSE:
        return Check(f"{claim}: {difference}", "")
    was, now = reported[worst], scores["score"][worst]
    shown = f"{image_name(*image)}: reported {was:.6g}, here {now:.6g}; at most {CLOSE:g}"
    return Check(claim, f"{difference}, {shown}")
