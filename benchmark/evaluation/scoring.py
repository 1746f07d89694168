"""Scoring: predictors are trained, then score a suite's images together, once for each seed; scores are stored raw."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from msgspec.structs import replace
from numpy.typing import NDArray

from benchmark.core.errors import BenchmarkError, PredictorError
from benchmark.core.messages import printable
from benchmark.core.provenance import versions
from benchmark.core.types import IMAGE, Condition
from benchmark.core.workspace import Workspace
from benchmark.evaluation.canary import Canary, sing
from benchmark.evaluation.passes import (
    Entrant,
    Key,
    Tally,
    attempted,
    attempted_together,
    divided,
    score_images,
    shared_needs,
)
from benchmark.evaluation.rescoring import check_independence, draw_repeats
from benchmark.evaluation.results import SCORES_SCHEMA, ScoresTable, read_scores
from benchmark.evaluation.scorecard import FORMAT, Cost, Provenance, Scores
from benchmark.evaluation.training import fit
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.plugins.distortions import encoders
from benchmark.plugins.predictors.answers import built, named
from benchmark.plugins.predictors.base import Context, LearnedPredictor, track
from benchmark.plugins.predictors.resolve import PredictorSpec
from benchmark.suites.results_folder import Training


@dataclass(frozen=True)
class RunIdentity:
    """What stored scores must agree in to be used again."""

    fingerprint: str
    predictor: str
    code: str
    trained_on: Training | None


@dataclass(frozen=True)
class Run:
    """A predictor that is to be trained with one seed, and to score the suite's images."""

    spec: PredictorSpec
    identity: RunIdentity
    training: GroundTruth
    """What it learns from, if it learns."""
    seed: int

    @property
    def looks_into(self) -> tuple[str, ...]:
        """The networks that it asks or looks into."""
        return tuple(dict.fromkeys(filter(None, self.training.suite.networks.offered(self.spec.kind.needs).values())))


@dataclass(frozen=True, eq=False)
class Trained:
    """A predictor that is ready to score."""

    entrant: Entrant
    fit_seconds: float | None
    notes: dict[str, str]


def identity(truth: GroundTruth, spec: PredictorSpec, trained_on: Training | None) -> RunIdentity:
    """The identity of a run of this predictor on this suite."""
    return RunIdentity(truth.fingerprint, spec.name, spec.code, trained_on)


def recorded_identity(record: Scores) -> RunIdentity:
    """The identity of the run whose scores have this metadata."""
    return RunIdentity(record.fingerprint, record.predictor, record.provenance.code, record.trained_on)


def stored_scores(path: Path, expected: RunIdentity) -> ScoresTable | None:
    """The scores at `path` and their metadata; None where they are missing or of another identity."""
    if not path.is_file():
        return None
    table, record = read_scores(path)
    return (table, record) if recorded_identity(record) == expected else None


def merged(old: ScoresTable | None, new: ScoresTable) -> ScoresTable:
    """Merge the scores of several seeds into one table; costs are averaged, and all else is as in the newest metadata.

    Raises:
        PredictorError: trainings of the seeds started from different weights, so that their spread would be no spread of seeds.
    """
    if old is None:
        return new
    (scores, before), (more, after) = old, new
    starts = {note.get("start", "") for note in (*before.provenance.notes, *after.provenance.notes)}
    if len(starts) > 1:
        raise PredictorError(
            f"{after.predictor}: trainings of seeds {before.seeds} and {after.seeds} started from different weights "
            f"({' and '.join(sorted(starts))}), and do not mix; remove its stored scores to train all seeds anew"
        )
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
    truth: GroundTruth, runs: Iterable[Run], workspace: Workspace
) -> dict[Run, ScoresTable | BenchmarkError]:
    """Train predictors one after the other, then let them score together.

    Returns:
        The scores and their metadata of each run, or the error that stopped it.
    """
    trained, failed = divided({run: attempted(train, run, workspace) for run in runs})
    entrants = {run: ready.entrant for run, ready in trained.items()}
    scored, unscored = divided(attempted_together(score_rows, entrants, truth.indexed))
    tables = {run: scores_table(truth.indexed, tally.scores, run.seed) for run, tally in scored.items()}
    strangers = {run: entrants[run] for run in tables if run.spec.sandbox != "none"}
    canaries, unsung = divided(attempted_together(sing, strangers, truth, tables))
    made = {
        run: (table, score_record(truth, run, trained[run], scored[run].seconds, canaries.get(run)))
        for run, table in tables.items()
    }
    return made | failed | unscored | unsung


def train(run: Run, workspace: Workspace) -> Trained:
    """Build the predictor of a run and train it, if it learns, or load its stored training.

    Raises:
        PredictorError: its own code fails.
    """
    context = Context(
        device=workspace.device,
        task=run.training.suite.task,
        seed=run.seed,
        networks=workspace.networks,
        **run.training.suite.networks.offered(run.spec.kind.needs),
    )
    with named(run.spec.name, "the constructor"):
        predictor = built(run.spec.kind, context)
    fit_seconds, notes = None, {}
    if isinstance(predictor, LearnedPredictor) and run.identity.trained_on:
        fit_seconds = fit(predictor, run.training, run.spec, run.identity.trained_on, workspace)
        notes = {printable(key): printable(note) for key, note in predictor.notes.items()}
    return Trained(Entrant.of(run.spec.name, predictor), fit_seconds, notes)


def score_record(truth: GroundTruth, run: Run, trained: Trained, seconds: float, canary: Canary | None) -> Scores:
    """The metadata of the scores of a run, for which the predictor itself took so many seconds."""
    provenance = Provenance(
        scores="re-run",
        code=run.spec.code,
        device=trained.entrant.device,
        encoder=encoders(choice.name for choice in truth.suite.distortions),
        looks_into=run.looks_into,
        sandbox=run.spec.sandbox,
        canary=(canary,) if canary else (),
        peeks=not {*truth.suite.networks.labelling, *truth.suite.networks.held_out}.isdisjoint(run.looks_into),
        versions=versions(),
        notes=(trained.notes,) if run.spec.learns else (),
    )
    milliseconds = 1000 * seconds / truth.indexed.scored_rows.height
    return Scores(
        format=FORMAT,
        suite=truth.suite.folder,
        fingerprint=run.identity.fingerprint,
        predictor=run.identity.predictor,
        track=track(run.spec.kind.needs),
        trained_on=run.identity.trained_on,
        seeds=(run.seed,),
        cost=Cost(score_ms_per_image=milliseconds, fit_seconds=trained.fit_seconds),
        provenance=provenance,
    )


def score_rows(entrants: Mapping[Key, Entrant], indexed: IndexedSuite) -> dict[Key, Tally | BenchmarkError]:
    """Let predictors score all images that results need, in the order of `scored_rows`, and score some of them again.

    They see the images in an order that is drawn here, after they were trained, and is stored nowhere.

    Returns:
        The scores of each predictor, by its key, or its error: a score is missing, not finite, or another one when some
        images are scored again; the message names the image.

    Raises:
        DataError: an image cannot be read, encoded or decoded.
    """
    if not entrants:
        return {}
    secret = secrets.token_hex()
    rows = indexed.scored_rows.select(IMAGE).rows()
    images = ((indexed.sources[source], Condition(*condition)) for source, *condition in rows)
    indexed.bitstreams.announce(images, indexed.dataset.bits)
    scored, failed = divided(score_images(entrants, indexed, rows, secret, what=indexed.suite.folder))
    if not scored:
        return {**failed}
    repeats = draw_repeats(indexed, rows, shared_needs(entrants), secret)
    checks = {key: attempted(check_independence, entrants[key], tally.scores, repeats) for key, tally in scored.items()}
    return scored | divided(checks)[1] | failed


def scores_table(indexed: IndexedSuite, scores: NDArray[np.float64], seed: int) -> pl.DataFrame:
    """Return scores, which are in the order of `scored_rows`, as the table that is stored."""
    columns = [pl.lit(seed, pl.Int16).alias("seed"), pl.Series("score", scores)]
    return indexed.scored_rows.with_columns(columns).match_to_schema(SCORES_SCHEMA)
