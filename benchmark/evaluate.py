"""Evaluate: suite + predictor -> scores -> scorecard.

    card = evaluate("ssim", suite="glyphs")                 # a baseline
    card = evaluate(MyPredictor, suite="glyphs")            # a class of your own
    card = evaluate("submissions/NAME", suite="glyphs")     # its table of scores for the suite, else its predictor.py

Scores are stored raw, one file a predictor; a scorecard is a pure function of them and the ground truth. What was trained
and scored before, by the same code on the same images and labels, is not done again.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.distortions import find_distortion
from benchmark.errors import PredictorError, SubmissionError
from benchmark.feed import sample, shuffled
from benchmark.ground_truth import GroundTruth, label
from benchmark.judging import make_card, mean, wanted_rows
from benchmark.networks import file_name
from benchmark.predictor import Context, LearnedPredictor, Predictor, checked_scores, named, track
from benchmark.progress import progress
from benchmark.records import Sample
from benchmark.reported import reported_scores
from benchmark.runtime import Paths, atomic, best_device, keep_freed_memory, versions
from benchmark.scorecard import Scorecard, file_stem, write_card
from benchmark.submissions import find_submission
from benchmark.suite import COMBINED, Suite, load_suite
from benchmark.tables import read_table, write_table
from benchmark.training import Entry, check_no_overlap, entry, fit

BATCH = 64
SCORES_SCHEMA = pl.Schema(
    {"part": pl.String, "source": pl.String, "level": pl.Int16, "seed": pl.Int16, "score": pl.Float64}
)


def evaluate(
    predictor: str | type[Predictor],
    suite: str | Suite,
    labels: str = COMBINED,
    seeds: Sequence[int] = (0,),
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
        seeds: seeds of a predictor that learns; metrics are means over them.
        paths: folders; from the environment by default.
        truth: the suite's ground truth, where it is at hand.
        device: `cpu`, `cuda` or `mps`; the best there is by default.
        train_on: another suite, on whose combined labels a predictor that learns is trained (the paper's Tables III, IV);
            thresholds are still those of the validation part of `suite`.

    Raises:
        BenchmarkError: anything that keeps the result from being valid; see `benchmark.errors`.
    """
    keep_freed_memory()
    paths = paths or Paths.named()
    suite = load_suite(suite) if isinstance(suite, str) else suite
    submission = find_submission(predictor) if isinstance(predictor, str) else None
    truth = truth or label(suite, paths, device=device)
    if not seeds:
        raise PredictorError("no seed is given; a predictor that learns needs at least one")
    if submission and suite.name in submission.card.scores:
        if train_on or len(seeds) > 1:
            raise SubmissionError(
                f"{predictor}: its table for {suite.name} is looked up, neither trained nor seeded here"
            )
        values, metadata = reported_scores(submission, truth)
        scores = scores_table(truth, values, 0)
        write_table(scores_file(truth, metadata, paths), scores, metadata)
    else:
        scores, metadata = run_scores(truth, predictor, labels, seeds, paths, device, train_on)
    if submission:
        metadata["provenance"] |= {"submission": submission.about}
    card, replicates = make_card(truth, scores, metadata, labels)
    write_suite(truth, paths.results / suite.folder)
    stem = file_stem(metadata["predictor"], metadata["trained_on"])
    path = paths.results / suite.folder / "cards" / file_name(labels) / f"{stem}.json"
    write_table(path.with_name(f"{stem}.parquet"), replicates, {"ground_truth": card["ground_truth"]})
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
    wanted = identity(truth, who, seeds, who.trained_on(training, taught))
    path = scores_file(truth, wanted, paths)
    scores, metadata = stored_scores(path, wanted)
    if scores is None:
        scores, metadata = make_scores(truth, who, wanted, training, paths, device or best_device())
        write_table(path, scores, metadata)
    return scores, metadata


def scores_file(truth: GroundTruth, known: dict[str, Any], paths: Paths) -> Path:
    """Where scores are kept, by the predictor's name and what it was trained on."""
    return (
        paths.results / truth.suite.folder / "scores" / f"{file_stem(known['predictor'], known['trained_on'])}.parquet"
    )


def write_suite(truth: GroundTruth, folder: Path) -> None:
    """Keep the suite's choices and labels beside its results, so that `rank` needs neither suite file nor photographs."""
    with atomic(folder / "suite.json") as temporary:
        temporary.write_text(json.dumps(dataclasses.asdict(truth.suite), indent=1) + "\n", encoding="utf-8")
    path = folder / "labels.parquet"
    known = {"fingerprint": truth.fingerprint, "labels": {name: truth.digest(name) for name in truth.suite.label_sets}}
    if path.is_file() and read_table(path)[1] == known:
        return
    tables = [truth.labels(name) for name in truth.suite.label_sets]
    columns = [table["label"].alias(name) for name, table in zip(truth.suite.label_sets, tables, strict=True)]
    write_table(path, tables[0].select("part", "source", "level").with_columns(columns), known)


def identity(truth: GroundTruth, who: Entry, seeds: Sequence[int], trained_on: dict[str, str] | None) -> dict[str, Any]:
    """All that stored scores must agree in to be used again."""
    return {
        "fingerprint": truth.fingerprint,
        "predictor": who.name,
        "code": who.code,
        "seeds": list(seeds) if who.learns else [0],
        "trained_on": trained_on,
    }


def stored_scores(path: Path, wanted: dict[str, Any]) -> tuple[pl.DataFrame | None, dict[str, Any]]:
    """The scores at `path`, or None where they are missing or were made of something else."""
    if not path.is_file():
        return None, {}
    scores, metadata = read_table(path, SCORES_SCHEMA)
    same = all(metadata.get(key) == value for key, value in wanted.items())
    return (scores, metadata) if same else (None, {})


def make_scores(
    truth: GroundTruth, who: Entry, wanted: dict[str, Any], training: GroundTruth, paths: Paths, device: str
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Train and score, once a seed; the scores and all there is to say of them."""
    tables, fit_seconds, score_seconds, notes = [], [], 0.0, []
    for seed in wanted["seeds"]:
        context = Context(device, training.suite.task, seed, paths.networks, training.suite.networks.probe)
        with named(who.name, "constructor"):
            predictor = who.kind(context)
        if isinstance(predictor, LearnedPredictor):
            fit_seconds.append(fit(predictor, training, who, wanted["trained_on"]["labels"], paths))
            notes.append(predictor.notes)
        table, seconds = score_rows(predictor, who.name, truth, seed)
        tables.append(table)
        score_seconds += seconds
    scores = pl.concat(tables)
    encoder = find_distortion(truth.suite.distortion.name).encoder()
    probe = training.suite.networks.probe if "probe" in who.kind.needs else ""
    peeks = probe in truth.suite.networks.labelling
    extra = {
        "suite": truth.suite.folder,
        "track": track(who.kind),
        "cost": {"score_ms_per_image": 1000 * score_seconds / scores.height, "fit_seconds": mean(fit_seconds)},
        "provenance": {
            "scores": "re-run",
            "code": who.code,
            "device": device,
            "encoder": encoder,
            "versions": versions(),
            "notes": notes,
            **({"probe": probe, "peeks": peeks} if probe else {}),
        },
    }
    return scores, wanted | extra


def score_rows(predictor: Predictor, name: str, truth: GroundTruth, seed: int) -> tuple[pl.DataFrame, float]:
    """Scores of all images that results need, in the order of `wanted_rows`, and the predictor's own seconds.

    Raises:
        PredictorError: a score is missing or not finite; the message names the image.
    """
    rows = [(source, level) for _, source, level in wanted_rows(truth)]
    order = shuffled(rows, truth.fingerprint)
    scores = np.full(len(rows), np.nan)
    seconds = 0.0
    with progress(f"{name} scores {truth.suite.folder}", len(rows), "images") as advance:
        for places, samples in prefetched(truth, rows, order, predictor.needs):
            start = time.perf_counter()
            told = [f"{source} at level {level}" for source, level in (rows[place] for place in places)]
            scores[places] = checked_scores(name, predictor, samples, told)
            seconds += time.perf_counter() - start
            advance(len(samples))
    return scores_table(truth, scores, seed), seconds


def scores_table(truth: GroundTruth, scores: NDArray[np.float64], seed: int) -> pl.DataFrame:
    """Scores, in the order of `wanted_rows`, as they are stored."""
    schema = {"part": pl.String, "source": pl.String, "level": pl.Int16}
    table = pl.DataFrame(wanted_rows(truth), schema=schema, orient="row")
    columns = [pl.lit(seed, pl.Int16).alias("seed"), pl.Series("score", scores)]
    return table.with_columns(columns).match_to_schema(SCORES_SCHEMA)


def prefetched(
    truth: GroundTruth, rows: list[tuple[str, int]], order: list[int], needs: set[str]
) -> Iterator[tuple[list[int], list[Sample]]]:
    """Batches of samples in the given order, each made in a thread while the one before it is scored."""

    def make(places: list[int]) -> tuple[list[int], list[Sample]]:
        return places, [sample(truth, *rows[place], needs) for place in places]

    with ThreadPoolExecutor(1) as pool:
        coming = None
        for start in range(0, len(order), BATCH):
            following = pool.submit(make, order[start : start + BATCH])
            if coming is not None:
                yield coming.result()
            coming = following
        if coming is not None:
            yield coming.result()
