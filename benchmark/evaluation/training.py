"""Training: predictors that learn are trained once for each label set, code and seed, and are kept in the cache."""

from __future__ import annotations

import itertools
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.digests import digest
from benchmark.core.errors import ResultError
from benchmark.core.files import discard, file_errors, file_name, write_bytes
from benchmark.core.types import Source
from benchmark.core.workspace import Workspace
from benchmark.evaluation.dataloading import lesson
from benchmark.evaluation.scorecard import Scorecard
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.plugins.predictors.answers import built, learned_notes, learned_state, named
from benchmark.plugins.predictors.base import Context, LearnedPredictor, Predictor
from benchmark.plugins.predictors.names import baselines_folder
from benchmark.plugins.predictors.resolve import PredictorSpec
from benchmark.suites.results_folder import Training, file_stem, readable_folders, suite_folder
from benchmark.suites.spec import Suite
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
    labels = trained_on.labels
    seconds = load_trained(predictor, spec, trained_on, workspace)
    file = trained_file(spec, trained_on, predictor.context.seed, workspace)
    if seconds is None:
        train, validation = (lesson(truth, labels, part, type(predictor)) for part in ("train", "validation"))
        logger.info(f"training {spec.name} on {truth.suite.folder}, {labels} labels: {len(train)} examples")
        start = time.perf_counter()
        with named(spec.name, "fit()"):
            predictor.fit(train, validation)
        seconds = time.perf_counter() - start
        notes = learned_notes(spec.name, predictor) | {"fit_seconds": repr(seconds), "key": file.stem}
        state = learned_state(spec.name, predictor)
        with named(spec.name, "the saving of its state"):
            write_state(file, state, notes)
    if file.is_file() and file.stat().st_size <= SMALL:
        beside = suite_folder(workspace, truth.suite).trained(file_stem(spec.name, trained_on), predictor.context.seed)
        write_bytes(beside, file.read_bytes())
    return seconds


CHECKSUM = "checksum"
"""Key of the checksum among the notes of a trained state."""
SMALL = 2**17
"""Largest size, in bytes, of a trained state that is also kept beside the results, and so is published with them."""


def trained_file(spec: PredictorSpec, trained_on: Training, seed: int, workspace: Workspace) -> Path:
    """The file of a trained predictor, which is named by the rows it learned from, its code and its seed."""
    key = digest(trained_on.digest, spec.code, str(seed))
    return workspace.cache / "predictors" / f"{file_name(spec.name)}-{key}.safetensors"


def packaged_file(spec: PredictorSpec, trained_on: Training, seed: int) -> Path:
    """The file with a baseline's trained state that comes with the package in half precision; it need not exist."""
    return baselines_folder() / "trained" / f"{file_stem(spec.name, trained_on)}.{seed}.safetensors"


def load_trained(
    predictor: LearnedPredictor,
    spec: PredictorSpec,
    trained_on: Training,
    workspace: Workspace,
    *,
    allow_rounded: bool = False,
) -> float | None:
    """Load the stored training of a predictor, made on this machine or published.

    Args:
        predictor: an untrained one, whose seed says which training is meant.
        spec: the same predictor with its name and the digest of its code.
        trained_on: the suite, the label set and the digest of what it learned.
        workspace: the folders in which it may be.
        allow_rounded: whether one that comes with the package in half precision will do, where there is no other.

    Returns:
        The seconds that the training took, or None where no training of this code, this seed and these labels is stored.

    Raises:
        ResultError: a published training is damaged; one in the cache is removed with a notice.
    """
    seed, stem = predictor.context.seed, file_stem(spec.name, trained_on)
    cached = trained_file(spec, trained_on, seed, workspace)
    published = [folder.trained(stem, seed) for folder in readable_folders(workspace, trained_on.suite)]
    for file in (cached, *published, *([packaged_file(spec, trained_on, seed)] if allow_rounded else [])):
        if not file.is_file():
            continue
        try:
            notes, state = read_state(file)
        except ResultError as error:
            if file != cached:
                raise
            discard(file, error)
            continue
        if notes.pop("key") == cached.stem:
            seconds = float(notes.pop("fit_seconds"))
            predictor.notes = notes
            with named(spec.name, "load_state()"):
                predictor.load_state(state)
            return seconds
        if file == cached:
            discard(file, ResultError(f"{file}: holds another training"))
    return None


def write_state(file: Path, state: dict[str, Tensor], notes: dict[str, str]) -> None:
    """Write a trained state and notes with a checksum; raises FileError if that is not possible."""
    from safetensors.torch import save

    write_bytes(file, save(state, notes | {CHECKSUM: checksum(state, notes)}))


def read_state(file: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The notes and the tensors of a trained state.

    Raises:
        ResultError: the file is damaged, or has no checksum or another one; the message names it.
        FileError: it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with file_errors(file), safe_open(file, "pt") as stored:
            notes = dict(stored.metadata() or {})
            state = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a mapping
    except SafetensorError as error:
        raise ResultError(f"{file}: damaged or no trained state ({error}); delete it to train again") from error
    if notes.pop(CHECKSUM, "") != checksum(state, notes):
        raise ResultError(f"{file}: damaged or edited (its content has another checksum); delete it to train again")
    if missing := {"key", "fit_seconds"} - notes.keys():
        raise ResultError(f"{file}: its notes lack {', '.join(sorted(missing))}")
    return notes, state


def checksum(state: dict[str, Tensor], notes: dict[str, str]) -> str:
    """Digest of the tensors and the notes of a trained state."""
    import torch

    parts: list[bytes | str] = [repr(sorted(notes.items()))]
    for name, value in sorted(state.items()):
        data = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        parts += [name, str(value.dtype), repr(tuple(value.shape)), data]
    return digest("state 1", *parts)


def trained_predictor(
    spec: PredictorSpec, card: Scorecard, suite: Suite, workspace: Workspace, hint: str
) -> tuple[Predictor, int]:
    """A predictor with the training of the first seed of its card that is on this machine or published, and that seed.

    One in half precision is taken where none of the seeds has another.

    Raises:
        ResultError: none of its trainings is here; scores of a seed that was run elsewhere are not made again, so that the
            message names the number of seeds with which `run` trains one more.
    """
    for allow_rounded, seed in itertools.product((False, True), card.seeds):
        context = Context(
            device=workspace.device,
            task=suite.task,
            seed=seed,
            networks=workspace.networks,
            **suite.networks.offered(spec.kind.needs),
        )
        with named(spec.name, "the constructor"):
            predictor = built(spec.kind, context)
        trained = card.trained_on
        if (
            not isinstance(predictor, LearnedPredictor)
            or not trained
            or load_trained(predictor, spec, trained, workspace, allow_rounded=allow_rounded) is not None
        ):
            return predictor, seed
    again = f"{hint.rstrip('`')} --seeds {max(card.seeds) + 2}` trains it with one seed more"
    scores = suite_folder(workspace, suite).scores(card.predictor, card.trained_on)
    way = again if spec.seeded else f"remove {scores}, and {hint} trains it"
    raise ResultError(f"{spec.name} was not trained with its present code on this machine; {way}")
