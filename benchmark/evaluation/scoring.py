"""Scoring: a predictor's scores of a suite's images, made once for each seed and stored raw."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.devices import ahead
from benchmark.core.parquet import read_table
from benchmark.core.paths import Paths
from benchmark.core.progress import show_progress
from benchmark.core.provenance import versions
from benchmark.evaluation.dataloading import samples
from benchmark.evaluation.training import fit
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.plugins.distortions import find_distortion
from benchmark.plugins.predictors.base import Context, LearnedPredictor, Predictor, checked_scores, named, track
from benchmark.plugins.predictors.resolve import PredictorSpec

SCORES_SCHEMA = pl.Schema(
    {"part": pl.String, "source": pl.String, "level": pl.Int16, "seed": pl.Int16, "score": pl.Float64}
)


def identity(truth: GroundTruth, spec: PredictorSpec, trained_on: dict[str, str] | None) -> dict[str, Any]:
    """The metadata in which stored scores must agree to be used again."""
    return {
        "fingerprint": truth.fingerprint,
        "predictor": spec.name,
        "code": spec.code,
        "trained_on": trained_on,
    }


def stored_scores(path: Path, expected: dict[str, Any]) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The scores at `path` and their metadata; without any seed where they are missing or of another identity."""
    if path.is_file():
        scores, metadata = read_table(path, SCORES_SCHEMA)
        if all(metadata.get(key) == value for key, value in expected.items()):
            return scores, metadata
    return pl.DataFrame(schema=SCORES_SCHEMA), expected | {"seeds": []}


def merged(
    old: tuple[pl.DataFrame, dict[str, Any]], new: tuple[pl.DataFrame, dict[str, Any]]
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Merge the scores of several seeds into one table; costs are averaged, and all else is as in the newest metadata."""
    (scores, before), (more, after) = old, new
    if not before["seeds"]:
        return new
    runs, weights = [before, after], [len(before["seeds"]), len(after["seeds"])]
    cost = {
        key: None if value is None else float(np.average([run["cost"][key] for run in runs], weights=weights))
        for key, value in after["cost"].items()
    }
    notes = [note for run in runs for note in run["provenance"]["notes"]]
    seeds = [seed for run in runs for seed in run["seeds"]]
    metadata = after | {"seeds": seeds, "cost": cost, "provenance": after["provenance"] | {"notes": notes}}
    return pl.concat([scores, more]), metadata


def make_scores(
    truth: GroundTruth,
    spec: PredictorSpec,
    run_identity: dict[str, Any],
    seed: int,
    training: GroundTruth,
    paths: Paths,
    device: str,
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Train and score with one seed; returns the scores and their metadata."""
    context = Context(
        device=device, task=training.suite.task, seed=seed, networks=paths.networks, probe=training.suite.networks.probe
    )
    with named(spec.name, "constructor"):
        predictor = spec.kind(context)
    fit_seconds, notes = None, []
    if isinstance(predictor, LearnedPredictor):
        fit_seconds = fit(predictor, training, spec, run_identity["trained_on"], paths)
        notes = [predictor.notes]
    scores, score_seconds = score_rows(predictor, spec.name, truth.indexed, seed)
    encoder = find_distortion(truth.suite.distortion.name).encoder()
    probe = training.suite.networks.probe if "probe" in spec.kind.needs else ""
    peeks = probe in truth.suite.networks.labelling
    extra = {
        "suite": truth.suite.folder,
        "seeds": [seed],
        "track": track(spec.kind),
        "cost": {"score_ms_per_image": 1000 * score_seconds / scores.height, "fit_seconds": fit_seconds},
        "provenance": {
            "scores": "re-run",
            "code": spec.code,
            "device": device,
            "encoder": encoder,
            "versions": versions(),
            "notes": notes,
            **({"probe": probe, "peeks": peeks} if probe else {}),
        },
    }
    return scores, run_identity | extra


def score_rows(predictor: Predictor, name: str, indexed: IndexedSuite, seed: int) -> tuple[pl.DataFrame, float]:
    """Scores of all images that results need, in the order of `scored_rows`, and the predictor's own seconds.

    Raises:
        PredictorError: a score is missing or not finite; the message names the image.
    """
    rows = indexed.scored_rows.select("source", "level").rows()
    scores = np.full(len(rows), np.nan)
    seconds = 0.0
    with show_progress(f"{name} scores {indexed.suite.folder}", len(rows), "images") as advance:
        coming = samples(indexed, rows, predictor.needs)
        for indices, batch in ahead(coming, predictor.context.device):
            start = time.perf_counter()
            names = [f"{source} at level {level}" for source, level in (rows[index] for index in indices)]
            scores[indices] = checked_scores(name, predictor, batch, names)
            seconds += time.perf_counter() - start
            advance(len(batch))
    return scores_table(indexed, scores, seed), seconds


def scores_table(indexed: IndexedSuite, scores: NDArray[np.float64], seed: int) -> pl.DataFrame:
    """Return scores, which are in the order of `scored_rows`, as the table that is stored."""
    columns = [pl.lit(seed, pl.Int16).alias("seed"), pl.Series("score", scores)]
    return indexed.scored_rows.with_columns(columns).match_to_schema(SCORES_SCHEMA)
