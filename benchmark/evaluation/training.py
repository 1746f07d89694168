"""Training: predictors that learn are trained once for each label set, code and seed, and are kept in the cache."""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.digests import digest
from benchmark.core.errors import PredictorError
from benchmark.core.files import atomic, file_name
from benchmark.core.types import Source
from benchmark.core.workspace import Workspace
from benchmark.evaluation.dataloading import lesson
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.plugins.predictors.base import LearnedPredictor, named
from benchmark.plugins.predictors.resolve import PredictorSpec
from benchmark.suites.results_folder import Training, file_stem, readable_folders, suite_folder
from benchmark.suites.splits import check_disjoint

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)


def training_record(spec: PredictorSpec, training: GroundTruth, label_set: str) -> Training | None:
    """What a predictor is trained on; None if it does not learn."""
    if not spec.learns:
        return None
    return Training(training.suite.folder, label_set, training.lesson_digest(label_set))


def check_no_overlap(training: GroundTruth, truth: GroundTruth) -> None:
    """Raise LabelError where a predictor would be trained on photographs on which it is then judged."""

    def photographs(of: GroundTruth, part: str) -> list[Source]:
        """The sources under names that no other dataset has; a version counts as its photograph."""
        name = of.suite.dataset["name"]
        return [replace(source, id=f"{name} {source.group}", parent="", copy_of="") for source in of.parts[part]]

    learned = [source for part in ("train", "validation") for source in photographs(training, part)]
    check_disjoint({
        f"training on {training.suite.folder}": learned, f"test of {truth.suite.folder}": photographs(truth, "test")
    })  # fmt: skip


def fit(
    predictor: LearnedPredictor, truth: GroundTruth, spec: PredictorSpec, trained_on: Training, workspace: Workspace
) -> float:
    """Train the predictor, or load its stored training; returns the seconds that the training took."""
    from safetensors.torch import save_file

    labels = trained_on.labels
    seconds = load_trained(predictor, spec, trained_on, workspace)
    file = trained_file(predictor, spec, trained_on, workspace)
    if seconds is None:
        train, validation = (lesson(truth, labels, part, type(predictor)) for part in ("train", "validation"))
        logger.info(f"training {spec.name} on {truth.suite.folder}, {labels} labels: {len(train)} examples")
        start = time.perf_counter()
        with named(spec.name, "fit()"):
            predictor.fit(train, validation)
        seconds = time.perf_counter() - start
        if wrong := [key for key, value in predictor.notes.items() if not isinstance(value, str)]:
            raise PredictorError(f"{spec.name}: notes[{wrong[0]!r}] is no string")
        state: dict[str, Tensor] = {name: value.contiguous() for name, value in predictor.state().items()}
        with atomic(file) as temporary:
            save_file(state, temporary, predictor.notes | {"fit_seconds": repr(seconds), "key": file.stem})
    if file.is_file() and file.stat().st_size <= SMALL:
        beside = suite_folder(workspace, truth.suite).trained(file_stem(spec.name, trained_on), predictor.context.seed)
        with atomic(beside) as temporary:
            shutil.copyfile(file, temporary)
    return seconds


SMALL = 2**17
"""Largest size, in bytes, of a trained state that is also kept beside the results, and so is published with them."""


def trained_file(predictor: LearnedPredictor, spec: PredictorSpec, trained_on: Training, workspace: Workspace) -> Path:
    """The file of a trained predictor, which is named by the rows it learned from, its code and its seed."""
    key = digest(trained_on.digest, spec.code, str(predictor.context.seed))
    return workspace.cache / "predictors" / f"{file_name(spec.name)}-{key}.safetensors"


def load_trained(
    predictor: LearnedPredictor, spec: PredictorSpec, trained_on: Training, workspace: Workspace
) -> float | None:
    """Load the stored training of a predictor, made on this machine or published.

    Returns:
        The seconds that the training took, or None where no training of this code, this seed and these labels is stored.
    """
    from safetensors.torch import safe_open

    cached, stem = trained_file(predictor, spec, trained_on, workspace), file_stem(spec.name, trained_on)
    folders = readable_folders(workspace, trained_on.suite)
    for file in (cached, *(folder.trained(stem, predictor.context.seed) for folder in folders)):
        if not file.is_file():
            continue
        with safe_open(file, "pt") as stored:
            notes = dict(stored.metadata())
            if notes.pop("key", "") != cached.stem:
                continue
            seconds = float(notes.pop("fit_seconds"))
            predictor.notes = notes
            predictor.load_state({name: stored.get_tensor(name) for name in stored.keys()})  # noqa: SIM118 - not a mapping
        return seconds
    return None
