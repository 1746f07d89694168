"""Evaluate: suite + predictor -> scores -> scorecard.

    card = evaluate("ssim", suite="glyphs")                 # a baseline
    card = evaluate(MyPredictor, suite="glyphs")            # a class of your own

Scores are stored raw, one file a predictor; a scorecard is a pure function of them and the ground truth. What was trained
and scored before, by the same code on the same images and labels, is not done again.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from benchmark.distortions import DISTORTIONS
from benchmark.errors import PredictorError
from benchmark.feed import Examples, sample, shuffled, training_rows
from benchmark.ground_truth import GroundTruth, label
from benchmark.images import digest
from benchmark.judging import make_card, mean, wanted_rows
from benchmark.networks import file_name
from benchmark.predictor import Context, LearnedPredictor, Predictor, check_kind, code_digest, find_predictor, track
from benchmark.progress import progress
from benchmark.records import Sample
from benchmark.runtime import Paths, atomic, best_device, keep_freed_memory, versions
from benchmark.scorecard import Scorecard, file_stem, write_card
from benchmark.suite import COMBINED, Suite, load_suite
from benchmark.tables import read_table, write_table

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 64
SCORES_SCHEMA = pl.Schema(
    {"part": pl.String, "source": pl.String, "level": pl.Int16, "seed": pl.Int16, "score": pl.Float64}
)


@dataclass(frozen=True)
class Entry:
    """A predictor to evaluate."""

    name: str
    kind: type[Predictor]
    code: str
    """Digest of its source code."""

    @property
    def learns(self) -> bool:
        """Whether it is trained first, and so has scores for each label set."""
        return issubclass(self.kind, LearnedPredictor)

    def file(self, suite: Suite, label_set: str) -> str:
        """Stem of its files, trained on this suite and label set if it learns."""
        return file_stem(self.name, {"suite": suite.folder, "labels": label_set} if self.learns else None)


def entry(predictor: str | type[Predictor]) -> Entry:
    """The predictor of this name, path or class."""
    if isinstance(predictor, str):
        return Entry(*find_predictor(predictor))
    check_kind(predictor)
    try:
        code = code_digest(inspect.getsource(predictor))
    except (OSError, TypeError):  # defined where Python keeps no source: never the same as before
        code = digest(repr(time.time_ns()))
    return Entry(predictor.__name__.lower(), predictor, code)


def evaluate(
    predictor: str | type[Predictor],
    suite: str | Suite,
    labels: str = COMBINED,
    seeds: Sequence[int] = (0,),
    paths: Paths | None = None,
    truth: GroundTruth | None = None,
    device: str = "",
) -> Scorecard:
    """Train the predictor if it learns, score the suite's images, and write and return the scorecard.

    Args:
        predictor: name of a baseline, path of a file, or class.
        suite: name, path of a TOML file, or a loaded suite.
        labels: label set, `combined` or a labelling network.
        seeds: seeds of a predictor that learns; metrics are means over them.
        paths: folders; from the environment by default.
        truth: the suite's ground truth, where it is at hand.
        device: `cpu`, `cuda` or `mps`; the best there is by default.

    Raises:
        BenchmarkError: anything that keeps the result from being valid; see `benchmark.errors`.
    """
    keep_freed_memory()
    paths = paths or Paths.named()
    suite = load_suite(suite) if isinstance(suite, str) else suite
    truth = truth or label(suite, paths, device=device)
    who = entry(predictor)
    stem = who.file(suite, labels)
    path = paths.results / suite.folder / "scores" / f"{stem}.parquet"
    scores, metadata = stored_scores(path, truth, who, labels, seeds)
    if scores is None:
        scores, metadata = make_scores(truth, who, labels, seeds, paths, device or best_device())
        write_table(path, scores, metadata)
    card = make_card(truth, scores, metadata, labels)
    write_suite(truth, paths.results / suite.folder)
    write_card(paths.results / suite.folder / "cards" / file_name(labels) / f"{stem}.json", card)
    return card


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


def identity(truth: GroundTruth, who: Entry, labels: str, seeds: Sequence[int]) -> dict[str, Any]:
    """All that stored scores must agree in to be used again."""
    return {
        "fingerprint": truth.fingerprint,
        "predictor": who.name,
        "code": who.code,
        "seeds": list(seeds) if who.learns else [0],
        "trained_on": {"suite": truth.suite.folder, "labels": labels, "digest": truth.digest(labels)}
        if who.learns
        else None,
    }


def stored_scores(
    path: Path, truth: GroundTruth, who: Entry, labels: str, seeds: Sequence[int]
) -> tuple[pl.DataFrame | None, dict[str, Any]]:
    """The scores at `path`, or None where they are missing or were made of something else."""
    if not path.is_file():
        return None, {}
    scores, metadata = read_table(path, SCORES_SCHEMA)
    same = all(metadata.get(key) == value for key, value in identity(truth, who, labels, seeds).items())
    return (scores, metadata) if same else (None, {})


def make_scores(
    truth: GroundTruth, who: Entry, labels: str, seeds: Sequence[int], paths: Paths, device: str
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Train and score, once a seed; the scores and all there is to say of them."""
    found = identity(truth, who, labels, seeds)
    tables, fit_seconds, score_seconds, notes = [], [], 0.0, []
    for seed in found["seeds"]:
        context = Context(device, truth.suite.task, seed, paths.networks)
        predictor = who.kind(context)
        if isinstance(predictor, LearnedPredictor):
            fit_seconds.append(fit(predictor, truth, who, labels, paths))
            notes.append(predictor.notes)
        table, seconds = score_rows(predictor, who.name, truth, seed)
        tables.append(table)
        score_seconds += seconds
    scores = pl.concat(tables)
    encoder = DISTORTIONS[truth.suite.distortion.name].encoder()
    extra = {
        "suite": truth.suite.folder,
        "track": track(who.kind),
        "cost": {"score_ms_per_image": 1000 * score_seconds / scores.height, "fit_seconds": mean(fit_seconds)},
        "provenance": {"code": who.code, "device": device, "encoder": encoder, "versions": versions(), "notes": notes},
    }
    return scores, found | extra


def fit(predictor: LearnedPredictor, truth: GroundTruth, who: Entry, labels: str, paths: Paths) -> float:
    """Train, or load what was trained before; returns the seconds that the training took."""
    from safetensors.torch import safe_open, save_file

    key = digest(truth.digest(labels), who.code, str(predictor.context.seed))
    kept = paths.cache / "predictors" / f"{who.name}-{key}.safetensors"
    if kept.is_file():
        with safe_open(kept, "pt") as file:
            predictor.notes = dict(file.metadata())
            seconds = float(predictor.notes.pop("fit_seconds"))
            predictor.load_state({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - no mapping
        return seconds
    needs = who.kind.needs
    train = Examples(truth, training_rows(truth, labels), needs)
    validation = Examples(truth, truth.labelled(labels, "validation"), needs)
    print(f"training {who.name} on {truth.suite.folder}, {labels} labels: {len(train)} examples", flush=True)
    start = time.perf_counter()
    predictor.fit(train, validation)
    seconds = time.perf_counter() - start
    state: dict[str, Tensor] = {name: value.contiguous() for name, value in predictor.state().items()}
    with atomic(kept) as temporary:
        save_file(state, temporary, predictor.notes | {"fit_seconds": repr(seconds)})
    return seconds


def score_rows(predictor: Predictor, name: str, truth: GroundTruth, seed: int) -> tuple[pl.DataFrame, float]:
    """Scores of all images that results need, in the order of `wanted_rows`, and the predictor's own seconds.

    Raises:
        PredictorError: a score is missing or not finite; the message names the image.
    """
    part_rows = wanted_rows(truth)
    rows = [(source, level) for _, source, level in part_rows]
    order = shuffled(rows, truth.fingerprint)
    scores = np.full(len(rows), np.nan)
    seconds = 0.0
    with progress(f"{name} scores {truth.suite.folder}", len(rows), "images") as advance:
        for places, samples in prefetched(truth, rows, order, predictor.needs):
            start = time.perf_counter()
            given = np.asarray(predictor.score(samples), np.float64)
            seconds += time.perf_counter() - start
            if given.shape != (len(samples),):
                raise PredictorError(
                    f"{name}: returned {given.shape} scores for {len(samples)} samples; one each is needed"
                )
            if not np.isfinite(given).all():
                bad = rows[places[int(np.argmin(np.isfinite(given)))]]
                raise PredictorError(f"{name}: the score of {bad[0]} at level {bad[1]} is not finite; the run is void")
            scores[places] = given
            advance(len(samples))
    table = pl.DataFrame(part_rows, schema={"part": pl.String, "source": pl.String, "level": pl.Int16}, orient="row")
    columns = [pl.lit(seed, pl.Int16).alias("seed"), pl.Series("score", scores)]
    return table.with_columns(columns).match_to_schema(SCORES_SCHEMA), seconds


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
