"""What each codec of a suite spends and keeps at each of its levels, source by source: the raw material of rate and utility.

table = codec_table(truth, "avif", "test")
table.bits, table.kept, table.useful          # (sources, levels) each, the top level last
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.types import IMAGE, PRISTINE, Condition
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.indexed_suite import conditions_table
from benchmark.labelling.shards import IMAGES
from benchmark.metrics.bootstrap import Floats
from benchmark.plugins.distortions import find_distortion
from benchmark.suites.spec import COMBINED, Suite


@dataclass(frozen=True)
class CodecTable:
    """A codec on S sources of a part, at L levels in increasing order."""

    levels: tuple[int, ...]
    sources: tuple[str, ...]
    pixels: Floats
    """Pixels of each source, shape (S,)."""
    bits: Floats
    """Bits of each image, shape (S, L)."""
    kept: Floats
    """Share of the held-out networks that decide as on the pristine image, 0 to 1, shape (S, L)."""
    useful: Floats
    """1 where the combined label is useful, 0 where it is non-useful or there is none, shape (S, L)."""


def codecs(suite: Suite) -> list[str]:
    """The codecs among a suite's distortions, JPEG, with which others are compared, first.

    Camera faults have no rate of their own: what they send is always JPEG of one quality.
    """
    names = [choice.name for choice in suite.distortions if find_distortion(choice.name).kind == "codec"]
    return sorted(names, key=lambda name: name != "jpeg")


def has_rates(suite: Suite) -> bool:
    """Whether rate and utility of a suite are measured: at least one of its distortions is a codec."""
    return bool(codecs(suite))


def codec_levels(suite: Suite, codec: str, *, training: bool = False) -> tuple[int, ...]:
    """The levels of a codec in increasing order, all of them or those for training."""
    (choice,) = (choice for choice in suite.distortions if choice.name == codec)
    return tuple(sorted(choice.levels if training else choice.levels + choice.held_out))


def images_of(truth: GroundTruth, codec: str, part: str, levels: tuple[int, ...]) -> pl.DataFrame:
    """The images of a codec on a part, in the columns IMAGE, source by source in increasing order of levels."""
    members = pl.DataFrame({"source": [source.id for source in truth.parts[part]]})
    conditions = conditions_table([Condition(codec, level) for level in levels])
    return members.join(conditions, how="cross", maintain_order="left_right").select(IMAGE)


def grid(rows: pl.DataFrame, table: pl.DataFrame, column: str, levels: int) -> NDArray[np.float64]:
    """A column of a table of images at these rows, shape (S, L)."""
    joined = rows.join(table.select(*IMAGE, column), on=IMAGE, how="left", maintain_order="left")
    return joined[column].cast(pl.Float64).to_numpy().reshape(-1, levels)


def codec_table(truth: GroundTruth, codec: str, part: str) -> CodecTable:
    """What a codec spends and keeps on the part `test` at all its levels, or on `validation` at those for training."""
    levels = codec_levels(truth.suite, codec, training=part != "test")
    rows, images = images_of(truth, codec, part, levels), truth.outcomes[IMAGES]
    pristine = images.filter(distortion=PRISTINE.distortion)
    members = [source.id for source in truth.parts[part]]
    sizes = dict(pristine.select("source", pl.col("height").cast(pl.Int64) * pl.col("width")).iter_rows())
    labels = truth.labels(COMBINED)
    kept = [grid(rows, truth.judgement(name), "kept", len(levels)) for name in truth.suite.networks.held_out]
    bits = grid(rows, images, "bits", len(levels))
    return CodecTable(
        levels,
        tuple(members),
        np.array([sizes[name] for name in members], np.float64),
        bits,
        np.mean(kept, axis=0) if kept else np.full(bits.shape, np.nan),
        (grid(rows, labels, "label", len(levels)) == 1).astype(np.float64),
    )
