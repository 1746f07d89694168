"""Samples and examples for predictors, made when they are asked for: read, compress, decode."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.datasets import MARK
from benchmark.distortions import compressed, find_distortion
from benchmark.ground_truth import GroundTruth
from benchmark.images import Pixels, digest
from benchmark.predictor import LearnedPredictor
from benchmark.records import Example, Examples, Sample
from benchmark.runtime import all_cores

Item = TypeVar("Item")
BATCH = 64
SHUFFLED = 256
"""Photographs whose versions are shuffled together: so many that few of a batch are of one."""


def samples(
    truth: GroundTruth, rows: Sequence[tuple[str, int]], needs: Collection[str]
) -> Iterator[tuple[list[int], list[Sample]]]:
    """Places among the rows (source, level) and their samples, 64 at a time, in an order that tells nothing.

    Photographs come in random order, each is read once, and 256 of them are shuffled together. All cores make a batch.
    """
    codec = find_distortion(truth.suite.distortion.name)
    places: dict[str, list[int]] = {}
    for place, (source, _) in enumerate(rows):
        places.setdefault(source, []).append(place)
    names = shuffled(list(places), truth.fingerprint)
    with all_cores() as pool:
        for start in range(0, len(names), SHUFFLED):
            some = names[start : start + SHUFFLED]
            pristine = dict(zip(some, pool.map(truth.dataset.read, some), strict=True))

            def make(place: int, pristine: dict[str, Pixels] = pristine) -> Sample:
                return compressed(codec, pristine[rows[place][0]], rows[place][1], needs)

            order = shuffled([place for name in some for place in places[name]], f"{truth.fingerprint} {start}")
            for first in range(0, len(order), BATCH):
                batch = order[first : first + BATCH]
                yield batch, list(pool.map(make, batch))


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
    groups = [truth.sources[source].group for source in rows["source"]]
    return Examples(functools.partial(made, truth, table, weights, needs), weights, groups)


def made(
    truth: GroundTruth,
    rows: Sequence[tuple[str, int, int, float]],
    weights: NDArray[np.float64],
    needs: Collection[str],
    places: Sequence[int],
) -> list[Example]:
    """Some of the rows as examples; each photograph is read once, whatever the order and however many versions it has."""
    codec = find_distortion(truth.suite.distortion.name)

    def photograph(place: int) -> str:
        return truth.sources[rows[place][0]].group

    def versions(group: str, some: Sequence[int]) -> list[tuple[int, Example]]:
        pixels = truth.dataset.dataset.read(group)
        examples = []
        for place in some:
            source, level, label, utility = rows[place]
            seen = compressed(codec, truth.dataset.version(pixels, source), level, needs)
            examples.append((place, Example(seen, label, utility, float(weights[place]), group)))
        return examples

    grouped = itertools.groupby(sorted(set(places), key=photograph), key=photograph)
    groups = [(group, list(some)) for group, some in grouped]
    if len(groups) == 1:
        found = dict(versions(*groups[0]))
    else:
        with all_cores() as pool:
            found = dict(itertools.chain.from_iterable(pool.map(versions, *zip(*groups, strict=True))))
    return [found[place] for place in places]


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


def shuffled(items: Sequence[Item], seed: str) -> list[Item]:
    """The items in a random order, the same for the same seed."""
    return [items[place] for place in np.random.default_rng(int(digest("order", seed), 16)).permutation(len(items))]
