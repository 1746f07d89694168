"""Scoring: a predictor's scores of a suite's images, made once for each seed and stored raw."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from msgspec.structs import replace
from numpy.typing import NDArray

from benchmark.core.devices import ahead
from benchmark.core.messages import printable
from benchmark.core.progress import show_progress
from benchmark.core.provenance import versions
from benchmark.core.types import IMAGE, Condition, image_name
from benchmark.core.workspace import Workspace
from benchmark.evaluation.canary import sing
from benchmark.evaluation.dataloading import samples
from benchmark.evaluation.rescoring import check_independence
from benchmark.evaluation.results import SCORES_SCHEMA, ScoresTable, read_scores
from benchmark.evaluation.scorecard import FORMAT, Cost, Provenance, Scores
from benchmark.evaluation.training import fit
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.plugins.distortions import encoders
from benchmark.plugins.predictors.answers import built, checked_scores, named
from benchmark.plugins.predictors.base import Context, LearnedPredictor, Predictor, track
from benchmark.plugins.predictors.contract import rebuilt
from benchmark.plugins.predictors.resolve import PredictorSpec
from benchmark.suites.results_folder import Training


@dataclass(frozen=True)
class RunIdentity:
    """What stored scores must agree in to be used again."""

    fingerprint: str
    predictor: str
    code: str
    trained_on: Training | None


def identity(truth: GroundTruth, spec: PredictorSpec, trained_on: Training | None) -> RunIdentity:
    """The identity of a run of this predictor on this suite."""
    return RunIdentity(truth.fingerprint, spec.name, spec.code, trained_on)


def stored_scores(path: Path, expected: RunIdentity) -> ScoresTable | None:
    """The scores at `path` and their metadata; None where they are missing or of another identity."""
    if not path.is_file():
        return None
    table, record = read_scores(path)
    stored = RunIdentity(record.fingerprint, record.predictor, record.provenance.code, record.trained_on)
    return (table, record) if stored == expected else None


def merged(old: ScoresTable | None, new: ScoresTable) -> ScoresTable:
    """Merge the scores of several seeds into one table; costs are averaged, and all else is as in the newest metadata."""
    if old is None:
        return new
    (scores, before), (more, after) = old, new
    weights = [len(before.seeds), len(after.seeds)]

    def averaged(old_cost: float | None, new_cost: float | None) -> float | None:
        if old_cost is None or new_cost is None:
            return None
        return float(np.average([old_cost, new_cost], weights=weights))

    cost = Cost(
        score_ms_per_image=averaged(before.cost.score_ms_per_image, after.cost.score_ms_per_image),
        fit_seconds=averaged(before.cost.fit_seconds, after.cost.fit_seconds),
    )
    provenance = replace(
        after.provenance,
        notes=(*before.provenance.notes, *after.provenance.notes),
        canary=(*before.provenance.canary, *after.provenance.canary),
    )
    return pl.concat([scores, more]), replace(
        after, seeds=(*before.seeds, *after.seeds), cost=cost, provenance=provenance
    )


def make_scores(
    truth: GroundTruth,
    spec: PredictorSpec,
    run: RunIdentity,
    *,
    seed: int,
    training: GroundTruth,
    workspace: Workspace,
) -> ScoresTable:
    """Train and score with one seed; returns the scores and their metadata."""
    context = Context(
        device=workspace.device,
        task=training.suite.task,
        seed=seed,
        networks=workspace.networks,
        probe=training.suite.networks.probe,
    )
    with named(spec.name, "the constructor"):
        predictor = built(spec.kind, context)
    fit_seconds, notes = None, {}
    if isinstance(predictor, LearnedPredictor) and run.trained_on:
        fit_seconds = fit(predictor, training, spec, run.trained_on, workspace)
        notes = {printable(key): printable(note) for key, note in predictor.notes.items()}
    scores, score_seconds = score_rows(predictor, spec.name, truth.indexed, seed)
    canary = sing(predictor, truth, scores, name=spec.name) if spec.sandbox != "none" else None
    probe = training.suite.networks.probe if "probe" in spec.kind.needs else ""
    provenance = Provenance(
        scores="re-run",
        code=spec.code,
        device=context.device,
        encoder=encoders(choice.name for choice in truth.suite.distortions),
        probe=probe,
        sandbox=spec.sandbox,
        canary=(canary,) if canary else (),
        peeks=probe in truth.suite.networks.labelling,
        versions=versions(),
        notes=(notes,) if spec.learns else (),
    )
    record = Scores(
        format=FORMAT,
        suite=truth.suite.folder,
        fingerprint=run.fingerprint,
        predictor=run.predictor,
        track=track(spec.kind),
        trained_on=run.trained_on,
        seeds=(seed,),
        cost=Cost(score_ms_per_image=1000 * score_seconds / scores.height, fit_seconds=fit_seconds),
        provenance=provenance,
    )
    return scores, record


def score_rows(predictor: Predictor, name: str, indexed: IndexedSuite, seed: int) -> tuple[pl.DataFrame, float]:
    """Scores of all images that results need, in the order of `scored_rows`, and the predictor's own seconds.

    The predictor sees the images in an order that is drawn here, after it was trained, and is stored nowhere.

    Raises:
        PredictorError: a score is missing, not finite, or another one when some images are scored again; the message names the
            image.
    """
    secret = secrets.token_hex()
    with named(name, "a second one of the same state"):
        fresh = rebuilt(predictor)
    rows = indexed.scored_rows.select(IMAGE).rows()
    scores = np.full(len(rows), np.nan)
    seconds = 0.0
    images = ((indexed.sources[source], Condition(*condition)) for source, *condition in rows)
    indexed.bitstreams.announce(images, indexed.dataset.bits)
    with show_progress(f"{name} scores {indexed.suite.folder}", len(rows), "images") as advance:
        coming = samples(indexed, rows, predictor.needs, secret)
        for indices, batch in ahead(coming, predictor.context.device):
            start = time.perf_counter()
            names = [image_name(*rows[index]) for index in indices]
            scores[indices] = checked_scores(name, predictor, batch, names)
            seconds += time.perf_counter() - start
            advance(len(batch))
    check_independence(predictor, fresh, name=name, indexed=indexed, rows=rows, scores=scores, secret=secret)
    return scores_table(indexed, scores, seed), seconds


def scores_table(indexed: IndexedSuite, scores: NDArray[np.float64], seed: int) -> pl.DataFrame:
    """Return scores, which are in the order of `scored_rows`, as the table that is stored."""
    columns = [pl.lit(seed, pl.Int16).alias("seed"), pl.Series("score", scores)]
    return indexed.scored_rows.with_columns(columns).match_to_schema(SCORES_SCHEMA)
