"""Leaderboards as Markdown tables of scorecards beside the paper's numbers; photographs and networks are not needed.

    rank(["glyphs"], Workspace.named())     # writes results/glyphs/leaderboard.md and figures/
    rank([], Workspace.named())             # all suites, and results/boards.md, a summary

The same scorecards give the same bytes.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmark.core.errors import ResultError, SuiteError
from benchmark.core.files import check_writable, sweep, sweep_beside, write_text
from benchmark.core.similar_names import near
from benchmark.core.workspace import Workspace
from benchmark.evaluation.replicates import read_ranked_replicates
from benchmark.evaluation.results import Results, SuiteResults, rates_of, read_result, read_scores
from benchmark.evaluation.scorecard import Scorecard, read_card
from benchmark.labelling.probe_agreement import recorded_agreements
from benchmark.labelling.recorded import read_labels, recorded_suite
from benchmark.leaderboard.paper_tables import accuracy_grid, gains_grid
from benchmark.leaderboard.rate_tables import as_csv, condition_grids
from benchmark.leaderboard.tables import board, short_board
from benchmark.suites.loading import argument_of, load_suite, read_suite
from benchmark.suites.names import LIMITED
from benchmark.suites.results_folder import (
    SuiteFolder,
    assets_folder,
    boards_file,
    file_stem,
    index_page,
    list_suite_folders,
    named_folder,
)
from benchmark.suites.spec import COMBINED

logger = logging.getLogger(__name__)


def read_results(folder: SuiteFolder) -> Results:
    """All results of a suite by label set, the combined labels first.

    Raises:
        ResultError: one is stale, or two differ in images, suite, labels or code; the message names both files.
    """
    results: Results = {}
    first: dict[tuple[str, str], tuple[str, Path]] = {}
    read = functools.cache(read_scores)
    _, labels = read_labels(folder.labels)
    for path in folder.cards():
        card = read_card(path)
        check_name(folder, path, card)
        for key, value in digests(card).items():
            before, other = first.setdefault(key, (value, path))
            if value != before:
                raise ResultError(
                    f"{path}: stale: its {key[0]} is {value}, that of {other} is {before}; they were made with different "
                    f"suites, images, labels or code and do not mix: run both predictors again, or delete the stale file"
                )
        if labels["labels"].get(card.labels) != card.ground_truth:
            raise ResultError(
                f"{path}: stale: it was judged by the ground truth {card.ground_truth}, {folder.labels} is of "
                f"{labels['labels'].get(card.labels)}; run {card.predictor} again"
            )
        results.setdefault(card.labels, []).append(read_result(folder, path, card, read_ranked_replicates, read=read))
    for group in results.values():
        group.sort(key=lambda result: (-(result.card.metrics["auroc"].value or 0.0), result.card.predictor))
    return {labels: results[labels] for labels in sorted(results, key=lambda name: (name != COMBINED, name))}


def digests(card: Scorecard) -> dict[tuple[str, str], str]:
    """The digests of a card that all cards of the same scope must share, by (key, scope)."""
    made = card.provenance.code or card.provenance.table
    trained = card.trained_on
    origin = f"{trained.suite}, {trained.labels}" if trained else ""
    return {
        ("fingerprint", ""): card.fingerprint,
        ("ground_truth", card.labels): card.ground_truth,
        ("trained_on", origin): trained.digest if trained else "",
        ("code", f"{card.predictor} {origin}"): made,
    }


def check_name(folder: SuiteFolder, path: Path, card: Scorecard) -> None:
    """Raise ResultError if a scorecard stands under another name than its content has."""
    if path != (own := folder.card(card.labels, file_stem(card.predictor, card.trained_on))):
        raise ResultError(f"{path}: is the scorecard of {card.predictor} for {card.labels} labels, whose file is {own}")


def rank(names: Sequence[str], workspace: Workspace, *, limit: int = 0, figure: str = "") -> list[str]:
    """Write the boards, tables, figures and pages of the suites; returns the boards and lines that name the paths written.

    Args:
        names: names of suites, or paths of their files; if empty, all suites that have results.
        workspace: where the results are stored.
        limit: if positive, rank the results of quick looks at this number of sources.
        figure: if given, write only this figure; see `charts.chart_names`.

    Raises:
        ResultError: there are no results, or there are results that do not mix.
        FileError: the results cannot be written.
    """
    from benchmark.leaderboard.charts import chart_names
    from benchmark.leaderboard.figures import draw
    from benchmark.leaderboard.site import write_index, write_suite_pages

    folders = folders_of(names, workspace, limit=limit)
    ranked = in_order(results for folder in folders if (results := read_if_known(folder, asked=bool(names))))
    for path in (workspace.results, *(path for folder in folders for path in folder.folders)):
        check_writable(path)
    for path in (assets_folder(workspace.results), *(folder.path for folder in folders)):
        sweep(path)
    for path in (boards_file(workspace.results), index_page(workspace.results)):
        sweep_beside(path)
    messages: list[str] = []
    if figure and not names:
        ranked = [results for results in ranked if figure in chart_names(results.suite)] or ranked
    for results in ranked:
        combined = COMBINED in results.results
        drawn = draw(results, figure=figure) if combined else []
        if figure:
            messages += [f"wrote {path}" for path in drawn]
            continue
        text = board(results)
        written = [write(results.folder.board, text), *write_tables(results), *drawn]
        if combined:
            written += write_suite_pages(results, workspace, among=ranked)
        messages += [text, *(f"wrote {path}" for path in written)]
    if not figure and not (names and index_page(workspace.results).is_file()):  # pages of suites lead to it
        indexed = [results for results in ranked if COMBINED in results.results]
        short = write(boards_file(workspace.results), in_short(indexed))
        written = [short, *write_index(indexed, workspace)]
        messages += [f"wrote {path}" for path in written]
    return messages


def in_order(ranked: Iterable[SuiteResults]) -> list[SuiteResults]:
    """Sort suites by name, those that anyone can run first; twins follow the suites whose outcomes they share."""
    return sorted(ranked, key=lambda results: (not results.suite.redistributable, results.folder.path.name))


def in_short(ranked: Sequence[SuiteResults]) -> str:
    """The boards of the combined labels in a few columns, as Markdown."""
    return "\n".join(line for results in ranked for line in short_board(results))


def folders_of(names: Sequence[str], workspace: Workspace, *, limit: int) -> list[SuiteFolder]:
    """The result folders of these suites, or of all; quick looks only if `limit` asks for them or nothing else exists."""
    suffix = f"-limit{limit}" if limit else ""
    if names:
        own = [load_suite(name).name if name.endswith(".toml") else name for name in names]
        return [named_folder(workspace.results, name + suffix) for name in own]
    listed = list_suite_folders(workspace.results)
    folders = [
        folder
        for folder in listed
        if (folder.path.name.endswith(suffix) if limit else not LIMITED.fullmatch(folder.path.name))
    ]
    folders = folders or ([] if limit else listed)
    if not folders:
        raise ResultError(f"{workspace.results}: no results to rank; `utilbench run PREDICTOR -s SUITE` makes some")
    return folders


def read_if_known(folder: SuiteFolder, *, asked: bool) -> SuiteResults | None:
    """Read the results of one suite; None, with a warning, where it has choices that are unknown here and was not asked for."""
    try:
        return read_ranked(folder)
    except SuiteError as error:
        if asked:
            raise
        logger.warning(f"{folder.path.name} is left out: {error}")
        return None


def read_ranked(folder: SuiteFolder) -> SuiteResults:
    """Read the scorecards and the choices of one suite.

    Raises:
        ResultError: they are not readable, or do not belong together; the message names the file.
    """
    if not folder.cards():
        name = folder.path.name
        hint = near(name, [other.path.name for other in list_suite_folders(folder.root)])
        raise ResultError(
            f"{folder.path}: no scorecards{hint}; `utilbench run PREDICTOR -s {argument_of(name)}` makes them"
        )
    suite = read_suite(folder.choices)
    if folder.sources.is_file():
        indexed, fingerprint = recorded_suite(suite, folder)
        if indexed.fingerprint != fingerprint:
            raise ResultError(
                f"{folder.choices}: gives the fingerprint {indexed.fingerprint}, {folder.sources.name} is of {fingerprint}: "
                "edited, or of another version; `utilbench label` records it again"
            )
    results = read_results(folder)
    combined = read_labels(folder.labels)[1]["labels"][COMBINED]
    rates, agreements = rates_of(folder, suite, combined), recorded_agreements(folder, combined)
    return SuiteResults(folder, suite, results, rates, agreements=agreements)


def write_tables(ranked: SuiteResults) -> list[Path]:
    """Write the paper's tables, and those of kinds and codecs, as LaTeX, and the curves as CSV; returns the files."""
    grids = [accuracy_grid(ranked)]
    if COMBINED in ranked.results and ranked.suite.networks.held_out:
        grids.append(gains_grid(ranked.cards(COMBINED), ranked.suite))
    grids += condition_grids(ranked)
    written = [write(ranked.folder.tables / f"{grid.name}.tex", grid.latex()) for grid in grids]
    return written + ([write(ranked.folder.tables / "rates.csv", as_csv(ranked.rates))] if ranked.rates else [])


def write(path: Path, text: str) -> Path:
    """Write a text file either completely or not at all; returns its path."""
    write_text(path, text)
    return path
