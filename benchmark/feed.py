"""Samples and examples for predictors, made when they are asked for: read, compress, decode."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import overload

import numpy as np
import polars as pl

from benchmark.datasets import MARK
from benchmark.distortions import DISTORTIONS
from benchmark.ground_truth import GroundTruth
from benchmark.images import digest, to_tensor
from benchmark.records import Example, Sample


def sample(truth: GroundTruth, source: str, level: int, needs: Collection[str]) -> Sample:
    """One source at one level, with what the predictor needs."""
    codec = DISTORTIONS[truth.suite.distortion.name]
    pristine = truth.dataset.read(source)
    bitstream = codec.encode(pristine, level)
    return Sample(
        image=to_tensor(codec.decode(bitstream)),
        reference=to_tensor(pristine) if "reference" in needs else None,
        bitstream=bitstream if "bitstream" in needs else None,
    )


class Examples(Sequence[Example]):
    """The labelled rows of one part, as examples in a fixed order."""

    def __init__(self, truth: GroundTruth, rows: pl.DataFrame, needs: Collection[str]) -> None:
        self.truth, self.needs = truth, needs
        self.rows = rows.select("source", "level", "label", "utility").rows()
        useful = sum(label for _, _, label, _ in self.rows)
        self.weights = {1: len(self.rows) / (2 * useful), 0: len(self.rows) / (2 * (len(self.rows) - useful))}

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> list[Example]: ...
    def __getitem__(self, place: int | slice) -> Example | list[Example]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        source, level, label, utility = self.rows[place]
        seen = sample(self.truth, source, level, self.needs)
        return Example(seen, label, utility, self.weights[label], self.truth.sources[source].group)


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
