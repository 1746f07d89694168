"""Scorecards: the results of one predictor on one suite and label set, as typed records that are stored as JSON.

    card = read_card(folder.card("combined", "ssim"))
    card.metrics["auroc"].value, card.metrics["auroc"].low      # `measure_table.MEASURES` describes the names
    card.downstream["timm:resnet18"].filtered

Each file has this format or is refused: a key that is missing, unknown or of the wrong type is named with its file. Keys are
written in one order, that of the fields below, and of the alphabet in dictionaries.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from benchmark.core.errors import ResultError
from benchmark.core.files import write_text
from benchmark.core.markdown import with_interval
from benchmark.evaluation.canary import Canary
from benchmark.evaluation.measure_table import problem_with, rounded, table_order
from benchmark.plugins.predictors.informed import INFORMED_TRACK
from benchmark.plugins.predictors.sandbox import Sandbox
from benchmark.suites.results_folder import Training

FORMAT: Literal[2] = 2
"""Version of the stored records. In format 1, cards were dictionaries with the standard deviation over seeds alone."""
GROUPS = ("metrics", "soft", "gains")
"""Fields of a scorecard that hold the measures of labels, of the utility and of held-out networks."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a scorecard; a key that it has no field for is refused."""


class Measure(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One measure: its mean over seeds with a 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None = None
    """Lower end of the interval; None also where the measure has no interval."""
    high: float | None = None
    """Upper end of the interval."""
    per_seed: tuple[float | None, ...] = ()
    """Value of each seed where there are several, in the order of the card's seeds."""

    @property
    def text(self) -> str:
        """The value with its standard deviation over seeds, if there are several, and its interval."""
        return with_interval(self.value, self.low, self.high, spread=self.spread)

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds; None with a single seed."""
        values = [value for value in self.per_seed if value is not None]
        return float(np.std(values, ddof=1)) if len(values) > 1 and len(values) == len(self.per_seed) else None


class Counts(Record, frozen=True, kw_only=True):
    """Numbers of rows (source, level) of the test part that the measures are made of."""

    sources: int
    """Sources with a labelled row."""
    useful: int
    non_useful: int
    unlabelled: int
    soft: int
    """Rows with a continuous utility: all labelling networks are right on the pristine image."""
    pairs_within_levels: int
    """Pairs of a useful and a non-useful row of one level."""


class Curve(Record, frozen=True, kw_only=True):
    """Performance at each of `downstream.FRACTIONS` kept, with the ends of its 95 % intervals."""

    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class LevelGains(Record, frozen=True, kw_only=True):
    """Performance of a held-out detector on the test images of one level."""

    unfiltered: float | None
    filtered: float | None
    kept: float | None
    random: float | None
    pristine: float | None


class Gains(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Performance of a held-out network after a predictor's choice; the task's GAINS describes each field."""

    unfiltered: float | None
    kept: float | None
    filtered: float | None
    random: float | None
    quality: float | None
    oracle: float | None
    area: float | None
    curve: Curve
    pristine: float | None = None
    bits: float | None = None
    bits_filtered: float | None = None
    levels: dict[str, LevelGains] = {}


class Cost(Record, frozen=True, kw_only=True):
    """Time of a predictor, None where it is unknown."""

    score_ms_per_image: float | None
    fit_seconds: float | None


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
    probe: str = ""
    """The network that the predictor looks into, if any."""
    peeks: bool = False
    """Whether that network is one of those that determine the labels."""
    sandbox: Sandbox = "none"
    """How the code was run: in the process of the benchmark, in one of its own, or in one inside bubblewrap."""
    canary: tuple[Canary, ...] = ()
    """Of each seed, how the predictor fares on cropped images; only where it ran in a process of its own."""
    versions: dict[str, str] = {}
    notes: tuple[dict[str, Any], ...] = ()
    """What the training of each seed recorded about itself."""
    submission: SubmissionNote | None = None

    @property
    def marks(self) -> str:
        """The reasons why it is not ranked: † looks into a network that made the labels, ¶ fails with cropped images."""
        return " †" * self.peeks + " ¶" * any(canary.failed for canary in self.canary)


class Scores(Record, frozen=True, kw_only=True):
    """The metadata of stored scores."""

    format: Literal[2]
    suite: str
    """Folder of the suite below the results."""
    fingerprint: str
    predictor: str
    track: str
    trained_on: Training | None
    seeds: tuple[int, ...]
    cost: Cost
    provenance: Provenance


class Scorecard(Record, frozen=True, kw_only=True):
    """The results of one predictor on one suite and label set."""

    format: Literal[2]
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
    seeds: tuple[int, ...]
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
    def is_ranked(self) -> bool:
        """Whether boards rank it: nothing marks it, and it is not told what no predictor is."""
        return not self.provenance.marks and self.track != INFORMED_TRACK

    def measures(self, group: str) -> dict[str, Measure]:
        """The measures of one of GROUPS, in the order of the table of measures."""
        values: dict[str, Measure] = getattr(self, group)
        return {name: values[name] for name in sorted(values, key=table_order)}


def write_card(path: Path, card: Scorecard) -> None:
    """Write a scorecard, numbers rounded to six digits; thresholds are exact, since scores are compared with them."""
    tree = rounded(msgspec.to_builtins(card, order="deterministic")) | {"threshold": list(card.threshold)}
    write_text(path, json.dumps(tree, indent=1, ensure_ascii=False) + "\n")


def read_card(path: Path) -> Scorecard:
    """Read a scorecard.

    Raises:
        ResultError: the file is not JSON, a key is missing, unknown or of another type, or a measure lies outside its range;
            the message names the file and the key.
    """
    try:
        card = msgspec.json.decode(path.read_bytes(), type=Scorecard)
    except OSError as error:
        raise ResultError(f"{path}: not readable as a scorecard ({error})") from error
    except msgspec.ValidationError as error:
        raise ResultError(f"{path}: not a scorecard of format {FORMAT}: {error}") from error
    except msgspec.DecodeError as error:
        raise ResultError(f"{path}: not JSON ({error})") from error
    for group in GROUPS:
        for name, measure in card.measures(group).items():
            if problem := problem_with(name, measure.value, measure.low, measure.high):
                raise ResultError(f"{path}: {group}.{name}: {problem}")
    return card


def read_scores_record(path: Path, metadata: dict[str, Any]) -> Scores:
    """The metadata of a file of scores as a record; raises ResultError, which names the file and the key, if it is none."""
    try:
        return msgspec.convert(metadata, Scores)
    except msgspec.ValidationError as error:
        raise ResultError(f"{path}: not scores of format {FORMAT}: {error}") from error
