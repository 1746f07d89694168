"""Samples and examples for predictors, made on request: photographs are read, distorted and decoded."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.devices import all_cores
from benchmark.core.digests import digest
from benchmark.core.images import Pixels
from benchmark.core.types import IMAGE, Condition, Example, Examples, Image, Sample, image_name
from benchmark.labelling.bitstreams import Bitstreams
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.plugins.distortions import decoded_sample, find_distortion
from benchmark.plugins.predictors.base import LearnedPredictor

if TYPE_CHECKING:
    from torch import Tensor

Item = TypeVar("Item")
BATCH = 64
SHUFFLED = 256
"""Number of photographs whose versions are shuffled together, so large that few images of a batch share a photograph."""
SMALL = 3 * 128 * 128
"""Largest number of values of images that one thread makes: several would wait for the interpreter longer than they work."""


def samples(
    indexed: IndexedSuite,
    rows: Sequence[Image],
    needs: Collection[str],
    secret: str,
    *,
    change: Callable[[Pixels], Pixels] | None = None,
) -> Iterator[tuple[list[int], list[Sample]]]:
    """Yield indices into the rows and their samples, 64 at a time, in an order that reveals nothing.

    Photographs come in random order, each is read once, and 256 of them are shuffled together. All cores make a batch. The
    order follows from `secret` alone, which must not be known to who sees the samples. `change` makes other pixels of
    pristine ones.
    """
    # What is kept is of the suite's own pixels.
    bitstreams = Bitstreams(indexed.suite.split.seed) if change else indexed.bitstreams
    indices: dict[str, list[int]] = {}
    for index, (source, _, _) in enumerate(rows):
        indices.setdefault(source, []).append(index)
    sources = shuffled(list(indices), secret)
    with all_cores() as pool:
        for start in range(0, len(sources), SHUFFLED):
            block = sources[start : start + SHUFFLED]
            read = pool.map(indexed.dataset.read, block)
            pristine = dict(zip(block, map(change, read) if change else read, strict=True))

            def make(index: int, pristine: dict[str, Pixels] = pristine) -> Sample:
                return sample_of(bitstreams, indexed, rows[index], pristine[rows[index][0]], needs)

            large = any(pixels.size > SMALL for pixels in pristine.values())
            order = shuffled([index for source in block for index in indices[source]], f"{secret} {start}")
            for first in range(0, len(order), BATCH):
                batch = order[first : first + BATCH]
                yield batch, list(pool.map(make, batch) if large else map(make, batch))


def sample_of(
    bitstreams: Bitstreams, indexed: IndexedSuite, image: Image, pristine: Pixels, needs: Collection[str]
) -> Sample:
    """The sample of an image of the suite, made of the pixels of its pristine version."""
    name, distortion, level = image
    bitstream = bitstreams.of(indexed.sources[name], Condition(distortion, level), lambda: pristine)
    return decoded_sample(find_distortion(distortion), bitstream, pristine, needs=needs, photograph=name)


def narrowed(batch: Sequence[Sample], needs: Collection[str]) -> list[Sample]:
    """The samples with nothing but their images and what `needs` names, on memory of their own.

    Other predictors see the same samples, and the pixels of a reference are those that later images are encoded from: what
    one predictor does to its samples must change neither. Tensors keep their strides, on which the last digits of sums depend.
    """
    return [
        Sample(
            image=copied(sample.image),
            reference=copied(sample.reference) if sample.reference is not None and "reference" in needs else None,
            bitstream=sample.bitstream if "bitstream" in needs else None,
        )
        for sample in batch
    ]


def copied(image: Tensor) -> Tensor:
    """A copy of an image (3, H, W) on the processor, of the same strides."""
    import torch

    return torch.from_numpy(image.numpy().copy(order="K"))


def lesson(truth: GroundTruth, label_set: str, part: str, kind: type[LearnedPredictor]) -> Examples:
    """The examples of a part that a predictor learns from.

    They are labelled rows with class weights, rows with valid utility, or all rows with the satisfied machine ratio as utility.
    """
    if kind.target != "label":
        ratio = kind.target == "smr"
        rows = (
            truth.rows_of(label_set, part).with_columns(utility="satisfied") if ratio else truth.soft(label_set, part)
        )
        return examples(truth.indexed, rows, np.ones(rows.height), kind.needs)
    rows = training_rows(truth, label_set) if part == "train" else truth.labelled(label_set, part)
    return examples(truth.indexed, rows, class_weights(rows["label"].to_numpy()), kind.needs)


def class_weights(labels: NDArray[np.int8]) -> NDArray[np.float64]:
    """A weight for each label, 1 or 0, such that the weights of either class sum to half of the rows."""
    useful = int(labels.sum())
    return np.where(labels == 1, len(labels) / (2 * useful), len(labels) / (2 * (len(labels) - useful)))


def examples(
    indexed: IndexedSuite, rows: pl.DataFrame, weights: NDArray[np.float64], needs: Collection[str]
) -> Examples:
    """Return the rows as examples with these weights; photographs are numbered in the order of their ids."""
    table = rows.select(*IMAGE, "label", "utility").rows()
    _, numbers = np.unique([indexed.sources[source].group for source in rows["source"]], return_inverse=True)
    groups = numbers.tolist()
    return Examples(functools.partial(made, indexed, table, weights, needs, groups=groups), weights, groups)


def made(
    indexed: IndexedSuite,
    rows: Sequence[tuple[str, str, int, int, float]],
    weights: NDArray[np.float64],
    needs: Collection[str],
    indices: Sequence[int],
    *,
    groups: Sequence[int],
) -> list[Example]:
    """Make examples of the rows at these indices; each photograph is read once, whatever the order and number of versions."""

    def photograph(index: int) -> str:
        source = indexed.sources[rows[index][0]]
        return source.parent or source.id

    def versions(name: str, members: Sequence[int]) -> list[tuple[int, Example]]:
        pixels = indexed.dataset.dataset.read(name)
        numbered = []
        for index in members:
            source, distortion, level, label, utility = rows[index]
            image = source, distortion, level
            pristine = indexed.dataset.version(pixels, source)
            sample = sample_of(indexed.bitstreams, indexed, image, pristine, needs)
            numbered.append((index, Example(sample, label, utility, float(weights[index]), groups[index])))
        return numbered

    grouped = itertools.groupby(sorted(set(indices), key=photograph), key=photograph)
    photographs = [(name, list(members)) for name, members in grouped]
    with all_cores() as pool:
        by_index = dict(itertools.chain.from_iterable(pool.map(versions, *zip(*photographs, strict=True))))
    return [by_index[index] for index in indices]


def training_rows(truth: GroundTruth, label_set: str) -> pl.DataFrame:
    """The labelled rows to learn from, balanced as the suite specifies.

    With augmentation, all rows of the rarer class are taken, and of the other class as many originals as the rarer class has
    originals, and as many augmented rows as it has augmented rows: if augmentation were more frequent in one class, it would
    reveal the label. A digest of each row decides which rows are drawn.
    """
    rows = truth.labelled(label_set, "train")
    if truth.suite.training.balance == "weights":
        return rows
    drawn = [int(digest("balance", image_name(*image)), 16) for image in rows.select(IMAGE).iter_rows()]
    augmented = [bool(truth.indexed.sources[source].parent) for source in rows["source"]]
    rows = rows.with_columns(augmented=pl.Series(augmented), draw=pl.Series(drawn, dtype=pl.UInt64))
    counts = rows.group_by("augmented", "label").len().pivot("label", index="augmented", values="len").fill_null(0)
    takes = counts.select("augmented", take=pl.min_horizontal(pl.exclude("augmented")))
    rank = pl.col("draw").rank("ordinal").over("augmented", "label")
    chosen = rows.join(takes, on="augmented").filter(rank <= pl.col("take"))
    return chosen.sort(IMAGE).drop("augmented", "draw", "take")


def shuffled(items: Sequence[Item], seed: str) -> list[Item]:
    """The items in a random order, the same for the same seed."""
    return [items[index] for index in np.random.default_rng(int(digest("order", seed), 16)).permutation(len(items))]
