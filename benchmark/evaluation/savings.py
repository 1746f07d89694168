"""Bits saved: what a predictor earns that chooses for each image the lowest level that it still calls useful.

For each image the levels of a codec are searched from the top down, and the search stops before the first level whose score is
below the threshold. The threshold is the smallest with which 95 % of what the top level keeps is kept on validation, on the
codecs that occur in training together; it is frozen. An image is kept where a held-out network decides as on the pristine one.
Bits are compared with those of fixed levels that keep as much, and with an oracle's that knows what is kept. Intervals resample
test sources at this threshold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from benchmark.core.types import IMAGE
from benchmark.evaluation.codec_tables import CodecTable, codec_levels, codec_table, codecs, grid, has_rates, images_of
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics.bootstrap import Floats
from benchmark.metrics.rates import lowest_levels, saved_bits, search_threshold

MEASURE = "bits_saved"


Tables = dict[tuple[str, str], CodecTable]
"""(codec, part) -> its table; `validation` only of codecs that occur in training."""


def tables_of_codecs(truth: GroundTruth) -> Tables:
    """The tables of all codecs of a suite; empty where it has no rates."""
    names = codecs(truth.suite) if has_rates(truth.suite) else []
    seen = [name for name in names if codec_levels(truth.suite, name, training=True)]
    pairs = [(name, "test") for name in names] + [(name, "validation") for name in seen]
    return {(name, part): codec_table(truth, name, part) for name, part in pairs}


def savings(truth: GroundTruth, tables: Tables, scores: pl.DataFrame) -> dict[str, Floats]:
    """The share of bits that the scores of one seed save, on each codec and as their mean; empty without tables.

    Args:
        truth: the ground truth of the suite.
        tables: the tables of its codecs.
        scores: part and score of each of `scored_rows`, in the columns IMAGE.

    Returns:
        `bits_saved on CODEC`, their mean `bits_saved`, and where the suite has unseen kinds the means over seen and over unseen
        codecs, `bits_saved on unseen kinds`; each the value and its replicates, shape (1 + R,).
    """
    if not tables:
        return {}
    threshold, measured = frozen_threshold(truth, tables, scores), {}
    for name, table in of_part(tables, "test").items():
        chosen = lowest_levels(scores_of(truth, scores, name, "test") >= threshold)
        measured[f"{MEASURE} on {name}"] = saved(truth, table, chosen)
    return measured | means_over_codecs(truth, measured)


def means_over_codecs(truth: GroundTruth, measured: dict[str, Floats]) -> dict[str, Floats]:
    """The mean of `MEASURE on CODEC` over all codecs, and over those of seen and of unseen kinds where there are such."""
    groups = {kind: [f"{MEASURE} on {name}" for name in names] for kind, names in truth.suite.kinds.items()}
    chosen = {kind: [measured[name] for name in names if name in measured] for kind, names in groups.items()}
    of_kinds = {f"{MEASURE} on {kind}": np.mean(values, axis=0) for kind, values in chosen.items() if values}
    return of_kinds | {MEASURE: np.mean(list(measured.values()), axis=0)}


def of_part(tables: Tables, part: str) -> dict[str, CodecTable]:
    """Codec -> its table on a part."""
    return {name: table for (name, own), table in tables.items() if own == part}


def oracle_savings(truth: GroundTruth, tables: Tables) -> dict[str, Floats]:
    """What an oracle saves on each codec: it knows at which levels at least half of the held-out networks decide as before."""
    return {
        name: saved(truth, table, lowest_levels(table.kept >= 0.5)) for name, table in of_part(tables, "test").items()
    }


def frozen_threshold(truth: GroundTruth, tables: Tables, scores: pl.DataFrame) -> float:
    """The threshold of the search, from the validation part and the codecs that occur in training; infinite without any."""
    seen = of_part(tables, "validation")
    if not seen:
        return float("inf")
    grids = [(scores_of(truth, scores, name, "validation"), table.kept) for name, table in seen.items()]
    most = max(values.shape[1] for values, _ in grids)
    # Codecs with fewer levels are filled up with copies of their lowest one, which change no choice.
    filled = [[np.pad(table, ((0, 0), (most - table.shape[1], 0)), mode="edge") for table in pair] for pair in grids]
    values, kept = (np.concatenate(side) for side in zip(*filled, strict=True))
    return search_threshold(values, kept)


def scores_of(truth: GroundTruth, scores: pl.DataFrame, codec: str, part: str) -> Floats:
    """The scores of a codec's images of a part, shape (S, L)."""
    parts = ("test", "held_out") if part == "test" else (part,)
    levels = codec_levels(truth.suite, codec, training=part != "test")
    rows = images_of(truth, codec, part, levels)
    return grid(rows, scores.filter(pl.col("part").is_in(parts)).select(*IMAGE, "score"), "score", len(levels))


def saved(truth: GroundTruth, table: CodecTable, chosen: Any) -> Floats:
    """The share of bits that these levels save on the test part, then in each resample of its sources; shape (1 + R,)."""
    rows = pl.DataFrame({"source": table.sources})
    cluster, counts = truth.clusters(rows, "test")
    weights = np.concatenate([np.ones((1, len(cluster))), counts[:, cluster]]).astype(np.float64)
    return saved_bits(weights, table.bits, table.kept, chosen)
