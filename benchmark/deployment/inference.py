"""Inference: how useful a person's own images are, by a predictor that was evaluated before.

    predictor = benchmark.load_predictor("resnet18", suite="glyphs")
    list(predictor.score_files(["photo.jpg"]))          # [Scored(file, score, useful)]

The threshold between useful and non-useful is the one that was frozen on the suite's validation part. A predictor that learns
is loaded from the cache, where its training stored it, or from the published results.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmark.core import storage
from benchmark.core.devices import prepare_process
from benchmark.core.errors import DataError, MetricError, PredictorError, ResultError
from benchmark.core.images import Pixels, decode, image_format, to_tensor
from benchmark.core.types import IMAGE, Sample
from benchmark.core.workspace import Workspace
from benchmark.deployment.calibration import Validation
from benchmark.evaluation.dataloading import BATCH
from benchmark.evaluation.results import check_same_run, read_scores
from benchmark.evaluation.scorecard import Scorecard, read_card
from benchmark.evaluation.training import trained_predictor
from benchmark.labelling.recorded import read_labels, read_outcomes_of
from benchmark.labelling.shards import IMAGES
from benchmark.metrics.operating_points import OperatingPoint, operating_point
from benchmark.plugins.distortions import Distortion, find_distortion
from benchmark.plugins.predictors.answers import checked_scores
from benchmark.plugins.predictors.base import Predictor
from benchmark.plugins.predictors.resolve import resolve_predictor
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import (
    SuiteFolder,
    Training,
    file_stem,
    first_with,
    outcome_folders,
    readable_folders,
)
from benchmark.suites.spec import COMBINED, Suite


@dataclass(frozen=True)
class Scored:
    """The utility of one image."""

    file: Path
    score: float
    """A higher score means a more useful image."""
    probability: float
    """Probability that the image is useful, 0 to 1, see `calibration`; NaN where the suite's labels give none."""
    useful: bool
    """Whether the score reaches the threshold."""
    size: tuple[int, int]
    """Height and width of the image, in px."""
    format: str
    """What Pillow calls the format of the file."""


@dataclass(frozen=True, eq=False)
class InferencePredictor:
    """A predictor with its threshold."""

    name: str
    predictor: Predictor
    threshold: float
    """Images are useful from this score on; it is frozen on the validation part of the suite of the evaluation."""
    formats: frozenset[str]
    """What Pillow calls the formats of that suite's bitstreams, such as `JPEG`."""
    validation: Callable[[], pl.DataFrame]
    """Reads the stored scores of that part, with columns source, score, label, bits, height and width."""

    def keeping(self, aim: str, value: float) -> tuple[InferencePredictor, OperatingPoint]:
        """Return the same predictor with the threshold that keeps the most images and still reaches an aim.

        Args:
            aim: `accuracy`, `fraction` or `bits`; see `benchmark.metrics.operating_points`.
            value: the value of the aim that must be reached.

        Raises:
            MetricError: no threshold reaches the aim on the validation images.
            ResultError: the stored scores or labels are missing, or they are of another suite than the scorecard.
        """
        point = operating_point(self.validation().to_dict(), aim, value)
        return replace(self, threshold=point.threshold), point

    def score_files(self, files: Iterable[str | Path], *, reference: str | Path | None = None) -> Iterator[Scored]:
        """Yield the utility of image files, in their order.

        Args:
            files: images of any kind that Pillow reads; a predictor of the bitstream track needs the kind of the suite.
            reference: for a full-reference predictor, the pristine image or a folder of pristine images with the same names.

        Raises:
            DataError: a file is missing or is not an image, or a reference is missing or of another size.
            PredictorError: the predictor fails on a file; the message names it.
        """
        paths = [Path(file) for file in files]
        for start in range(0, len(paths), BATCH):
            batch = paths[start : start + BATCH]
            samples, kinds = zip(*(self.sample(path, reference) for path in batch), strict=True)
            scores = self.scores(batch, samples)
            rows = zip(batch, samples, kinds, scores, self.probabilities(scores), strict=True)
            for path, sample, kind, score, chance in rows:
                height, width = sample.image.shape[1:]
                yield Scored(path, score, chance, score >= self.threshold, (height, width), kind)

    def probabilities(self, scores: Sequence[float]) -> list[float]:
        """The probability that images with these scores are useful; NaN where the suite's labels give none."""
        try:
            return self.validation_images.probability(scores).tolist()
        except MetricError:
            return [float("nan")] * len(scores)

    @functools.cached_property
    def validation_images(self) -> Validation:
        """The suite's validation images, as the predictor sees them."""
        rows = self.validation()
        sides = rows.select(pl.min_horizontal("height", "width")).to_series().to_numpy()
        return Validation(
            rows["score"].to_numpy(), rows["label"].to_numpy().astype(np.int64), sides.astype(np.int64), self.formats
        )

    def unreadable(self, codec: Distortion) -> str:
        """Why it cannot score images of this codec; empty where it can."""
        if "bitstream" not in self.predictor.needs or codec.format in self.formats:
            return ""
        return f"{self.name}: reads {', '.join(sorted(self.formats))} only, and not {codec.name}"

    def remarks(self, rows: Sequence[Scored]) -> list[str]:
        """In which ways scored images are unlike those of the suite, so that scores mean less there."""
        return self.validation_images.remarks(
            [row.score for row in rows], [row.size for row in rows], [row.format for row in rows]
        )

    def sample(self, path: Path, reference: str | Path | None) -> tuple[Sample, str]:
        """Return one file as the sample that the predictor receives, and its format."""
        data = storage.read(path)
        kind = image_format(data)
        image, pristine = decode(data, str(path)), None
        if "reference" in self.predictor.needs:
            if reference is None:
                raise DataError(f"{self.name} compares with the pristine image: --reference FILE_OR_FOLDER")
            location = Path(reference)
            pristine = to_tensor(read(location / path.name if location.is_dir() else location))
            if pristine.shape[1:] != image.shape[:2]:
                raise DataError(f"{path} is {image.shape[:2]} px, its reference {tuple(pristine.shape[1:])}")
        if "bitstream" not in self.predictor.needs:
            return Sample(to_tensor(image), pristine), kind
        if kind not in self.formats:
            raise DataError(f"{path}: {self.name} reads {', '.join(sorted(self.formats))} only, and this is {kind}")
        return Sample(to_tensor(image), pristine, data), kind

    def scores(self, paths: Sequence[Path], samples: Sequence[Sample]) -> list[float]:
        """One score for each file; the files of a batch that fails are scored one by one, to name the file at fault."""
        try:
            return checked_scores(self.name, self.predictor, samples, [str(path) for path in paths]).tolist()
        except PredictorError as error:
            if len(paths) == 1:
                raise PredictorError(f"{paths[0]}: {error}") from error
            return [self.scores([path], [sample])[0] for path, sample in zip(paths, samples, strict=True)]


def read(path: Path) -> Pixels:
    """Decode an image file to uint8 RGB (H, W, 3)."""
    return decode(storage.read(path), str(path))


def load_predictor(
    name: str, suite: str = "glyphs", *, labels: str = COMBINED, limit: int = 0, workspace: Workspace | None = None
) -> InferencePredictor:
    """Load a predictor that was evaluated on a suite, ready for other images.

    Args:
        name: name of a baseline, or path of a .py file, which is executed.
        suite: the suite on which it was trained and its threshold was chosen.
        labels: the label set.
        limit: use a quick look at about so many sources of the suite; 0 for the whole suite.
        workspace: folders and device; by default those of the environment, and the best available device.

    Raises:
        ResultError: it was not evaluated on the suite, or its training is not on this machine.
    """
    prepare_process()
    workspace, chosen = workspace or Workspace.named(), load_suite(suite, limit=limit)
    spec = resolve_predictor(name, hidden=workspace.private)
    limited = f" --limit {limit}" if limit else ""
    hint = f"`utilbench run {name} -s {suite}{limited}" + ("`" if labels == COMBINED else f" -l {labels}`")
    stem = file_stem(spec.name, Training(chosen.folder, labels, "") if spec.learns else None)
    folder = first_with(lambda candidate: candidate.card(labels, stem), readable_folders(workspace, chosen.folder))
    path = folder.card(labels, stem)
    if not path.is_file():
        raise ResultError(f"no scorecard {path}, so no threshold is known; {hint} makes it")
    card = read_card(path)
    if card.provenance.scores == "self-reported":
        raise ResultError(
            f"{path} is of scores that were reported, not of code that was run here; {name} has no threshold"
        )
    if card.provenance.code != spec.code:
        raise ResultError(f"{path} is of other code than {spec.name} has now; {hint} makes it anew")
    predictor, seed = trained_predictor(spec, card, chosen, workspace, hint)
    rows = functools.partial(validation_rows, folder, workspace, chosen, labels, card, seed=seed)
    names = [choice.name for choice in chosen.distortions]
    suited = {distortion.format or distortion.name for distortion in map(find_distortion, names)}
    formats = frozenset(spec.kind.formats or suited)
    return InferencePredictor(spec.name, predictor, card.threshold[card.seeds.index(seed)], formats, rows)


def validation_rows(
    folder: SuiteFolder, workspace: Workspace, suite: Suite, labels: str, card: Scorecard, *, seed: int
) -> pl.DataFrame:
    """Columns source, score, label, bits, height and width of the validation part, from what `run` and `label` stored."""
    file = folder.scores(card.predictor, card.trained_on)
    scores, record = read_scores(file)
    answers, label_metadata = read_labels(folder.labels)
    check_same_run(file, record, card)
    if label_metadata["fingerprint"] != card.fingerprint:
        raise ResultError(
            f"{folder.labels} is not of the suite and images of the scorecard; run {card.predictor} again"
        )
    home = first_with(lambda candidate: candidate.outcomes(IMAGES), outcome_folders(workspace, suite))
    images, _ = read_outcomes_of(home, IMAGES, suite.task)
    rows = scores.filter(part="validation", seed=seed)
    for table in (answers.with_columns(label=pl.col(labels)), images):
        rows = rows.join(table.drop("part", strict=False), on=IMAGE, how="left", maintain_order="left")
    return rows.select("source", "score", "label", "bits", "height", "width")
