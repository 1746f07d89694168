"""Scorecards: the results of one predictor on one suite and label set, as JSON.

suite, fingerprint, ground_truth, labels      what it was judged on; `rank` never mixes cards that differ in these
predictor, track, trained_on, seeds           the predictor and its training
counts, threshold                             rows and pairs judged; the threshold frozen on validation, one per seed
metrics, soft, gains                          name -> {"value", "low", "high", "spread"}: mean over seeds, its 95 % interval,
                                              standard deviation over seeds; for labels, utility and held-out networks
downstream                                    network -> unfiltered, filtered, kept, random, quality, oracle, area, curve
cost, provenance                              milliseconds per image, seconds of training; versions, encoder, notes, and
                                              whether the scores are `self-reported` (a submission's table) or `re-run`
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.errors import ResultError
from benchmark.core.files import write_text
from benchmark.core.parquet import read_table
from benchmark.suites.results_folder import SuiteFolder

Scorecard = dict[str, Any]
Cards = dict[str, list[Scorecard]]
"""Label set -> scorecards, best AUROC first."""
KEYS = (
    "suite", "fingerprint", "ground_truth", "labels", "predictor", "track", "trained_on", "seeds",
    "counts", "threshold", "metrics", "soft", "gains", "downstream", "cost", "provenance",
)  # fmt: skip
GROUPS = ("metrics", "soft", "gains")
"""Keys that hold the measures of labels, of the utility and of held-out networks."""
DIGITS = 6


@dataclass(frozen=True)
class SuiteResults:
    """The results of one suite."""

    folder: SuiteFolder
    """Where the results are stored."""
    cards: Cards
    suite: dict[str, Any]
    """The choices of the suite, as `suite.json` holds them."""


def write_card(path: Path, card: Scorecard) -> None:
    """Write a scorecard, numbers rounded to six digits; thresholds are exact, since scores are compared with them."""
    whole = rounded(card) | {"threshold": card["threshold"]}
    write_text(path, json.dumps(whole, indent=1, ensure_ascii=False) + "\n")


def read_card(path: Path) -> Scorecard:
    """Read a scorecard.

    Raises:
        ResultError: the file is not JSON, or a key is missing; the message names the file and the key.
    """
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(f"{path}: not readable as a scorecard ({error})") from error
    if lacking := [key for key in KEYS if not isinstance(card, dict) or key not in card]:
        raise ResultError(f"{path}: a scorecard needs the key {lacking[0]!r}")
    return dict(card)


def read_replicates(path: Path, card: Scorecard) -> pl.DataFrame:
    """Read the replicates beside a scorecard: a column for each metric, a row for each resample of the sources.

    Raises:
        ResultError: there are none, or they are of another ground truth.
    """
    table, metadata = read_table(path.with_suffix(".parquet"))
    if metadata.get("ground_truth") != card["ground_truth"]:
        raise ResultError(
            f"{path.with_suffix('.parquet')}: not of the ground truth of {path}; run {card['predictor']} again"
        )
    return table


def replicates_of(replicates: pl.DataFrame, measure: str) -> NDArray[np.float64]:
    """The replicates of one measure that were drawn, shape (R,); NaN where it is not defined."""
    return replicates[measure].drop_nulls().to_numpy().astype(np.float64)


def check_same_run(path: Path, metadata: dict[str, Any], card: Scorecard) -> None:
    """Raise ResultError where stored scores and a scorecard are not of the same predictor, code, training and seeds."""
    keys = ("fingerprint", "predictor", "seeds", "trained_on")
    differing = [key for key in keys if metadata.get(key) != card[key]]
    differing += [key for key in ("code", "table") if metadata["provenance"].get(key) != card["provenance"].get(key)]
    if differing:
        raise ResultError(
            f"{path} and the scorecard for {card['labels']} labels differ in {differing[0]}: one is of another run; "
            f"run {card['predictor']} again on these labels"
        )


def title(card: Scorecard) -> str:
    """The predictor's name, its training origin if that differs, and † where it looks into a network that made the labels."""
    trained, origin = card["trained_on"], ""
    if trained and trained["suite"] != card["suite"]:
        origin = f" (from {trained['suite']})"
    elif trained and trained["labels"] != card["labels"]:
        origin = f" (from {trained['labels']})"
    return card["predictor"] + origin + (" †" if card["provenance"].get("peeks") else "")


def rounded(value: Any) -> Any:
    """Return the value with all its floats rounded to six digits."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return round(value, DIGITS) if isinstance(value, float) else value
