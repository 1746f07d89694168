"""Downstream: what held-out networks gain by a predictor's choice, beside three rivals that keep as much (paper, Fig. 2).

A gain means little without the fraction kept, so the operating point at the frozen threshold comes with the whole curve of
performance against the fraction kept. *Gain area* is the predictor's area over random choice, as a share of the oracle's, over
all networks together: 1 = oracle, 0 = random. Intervals resample sources; all predictors of a suite share the resamples, and
the rivals' curves are made once per suite.

The rivals are `random` choice, the content-blind `condition` (first what is useful in training under the same condition, with
combined labels) and an `oracle` (the network's own utility).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.digests import digest
from benchmark.core.parquet import check_values, read_table, write_table
from benchmark.core.progress import show_progress
from benchmark.core.types import IMAGE
from benchmark.evaluation.card_parts import POINTS_OF_A_CURVE
from benchmark.evaluation.condition_shares import condition_shares
from benchmark.evaluation.measure_table import RESOLUTION
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics import bootstrap
from benchmark.metrics.bootstrap import Floats, Weights
from benchmark.metrics.weighted import ratio
from benchmark.suites.results_folder import SuiteFolder
from benchmark.suites.spec import COMBINED, Suite
from benchmark.suites.tasks import TASKS, classification, detection

RIVALS_SCHEMA = pl.Schema(
    {"network": pl.String(), "rival": pl.String(), "curve": pl.Array(pl.Float32, POINTS_OF_A_CURVE)}
)


class RivalsMetadata(TypedDict):
    """The metadata of the rivals' curves."""

    held_out: str


Network = classification.Downstream | detection.Downstream
Curves = dict[tuple[str, str], Floats]
"""(network, rival) -> performance at each of FRACTIONS, shape (1 + R, 9): on the test part, then in each resample of it."""
FRACTIONS = np.arange(1, POINTS_OF_A_CURVE + 1) / (POINTS_OF_A_CURVE + 1)
RIVALS: dict[str, Callable[[pl.DataFrame], Floats]] = {
    "random": lambda rows: np.zeros(rows.height),
    "condition": lambda rows: rows["condition"].to_numpy(),
    "oracle": lambda rows: rows["oracle"].to_numpy(),
}
BOUNDS = "random", "oracle"
"""The rivals between which a gain area lies; their curves are made of each of `Suite.kinds` too: `oracle on unseen kinds`."""
MEASURES = ("area", "gain", "over_random", "over_condition")
"""The measures of all held-out networks together; see `SeedGains.gains`."""
POINTS = ("unfiltered", "kept", "filtered", *RIVALS)
"""The columns of an operating point; see GAINS of the task."""


def held_out_rows(truth: GroundTruth, network: Network, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows (source, distortion, level, ...) with what the network and the rivals need; see `Downstream.placed`."""
    return network.placed(rows).with_columns(condition=condition_shares(truth, COMBINED, rows))


def redrawn(
    truth: GroundTruth, network: Network, rows: pl.DataFrame, measure: Callable[..., Floats], *given: Any
) -> Floats:
    """Apply a measure (rows, weights (R, N), *given) -> (R, ...) to all rows, then to each resample: (1 + R, ...)."""
    cluster, counts = truth.clusters(rows, "test")

    def kernel(weights: Weights) -> Floats:
        return measure(rows, weights, *given)

    return bootstrap.value_and_replicates(kernel, counts[: network.REPLICATES], cluster, cells=network.CELLS)


def rival_curves(truth: GroundTruth, folder: SuiteFolder) -> Curves:
    """The rivals' curves, read from the folder of the suite's results, or computed and stored there."""
    names, path = truth.suite.networks.held_out, folder.rivals
    if not names:
        return {}
    replicates = TASKS[truth.suite.task].Downstream.REPLICATES
    resampled = f"{truth.resamples['test'].shape}, {replicates}"
    expected = {"held_out": digest("rivals 4", truth.lesson_digest(COMBINED), truth.held_out_digest, resampled)}
    table, metadata = read_rivals(path) if path.is_file() else (pl.DataFrame(), {})
    drawn, rivals = 1 + min(replicates, len(truth.resamples["test"])), rival_names(truth.suite)
    if metadata == expected and table.height == len(names) * len(rivals) * drawn:
        groups = table.group_by("network", "rival", maintain_order=True)
        return {
            (str(held_out_name), str(rival)): rows["curve"].to_numpy().astype(np.float64)
            for (held_out_name, rival), rows in groups
        }
    curves: Curves = {}
    plain = truth.indexed.scored_rows.filter(part="held_out").select(IMAGE)
    with show_progress(f"{truth.suite.folder}, rivals", len(names) * len(rivals), "curves") as advance:
        for name in names:
            network = truth.downstream(name)
            every = held_out_rows(truth, network, plain)
            for title, (rival, distortions) in rivals.items():
                rows = every.filter(pl.col("distortion").is_in(distortions))
                made = redrawn(truth, network, rows, network.best, RIVALS[rival](rows), FRACTIONS)
                curves[name, title] = made.astype(np.float32).astype(np.float64)  # rounded as they are stored
                advance(1)
    parts = [
        pl.DataFrame({"curve": pl.Series(values, dtype=RIVALS_SCHEMA["curve"])}).select(
            pl.lit(name).alias("network"), pl.lit(rival).alias("rival"), "curve"
        )
        for (name, rival), values in curves.items()
    ]
    write_table(path, pl.concat(parts), expected)
    return curves


def rival_names(suite: Suite) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Name of each curve -> its rival and the distortions of its images: RIVALS on all, BOUNDS on each of `Suite.kinds`."""
    every = tuple(choice.name for choice in suite.distortions)
    on_kinds = {f"{rival} on {kind}": (rival, names) for kind, names in suite.kinds.items() for rival in BOUNDS}
    return {rival: (rival, every) for rival in RIVALS} | on_kinds


def read_rivals(path: Path) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The stored curves of the rivals, in columns network, rival and curve, and their metadata.

    Raises:
        ResultError: the file is missing or damaged, or a key or value is not valid; the message names it.
    """
    table, metadata = read_table(path, schema=RIVALS_SCHEMA, about=RivalsMetadata)
    ends = pl.col("curve").arr.min() < -RESOLUTION, pl.col("curve").arr.max() > 1 + RESOLUTION
    rival = pl.col("rival").str.split(" on ").list.first()
    faults = {
        f"are of no rival; there are {', '.join(RIVALS)}": ~rival.is_in(list(RIVALS)),
        "have a curve outside 0 to 1": pl.any_horizontal(*ends),
    }
    check_values(path, table, faults)
    return table, metadata


def operating_point(rows: pl.DataFrame, weights: Weights, network: Network, kept: NDArray[np.bool_]) -> Floats:
    """POINTS in each replicate, shape (R, 6), where `kept` (R, N) says which rows each replicate keeps."""
    share = ratio((weights * kept).sum(axis=1), weights.sum(axis=1))
    rivals = [network.best(rows, weights, priority(rows), share[:, None])[:, 0] for priority in RIVALS.values()]
    everything = network.chosen(rows, weights, np.ones(rows.height, bool))
    return np.stack([everything, share, network.chosen(rows, weights, kept), *rivals], axis=1)


@dataclass(frozen=True)
class SeedGains:
    """What each held-out network gains by the scores of one seed."""

    points: dict[str, dict[str, Any]]
    """Network -> its fields of `Gains` but the curve."""
    curves: dict[str, Floats]
    """Network -> performance at each of FRACTIONS, shape (1 + R, 9)."""
    gains: dict[str, Floats]
    """Each of shape (1 + R,): `area`, `gain` over the unfiltered images, `over_random` and `over_condition` at the same
    fraction kept, as means over networks, and the first two also for each network; NaN without held-out networks."""


def gains(truth: GroundTruth, scores: pl.DataFrame, thresholds: Floats, rivals: Curves) -> SeedGains:
    """What each held-out network gains by the scores of one seed.

    Args:
        truth: the ground truth of the suite.
        scores: source, distortion, level and score of the test sources at the held-out conditions.
        thresholds: an image is kept where its score >= the first; the others are those of the resamples; shape (1 + R,).
        rivals: the curves that `rival_curves` returns.
    """
    if not truth.suite.networks.held_out:
        return SeedGains({}, {}, {name: np.full(len(thresholds), np.nan) for name in MEASURES})
    trees: dict[str, dict[str, Any]] = {}
    curves: dict[str, Floats] = {}
    areas, points = [], []
    for name in truth.suite.networks.held_out:
        network = truth.downstream(name)
        rows = held_out_rows(truth, network, scores)
        curve = redrawn(truth, network, rows, network.best, rows["score"].to_numpy(), FRACTIONS)
        point = operating_points(truth, network, rows, thresholds)
        curves[name] = curve
        areas.append([values.mean(axis=1) for values in (curve, rivals[name, "random"], rivals[name, "oracle"])])
        points.append(point)
        trees[name] = {
            **dict(zip(POINTS, point[0].tolist(), strict=True)),
            **network.extras(rows, rows["score"].to_numpy() >= thresholds[0]),
        }
    replicates = relative(np.array(areas), np.array(points), list(trees))
    for name, tree in trees.items():
        tree["area"] = float(replicates[f"area of {name}"][0])
    return SeedGains(trees, curves, replicates)


def operating_points(truth: GroundTruth, network: Network, rows: pl.DataFrame, thresholds: Floats) -> Floats:
    """POINTS at the first threshold, then in each resample at its own threshold, (1 + R, 6)."""
    score = rows["score"].to_numpy()
    cluster, counts = truth.clusters(rows, "test")

    def kernel(weights: Weights, drawn: Floats) -> Floats:
        return operating_point(rows, weights, network, score >= drawn[:, None])

    return at_thresholds(kernel, network, counts, cluster, thresholds)


def at_thresholds(
    kernel: Callable[[Weights, Floats], Floats],
    network: Network,
    counts: NDArray[np.int32],
    cluster: NDArray[np.int64],
    thresholds: Floats,
) -> Floats:
    """A kernel's value at the first threshold, then in each resample of a network at its own, (1 + R,) or (1 + R, M)."""
    number = network.REPLICATES
    chosen = thresholds[: 1 + number]
    return bootstrap.value_and_replicates(kernel, counts[:number], cluster, choices=chosen, cells=network.CELLS)


def relative(areas: Floats, points: Floats, names: list[str]) -> dict[str, Floats]:
    """Gains from the areas (networks, 3, 1 + R) of predictor, random and oracle, and operating points (networks, 1 + R, 6)."""
    won, winnable = areas[:, 0] - areas[:, 1], areas[:, 2] - areas[:, 1]
    unfiltered, _, filtered, random, condition, _ = np.moveaxis(points, 2, 0)
    together = {
        "area": scaled(won.sum(axis=0), winnable.sum(axis=0)),
        "gain": (filtered - unfiltered).mean(axis=0),
        "over_random": (filtered - random).mean(axis=0),
        "over_condition": (filtered - condition).mean(axis=0),
    }
    for name, gained, possible, gain in zip(names, won, winnable, filtered - unfiltered, strict=True):
        together |= {f"area of {name}": scaled(gained, possible), f"gain of {name}": gain}
    return together


def scaled(won: Floats, winnable: Floats) -> Floats:
    """The share that is won of what can be won over random choice; NaN where nothing can be won."""
    return ratio(won, np.where(winnable > 0, winnable, 0.0))
