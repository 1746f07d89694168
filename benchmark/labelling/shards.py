"""Shards: the missing outcomes of a suite, in units that can be computed on any machine and repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from benchmark.core.types import PRISTINE, Source
from benchmark.suites.spec import Suite
from benchmark.suites.splits import Parts

IMAGES = "images"
"""Name, beside those of the networks, of the table of bits and pixel digests."""
IMAGES_SCHEMA = pl.Schema(
    {
        "source": pl.String,
        "digest": pl.String,
        "level": pl.Int16,
        "height": pl.Int32,
        "width": pl.Int32,
        "bits": pl.Int32,
        "pixels": pl.UInt64,
    }
)
SOURCES_PER_SHARD = 16


@dataclass(frozen=True)
class Shard:
    """A unit of labelling."""

    sources: tuple[Source, ...]
    levels: tuple[int, ...]
    networks: tuple[str, ...]
    """Networks, and `images`, whose outcomes lack some of these images."""

    @property
    def images(self) -> int:
        """Number of distorted images."""
        return len(self.sources) * len(self.levels)


def plan(suite: Suite, parts: Parts, recorded: dict[str, set[tuple[str, int]]]) -> tuple[list[Shard], list[Shard]]:
    """The shards that are needed: those of the pristine level, and those of the other levels.

    Args:
        suite: the suite, which determines the levels and networks of each part.
        parts: its sources; the training part includes augmented versions.
        recorded: for each network, and `images`, the (source, level) pairs of present contents that are recorded already.
    """
    levels, held_out = suite.distortion.levels, suite.distortion.held_out
    labelling, networks = suite.networks.labelling, suite.networks
    judges: dict[str, list[tuple[tuple[int, ...], tuple[str, ...]]]] = {
        "train": [(levels, labelling)],
        "validation": [(levels, labelling)],
        "test": [
            (levels, tuple(dict.fromkeys((*labelling, *suite.judging_probe)))),
            (held_out, networks.held_out),
        ],
    }
    first: list[Shard] = []
    then: list[Shard] = []
    for part, members in parts.items():
        networks_of_part = tuple(dict.fromkeys(name for _, names in judges[part] for name in names))
        for start in range(0, len(members), SOURCES_PER_SHARD):
            chunk = tuple(members[start : start + SOURCES_PER_SHARD])
            for shard_levels, names in [((PRISTINE,), networks_of_part), *judges[part]]:
                pairs = {(source.id, level) for source in chunk for level in shard_levels}
                lacking = tuple(name for name in (*names, IMAGES) if not pairs <= recorded.get(name, set()))
                if lacking:
                    (first if shard_levels == (PRISTINE,) else then).append(Shard(chunk, shard_levels, lacking))
    return first, then


def photograph(row: dict[str, Any]) -> str:
    """What messages call an image, by its row of `images`."""
    return f"{row['source']}, " + ("pristine" if row["level"] == PRISTINE else f"level {row['level']}")
