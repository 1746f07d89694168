"""The records of an examination, and the photograph that is examined."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import polars as pl

from benchmark.core.errors import DataError
from benchmark.core.images import Pixels, decode, stored_size
from benchmark.core.types import Condition
from benchmark.deployment.inference import InferencePredictor
from benchmark.plugins.networks.network import Network

LARGEST_FILE, MOST_PIXELS = 20, 25
"""Largest file, in MB of 2^20 bytes, and most pixels, in millions, that are taken.

Of 50 megapixels `ssim` needs 8 GB of memory, and all levels take ten minutes on two cores."""


@dataclass(frozen=True, eq=False)
class Photograph:
    """A decoded photograph."""

    name: str
    size: int
    """Bytes of its file."""
    pixels: Pixels
    """Upright, uint8 RGB (H, W, 3)."""


@dataclass(frozen=True)
class Finding:
    """A class that a classifier names, or an object that a detector finds."""

    name: str
    """Name of the class."""
    confidence: float
    """0 to 1."""
    box: tuple[float, float, float, float] | None = None
    """Left, top, right and bottom of an object, in px of the photograph."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a network says of an image."""

    network: str
    findings: tuple[Finding, ...]
    """The most probable classes, or all objects with a score of at least .5, by falling confidence."""
    outcome: pl.DataFrame
    """One row in the columns of its task's outcomes."""
    kept: bool | None = None
    """Whether it decides as on the original; None on the original itself, and where it finds no object there."""


@dataclass(frozen=True)
class Verdict:
    """What a predictor says of a compressed image."""

    predictor: str
    threshold: float
    """Images are useful from this score on."""
    score: float | None = None
    """A higher score means a more useful image; None where the predictor cannot judge it, see `remark`."""
    probability: float | None = None
    """Probability that the image is useful, 0 to 1; None where the suite's labels give none."""
    useful: bool | None = None
    remark: str = ""
    """Why there is no score, or in which ways the image is unlike those of the suite."""


@dataclass(frozen=True, eq=False)
class Step:
    """One level of the codec."""

    level: int
    size: int
    """Bytes of the bitstream."""
    answers: tuple[Answer, ...]
    """Of each network."""
    verdicts: tuple[Verdict, ...]
    """Of each predictor."""


@dataclass(frozen=True, eq=False)
class Judges:
    """The networks and predictors that are asked."""

    networks: tuple[Network, ...]
    predictors: tuple[InferencePredictor, ...]
    device: str
    """Device on which the networks run."""


@dataclass(frozen=True, eq=False)
class Examination:
    """One photograph under one codec."""

    photograph: Photograph
    condition: Condition
    """Codec and chosen level."""
    compressed: Pixels
    """The photograph at that level."""
    originals: tuple[Answer, ...]
    """What each network says of the photograph as it is."""
    steps: tuple[Step, ...]
    """The levels that `advise` tries and the chosen one, from the top down."""

    @property
    def step(self) -> Step:
        """That of the chosen level."""
        return next(step for step in self.steps if step.level == self.condition.level)

    @property
    def share(self) -> float:
        """Bytes at the chosen level as a share of those of the photograph's file."""
        return self.step.size / self.photograph.size

    @functools.cached_property
    def flips(self) -> dict[str, int | None]:
        """Network -> the highest of the levels at which its decision is another one; None where it is kept at all."""
        changed = {answer.network: [] for answer in self.originals}  # type: dict[str, list[int]]
        for step in self.steps:
            for answer in step.answers:
                changed[answer.network] += [step.level] if answer.kept is False else []
        return {network: max(levels, default=None) for network, levels in changed.items()}


def read_photograph(data: bytes, name: str) -> Photograph:
    """Decode a file that somebody chose, unless it is too large.

    Raises:
        DataError: it is larger than LARGEST_FILE or MOST_PIXELS, or no image; the message starts with `name`.
    """
    if len(data) > LARGEST_FILE * 2**20:
        raise DataError(f"{name}: a file of {len(data) / 2**20:.1f} MB; at most {LARGEST_FILE} MB are taken")
    height, width = stored_size(data, name)
    if height * width > MOST_PIXELS * 10**6:
        millions = f"{height * width / 1e6:.1f} megapixels"
        raise DataError(f"{name}: {width} x {height} px are {millions}; at most {MOST_PIXELS} are taken")
    return Photograph(name, len(data), decode(data, name))
