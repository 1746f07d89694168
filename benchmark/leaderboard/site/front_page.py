"""The index: what the benchmark asks, a photograph, findings, one chart over all suites, and where to go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from benchmark.core.errors import BenchmarkError
from benchmark.evaluation.card_parts import Measure
from benchmark.evaluation.results import SuiteResults, title
from benchmark.leaderboard.chart_parts import look
from benchmark.leaderboard.site.ladder import Ladder, ladders
from benchmark.leaderboard.site.page_board import Bar, bar_of, interval_of
from benchmark.leaderboard.site.pages import write, write_assets
from benchmark.leaderboard.site.photographs import Picture, photographs_of
from benchmark.leaderboard.site.story import ranked_cards, sentences
from benchmark.suites.results_folder import index_page
from benchmark.suites.spec import COMBINED

if TYPE_CHECKING:
    from benchmark.core.workspace import Workspace

SHOWN = ("gatekeeper", "resnet18", "energy", "ssim", "condition")
"""Predictors on the chart over all suites, where any suite has results of them; the last is a rival."""
PAPER = "https://doi.org/10.23919/eusipco55093.2022.9909664"


@dataclass(frozen=True)
class Step:
    """One of three pictures: the photograph, and it where it is useful and where it is not."""

    heading: str
    picture: Picture
    condition: str
    answers: tuple[tuple[str, str, bool], ...]
    """Network, its answer, and whether that is the answer on the pristine image."""


def write_index(ranked: Sequence[SuiteResults], workspace: Workspace) -> list[Path]:
    """Write the page over all suites; returns its file.

    Args:
        ranked: the results of each suite.
        workspace: where the results are, and the photographs, of which one is shown.
    """
    write_assets(workspace.results)
    names = [name for name in SHOWN if any(measure_of(entry, name) for entry in ranked)]
    suites = []
    for entry in ranked:
        first = next(iter(ranked_cards(entry)), None)
        suites.append({
            "suite": entry.suite,
            "page": quote(f"{entry.folder.path.name}/index.html"),
            "counts": entry.cards(COMBINED)[0].counts,
            "first": title(first) if first else "",
            "auroc": first.metrics["auroc"].text if first else "",
            "predictors": len(entry.results[COMBINED]),
            "cells": [cell(measure_of(entry, name)) for name in names],
        })  # fmt: skip
    context = {
        "root": ".",
        "suites": suites,
        "shown": [(name, look(name)[0]) for name in names],
        "findings": sentences(ranked),
        "steps": steps(ranked, workspace),
        "paper": PAPER,
    }
    return [write(index_page(workspace.results), "index.html", **context)]


def measure_of(entry: SuiteResults, name: str) -> Measure | None:
    """The AUROC of a predictor that was trained on the suite, if at all; None where it was not run."""
    for card in entry.cards(COMBINED):
        if card.predictor == name and not card.is_trained_elsewhere:
            return card.metrics["auroc"]
    return None


def cell(measure: Measure | None) -> tuple[str, Bar | None, str]:
    """Value, bar and interval of a cell of the chart."""
    return (
        ("not run", None, "")
        if measure is None
        else (measure.text.split(" ")[0], bar_of(measure), interval_of(measure))
    )


def steps(ranked: Sequence[SuiteResults], workspace: Workspace) -> tuple[list[Step], str]:
    """Three pictures of a photograph whose labels differ, and its credit; of one with an author, if one may be shown."""
    triples = []
    for entry in ranked:
        for ladder in sharp_ladders(entry, workspace):
            if triple := steps_of(ladder):
                triples.append(
                    (triple, f"{ladder.source}, of the suite {entry.suite.name}. {ladder.credit}", bool(ladder.credit))
                )
    return max(triples, key=lambda entry: entry[2])[:2] if triples else ([], "")


def sharp_ladders(entry: SuiteResults, workspace: Workspace) -> list[Ladder]:
    """Ladders of the photograph of a suite at which all networks change their answers at nearly one level."""
    photographs = photographs_of(entry, workspace)
    try:
        return ladders(entry, photographs, sharp=True) if photographs else []
    except BenchmarkError:  # the page of the suite has warned of it
        return []


def steps_of(ladder: Ladder) -> list[Step]:
    """The pristine image, the lowest level at which it is useful, and the highest at which it is not.

    Empty where there are no such levels, or the image is useful at a lower level than one at which it is not.
    """
    useful = [number for number, label in enumerate(ladder.labels, start=1) if label == "useful"]
    useless = [number for number, label in enumerate(ladder.labels, start=1) if label == "non-useful"]
    if not useful or not useless or useless[0] < useful[-1]:
        return []
    numbers = (("Pristine", 0), ("Useful", useful[-1]), ("Non-useful", useless[0]))
    return [step(heading, ladder, number) for heading, number in numbers]


def step(heading: str, ladder: Ladder, number: int) -> Step:
    """A picture of a ladder; 0 is the pristine one."""
    picture = ladder.pictures[number]
    condition = (
        f"{ladder.codec} {ladder.levels[number - 1]}, {picture.bytes:,} bytes" if number else "before compression"
    )
    answers = {name: given[number] for name, given in ladder.answers.items()}
    return Step(
        heading, picture, condition, tuple((name, answer.text, answer.is_kept) for name, answer in answers.items())
    )
