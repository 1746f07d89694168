"""Evaluate: suite + predictor -> scores -> scorecard.

    card = evaluate("ssim", suite="glyphs")                 # a baseline
    card = evaluate(MyPredictor, suite="glyphs")            # a class of your own
    card = evaluate("submissions/NAME", suite="glyphs")     # its table of scores for the suite, else its predictor.py

Scores are stored raw, one file a predictor; a scorecard is a pure function of them and the ground truth. What was trained
and scored before, by the same code on the same images and labels, is not done again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from benchmark.downstream import rival_curves
from benchmark.errors import SubmissionError
from benchmark.ground_truth import GroundTruth
from benchmark.judging import make_card
from benchmark.pipeline import check_labelled, label, save_labels
from benchmark.predictor import LearnedPredictor, Predictor
from benchmark.reported import reported_scores
from benchmark.results_folder import file_stem, suite_folder
from benchmark.runtime import Paths, best_device, prepare_process
from benchmark.scorecard import Scorecard, write_card
from benchmark.scoring import identity, make_scores, merged, scores_table, stored_scores
from benchmark.submissions import find_submission
from benchmark.suite import COMBINED, Suite, load_suite
from benchmark.tables import write_table
from benchmark.training import check_no_overlap, entry

SEEDS = 3
"""Of a predictor that learns, on combined labels."""


def evaluate(
    predictor: str | type[Predictor],
    suite: str | Suite,
    labels: str = COMBINED,
    seeds: Sequence[int] = (),
    paths: Paths | None = None,
    truth: GroundTruth | None = None,
    device: str = "",
    train_on: str | Suite = "",
) -> Scorecard:
    """Train the predictor if it learns, score the suite's images, and write and return the scorecard.

    Args:
        predictor: name of a baseline, path of a file, folder of a submission, or class.
        suite: name, path of a TOML file, or a loaded suite.
        labels: label set, `combined` or a labelling network.
        seeds: seeds of a predictor that learns, three for combined labels of a whole suite and one elsewhere by default;
            metrics are means over them and those that were run before.
        paths: folders; from the environment by default.
        truth: the suite's ground truth, where it is at hand.
        device: `cpu`, `cuda` or `mps`; the best there is by default.
        train_on: another suite, on whose combined labels a predictor that learns is trained (the paper's Tables III, IV);
            thresholds are still those of the validation part of `suite`.

    Raises:
        BenchmarkError: anything that keeps the result from being valid; see `benchmark.errors`.
    """
    prepare_process()
    paths = paths or Paths.named()
    suite = load_suite(suite) if isinstance(suite, str) else suite
    submission = find_submission(predictor) if isinstance(predictor, str) else None
    truth = truth or label(suite, paths, device=device)
    folder = suite_folder(paths, suite)
    check_labelled(truth, labels, ("validation", "test"), paths)
    if submission and suite.name in submission.card.scores:
        if train_on or len(seeds) > 1:
            raise SubmissionError(
                f"{predictor}: its table for {suite.name} is looked up, neither trained nor seeded here"
            )
        values, metadata = reported_scores(submission, truth)
        scores = scores_table(truth, values, 0)
        write_table(folder.scores(metadata), scores, metadata)
    else:
        seeds = tuple(seeds) or range(SEEDS if labels == COMBINED and not suite.limit else 1)
        scores, metadata = run_scores(truth, predictor, labels, seeds, paths, device, train_on)
    if submission:
        metadata["provenance"] |= {"submission": submission.about}
    save_labels(truth, folder)
    card, replicates = make_card(truth, scores, metadata, labels, rival_curves(truth, folder))
    path = folder.card(labels, file_stem(metadata["predictor"], metadata["trained_on"]))
    write_table(path.with_suffix(".parquet"), replicates, {"ground_truth": card["ground_truth"]})
    write_card(path, card)
    return card


def run_scores(
    truth: GroundTruth,
    predictor: str | type[Predictor],
    labels: str,
    seeds: Sequence[int],
    paths: Paths,
    device: str,
    train_on: str | Suite,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The scores of a predictor's code, stored or made and stored here, and all there is to say of them."""
    who = entry(predictor)
    training, taught = truth, labels
    if train_on and who.learns:
        other = load_suite(train_on, truth.suite.limit) if isinstance(train_on, str) else train_on
        training, taught = label(other, paths, device=device), COMBINED
        check_no_overlap(training, truth)
    if issubclass(who.kind, LearnedPredictor) and who.kind.target == "label":
        check_labelled(training, taught, ("train", "validation"), paths)
    wanted = identity(truth, who, who.trained_on(training, taught))
    path = suite_folder(paths, truth.suite).scores(wanted)
    scores, metadata = stored_scores(path, wanted)
    for seed in seeds if who.seeded else (0,):
        if seed not in metadata["seeds"]:
            found = make_scores(truth, who, wanted, seed, training, paths, device or best_device())
            scores, metadata = merged((scores, metadata), found)
            write_table(path, scores, metadata)
    return scores, metadata
