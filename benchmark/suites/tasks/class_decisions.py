"""What classifiers decide on images without a ground truth: as on the pristine version or not, and what they agree on."""

from __future__ import annotations

import polars as pl

from benchmark.core.types import IMAGE, PRISTINE, UNKNOWN


def decisions(outcomes: pl.DataFrame, retained: float) -> pl.DataFrame:
    """Whether a classifier decides on each distorted image as on the pristine version; needs no ground truth.

    Returns:
        A row for each distorted image: the columns IMAGE and `kept`. `retained` is for detection alone.
    """
    pristine = outcomes.filter(distortion=PRISTINE.distortion).select("source", top_p="top")
    rows = outcomes.filter(pl.col("distortion") != PRISTINE.distortion)
    rows = rows.join(pristine, on="source", how="left", maintain_order="left")
    return rows.select(*IMAGE, kept=pl.col("top") == pl.col("top_p"))


def consensus(pristine: list[pl.DataFrame], images: object) -> dict[str, int]:
    """The class on which the networks of these outcomes of pristine images agree, UNKNOWN where they do not, by source."""
    tops = pl.concat(table.select("source", "top") for table in pristine)
    agreed = tops.group_by("source").agg(truth=pl.col("top").first(), classes=pl.col("top").n_unique())
    truth = pl.when(pl.col("classes") == 1).then(pl.col("truth")).otherwise(UNKNOWN)
    return dict(agreed.select("source", truth).iter_rows())


def own_truths(outcomes: pl.DataFrame) -> dict[str, int]:
    """What a network decides on each pristine image, as the truth by which its other decisions are judged."""
    return dict(outcomes.filter(distortion=PRISTINE.distortion).select("source", "top").iter_rows())
