"""Leaderboard: scorecards -> Markdown tables, beside the paper's numbers. Needs neither photographs nor networks.

    rank(["glyphs"], limit=0, paths=Paths.named())      # writes results/glyphs/leaderboard.md and figures/
    rank([], limit=0, paths=Paths.named())              # all suites, and results/boards.md, their boards in short

The same scorecards give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmark.boards import board, short_board
from benchmark.errors import ResultError
from benchmark.grids import accuracy_grid, gains_grid
from benchmark.markdown import number
from benchmark.results_folder import SuiteFolder, list_suite_folders
from benchmark.runtime import Paths, write_text
from benchmark.scorecard import Cards, Ranked, Scorecard, check_same_run, read_card, read_replicates
from benchmark.suite import COMBINED, load_suite
from benchmark.tables import read_metadata


def read_cards(folder: SuiteFolder) -> Cards:
    """All scorecards of a suite.

    Raises:
        ResultError: there are none, or two are of different images, suites or labels; the message names both files.
    """
    files = folder.cards()
    if not files:
        raise ResultError(f"{folder.path}: no scorecards; `utilbench run PREDICTOR -s {folder.path.name}` makes them")
    cards: Cards = {}
    first: dict[tuple[str, str], tuple[str, Path]] = {}
    for path in files:
        card = read_card(path)
        labels = card["labels"]
        trained = card["trained_on"] or {"suite": "", "labels": "", "digest": ""}
        origin = f"{trained['suite']}, {trained['labels']}"
        known = [("fingerprint", "", card["fingerprint"]), ("ground_truth", labels, card["ground_truth"])]
        made = card["provenance"].get("code", card["provenance"].get("table", ""))
        known += [("trained_on", origin, trained["digest"]), ("code", f"{card['predictor']} {origin}", made)]
        for key, scope, found in known:
            value, other = first.setdefault((key, scope), (found, path))
            if value != found:
                raise ResultError(
                    f"{path}: stale: its {key} is {found}, that of {other} is {value}; they were made with different "
                    f"suites, images, labels or code and do not mix: run both predictors again, or delete the stale file"
                )
        check_fresh(folder, path, card)
        cards.setdefault(labels, []).append(card | {"replicates": read_replicates(path, card)})
    for some in cards.values():
        some.sort(key=lambda card: (-card["metrics"]["auroc"]["value"], card["predictor"]))
    return {labels: cards[labels] for labels in sorted(cards, key=lambda name: (name != COMBINED, name))}


def check_fresh(folder: SuiteFolder, path: Path, card: Scorecard) -> None:
    """Raise ResultError where a scorecard is not of the scores and the labels that are stored beside it."""
    scores = folder.scores(card)
    check_same_run(scores, read_metadata(scores), card)
    known = read_metadata(folder.labels)["labels"].get(card["labels"])
    if known != card["ground_truth"]:
        raise ResultError(
            f"{path}: stale: it was judged by the ground truth {card['ground_truth']}, {folder.labels} is of "
            f"{known}; run {card['predictor']} again"
        )


def rank(names: Sequence[str], limit: int, paths: Paths, figure: str = "") -> list[str]:
    """Write board, tables, figures and pages of the suites; returns the boards and the paths written.

    Args:
        names: of suites, or paths of their files; all that have results where there is none.
        limit: rank the results of quick looks at so many sources.
        paths: where the results are.
        figure: write this figure of `figures.FIGURES` only.

    Raises:
        ResultError: no results, or results that do not mix.
    """
    from benchmark.figures import draw
    from benchmark.page import write_index, write_suite_pages

    ranked = in_order(read_ranked(folder) for folder in folders_of(names, limit, paths))
    told: list[str] = []
    for one in ranked:
        combined = one.cards.get(COMBINED, [])
        drawn = draw(one.folder, combined, one.suite, figure) if combined else []
        if figure:
            told += [f"wrote {path}" for path in drawn]
            continue
        text = board(one.cards, one.suite)
        written = [write(one.folder.file("leaderboard.md"), text), *write_tables(one), *drawn]
        if combined:
            written += write_suite_pages(one)
        told += [text, *(f"wrote {path}" for path in written)]
    if not names and not figure:
        some = [one for one in ranked if COMBINED in one.cards]
        written = [write(paths.results / "boards.md", in_short(some)), *write_index(paths.results, some)]
        told += [f"wrote {path}" for path in written]
    return told


def in_order(ranked: Iterable[Ranked]) -> list[Ranked]:
    """Suites that anyone can run first, twins after those whose outcomes they share."""
    return sorted(ranked, key=lambda one: (not one.suite.get("redistributable"), one.folder.path.name))


def in_short(ranked: Sequence[Ranked]) -> str:
    """The boards of the combined labels in few columns."""
    return "\n".join(line for one in ranked for line in short_board(one.cards, one.suite))


def folders_of(names: Sequence[str], limit: int, paths: Paths) -> list[SuiteFolder]:
    """The folders of results of these suites, or of all; of quick looks where these are asked for or all there is."""
    suffix = f"-limit{limit}" if limit else ""
    if names:
        own = [load_suite(name).name if name.endswith(".toml") else name for name in names]
        return [SuiteFolder(paths.results / (name + suffix)) for name in own]
    found = list_suite_folders(paths.results)
    folders = [one for one in found if (one.path.name.endswith(suffix) if limit else "-limit" not in one.path.name)]
    folders = folders or ([] if limit else found)
    if not folders:
        raise ResultError(f"{paths.results}: no results to rank; `utilbench run PREDICTOR -s SUITE` makes some")
    return folders


def read_ranked(folder: SuiteFolder) -> Ranked:
    """The scorecards and choices of one suite."""
    cards = read_cards(folder)
    return Ranked(folder, cards, json.loads(folder.file("suite.json").read_text(encoding="utf-8")))


def write_tables(ranked: Ranked) -> list[Path]:
    """The paper's tables as LaTeX; returns the files."""
    grids = [accuracy_grid(ranked.cards, ranked.suite)]
    if COMBINED in ranked.cards:
        grids.append(gains_grid(ranked.cards[COMBINED], ranked.suite))
    return [write(ranked.folder.file("tables") / f"{grid.name}.tex", grid.latex()) for grid in grids]


def write(path: Path, text: str) -> Path:
    """Write a text file whole or not at all; returns its path."""
    write_text(path, text)
    return path


def one_line(card: Scorecard) -> str:
    """A scorecard in one line."""
    shown = ", ".join(f"{name} {number(card['metrics'][name]['value'])}" for name in ("auroc", "within_quality_auroc"))
    return f"{card['predictor']} on {card['suite']}, {card['labels']} labels: {shown}"
