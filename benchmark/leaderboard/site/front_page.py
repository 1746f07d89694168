"""The index: what the benchmark asks, a photograph, findings, one chart over all suites, and where to go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from benchmark.evaluation.card_parts import Measure
from benchmark.evaluation.results import SuiteResults
from benchmark.leaderboard.chart_parts import ORANGE, look
from benchmark.leaderboard.site.ladder import Ladder, ladders
from benchmark.leaderboard.site.page_board import Bar, bar_of, interval_of
from benchmark.leaderboard.site.pages import write, write_assets
from benchmark.leaderboard.site.photographs import Picture, photographs_of
from benchmark.leaderboard.site.story import ranked_cards, sentences
from benchmark.suites.results_folder import index_page
from benchmark.suites.spec import COMBINED

if TYPE_CHECKING:
    from benchmark.core.storage import Location

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


def write_index(results: Path, ranked: Sequence[SuiteResults], *, data: Location | None = None) -> list[Path]:
    """Write the page over all suites; returns its file.

    Args:
        results: the folder of all results.
        ranked: the results of each suite.
        data: where the photographs are, of which one is shown.
    """
    write_assets(results)
    names = [name for name in SHOWN if any(measure_of(entry, name) for entry in ranked)]
    suites = []
    for entry in ranked:
        first = next(iter(ranked_cards(entry)), None)
        suites.append({
            "suite": entry.suite,
            "page": quote(f"{entry.folder.path.name}/index.html"),
            "counts": entry.cards(COMBINED)[0].counts,
            "first": first.predictor if first else "",
            "auroc": first.metrics["auroc"].text if first else "",
            "predictors": len(entry.results[COMBINED]),
            "cells": [cell(measure_of(entry, name)) for name in names],
        })  # fmt: skip
    context = {
        "root": ".",
        "suites": suites,
        "shown": [(name, ORANGE if name == "condition" else look(name)[0]) for name in names],
        "findings": sentences(ranked),
        "steps": steps(ranked, data),
        "paper": PAPER,
    }
    return [write(index_page(results), "index.html", **context)]


def measure_of(entry: SuiteResults, name: str) -> Measure | None:
    """The AUROC of a predictor that was trained on the suite, if at all; None where it was not run."""
    for card in entry.cards(COMBINED):
        if card.predictor == name and (card.trained_on is None or card.trained_on.suite == card.suite):
            return card.metrics["auroc"]
    return None


def cell(measure: Measure | None) -> tuple[str, Bar | None, str]:
    """Value, bar and interval of a cell of the chart."""
    return ("", None, "") if measure is None else (measure.text.split(" ")[0], bar_of(measure), interval_of(measure))


def steps(ranked: Sequence[SuiteResults], data: Location | None) -> tuple[list[Step], str]:
    """Three pictures of a photograph whose labels differ, and its credit; of a suite of photographs where one may be shown."""
    for entry in sorted(ranked, key=lambda entry: entry.suite.dataset["name"].startswith("glyph")):
        photographs = photographs_of(entry.suite, data)
        rungs = ladders(entry, photographs, sharp=True) if photographs else []
        for ladder in rungs:
            if {"useful", "non-useful"} <= set(ladder.labels):
                return steps_of(ladder), f"{ladder.source}, of the suite {entry.suite.name}. {ladder.credit}"
    return [], ""


def steps_of(ladder: Ladder) -> list[Step]:
    """The pristine image, the lowest level at which it is useful, and the highest below at which it is not."""
    useful = max(number for number, label in enumerate(ladder.labels, start=1) if label == "useful")
    useless = min(number for number, label in enumerate(ladder.labels, start=1) if label == "non-useful")
    return [
        step(heading, ladder, number)
        for heading, number in (("Pristine", 0), ("Useful", useful), ("Non-useful", useless))
    ]


def step(heading: str, ladder: Ladder, number: int) -> Step:
    """A picture of a ladder; 0 is the pristine one."""
    picture = ladder.pictures[number]
    condition = f"{ladder.codec} {ladder.levels[number - 1]}, {picture.bytes:,} bytes" if number else "as it was taken"
    answers = {name: given[number] for name, given in ladder.answers.items()}
    return Step(
        heading, picture, condition, tuple((name, answer.text, answer.is_kept) for name, answer in answers.items())
    )
