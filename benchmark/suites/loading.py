"""Reads suites from TOML files and checks them."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any, get_type_hints

from benchmark.core.errors import SuiteError
from benchmark.core.files import file_errors
from benchmark.core.schema import twice, typed, unknown
from benchmark.core.similar_names import near, no_such_file
from benchmark.suites.names import LIMITED, name_problem, network_names_problem, title_problem
from benchmark.suites.spec import DistortionChoice, NetworkChoice, SplitChoice, Suite, TrainingChoice
from benchmark.suites.tasks import TASKS

FOLDER = Path(__file__).parent


SECTIONS = {
    "split": SplitChoice,
    "networks": NetworkChoice,
    "training": TrainingChoice,
}


def suite_names() -> list[str]:
    """The names of the suites in the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def argument_of(folder: str) -> str:
    """What the command line takes for the suite of a folder of results, `Suite.folder`, with the limit of a quick look.

    Of a suite that is not the package's it is the name that its file most likely has; where that lies is not recorded.

    Examples:
        >>> argument_of("glyphs-limit30"), argument_of("mine")
        ('glyphs --limit 30', 'mine.toml')
    """
    limited = LIMITED.fullmatch(folder)
    name, limit = limited.groups() if limited else (folder, "")
    own = name if name in suite_names() else f"{name}.toml"
    return f"{own} --limit {limit}" if limit else own


def load_suite(name: str, *, limit: int = 0) -> Suite:
    """Read a suite by name, or by the path of a TOML file.

    Raises:
        SuiteError: the suite does not exist, or a key or value is not valid; the message names it.

    Examples:
        >>> load_suite("glyphs").distortions[0].levels
        (90, 70, 50, 40, 30, 20, 15, 10, 5)
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        if name.endswith(".toml"):
            raise SuiteError(no_such_file(path))
        names = suite_names()
        valid = f"{', '.join(names)}, or the path of a .toml file"
        raise SuiteError(f"no suite {name!r}{near(name, names)}; there are {valid}")
    if limit < 0:
        raise SuiteError(f"limit is {limit}; it is a number of sources, 0 for all")
    table = read_toml(path)
    suite = twin(table, path) if "twin_of" in table else build(table, path)
    others = suite_names() if path.resolve().parent != FOLDER.resolve() else ()
    if problem := name_problem(suite.name, shipped=others) or title_problem(suite.title):
        raise SuiteError(f"{path}: {problem}")
    return dataclasses.replace(suite, limit=limit)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a suite file, which is UTF-8, with or without a byte order mark.

    Raises:
        SuiteError: it is no TOML; the message names it.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:  # also of long integers and of deep lists
        raise SuiteError(f"{path}: not TOML ({error})") from error


def read_suite(path: Path) -> Suite:
    """Read the choices that `label` recorded beside the outcomes, so that results need no suite file.

    Raises:
        SuiteError: the file is missing or does not hold the choices of a suite; the message names it.
    """
    if not path.is_file():
        raise SuiteError(f"{path}: no such file; `utilbench label` records the choices of a suite there")
    try:
        with file_errors(path):
            table = json.loads(path.read_text(encoding="utf-8"))
        twin_of, limit = table.pop("twin_of"), table.pop("limit")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise SuiteError(f"{path}: not the choices of a suite ({error!r})") from error
    if not isinstance(twin_of, str) or type(limit) is not int or limit < 0:
        raise SuiteError(f"{path}: twin_of is {twin_of!r} and limit {limit!r}; they are a text and a number of sources")
    return dataclasses.replace(build(table, path), twin_of=twin_of, limit=limit)


def twin(table: dict[str, Any], path: Path) -> Suite:
    """A suite from a file that states only how its labels differ from those of another suite."""
    unknown(table, {"twin_of", "name", "version", "title", "labels"}, path, "in a twin")
    other, name = table["twin_of"], table.get("name")
    if not isinstance(other, str) or not isinstance(name, str) or name == other:
        raise SuiteError(f"{path}: a twin needs a name of its own and, in twin_of, that of another suite")
    if problem := name_problem(other):
        raise SuiteError(f"{path}: twin_of: {problem}")
    sibling = path.with_name(f"{other}.toml")
    if sibling.resolve() == path.resolve():
        raise SuiteError(f"{path}: is a twin of itself")
    origin = sibling if sibling.is_file() else FOLDER / f"{other}.toml"
    outer = read_toml(origin) if origin.is_file() else {}
    if "twin_of" in outer:  # asked before it is loaded, since twins may be circular
        raise SuiteError(f"{path}: {other} is itself a twin, of {outer['twin_of']}; name a suite that is none")
    try:
        parent = load_suite(str(origin) if origin.is_file() else other)
    except SuiteError as error:
        raise SuiteError(f"{path}: twin_of: {error}") from error
    values = typed(Suite, {key: value for key, value in table.items() if key != "labels"}, path, "at the top")
    if "labels" in table:
        values["labels"] = section("[labels]", table["labels"], path, TASKS[parent.task].LabelChoice)
    suite = dataclasses.replace(parent, **values)
    check(suite, path)
    return suite


def build(table: dict[str, Any], path: Path) -> Suite:
    """A suite from a complete file."""
    fields = {field.name for field in dataclasses.fields(Suite)} - {"twin_of", "limit"}
    unknown(table, fields, path, "at the top")
    needed = [key for key in sorted(fields - {"labels", "training", "redistributable"}) if key not in table]
    if needed:
        raise SuiteError(f"{path}: lacks {', '.join(needed)}")
    rest = typed(
        Suite,
        {key: value for key, value in table.items() if key not in {*SECTIONS, "labels", "distortions"}},
        path,
        "at the top",
    )
    if rest["task"] not in TASKS:
        raise SuiteError(f"{path}: task is {table['task']!r}; valid are {', '.join(TASKS)}")
    kinds = SECTIONS | {"labels": TASKS[table["task"]].LabelChoice}
    sections = {key: section(f"[{key}]", table.get(key, {}), path, kind) for key, kind in kinds.items()}
    suite = Suite(**rest, **sections, distortions=distortion_choices(table["distortions"], path))
    check(suite, path)
    return suite


def section(heading: str, table: Any, path: Path, kind: type) -> Any:
    """A table of a suite file as its dataclass."""
    if not isinstance(table, dict):
        raise SuiteError(f"{path}: {heading.strip('[]')} must be a table {heading}")
    unknown(table, set(get_type_hints(kind)), path, f"in {heading}")
    values = typed(kind, table, path, f"in {heading}")
    try:
        return kind(**values)
    except TypeError as error:
        raise SuiteError(f"{path}: {heading} {str(error).partition(') ')[2]}") from error


def distortion_choices(tables: Any, path: Path) -> tuple[DistortionChoice, ...]:
    """The tables [[distortions]] of a suite file."""
    if not isinstance(tables, list) or not tables:
        raise SuiteError(f"{path}: distortions must be one or more tables [[distortions]]")
    return tuple(section("[[distortions]]", table, path, DistortionChoice) for table in tables)


def check(suite: Suite, path: Path) -> None:
    """Raise SuiteError unless the suite is consistent."""
    split, networks, balance, copies = suite.split, suite.networks, suite.training.balance, suite.training.copies
    names = [choice.name for choice in suite.distortions]
    judges = (*networks.labelling, *networks.held_out)
    shares = (split.train, split.validation, split.test)
    clash = network_names_problem((*judges, *filter(None, [networks.probe, networks.classifier])))
    rules = [
        (suite.version >= 1, f"version is {suite.version}; the first is 1"),
        ("name" in suite.dataset, "[dataset] lacks name"),
        (
            isinstance(suite.dataset.get("name"), str),
            f"[dataset] name is {suite.dataset.get('name')!r:.80}; it is a text",
        ),
        (abs(sum(shares) - 1) < 1e-9, f"[split] the shares {shares} must add up to 1, not to {sum(shares):g}"),
        (min(shares) > 0, f"[split] the shares {shares} must be above 0"),
        (0 <= split.seed < 2**63, f"[split] seed is {split.seed}; it is 0 to 2**63 - 1"),
        (twice(names) is None, f"[[distortions]] the name {twice(names)} stands twice"),
        (bool(suite.training_conditions), "[[distortions]] none has levels, on which predictors are trained"),
        *(rule for choice in suite.distortions for rule in distortion_rules(choice, path)),
        (bool(networks.labelling), "[networks] needs labelling networks"),
        (twice(judges) is None, f"[networks] {twice(judges)} stands twice in labelling and held_out"),
        (not clash, f"[networks] {clash}"),
        (not suite.labels.problem(), suite.labels.problem()),
        (
            not (suite.has_consensus and getattr(suite.labels, "calibrate", False)),
            "[labels] calibrate: networks that agree on the truth are right by construction, so that no temperature can be "
            "fitted; leave it out",
        ),
        (
            balance in ("weights", "augmentation"),
            f"[training] balance is {balance!r:.80}; valid are weights, augmentation",
        ),
        (
            copies > 0 if balance == "augmentation" else copies == 0,
            f"[training] copies is {copies}; it is above 0 with augmentation, else 0",
        ),
    ]
    for satisfied, message in rules:
        if not satisfied:
            raise SuiteError(f"{path}: {message}")


def distortion_rules(choice: DistortionChoice, path: Path) -> list[tuple[bool, str]]:
    """What a choice of a distortion must satisfy, each with what is wrong otherwise."""
    from benchmark.plugins.distortions import find_distortion

    heading, levels = f"[[distortions]] {choice.name}", (*choice.levels, *choice.held_out)
    try:
        valid = find_distortion(choice.name).levels
    except SuiteError as error:
        raise SuiteError(f"{path}: [[distortions]] name: {error}") from error
    outside = [level for level in levels if level not in valid]
    return [
        (bool(choice.held_out), f"{heading} needs held_out levels"),
        (twice(levels) is None, f"{heading}: the level {twice(levels)} stands twice in levels and held_out"),
        (
            not outside,
            f"{heading}: level {min(outside, default=0)} is not valid; levels are {valid.start} to {valid.stop - 1}",
        ),
    ]
