"""Shards: the missing outcomes of a suite, in units that can be computed on any machine and repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.types import CONDITION, PRISTINE, Condition, Source
from benchmark.suites.spec import Suite
from benchmark.suites.splits import Parts

Item = TypeVar("Item")
IMAGES = "images"
"""Name, beside those of the networks, of the table of bits and pixel digests."""
IMAGES_SCHEMA = pl.Schema(
    {
        "source": pl.String,
        "digest": pl.String,
        "distortion": pl.String,
        "level": pl.Int16,
        "height": pl.Int32,
        "width": pl.Int32,
        "bits": pl.Int32,
        "pixels": pl.UInt64,
    }
)
SOURCES_TOGETHER, CONDITIONS_PER_SHARD = 16, 10
"""Largest numbers of sources and conditions whose images are prepared, and lie in memory, together."""
MOST_GROUPS = 3000
"""Number of groups, about, into which sources are divided for shards at most: from 48,000 sources on groups have more than 16,
so that 1.28 million photographs with six networks make 42,000 files."""
Judges = list[tuple[tuple[Condition, ...], tuple[str, ...]]]
"""Conditions, and the networks that judge images under them."""


@dataclass(frozen=True)
class Shard:
    """A unit of labelling, whose outcomes of one network are one file."""

    sources: tuple[Source, ...]
    conditions: tuple[Condition, ...]
    networks: tuple[str, ...]
    """Networks, and `images`, whose outcomes lack some of these images."""

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.sources) * len(self.conditions)

    @property
    def pieces(self) -> list[Shard]:
        """The same in pieces of images that lie in memory together."""
        return [replace(self, sources=members) for members in parts_of(self.sources, SOURCES_TOGETHER)]

    @property
    def is_pristine(self) -> bool:
        """Whether its images are the undistorted ones."""
        return self.conditions == (PRISTINE,)


def judges_of(suite: Suite) -> dict[str, Judges]:
    """For each part the conditions and the networks that judge its images under them, pristine ones first.

    All networks judge the test part at all conditions, and validation at those of training, since rate, utility and savings are
    measured there. Labelling networks also judge the unseen kinds of distortion, so that labels of theirs exist.
    """
    training, held_out, unseen = suite.training_conditions, suite.held_out_conditions, suite.unseen_conditions
    labelling, networks = suite.networks.labelling, suite.all_networks
    return {
        "train": [((PRISTINE,), labelling), (training + unseen, labelling)],
        "validation": [((PRISTINE,), networks), (training, networks), (unseen, labelling)],
        "test": [((PRISTINE,), networks), (training + held_out, networks)],
    }


class Recorded:
    """Which images of a suite are recorded, one byte an image and network, since there may be a hundred million."""

    def __init__(self, suite: Suite, parts: Parts, tables: Mapping[str, pl.DataFrame]) -> None:
        conditions = (PRISTINE, *suite.training_conditions, *suite.held_out_conditions)
        self.rows = {condition: row for row, condition in enumerate(conditions)}
        ids = (source.id for members in parts.values() for source in members)
        self.columns = {name: column for column, name in enumerate(ids)}
        self.masks = {name: self.mask(table) for name, table in tables.items()}

    def mask(self, table: pl.DataFrame) -> NDArray[np.bool_]:
        """Whether the table has each image, shape (conditions, sources)."""
        mask = np.zeros((len(self.rows), len(self.columns)), bool)
        columns = pl.col("source").cast(pl.Enum(list(self.columns)), strict=False).to_physical()
        images = table.select(*CONDITION, column=columns).drop_nulls("column")
        for condition, row in self.rows.items():
            mask[row, images.filter(**condition._asdict())["column"].to_numpy()] = True
        return mask

    def has(self, name: str, sources: Sequence[Source], conditions: Sequence[Condition]) -> bool:
        """Whether the table of a network has all images of these sources under these conditions."""
        if name not in self.masks:
            return False
        chosen = np.ix_([self.rows[key] for key in conditions], [self.columns[source.id] for source in sources])
        return bool(self.masks[name][chosen].all())


def plan(suite: Suite, parts: Parts, tables: Mapping[str, pl.DataFrame]) -> tuple[list[Shard], list[Shard]]:
    """The shards that are needed: those of pristine images, and those of distorted ones.

    Args:
        suite: the suite, which determines the conditions and networks of each part.
        parts: its sources; the training part includes augmented versions.
        tables: for each network, and `images`, the recorded outcomes of images of present contents, if there are any.
    """
    first: list[Shard] = []
    then: list[Shard] = []
    recorded, most = Recorded(suite, parts, tables), sources_of_a_shard(sum(map(len, parts.values())))
    for part, judges in judges_of(suite).items():
        for chunk in parts_of(parts[part], most):
            for conditions, names in chunks(judges):
                lacking = tuple(name for name in (*names, IMAGES) if not recorded.has(name, chunk, conditions))
                if lacking:
                    shard = Shard(chunk, conditions, lacking)
                    (first if shard.is_pristine else then).append(shard)
    return first, then


def sources_of_a_shard(count: int) -> int:
    """Number of sources of a shard, at most, where so many are to be labelled; a multiple of what lies in memory together.

    Examples:
        >>> [sources_of_a_shard(count) for count in (450, 48_000, 1_281_167)]
        [16, 16, 432]
    """
    return SOURCES_TOGETHER * max(1, -(-count // (SOURCES_TOGETHER * MOST_GROUPS)))


def chunks(judges: Judges) -> Judges:
    """The same with at most CONDITIONS_PER_SHARD conditions together."""
    return [(chosen, names) for conditions, names in judges for chosen in parts_of(conditions, CONDITIONS_PER_SHARD)]


def parts_of(items: Sequence[Item], most: int) -> list[tuple[Item, ...]]:
    """The items in order, at most so many together.

    Examples:
        >>> parts_of("abcde", 2)
        [('a', 'b'), ('c', 'd'), ('e',)]
    """
    return [tuple(items[start : start + most]) for start in range(0, len(items), most)]
