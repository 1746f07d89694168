"""Training: predictors that learn are trained once for each label set, code and seed, and kept in the cache."""

from __future__ import annotations

import inspect
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import PredictorError
from benchmark.feed import lesson
from benchmark.finding import check_kind, code_digest, find_predictor
from benchmark.ground_truth import GroundTruth
from benchmark.images import digest
from benchmark.predictor import LearnedPredictor, Predictor, named
from benchmark.records import Source
from benchmark.results_folder import file_stem, readable_folders, suite_folder
from benchmark.runtime import Paths, atomic, file_name
from benchmark.splits import check_disjoint
from benchmark.submissions import find_submission

if TYPE_CHECKING:
    from torch import Tensor


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

    @property
    def seeded(self) -> bool:
        """Whether its scores depend on a seed."""
        return issubclass(self.kind, LearnedPredictor) and self.kind.seeded

    def trained_on(self, training: GroundTruth, label_set: str) -> dict[str, str] | None:
        """What it is trained on, if it learns."""
        known = {"suite": training.suite.folder, "labels": label_set, "digest": training.lesson_digest(label_set)}
        return known if self.learns else None


def entry(predictor: str | type[Predictor]) -> Entry:
    """The predictor of this name, path, submission's folder, or class."""
    if isinstance(predictor, str):
        submission = find_submission(predictor)
        if submission is None:
            return Entry(*find_predictor(predictor))
        _, kind, code = find_predictor(str(submission.find_code()))
        return Entry(submission.name, kind, digest(code, submission.other_files()))
    check_kind(predictor)
    try:
        code = code_digest(inspect.getsource(predictor))
    except (OSError, TypeError):  # defined where Python keeps no source: never the same as before
        code = digest(repr(time.time_ns()))
    return Entry(predictor.__name__.lower(), predictor, code)


def check_no_overlap(training: GroundTruth, truth: GroundTruth) -> None:
    """Raise LabelError where a predictor would be trained on photographs that it is then judged on."""

    def photographs(of: GroundTruth, part: str) -> list[Source]:
        """Sources under names that no other dataset has; a version is its photograph."""
        name = of.suite.dataset["name"]
        return [replace(source, id=f"{name} {source.group}", parent="") for source in of.parts[part]]

    learned = [source for part in ("train", "validation") for source in photographs(training, part)]
    check_disjoint({
        f"training on {training.suite.folder}": learned, f"test of {truth.suite.folder}": photographs(truth, "test")
    })  # fmt: skip


def fit(predictor: LearnedPredictor, truth: GroundTruth, who: Entry, labels: str, paths: Paths) -> float:
    """Train, or load what was trained before; returns the seconds that the training took."""
    from safetensors.torch import save_file

    trained_on = who.trained_on(truth, labels)
    if trained_on is None:
        raise PredictorError(f"{who.name} does not learn")
    seconds = load_trained(predictor, who, trained_on, paths)
    file = trained_file(predictor, who, trained_on, paths)
    if seconds is None:
        train, validation = (lesson(truth, labels, part, type(predictor)) for part in ("train", "validation"))
        print(f"training {who.name} on {truth.suite.folder}, {labels} labels: {len(train)} examples", flush=True)
        start = time.perf_counter()
        with named(who.name, "fit()"):
            predictor.fit(train, validation)
        seconds = time.perf_counter() - start
        if wrong := [key for key, value in predictor.notes.items() if not isinstance(value, str)]:
            raise PredictorError(f"{who.name}: notes[{wrong[0]!r}] is no string")
        state: dict[str, Tensor] = {name: value.contiguous() for name, value in predictor.state().items()}
        with atomic(file) as temporary:
            save_file(state, temporary, predictor.notes | {"fit_seconds": repr(seconds), "key": file.stem})
    if file.is_file() and file.stat().st_size <= SMALL:
        beside = suite_folder(paths, truth.suite).trained(file_stem(who.name, trained_on), predictor.context.seed)
        with atomic(beside) as temporary:
            shutil.copyfile(file, temporary)
    return seconds


SMALL = 2**17
"""Bytes of a trained state up to which it is kept beside the results too, and so published with them."""


def trained_file(predictor: LearnedPredictor, who: Entry, trained_on: dict[str, str], paths: Paths) -> Path:
    """Where a trained predictor is kept: named by the rows it learned from, its code and its seed."""
    key = digest(trained_on["digest"], who.code, str(predictor.context.seed))
    return paths.cache / "predictors" / f"{file_name(who.name)}-{key}.safetensors"


def load_trained(predictor: LearnedPredictor, who: Entry, trained_on: dict[str, str], paths: Paths) -> float | None:
    """Put in what was learned before, here or by who published it.

    Returns:
        The seconds that the training took, or None where there was none of this code, seed and these labels.
    """
    from safetensors.torch import safe_open

    cached, stem = trained_file(predictor, who, trained_on, paths), file_stem(who.name, trained_on)
    folders = readable_folders(paths, trained_on["suite"])
    for file in (cached, *(folder.trained(stem, predictor.context.seed) for folder in folders)):
        if not file.is_file():
            continue
        with safe_open(file, "pt") as stored:
            notes = dict(stored.metadata())
            if notes.pop("key", "") != cached.stem:
                continue
            seconds = float(notes.pop("fit_seconds"))
            predictor.notes = notes
            predictor.load_state({name: stored.get_tensor(name) for name in stored.keys()})  # noqa: SIM118 - no mapping
        return seconds
    return None
