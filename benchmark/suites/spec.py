"""Suites: frozen, versioned choices of everything that a result depends on, read from TOML.

    suite = load_suite("glyphs")                 # a suite of the package
    suite = load_suite("my/suite.toml")          # your own suite; it needs no code

Every key of a suite file is a field below; an unknown key is an error. A file with `twin_of = "NAME"` holds only a name and how
its `[labels]` differ from those of that suite; twins share their outcomes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from benchmark.core.types import CONSENSUS, Condition
from benchmark.suites.tasks import classification, detection

COMBINED = "combined"
"""Name of the label set that all labelling networks determine together."""


@dataclass(frozen=True)
class SplitChoice:
    """How sources are divided, before anything is compressed."""

    train: float
    """Share of the sources for training; the three shares add up to 1."""
    validation: float
    """Share for thresholds and early stopping."""
    test: float
    """Share for results."""
    seed: int = field(default=0, kw_only=True)
    """Seed of the order that assigns sources to parts."""


@dataclass(frozen=True)
class DistortionChoice:
    """One distortion of each source."""

    name: str
    """Name of a distortion: `jpeg`."""
    levels: tuple[int, ...]
    """Levels for training and for label metrics; none where the distortion is held out whole, so that it is an unseen kind."""
    held_out: tuple[int, ...]
    """Levels for downstream performance, none of which is among `levels`."""


@dataclass(frozen=True)
class NetworkChoice:
    """The labelling networks, the held-out networks and those that predictors may look into."""

    labelling: tuple[str, ...]
    """Networks whose decisions determine the labels."""
    held_out: tuple[str, ...]
    """Networks for downstream performance, none of which is a labelling network; without any, nothing is told of it."""
    probe: str = field(default="", kw_only=True)
    """Small network of the suite's task that predictors may ask, and whose kept and changed decisions Fig. 1 shows; empty if
    there is none."""
    classifier: str = field(default="", kw_only=True)
    """Classifier whose logits predictors may read, where the probe is no classifier."""

    @property
    def logits_from(self) -> str:
        """The classifier whose logits predictors may read: `classifier`, or else the probe."""
        return self.classifier or self.probe

    def offered(self, needs: Collection[str]) -> dict[str, str]:
        """The networks that a predictor with these needs is given, as fields of its context; empty names for the others."""
        networks = {"probe": self.probe, "classifier": self.logits_from}
        return {need: name if need in needs else "" for need, name in networks.items()}


@dataclass(frozen=True, kw_only=True)
class TrainingChoice:
    """How the two classes are balanced in the training part."""

    balance: str = "weights"
    """`weights`: class weights. `augmentation`: augmented versions and equally many rows of each class, as in the paper."""
    copies: int = 0
    """Number of augmented versions of each training source; 0 with `weights`."""


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The choices of a suite."""

    name: str
    version: int
    title: str
    task: str
    """`classification` or `detection`."""
    dataset: dict[str, Any]
    """`name` and the dataset's own options."""
    split: SplitChoice
    distortions: tuple[DistortionChoice, ...]
    networks: NetworkChoice
    labels: classification.LabelChoice | detection.LabelChoice
    """The task's rule for labels."""
    training: TrainingChoice = field(default_factory=TrainingChoice)
    twin_of: str = ""
    """The suite whose outcomes this one shares, or empty."""
    redistributable: bool = False
    """Whether its images may be published; if so, pages show some of them."""
    limit: int = 0
    """Number of sources for a quick look, 0 for all; it is never set in a file."""

    @property
    def label_sets(self) -> tuple[str, ...]:
        """`combined`, then one label set per labelling network."""
        return (COMBINED, *self.networks.labelling)

    @property
    def training_conditions(self) -> tuple[Condition, ...]:
        """The conditions for training and for label metrics, in the order of the suite."""
        return tuple(Condition(choice.name, level) for choice in self.distortions for level in choice.levels)

    @property
    def held_out_conditions(self) -> tuple[Condition, ...]:
        """The conditions for downstream performance, in the order of the suite."""
        return tuple(Condition(choice.name, level) for choice in self.distortions for level in choice.held_out)

    @property
    def unseen_kinds(self) -> tuple[str, ...]:
        """The distortions that are held out whole."""
        return tuple(choice.name for choice in self.distortions if not choice.levels)

    @property
    def kinds(self) -> dict[str, tuple[str, ...]]:
        """`seen kinds` and `unseen kinds` -> their distortions; empty where there are only kinds of one sort."""
        seen = tuple(choice.name for choice in self.distortions if choice.levels)
        return {"seen kinds": seen, "unseen kinds": self.unseen_kinds} if seen and self.unseen_kinds else {}

    @property
    def unseen_conditions(self) -> tuple[Condition, ...]:
        """The held-out conditions of unseen kinds."""
        return tuple(condition for condition in self.held_out_conditions if condition.distortion in self.unseen_kinds)

    @property
    def is_mixed(self) -> bool:
        """Whether it has several distortions, which are then compared."""
        return len(self.distortions) > 1

    @property
    def has_consensus(self) -> bool:
        """Whether the labelling networks determine the truth, since the dataset has none."""
        return bool(self.dataset.get("truth") == CONSENSUS)

    @property
    def truth_note(self) -> str:
        """A sentence on where the truth is from, for boards; empty where the dataset has it."""
        if not self.has_consensus:
            return ""
        what = "is the class that all" if self.task == "classification" else "are the objects that a majority of the"
        return (
            f"Nobody has given a truth: it {what} labelling networks agree on in the pristine version; held-out networks are "
            "judged by their own decision there."
        )

    @property
    def all_networks(self) -> tuple[str, ...]:
        """The networks whose outcomes are recorded: labelling networks, the probe and held-out networks."""
        networks = self.networks
        return tuple(dict.fromkeys((*networks.labelling, *filter(None, [networks.probe]), *networks.held_out)))

    @property
    def satisfied_networks(self) -> tuple[str, ...]:
        """The networks that the satisfied machine ratio counts: all but the probe, which predictors may ask."""
        return (*self.networks.labelling, *self.networks.held_out)

    @property
    def folder(self) -> str:
        """Folder below the results; a limited suite has its own, so that its results do not mix with the full ones."""
        return self.name + (f"-limit{self.limit}" if self.limit else "")

    @property
    def outcomes_folder(self) -> str:
        """The folder, below the results, of the suite that holds the outcomes."""
        return (self.twin_of or self.name) + (f"-limit{self.limit}" if self.limit else "")

    def choices(self) -> str:
        """Canonical text of all choices on which a result depends; it is part of the fingerprint."""
        chosen = dataclasses.asdict(self)
        del chosen["title"], chosen["twin_of"], chosen["redistributable"]
        return json.dumps(chosen, sort_keys=True)
