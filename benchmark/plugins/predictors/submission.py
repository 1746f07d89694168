"""A submission is a folder with a card, and a predictor's code, or tables of its scores, or both.

    submissions/NAME/card.toml                authors and provenance: the fields of `Card`
    submissions/NAME/predictor.py             run under the name NAME
    submissions/NAME/scores/SUITE.parquet     or .csv: columns source, level, score; see `reported`

This module executes no code of a submission. A table's file is named after its suite, so that a card cannot name another file.
"""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from benchmark.core.digests import digest
from benchmark.core.errors import SubmissionError
from benchmark.core.schema import fits
from benchmark.plugins.predictors.discovery import baselines_folder, predictor_names
from benchmark.plugins.registry import extensions

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
TRACKS = ("no-reference", "full-reference", "bitstream")
ENDINGS = (".parquet", ".csv")
KINDS: dict[type, str] = {str: "a text", tuple: "a list of texts", dict: "a table for each suite, [scores.SUITE]"}
BASES = ("Predictor", "LearnedPredictor", "Variant")
LONGEST = 200
"""Maximum number of characters of a text in a card."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """The provenance of a table of scores: `[scores.SUITE]`."""

    fingerprint: str = ""
    """Fingerprint of the suite, which is shown at the head of the suite's board."""
    labels: str = ""
    """The label set of this suite that the predictor learned from, or empty if none."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """The fields of card.toml."""

    authors: tuple[str, ...] = ()
    licence: str = ""
    """Licence of the code or of the scores."""
    trained_on: str = ""
    """Training data in words, such as `nothing` or `ImageNet-1k`."""
    paper: str = ""
    """Reference to read more; optional."""
    track: str = ""
    """Track of the tables, one of `TRACKS`; the track of code follows from its `needs`."""
    scores: dict[str, Table] = field(default_factory=dict)
    """Suite -> the provenance of its table."""


@dataclass(frozen=True)
class Submission:
    """One folder with its card."""

    folder: Path
    card: Card

    @property
    def name(self) -> str:
        """Its name on the board."""
        return self.folder.absolute().name

    @property
    def code(self) -> Path:
        """The path of its predictor, which may be missing."""
        return self.folder / "predictor.py"

    def find_code(self) -> Path:
        """The path of its predictor; raises SubmissionError where it has none."""
        if not self.code.is_file():
            only = ", ".join(self.card.scores)
            raise SubmissionError(
                f"{self.folder}: has tables of scores for {only}, and no predictor.py to run on another suite"
            )
        return self.code

    def other_files(self) -> str:
        """Digest of all other files that its code may read; the card, tables of scores and Python's caches do not count."""
        files = [
            path
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path not in (self.code, self.card_file)
        ]
        kept = [path for path in files if not {"scores", "__pycache__"} & set(path.relative_to(self.folder).parts)]
        return digest(*(part for path in kept for part in (str(path.relative_to(self.folder)), path.read_bytes())))

    @property
    def card_file(self) -> Path:
        """The path of its card."""
        return self.folder / "card.toml"

    @property
    def about(self) -> dict[str, Any]:
        """The fields of the card that a scorecard keeps."""
        card = self.card
        return {
            "authors": list(card.authors),
            "licence": card.licence,
            "trained_on": card.trained_on,
            "paper": card.paper,
        }


def find_submission(name: str) -> Submission | None:
    """The submission in the folder of this name, or None where that is not a folder with a card.

    Raises:
        SubmissionError: its name or card is not valid.
    """
    if not (Path(name) / "card.toml").is_file():
        return None
    submission, problems = read_submission(Path(name))
    refuse(submission, problems)
    return submission


def refuse(submission: Submission, problems: list[str]) -> None:
    """Raise SubmissionError with the first problem and the number of the others."""
    if problems:
        others = f" (and {len(problems) - 1} more: `utilbench verify {submission.folder}`)" if problems[1:] else ""
        raise SubmissionError(problems[0] + others)


def read_submission(folder: Path) -> tuple[Submission, list[str]]:
    """A submission with the valid fields of its card, and the problems with its name, its card and its file names."""
    path, problems, tables = folder / "card.toml", [], {}
    submission = Submission(folder, Card())
    if not NAME.fullmatch(submission.name):
        valid = "up to 64 letters, digits, `_`, `.` and `-`, the first a letter, digit or `_`"
        # Other messages would begin with the raw name, including its line breaks.
        return submission, [f"the folder's name {submission.name!r:.80} is not valid; valid are {valid}"]
    if submission.name in [*predictor_names(), *extensions("predictors", own=predictor_names())]:
        problems.append(f"the folder's name {submission.name!r} is that of another predictor; choose one of your own")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        return submission, [*problems, f"{path}: cannot be read ({error.strerror})"]
    except (ValueError, RecursionError) as error:
        return submission, [*problems, f"{path}: not TOML ({error})"]
    values, card_problems = checked(Card, raw, f"{path}: ", ("authors", "licence", "trained_on"))
    for suite, table in values.pop("scores", {}).items():
        where = f"{path}: [scores.{suite!r:.60}]: "
        if not NAME.fullmatch(suite) or not isinstance(table, dict):
            card_problems.append(where + "not valid; tables are [scores.SUITE] with the name of a suite")
            continue
        fine, wrong = checked(Table, table, where, ("fingerprint",))
        tables[suite] = Table(**fine)
        card_problems += wrong
    card = Card(**values, scores=tables)
    if (card.track or tables) and card.track not in TRACKS:
        card_problems.append(f"{path}: track is {card.track!r:.60}; a table needs one of {', '.join(TRACKS)}")
    if not tables and not submission.code.is_file():
        card_problems.append(
            f"{folder}: holds neither a predictor.py nor a table that the card names as [scores.SUITE]"
        )
    for file in sorted((folder / "scores").glob("*")):
        if file.stem not in tables or file.suffix not in ENDINGS or file.is_symlink():
            complaint = "is no table that the card names: a file SUITE.parquet or SUITE.csv, not a link"
            card_problems.append(f"{folder}: scores/{file.name!r:.60} {complaint}")
    return Submission(folder, card), problems + card_problems


def checked(kind: type, table: dict[str, Any], where: str, needed: tuple[str, ...]) -> tuple[dict[str, Any], list[str]]:
    """The valid values of a TOML table, with lists as tuples, and the problems with the other values."""
    hints = get_type_hints(kind)
    values, problems = {}, [f"{where}lacks {key}" for key in needed if key not in table]
    for key, given in table.items():
        value = tuple(given) if isinstance(given, list) else given
        texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else None
        if key not in hints:
            problems.append(f"{where}unknown key {key!r:.60}; valid are {', '.join(hints)}")
        elif not fits(value, hints[key]):
            problems.append(
                f"{where}{key} = {given!r:.60} has the wrong type; {KINDS[type(getattr(kind(), key))]} is needed"
            )
        elif texts is not None and not (texts and all(0 < len(text.strip()) <= LONGEST for text in texts)):
            problems.append(f"{where}{key} = {given!r:.60} is empty or too long; texts have 1 to {LONGEST} characters")
        else:
            values[key] = value
    return values, problems


def code_problems(path: Path) -> list[str]:
    """The reasons why a file, which is not executed, does not define exactly one predictor."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return [f"{path}: does not parse as Python ({error})"]
    own = predictors_in(tree)
    return [] if len(own) == 1 else [f"{path}: defines {len(own)} subclasses of Predictor; exactly one is needed"]


def predictors_in(tree: ast.Module) -> list[str]:
    """Names of the classes that derive from a predictor of `benchmark` or of a baseline."""
    kinds, own = set(BASES), []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            module, _, name = (node.module or "").partition(".")
            file = baselines_folder() / f"{name}.py"
            bases = set(BASES) if module == "benchmark" else set()
            if module == "baselines" and file.is_file():
                bases = set(predictors_in(ast.parse(file.read_bytes())))
            kinds |= {alias.asname or alias.name for alias in node.names if alias.name in bases}
        elif isinstance(node, ast.ClassDef) and kinds & {ast.unparse(base).split(".")[-1] for base in node.bases}:
            own.append(node.name)
            kinds.add(node.name)
    return own
