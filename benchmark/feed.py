"""Samples and examples for predictors, made when they are asked for: read, compress, decode."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.datasets import MARK
from benchmark.distortions import compressed, find_distortion
from benchmark.ground_truth import GroundTruth
from benchmark.images import digest
from benchmark.predictor import LearnedPredictor
from benchmark.records import Example, Examples, Sample


def sample(truth: GroundTruth, source: str, level: int, needs: Collection[str]) -> Sample:
    """One source at one level, with what the predictor needs."""
    return compressed(find_distortion(truth.suite.distortion.name), truth.dataset.read(source), level, needs)


def lesson(truth: GroundTruth, label_set: str, part: str, kind: type[LearnedPredictor]) -> Examples:
    """What a predictor learns from in a part: labelled rows with class weights, or all whose utility means something."""
    if kind.target == "utility":
        rows = truth.soft(label_set, part)
        return examples(truth, rows, np.ones(rows.height), kind.needs)
    rows = training_rows(truth, label_set) if part == "train" else truth.labelled(label_set, part)
    return examples(truth, rows, class_weights(rows["label"].to_numpy()), kind.needs)


def class_weights(labels: NDArray[np.int8]) -> NDArray[np.float64]:
    """A weight for each label, 1 or 0, with which both classes sum to half of the rows."""
    useful = int(labels.sum())
    return np.where(labels == 1, len(labels) / (2 * useful), len(labels) / (2 * (len(labels) - useful)))


def examples(truth: GroundTruth, rows: pl.DataFrame, weights: NDArray[np.float64], needs: Collection[str]) -> Examples:
    """The rows as examples with these weights."""
    table = rows.select("source", "level", "label", "utility").rows()
    return Examples(functools.partial(example, truth, table, weights, needs), weights)


def example(
    truth: GroundTruth,
    rows: Sequence[tuple[str, int, int, float]],
    weights: NDArray[np.float64],
    needs: Collection[str],
    place: int,
) -> Example:
    """One of the rows as an example."""
    source, level, label, utility = rows[place]
    seen = sample(truth, source, level, needs)
    return Example(seen, label, utility, float(weights[place]), truth.sources[source].group)


def training_rows(truth: GroundTruth, label_set: str) -> pl.DataFrame:
    """The labelled rows to learn from, balanced as the suite says.

    With augmentation, all rows of the rarer class are taken, and of the other class as many originals as the rarer class has
    originals, and as many augmented ones as it has augmented ones: were the augmentation more frequent in one class, it would
    give the label away. Which ones is drawn by a digest of the row.
    """
    rows = truth.labelled(label_set, "train")
    if truth.suite.training.balance == "weights":
        return rows
    drawn = [
        int(digest("balance", source, str(level)), 16) for source, level in rows.select("source", "level").iter_rows()
    ]
    rows = rows.with_columns(
        augmented=pl.col("source").str.contains(MARK, literal=True), draw=pl.Series(drawn, dtype=pl.UInt64)
    )
    counts = rows.group_by("augmented", "label").len().pivot("label", index="augmented", values="len").fill_null(0)
    takes = counts.select("augmented", take=pl.min_horizontal(pl.exclude("augmented")))
    place = pl.col("draw").rank("ordinal").over("augmented", "label")
    chosen = rows.join(takes, on="augmented").filter(place <= pl.col("take"))
    return chosen.sort("source", "level").drop("augmented", "draw", "take")


def shuffled(rows: Sequence[tuple[str, int]], seed: str) -> list[int]:
    """A random order of the rows, the same for the same seed."""
    return np.random.default_rng(int(digest("order", seed), 16)).permutation(len(rows)).tolist()
