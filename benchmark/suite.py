"""Suites: frozen, versioned choices of everything that a result depends on, read from TOML.

    suite = load_suite("glyphs")                 # one that comes with the package
    suite = load_suite("my/suite.toml")          # your own; no code needed

Every key of a suite file is a field below; an unknown one is an error. A file may say `twin_of = "NAME"` and then holds only
a name and how its `[labels]` differ from that suite's; twins share their outcomes.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from benchmark.errors import SuiteError
from benchmark.tasks import TASKS, classification, detection

FOLDER = Path(__file__).with_name("suites")
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


SECTIONS = {
    "split": SplitChoice,
    "distortion": DistortionChoice,
    "networks": NetworkChoice,
    "training": TrainingChoice,
}


def suite_names() -> list[str]:
    """The suites that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_suite(name: str, limit: int = 0) -> Suite:
    """Read a suite by name, or by the path of a TOML file.

    Raises:
        SuiteError: no such suite, or a key or value that is not valid; the message names it.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        near = difflib.get_close_matches(name, suite_names(), cutoff=0.4)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise SuiteError(f"no suite {name!r}{hint}; there are {', '.join(suite_names())}, or the path of a .toml file")
    try:
        table = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: not TOML ({error})") from error
    if limit < 0:
        raise SuiteError(f"limit is {limit}; it is a number of sources, 0 for all")
    suite = twin(table, path) if "twin_of" in table else build(table, path)
    return dataclasses.replace(suite, limit=limit)


def twin(table: dict[str, Any], path: Path) -> Suite:
    """A suite that says only how its labels differ from another's."""
    unknown(table, {"twin_of", "name", "version", "title", "labels"}, path, "in a twin")
    other, name = table["twin_of"], table.get("name")
    if not isinstance(other, str) or not isinstance(name, str) or name == other:
        raise SuiteError(f"{path}: a twin needs a name of its own and, in twin_of, that of another suite")
    sibling = path.with_name(f"{other}.toml")
    if sibling == path:
        raise SuiteError(f"{path}: is a twin of itself")
    parent = load_suite(str(sibling) if sibling.is_file() else other)
    if parent.twin_of:
        raise SuiteError(f"{path}: {parent.name} is itself a twin; name {parent.twin_of}")
    values = typed(Suite, {key: value for key, value in table.items() if key != "labels"}, path, "at the top")
    if "labels" in table:
        values["labels"] = section("labels", table["labels"], path, TASKS[parent.task].LabelChoice)
    suite = dataclasses.replace(parent, **values)
    check(suite, path)
    return suite


def build(table: dict[str, Any], path: Path) -> Suite:
    """A suite from a whole file."""
    fields = {field.name for field in dataclasses.fields(Suite)} - {"twin_of", "limit"}
    unknown(table, fields, path, "at the top")
    needed = [key for key in sorted(fields - {"labels", "training", "redistributable"}) if key not in table]
    if needed:
        raise SuiteError(f"{path}: lacks {', '.join(needed)}")
    if table["task"] not in TASKS:
        raise SuiteError(f"{path}: task is {table['task']!r}; valid are {', '.join(TASKS)}")
    kinds = SECTIONS | {"labels": TASKS[table["task"]].LabelChoice}
    sections = {key: section(key, table.get(key, {}), path, kind) for key, kind in kinds.items()}
    rest = {key: value for key, value in table.items() if key not in kinds}
    suite = Suite(**typed(Suite, rest, path, "at the top"), **sections)
    check(suite, path)
    return suite


def section(key: str, table: Any, path: Path, kind: type) -> Any:
    """One table of a suite file as its dataclass."""
    if not isinstance(table, dict):
        raise SuiteError(f"{path}: {key} must be a table [{key}]")
    unknown(table, set(get_type_hints(kind)), path, f"in [{key}]")
    values = typed(kind, table, path, f"in [{key}]")
    try:
        return kind(**values)
    except TypeError as error:
        raise SuiteError(f"{path}: [{key}] {str(error).partition(') ')[2]}") from error


def typed(kind: type, table: dict[str, Any], path: Path, where: str) -> dict[str, Any]:
    """The table with lists as tuples, after a check of each value against the field's type."""
    hints = get_type_hints(kind)
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
    for name, value in values.items():
        if not fits(value, hints[name]):
            raise SuiteError(f"{path}: {name} = {table[name]!r} {where} has the wrong type")
    return values


def fits(value: Any, hint: Any) -> bool:
    """Whether a value from TOML is of a field's type; true is no number, and 1 is a float."""
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(fits(one, get_args(hint)[0]) for one in value)
    kind = get_origin(hint) or hint
    return isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))


def unknown(table: dict[str, Any], valid: set[str], path: Path, where: str) -> None:
    """Raise SuiteError at a key that is not valid."""
    for key in table:
        if key not in valid:
            raise SuiteError(f"{path}: unknown key {key!r} {where}; valid are {', '.join(sorted(valid))}")


def check(suite: Suite, path: Path) -> None:
    """Raise SuiteError unless the suite makes sense."""
    from benchmark.distortions import find_distortion

    split, distortion, networks = suite.split, suite.distortion, suite.networks
    try:
        codec = find_distortion(distortion.name)
    except SuiteError as error:
        raise SuiteError(f"{path}: [distortion] name: {error}") from error
    both = (*distortion.levels, *distortion.held_out)
    judges = (*networks.labelling, *networks.held_out)
    rules = [
        ("name" in suite.dataset, "[dataset] lacks name"),
        (abs(split.train + split.validation + split.test - 1) < 1e-9, "[split] shares must add up to 1"),
        (min(split.train, split.validation, split.test) > 0, "[split] shares must be above 0"),
        (bool(distortion.levels and distortion.held_out), "[distortion] needs levels and held_out"),
        (len(set(both)) == len(both), "[distortion] a level stands twice in levels and held_out"),
        (all(x in codec.levels for x in both), f"[distortion] levels must be in {codec.levels}"),
        (bool(networks.labelling and networks.held_out), "[networks] needs labelling and held_out networks"),
        (len(set(judges)) == len(judges), "[networks] a network stands twice in labelling and held_out"),
        (not suite.labels.problem(), suite.labels.problem()),
        (suite.training.balance in ("weights", "augmentation"), "[training] balance: weights or augmentation"),
        (
            suite.training.copies > 0 if suite.training.balance == "augmentation" else suite.training.copies == 0,
            "[training] copies: above 0 with augmentation, else 0",
        ),
    ]
    for fine, message in rules:
        if not fine:
            raise SuiteError(f"{path}: {message}")
