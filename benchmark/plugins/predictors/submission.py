"""A submission is a folder with a card, and a predictor's code, or tables of its scores, or both.

    submissions/NAME/card.toml                authors and provenance: the fields of `Card`
    submissions/NAME/predictor.py             run under the name NAME
    submissions/NAME/scores/SUITE.parquet     or .csv: columns source, distortion, level, score; see `score_table`

This module executes no code of a submission. A table's file is named after its suite, so that a card cannot name another file.
"""

from __future__ import annotations

import contextlib
import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from benchmark.core.errors import SubmissionError
from benchmark.core.files import read_bounded
from benchmark.core.messages import clean_line, printable
from benchmark.core.schema import fits
from benchmark.plugins.predictors.names import NAME, name_problem, skeleton
from benchmark.plugins.predictors.submission_files import ENDINGS, digest_of_files, file_problems, most_bytes

TRACKS = ("no-reference", "full-reference", "bitstream")
KINDS: dict[type, str] = {str: "a text", tuple: "a list of texts", dict: "a table for each suite, [scores.SUITE]"}
LONGEST = 200
"""Maximum number of characters of a text in a card."""
PAPER = re.compile(r"https?://[a-z0-9.-]+\.[a-z0-9-]+(:[0-9]+)?(/[!-~]*)?|(doi:)?10\.[0-9]{4,9}/[!-~]+", re.IGNORECASE)
"""Addresses and DOIs, of printable ASCII; an address has no user name before its host, which would pass for one."""


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
    """Reference to read more, an http(s) address or a DOI; optional."""
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
        return digest_of_files(self.folder, without=(self.code.name, self.card_file.name, "scores"))

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
    if not os.path.lexists(Path(name) / "card.toml"):
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
    path, tables = folder / "card.toml", {}
    submission = Submission(folder, Card())
    problem = name_problem(submission.name, others=neighbours(submission))
    if not NAME.fullmatch(submission.name):
        # Other messages would begin with the raw name, including its line breaks.
        return submission, [f"the folder's name {problem}"]
    problems = [f"the folder's name {problem}"] if problem else []
    if unfit := file_problems(folder):
        return submission, [*problems, *unfit]
    try:
        raw = tomllib.loads(read_bounded(path, most_bytes(path)).decode("utf-8-sig"))
    except OSError as error:
        return submission, [*problems, f"{path}: cannot be read ({error.strerror})"]
    except (ValueError, RecursionError) as error:
        return submission, [*problems, f"{path}: not TOML ({clean_line(str(error))})"]
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
    if card.paper and not PAPER.fullmatch(card.paper):
        card_problems.append(
            f"{path}: paper is {card.paper!r:.60}; it is an http(s) address or a DOI such as 10.1109/83.1"
        )
    if not tables and not submission.code.is_file():
        card_problems.append(
            f"{folder}: holds neither a predictor.py nor a table that the card names as [scores.SUITE]"
        )
    scores = folder / "scores"
    for file in sorted(scores.iterdir()) if scores.is_dir() else ():
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
        elif texts is not None and not all(" ".join(text.split()) == printable(text) for text in texts):
            problems.append(f"{where}{key} = {given!a:.60} holds characters that are not printable")
        else:
            values[key] = (
                value if texts is None else printable(value) if value is given else tuple(map(printable, texts))
            )
    return values, problems


def neighbours(submission: Submission) -> list[str]:
    """The names of submissions beside this one that look like its own, which some file systems do not tell apart."""
    folder = submission.folder.absolute()
    with contextlib.suppress(OSError), os.scandir(folder.parent) as entries:
        names = [entry.name for entry in entries if entry.name != folder.name]
        alike = [name for name in names if skeleton(name) == skeleton(folder.name)]
        return [name for name in alike if os.path.lexists(folder.parent / name / "card.toml")]
    return []
