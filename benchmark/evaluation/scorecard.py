"""Scorecards: the results of one predictor on one suite and label set, as typed records that are stored as JSON.

    card = read_card(folder.card("combined", "ssim"))
    card.metrics["auroc"].value, card.metrics["auroc"].low      # `measure_table.MEASURES` describes the names
    card.downstream["timm:resnet18"].filtered

Each file has this format or is refused: a key that is missing, unknown, of the wrong type or out of range is named with its
file. Keys are written in one order, that of the fields below, and of the alphabet in dictionaries. A checksum comes last, so
that a file that was edited is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from benchmark.core.errors import ResultError
from benchmark.core.sealed import read_sealed, write_sealed
from benchmark.evaluation.canary import Canary
from benchmark.evaluation.card_parts import Counts, Gains, Measure, Number, Positive, Record
from benchmark.evaluation.measure_table import GROUPS, OPTIONAL, problem_with, rounded, table_order
from benchmark.plugins.predictors.informed import INFORMED_TRACK
from benchmark.plugins.predictors.sandbox import Sandbox
from benchmark.suites.results_folder import Training

FORMAT: Literal[4] = 4
"""Version of the stored records. In format 3, a predictor could look into one network alone."""
Seeds = Annotated[tuple[Number, ...], msgspec.Meta(min_length=1)]


class Cost(Record, frozen=True, kw_only=True):
    """Time of a predictor, None where it is unknown."""

    score_ms_per_image: Positive | None
    fit_seconds: Positive | None


class SubmissionNote(Record, frozen=True, kw_only=True):
    """What a submission says about itself."""

    authors: tuple[str, ...]
    licence: str
    trained_on: str
    paper: str


class Provenance(Record, frozen=True, kw_only=True, omit_defaults=True):
    """How scores were made."""

    scores: Literal["re-run", "self-reported"]
    """Whether code was run, or a submission's own table of scores was looked up."""
    code: str = ""
    """Digest of the predictor's code."""
    table: str = ""
    """Digest of a submission's table."""
    device: str = ""
    encoder: str = ""
    looks_into: tuple[str, ...] = ()
    """The networks that the predictor asks or looks into."""
    peeks: bool = False
    """Whether one of them determines the labels or is held out."""
    sandbox: Sandbox = "none"
    """How the code was run: in the process of the benchmark, in one of its own, or in one inside bubblewrap."""
    canary: tuple[Canary, ...] = ()
    """Of each seed, how the predictor fares on cropped images; only where it ran in a process of its own."""
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    notes: tuple[dict[str, Any], ...] = ()
    """What the training of each seed recorded about itself."""
    submission: SubmissionNote | None = None

    @property
    def marks(self) -> str:
        """The reasons why it is not ranked: † looks into a labelling or held-out network, ¶ fails with cropped images."""
        return " †" * self.peeks + " ¶" * any(canary.failed for canary in self.canary)


class Scores(Record, frozen=True, kw_only=True):
    """The metadata of stored scores."""

    format: Literal[4]
    suite: str
    """Folder of the suite below the results."""
    fingerprint: str
    predictor: str
    track: str
    trained_on: Training | None
    seeds: Seeds
    cost: Cost
    provenance: Provenance


class Scorecard(Record, frozen=True, kw_only=True):
    """The results of one predictor on one suite and label set."""

    format: Literal[4]
    suite: str
    """Folder of the suite below the results."""
    fingerprint: str
    """Digest of the suite's choices and images; `rank` never mixes cards that differ in it."""
    ground_truth: str
    """Digest of the labels and outcomes by which the predictor was judged."""
    labels: str
    """The label set."""
    predictor: str
    track: str
    trained_on: Training | None
    seeds: Seeds
    counts: Counts
    threshold: tuple[float, ...]
    """For each seed, the score from which on an image is kept, frozen on validation."""
    metrics: dict[str, Measure]
    soft: dict[str, Measure]
    gains: dict[str, Measure]
    downstream: dict[str, Gains]
    """Held-out network -> its performance after the predictor's choice."""
    cost: Cost
    provenance: Provenance

    @property
    def is_informed(self) -> bool:
        """Whether it is of a rival that is told what no predictor is."""
        return self.track == INFORMED_TRACK

    @property
    def is_trained_elsewhere(self) -> bool:
        """Whether it was trained on another suite than the one on which it is judged."""
        return self.trained_on is not None and self.trained_on.suite != self.suite

    @property
    def is_ranked(self) -> bool:
        """Whether boards rank it: there are rows enough, nothing marks it, and it is not told what no predictor is."""
        return self.counts.are_enough and not self.provenance.marks and not self.is_informed

    def measures(self, group: str) -> dict[str, Measure]:
        """The measures of one of GROUPS, in the order of the table of measures."""
        values: dict[str, Measure] = getattr(self, group)
        return {name: values[name] for name in sorted(values, key=table_order)}


def write_card(path: Path, card: Scorecard) -> None:
    """Write a scorecard, numbers rounded to six digits; thresholds are exact, since scores are compared with them.

    Raises:
        FileError: the file cannot be written.
    """
    write_sealed(path, rounded(msgspec.to_builtins(card, order="deterministic")) | {"threshold": list(card.threshold)})


def read_card(path: Path) -> Scorecard:
    """Read a scorecard.

    Raises:
        ResultError: the file is not JSON, a key is missing, unknown or of another type, a value lies outside its range, or the
            content was edited; the message names the file and the key.
        FileError: the file cannot be read.
    """
    return read_sealed(
        path,
        Scorecard,
        title=f"a scorecard of format {FORMAT}",
        again=lambda card: (
            f"`utilbench verify {card.suite} --recompute` tells which values are others, "
            f"`utilbench run {card.predictor} -s {card.suite} -l {card.labels}` makes it again of the stored scores"
        ),
        problem=problem_of,
    )


def problem_of(card: Scorecard) -> str:
    """What is wrong with the values of a card, by key, or an empty text."""
    for group in GROUPS:
        measures = card.measures(group)
        if missing := [name for name in GROUPS[group] if name not in (*measures, *OPTIONAL)]:
            return f"{group}: lacks {missing[0]}"
        for name, measure in measures.items():
            values = (measure.value, measure.low, measure.high, *measure.per_seed)
            if problem := problem_with(group, name, *values):
                return f"{group}.{name}: {problem}"
            if len(measure.per_seed) not in (0, len(card.seeds)):
                return f"{group}.{name}: per_seed has {len(measure.per_seed)} values for {len(card.seeds)} seeds"
            if measure.low is not None and measure.high is not None and measure.low > measure.high:
                return f"{group}.{name}: low is {measure.low}, above high, {measure.high}"
    if len(card.threshold) != len(card.seeds) or len(set(card.seeds)) != len(card.seeds):
        return f"threshold: {len(card.threshold)} values for the seeds {list(card.seeds)}; each seed has one"
    return ""


def read_scores_record(path: Path, metadata: dict[str, Any]) -> Scores:
    """The metadata of a file of scores as a record; raises ResultError, which names the file and the key, if it is none."""
    try:
        record = msgspec.convert(metadata, Scores)
    except msgspec.ValidationError as error:
        raise ResultError(f"{path}: not scores of format {FORMAT}: {error}") from error
    if len(set(record.seeds)) != len(record.seeds):
        raise ResultError(f"{path}: a seed is there twice: {list(record.seeds)}")
    return record
