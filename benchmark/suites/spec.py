"""Suites: frozen, versioned choices of everything that a result depends on, read from TOML.

    suite = load_suite("glyphs")                 # one that comes with the package
    suite = load_suite("my/suite.toml")          # your own; no code needed

Every key of a suite file is a field below; an unknown one is an error. A file may say `twin_of = "NAME"` and then holds only
a name and how its `[labels]` differ from that suite's; twins share their outcomes.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from benchmark.suites.tasks import TASKS, classification, detection

COMBINED = "combined"
"""Name of the label set that all labelling networks make together."""


@dataclass(frozen=True)
class SplitChoice:
    """How sources are divided, before anything is compressed."""

    train: float
    """Share of the sources for training; the three add up to 1."""
    validation: float
    """Share for thresholds and early stopping."""
    test: float
    """Share for results."""
    seed: int = 0
    """Changes who goes where."""


@dataclass(frozen=True)
class DistortionChoice:
    """What happens to each source."""

    name: str
    """A distortion: `jpeg`."""
    levels: tuple[int, ...]
    """Levels for training and for label metrics."""
    held_out: tuple[int, ...]
    """Levels for downstream performance, none of them among `levels`."""


@dataclass(frozen=True)
class NetworkChoice:
    """Who judges."""

    labelling: tuple[str, ...]
    """Networks whose decisions make the labels."""
    held_out: tuple[str, ...]
    """Networks for downstream performance, none of them labelling."""
    probe: str = ""
    """Classifier that predictors may look into, and, for classification, whose kept and changed decisions Fig. 1 shows; empty:
    none."""


@dataclass(frozen=True)
class TrainingChoice:
    """How the two classes are balanced in the training part."""

    balance: str = "weights"
    """`weights`: class weights. `augmentation`: the paper's; augmented versions, as many rows of each class."""
    copies: int = 0
    """Augmented versions of each training source; 0 with `weights`."""


@dataclass(frozen=True)
class Suite:
    """One suite."""

    name: str
    version: int
    title: str
    task: str
    """`classification` or `detection`."""
    dataset: dict[str, Any]
    """`name`, and the dataset's own options."""
    split: SplitChoice
    distortion: DistortionChoice
    networks: NetworkChoice
    labels: classification.LabelChoice | detection.LabelChoice
    """The task's rule."""
    training: TrainingChoice = field(default_factory=TrainingChoice)
    twin_of: str = ""
    """The suite whose outcomes this one shares, or empty."""
    redistributable: bool = False
    """Whether its images may be published, so that pages show some."""
    limit: int = 0
    """Number of sources for a quick look; 0 = all. Never in a file."""

    @property
    def label_sets(self) -> tuple[str, ...]:
        """`combined`, then one a labelling network."""
        return (COMBINED, *self.networks.labelling)

    @property
    def judging_probe(self) -> tuple[str, ...]:
        """The probe, where there is one and it does the suite's task; else nothing."""
        return (self.networks.probe,) if self.networks.probe and TASKS[self.task].PROBE_JUDGES else ()

    @property
    def folder(self) -> str:
        """Folder below the results; a limited suite has its own, so that it cannot mix with the full one."""
        return self.name + (f"-limit{self.limit}" if self.limit else "")

    @property
    def outcomes_folder(self) -> str:
        """As `folder`, of the suite that holds the outcomes."""
        return (self.twin_of or self.name) + (f"-limit{self.limit}" if self.limit else "")

    def choices(self) -> str:
        """Canonical text of all that a result depends on; part of the fingerprint."""
        chosen = dataclasses.asdict(self)
        del chosen["title"], chosen["twin_of"], chosen["redistributable"]
        return json.dumps(chosen, sort_keys=True)
