"""Evaluate: suite + predictor -> scores -> scorecard.

    card = evaluate("ssim", suite="glyphs")                 # a baseline
    card = evaluate(MyPredictor, suite="glyphs")            # your own class
    card = evaluate("submissions/NAME", suite="glyphs")     # its table of scores for the suite, else its predictor.py

Scores are stored raw, one file per predictor; a scorecard is a pure function of them and the ground truth. Training and
scoring that the same code has already done on the same images and labels are not repeated. Each image is decoded once for all
predictors that are evaluated together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from benchmark.core.devices import prepare_process
from benchmark.core.errors import BenchmarkError
from benchmark.core.workspace import Workspace
from benchmark.evaluation.downstream import rival_curves
from benchmark.evaluation.measures import make_card
from benchmark.evaluation.passes import attempted
from benchmark.evaluation.plans import AnyPredictor, Plan, Planner
from benchmark.evaluation.rates import stored_rates
from benchmark.evaluation.replicates import write_replicates
from benchmark.evaluation.results import ScoresTable
from benchmark.evaluation.scorecard import Scorecard, SubmissionNote, write_card
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.pipeline import label, save_labels
from benchmark.plugins.predictors.resolve import look_up
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import SuiteFolder, file_stem
from benchmark.suites.spec import COMBINED, Suite


def evaluate(
    predictor: AnyPredictor,
    suite: str | Suite,
    *,
    labels: str = COMBINED,
    seeds: Sequence[int] = (),
    train_on: str | Suite = "",
    truth: GroundTruth | None = None,
    workspace: Workspace | None = None,
    limit: int = 0,
    results: str = "",
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
        results: folder of the results where no workspace is given; `results/` by default.

    Raises:
        BenchmarkError: anything that keeps the result from being valid; see `benchmark.core.errors`.
    """
    prepare_process()
    workspace = workspace or Workspace.named(results=results)
    suite = load_suite(suite, limit=limit) if isinstance(suite, str) else suite
    predictor = look_up(predictor, hidden=workspace.private) if isinstance(predictor, str) else predictor
    truth = truth or label(suite, workspace)
    [result] = evaluate_together([(predictor, labels)], truth, workspace, seeds=seeds, train_on=train_on)
    if isinstance(result, BenchmarkError):
        raise result
    return result


def evaluate_together(
    pairs: Sequence[tuple[AnyPredictor, str]],
    truth: GroundTruth,
    workspace: Workspace,
    *,
    seeds: Sequence[int] = (),
    train_on: str | Suite = "",
) -> Iterator[Scorecard | BenchmarkError]:
    """Evaluate predictors, each on a label set, in as few passes over the images as memory allows.

    Args:
        pairs: each predictor and its label set, as `evaluate` takes them.
        truth: the suite's ground truth.
        workspace: folders and device.
        seeds: seeds of predictors that learn; see `evaluate`.
        train_on: another suite to train on; see `evaluate`.

    Yields:
        The scorecard of each pair, which is written, or the error that stopped it and no other; in the order of the pairs, and
        as soon as all scores of the pair are stored.
    """
    prepare_process()
    planner = Planner(truth, workspace, seeds=seeds, train_on=train_on)
    plans = [attempted(planner.plan, predictor, labels) for predictor, labels in pairs]
    while plans:
        while planner.missing(plans[0]):
            plans = planner.score_missing(plans)
        plan = plans.pop(0)
        yield plan if isinstance(plan, BenchmarkError) else attempted(finish, planner, plan)


def finish(planner: Planner, plan: Plan) -> Scorecard:
    """Make the scorecard of a plan whose scores are all stored; write it with what later steps need, and return it."""
    scores, record = planner.tables[plan.identity]
    if plan.submission:
        note = msgspec.convert(plan.submission.about, SubmissionNote)
        record = replace(record, provenance=replace(record.provenance, submission=note))
    save_labels(planner.truth, planner.folder)
    return write_result(planner.truth, planner.folder, (scores, record), plan.labels)


def write_result(truth: GroundTruth, folder: SuiteFolder, scores: ScoresTable, labels: str) -> Scorecard:
    """Make the scorecard of scores, write it with its replicates, and return it."""
    table, record = scores
    stored_rates(truth, folder)
    card, replicates = make_card(truth, table, record, labels, rival_curves(truth, folder))
    path = folder.card(labels, file_stem(record.predictor, record.trained_on))
    write_replicates(folder, path, card, replicates)
    write_card(path, card)
    return card
