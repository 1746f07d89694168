"""Use: how useful are a person's own images, by a predictor that was evaluated before.

    predictor = benchmark.load_predictor("resnet18", suite="glyphs")
    list(predictor.score_files(["photo.jpg"]))          # [Scored(file, score, useful)]

The threshold between useful and non-useful is the one that was frozen on the suite's validation part. A predictor that learns
is found where its training left it, in the cache.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from benchmark import places
from benchmark.errors import DataError, PredictorError, ResultError
from benchmark.feed import BATCH
from benchmark.images import Pixels, decode, to_tensor
from benchmark.labelling import IMAGES
from benchmark.operating import OperatingPoint, operating_point
from benchmark.predictor import Context, LearnedPredictor, Predictor, checked_scores
from benchmark.records import Sample
from benchmark.results_folder import SuiteFolder, file_stem, outcome_folders, readable_folders
from benchmark.runtime import Paths, best_device
from benchmark.scorecard import Scorecard, check_same_run, read_card
from benchmark.scoring import SCORES_SCHEMA
from benchmark.suite import COMBINED, Suite, load_suite
from benchmark.tables import read_table
from benchmark.training import entry, load_trained

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Scored:
    """One image's utility."""

    file: Path
    score: float
    """Higher = more useful."""
    useful: bool
    """Whether the score reaches the threshold."""


@dataclass(frozen=True, eq=False)
class Ready:
    """A predictor with its threshold."""

    name: str
    predictor: Predictor
    threshold: float
    """Useful from this score on; frozen on the validation part of the suite that it was evaluated on."""
    validation: Callable[[], pl.DataFrame]
    """Reads the stored scores of that part: source, score, label, bits."""

    def keeping(self, aim: str, value: float) -> tuple[Ready, OperatingPoint]:
        """The same predictor with the threshold that keeps the most images and still reaches an aim.

        Args:
            aim: `accuracy`, `fraction` or `bits`; see `benchmark.operating`.
            value: what is wanted.

        Raises:
            MetricError: nothing reaches it on the validation images.
            ResultError: the stored scores or labels are missing, or of another suite than the scorecard.
        """
        point = operating_point(self.validation(), aim, value)
        return replace(self, threshold=point.threshold), point

    def score_files(self, files: Iterable[str | Path], reference: str | Path | None = None) -> Iterator[Scored]:
        """The utility of image files, in their order.

        Args:
            files: of any kind that Pillow reads; a predictor of the bitstream track needs the kind of the suite.
            reference: for a full-reference predictor: the pristine image, or the folder with those of the same names.

        Raises:
            DataError: a file is missing or no image, or a reference is missing or of another size.
            PredictorError: the predictor fails on a file; the message names it.
        """
        paths = [Path(file) for file in files]
        for start in range(0, len(paths), BATCH):
            some = paths[start : start + BATCH]
            samples = [self.sample(path, reference) for path in some]
            for path, score in zip(some, self.scores(some, samples), strict=True):
                yield Scored(path, score, score >= self.threshold)

    def sample(self, path: Path, reference: str | Path | None) -> Sample:
        """One file as the predictor sees it."""
        image = read(path)
        pristine = None
        if "reference" in self.predictor.needs:
            if reference is None:
                raise DataError(f"{self.name} compares with the pristine image: --reference FILE_OR_FOLDER")
            place = Path(reference)
            pristine = to_tensor(read(place / path.name if place.is_dir() else place))
            if pristine.shape[1:] != image.shape[:2]:
                raise DataError(f"{path} is {image.shape[:2]} px, its reference {tuple(pristine.shape[1:])}")
        bitstream = path.read_bytes() if "bitstream" in self.predictor.needs else None
        return Sample(to_tensor(image), pristine, bitstream)

    def scores(self, paths: Sequence[Path], samples: Sequence[Sample]) -> list[float]:
        """One score for each file; those of a batch that fails are asked for one by one, to name the culprit."""
        try:
            return checked_scores(self.name, self.predictor, samples, [str(path) for path in paths]).tolist()
        except PredictorError as error:
            if len(paths) == 1:
                raise PredictorError(f"{paths[0]}: {error}") from error
            return [self.scores([path], [one])[0] for path, one in zip(paths, samples, strict=True)]


def read(path: Path) -> Pixels:
    """Decode an image file to uint8 RGB (H, W, 3)."""
    return decode(places.read(path), str(path))


def image_files(names: Iterable[str]) -> list[Path]:
    """The files of these names, and the images below those that are folders, sorted.

    Raises:
        DataError: no such file or folder, or a folder without an image.
    """
    files: list[Path] = []
    for name in names:
        path = Path(name)
        found = sorted(one for one in path.rglob("*") if one.suffix.lower() in ENDINGS) if path.is_dir() else [path]
        if not found or not found[0].exists():
            raise DataError(f"{path}: no image there; images end in {', '.join(sorted(ENDINGS))}")
        files += found
    return files


def load_predictor(
    name: str, suite: str = "glyphs", labels: str = COMBINED, paths: Paths | None = None, device: str = ""
) -> Ready:
    """A predictor that was evaluated on a suite, ready for other images.

    Args:
        name: of a baseline, or path of a .py file, which is executed.
        suite: the suite that it was trained, and its threshold chosen, on.
        labels: the label set.
        paths: folders; from the environment by default.
        device: `cpu`, `cuda` or `mps`; the best there is by default.

    Raises:
        ResultError: it was not evaluated there, or not trained on this machine.
    """
    paths, chosen, who = paths or Paths.named(), load_suite(suite), entry(name)
    hint = f"`utilbench run {name} -s {suite}" + ("`" if labels == COMBINED else f" -l {labels}`")
    stem = file_stem(who.name, {"suite": chosen.folder, "labels": labels} if who.learns else None)
    folders = readable_folders(paths, chosen.folder)
    folder = next((one for one in folders if one.card(labels, stem).is_file()), folders[0])
    path = folder.card(labels, stem)
    if not path.is_file():
        raise ResultError(f"no scorecard {path}, so no threshold is known; {hint} makes it")
    card = read_card(path)
    if card["provenance"].get("scores") == "self-reported":
        raise ResultError(
            f"{path} is of scores that were reported, not of code that was run here; {name} has no threshold"
        )
    if card["provenance"]["code"] != who.code:
        raise ResultError(f"{path} is of other code than {who.name} has now; {hint} makes it anew")
    predictor = who.kind(
        Context(device or best_device(), chosen.task, card["seeds"][0], paths.networks, chosen.networks.probe)
    )
    if isinstance(predictor, LearnedPredictor) and load_trained(predictor, who, card["trained_on"], paths) is None:
        raise ResultError(f"{who.name} was not trained with its present code on this machine; {hint} trains it")
    rows = functools.partial(validation_rows, folder, paths, chosen, labels, card)
    return Ready(who.name, predictor, card["threshold"][0], rows)


def validation_rows(folder: SuiteFolder, paths: Paths, suite: Suite, labels: str, card: Scorecard) -> pl.DataFrame:
    """Columns source, score, label and bits of the validation part, from what `run` and `label` stored."""
    file = folder.scores(card)
    scores, known = read_table(file, SCORES_SCHEMA)
    answers, known_labels = read_table(folder.labels)
    check_same_run(file, known, card)
    if known_labels.get("fingerprint") != card["fingerprint"]:
        raise ResultError(
            f"{folder.labels} is not of the suite and images of the scorecard; run {card['predictor']} again"
        )
    tables = [one.outcomes(IMAGES) for one in outcome_folders(paths, suite)]
    images, _ = read_table(next((file for file in tables if file.is_file()), tables[0]))
    here = scores.filter(part="validation", seed=card["seeds"][0])
    for table in (answers.with_columns(label=pl.col(labels)), images):
        here = here.join(table.drop("part", strict=False), on=["source", "level"], how="left", maintain_order="left")
    return here.select("source", "score", "label", "bits")
