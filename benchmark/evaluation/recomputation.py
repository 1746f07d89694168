"""Recomputation: are a suite's scorecards what its stored scores give? Photographs and networks are not needed.

for check in recompute(load_suite("glyphs"), Workspace.named()):
    print(check.name, check.problem or "holds")
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from benchmark.core.checks import Check
from benchmark.core.errors import BenchmarkError, ResultError
from benchmark.core.files import write_bytes
from benchmark.core.workspace import Workspace
from benchmark.evaluation.downstream import Curves, rival_curves
from benchmark.evaluation.measure_table import rounded
from benchmark.evaluation.measures import make_card
from benchmark.evaluation.rates import make_rates, read_rates
from benchmark.evaluation.replicates import RANKED, checked, measures_of, read_ranked_replicates
from benchmark.evaluation.results import check_same_run, read_scores
from benchmark.evaluation.scorecard import read_card
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.pipeline import recorded_truth
from benchmark.labelling.probe_agreement import made_agreements, read_agreements
from benchmark.suites.loading import argument_of
from benchmark.suites.results_folder import SuiteFolder, readable_folders
from benchmark.suites.spec import Suite

CLOSE = 5e-6
"""Largest difference of numbers, which are rounded to six digits, between processors."""


def recompute(suite: Suite, workspace: Workspace) -> Iterator[Check]:
    """Yield for each scorecard whether recorded outcomes and stored scores and rivals give it.

    Raises:
        ResultError: nothing is recorded for the suite, or it has no scorecards.
    """
    truth = recorded_truth(suite, workspace)
    folders = readable_folders(workspace, suite.folder)
    home = next((folder for folder in folders if folder.cards()), None)
    if home is None:
        raise ResultError(
            f"{folders[0].path}: no scorecards; `utilbench run PREDICTOR -s {argument_of(suite.folder)}` makes them"
        )
    with tempfile.TemporaryDirectory() as folder:
        copy = SuiteFolder(Path(folder))
        if home.rivals.is_file():
            write_bytes(copy.rivals, home.rivals.read_bytes())
        curves = rival_curves(truth, copy)  # made again where the stored ones are outdated
    records = ((home.rates, read_rates, make_rates), (home.agreements, read_agreements, made_agreements))
    for path, read, make in records:
        if path.is_file():
            problem = attempt(lambda path=path, read=read, make=make: record_problem(path, read(path), make(truth)))
            yield Check(f"{path.name} is what the outcomes give", problem)
    for path in home.cards():
        title = f"{path.relative_to(home.path)} is what the scores give"
        yield Check(title, attempt(lambda path=path: card_problem(truth, home, path, curves)))


def attempt(problem: Any) -> str:
    """The problem that a function returns, or that keeps it from an answer."""
    try:
        return str(problem())
    except BenchmarkError as error:
        return str(error)


def card_problem(truth: GroundTruth, home: SuiteFolder, path: Path, curves: Curves) -> str:
    """In what a stored scorecard or its replicates differ from those that its scores give, or an empty text."""
    card = read_card(path)
    scores, scores_record = read_scores(home.scores(card.predictor, card.trained_on))
    file = home.replicates(path)
    stored = checked(file, path, card, measures_of(card)) if file.is_file() else None
    ranked = read_ranked_replicates(path, card)
    check_same_run(home.scores(card.predictor, card.trained_on), scores_record, card)
    again, replicates = make_card(truth, scores, scores_record, card.labels, curves)
    before, now = (flat(msgspec.to_builtins(record, order="deterministic"), "") for record in (card, again))
    differing = [key for key in before | now if not alike(before.get(key), rounded(now.get(key)))]
    if differing:
        key = differing[0]
        return f"{path}: {len(differing)} values differ, the first is {key}: {before.get(key)}, again {rounded(now.get(key))}"
    problem = replicates_problem(path.with_suffix(".parquet"), ranked, replicates.select(RANKED))
    return problem or (replicates_problem(file, stored, replicates) if stored is not None else "")


def replicates_problem(file: Path, stored: pl.DataFrame, again: pl.DataFrame) -> str:
    """In what stored replicates differ from those that were made again, or an empty text."""
    if again.columns != stored.columns or again.height != stored.height:
        return f"{file}: has other columns or another number of rows"
    gaps = {column.name: largest_gap(stored[column.name].to_numpy(), column.to_numpy()) for column in again}
    differing = [f"{file}: column {name} is {gap:.2g} off" for name, gap in gaps.items() if gap > CLOSE]
    return differing[0] if differing else ""


def record_problem(path: Path, stored: msgspec.Struct, again: msgspec.Struct) -> str:
    """In what a stored record differs from the one that was made again, or an empty text."""
    before, now = (flat(msgspec.to_builtins(record), "") for record in (stored, again))
    differing = [key for key in before | now if not alike(before.get(key), rounded(now.get(key)))]
    return f"{path}: {len(differing)} values differ, the first is {differing[0]}" if differing else ""


def flat(tree: Any, name: str) -> dict[str, Any]:
    """The values of nested dictionaries and lists by dotted names, but those that tell how scores were made."""
    if name in (".provenance", ".cost"):
        return {}
    if isinstance(tree, dict | list | tuple):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return {key: leaf for part, value in items for key, leaf in flat(value, f"{name}.{part}").items()}
    return {name: tree}


def alike(before: Any, now: Any) -> bool:
    """Whether two values of scorecards are the same but for rounding."""
    if isinstance(before, float) and isinstance(now, float):
        return math.isclose(before, now, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(before == now)


def largest_gap(before: Any, now: Any) -> float:
    """The largest difference between two arrays of one shape, infinite where one of them alone is NaN."""
    gaps = np.abs(before.astype(np.float64) - now.astype(np.float64))
    gaps[np.isnan(before) != np.isnan(now)] = np.inf
    return float(np.nan_to_num(gaps, nan=0.0, posinf=np.inf).max(initial=0.0))
