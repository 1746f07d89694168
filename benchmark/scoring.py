"""Scoring: a predictor's scores of a suite's images, made once for each seed and stored raw."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.distortions import find_distortion
from benchmark.feed import samples
from benchmark.ground_truth import GroundTruth, wanted_rows
from benchmark.predictor import Context, LearnedPredictor, Predictor, checked_scores, named, track
from benchmark.progress import show_progress
from benchmark.runtime import Paths, ahead, versions
from benchmark.tables import read_table
from benchmark.training import Entry, fit

SCORES_SCHEMA = pl.Schema(
    {"part": pl.String, "source": pl.String, "level": pl.Int16, "seed": pl.Int16, "score": pl.Float64}
)


def identity(truth: GroundTruth, who: Entry, trained_on: dict[str, str] | None) -> dict[str, Any]:
    """All that stored scores must agree in to be used again."""
    return {
        "fingerprint": truth.fingerprint,
        "predictor": who.name,
        "code": who.code,
        "trained_on": trained_on,
    }


def stored_scores(path: Path, wanted: dict[str, Any]) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The scores at `path`; of no seed where they are missing or were made of something else."""
    if path.is_file():
        scores, metadata = read_table(path, SCORES_SCHEMA)
        if all(metadata.get(key) == value for key, value in wanted.items()):
            return scores, metadata
    return pl.DataFrame(schema=SCORES_SCHEMA), wanted | {"seeds": []}


def merged(
    old: tuple[pl.DataFrame, dict[str, Any]], new: tuple[pl.DataFrame, dict[str, Any]]
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Scores of several seeds in one table, costs averaged, all else as the newest says."""
    (scores, before), (more, after) = old, new
    if not before["seeds"]:
        return new
    known, weights = [before, after], [len(before["seeds"]), len(after["seeds"])]
    cost = {
        key: None if value is None else float(np.average([one["cost"][key] for one in known], weights=weights))
        for key, value in after["cost"].items()
    }
    notes = [note for one in known for note in one["provenance"]["notes"]]
    seeds = [seed for one in known for seed in one["seeds"]]
    metadata = after | {"seeds": seeds, "cost": cost, "provenance": after["provenance"] | {"notes": notes}}
    return pl.concat([scores, more]), metadata


def make_scores(
    truth: GroundTruth, who: Entry, wanted: dict[str, Any], seed: int, training: GroundTruth, paths: Paths, device: str
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Train and score with one seed; the scores and all there is to say of them."""
    context = Context(device, training.suite.task, seed, paths.networks, training.suite.networks.probe)
    with named(who.name, "constructor"):
        predictor = who.kind(context)
    fit_seconds, notes = None, []
    if isinstance(predictor, LearnedPredictor):
        fit_seconds = fit(predictor, training, who, wanted["trained_on"]["labels"], paths)
        notes = [predictor.notes]
    scores, score_seconds = score_rows(predictor, who.name, truth, seed)
    encoder = find_distortion(truth.suite.distortion.name).encoder()
    probe = training.suite.networks.probe if "probe" in who.kind.needs else ""
    peeks = probe in truth.suite.networks.labelling
    extra = {
        "suite": truth.suite.folder,
        "seeds": [seed],
        "track": track(who.kind),
        "cost": {"score_ms_per_image": 1000 * score_seconds / scores.height, "fit_seconds": fit_seconds},
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
    scores = np.full(len(rows), np.nan)
    seconds = 0.0
    with show_progress(f"{name} scores {truth.suite.folder}", len(rows), "images") as advance:
        coming = samples(truth, rows, predictor.needs)
        for places, some in ahead(coming, predictor.context.device):
            start = time.perf_counter()
            told = [f"{source} at level {level}" for source, level in (rows[place] for place in places)]
            scores[places] = checked_scores(name, predictor, some, told)
            seconds += time.perf_counter() - start
            advance(len(some))
    return scores_table(truth, scores, seed), seconds


def scores_table(truth: GroundTruth, scores: NDArray[np.float64], seed: int) -> pl.DataFrame:
    """Scores, in the order of `wanted_rows`, as they are stored."""
    schema = {"part": pl.String, "source": pl.String, "level": pl.Int16}
    table = pl.DataFrame(wanted_rows(truth), schema=schema, orient="row")
    columns = [pl.lit(seed, pl.Int16).alias("seed"), pl.Series("score", scores)]
    return table.with_columns(columns).match_to_schema(SCORES_SCHEMA)
