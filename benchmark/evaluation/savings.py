"""Bits saved: what a predictor earns that chooses for each image the lowest level that it still calls useful.

For each image the levels of a codec are searched from the top down, and the search stops before the first level whose score is
below the threshold. The threshold is the smallest with which 95 % of what the top level keeps is kept on validation, on the
codecs that occur in training together; it is frozen. An image is kept where a held-out network decides as on the pristine one,
`bits_saved`, or by combined labels where it is useful, `bits_saved_labels`: an unlabelled image counts as not kept. Each of the
two has its own threshold. Bits are compared with those of fixed levels that keep as much, and with an oracle's that knows what
is kept. Intervals resample test sources and, for the threshold, validation sources.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import polars as pl

from benchmark.core.types import IMAGE
from benchmark.evaluation.codec_tables import CodecTable, codec_levels, codec_table, codecs, grid, has_rates, images_of
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics import bootstrap
from benchmark.metrics.bootstrap import Floats, Weights
from benchmark.metrics.rates import saved_bits, search_thresholds, searched_levels

KEPT: dict[str, Callable[[CodecTable], Floats]] = {
    "bits_saved": lambda table: table.kept,
    "bits_saved_labels": lambda table: table.useful,
}
"""Measure -> how much of each image is kept, 0 to 1, shape (S, L). Both measures are 1 - bits / the rival's bits: at most 1,
higher is better, 0 is no better than fixed levels.
"""
Tables = dict[tuple[str, str], CodecTable]
"""(codec, part) -> its table; `validation` only of codecs that occur in training."""


def tables_of_codecs(truth: GroundTruth) -> Tables:
    """The tables of all codecs of a suite; empty where it has no rates."""
    names = codecs(truth.suite) if has_rates(truth.suite) else []
    seen = [name for name in names if codec_levels(truth.suite, name, training=True)]
    pairs = [(name, "test") for name in names] + [(name, "validation") for name in seen]
    return {(name, part): codec_table(truth, name, part) for name, part in pairs}


def savings(truth: GroundTruth, tables: Tables, scores: pl.DataFrame) -> dict[str, Floats]:
    """The share of bits that the scores of one seed save, on each codec and as means; empty without tables.

    Args:
        truth: the ground truth of the suite.
        tables: the tables of its codecs.
        scores: part and score of each of `scored_rows`, in the columns IMAGE.

    Returns:
        For each measure of KEPT, such as `bits_saved`: its mean over codecs; `bits_saved on CODEC` where there are several; and
        where there are unseen kinds the means over seen and over unseen codecs, `bits_saved on unseen kinds`; each the value,
        then that of each resample, shape (1 + R,).
    """
    if not tables:
        return {}
    grids = {key: scores_of(truth, scores, *key) for key in tables}
    results: dict[str, Floats] = {}
    for measure, kept in KEPT.items():
        if measure == "bits_saved" and not truth.suite.networks.held_out:
            continue
        thresholds = drawn_search_thresholds(truth, tables, grids, kept)
        measured = {
            f"{measure} on {name}": saved(truth, table, grids[name, "test"], kept(table), thresholds)
            for name, table in of_part(tables, "test").items()
        }
        results |= (measured if len(measured) > 1 else {}) | means_over_codecs(truth, measure, measured)
    return results


def means_over_codecs(truth: GroundTruth, measure: str, measured: dict[str, Floats]) -> dict[str, Floats]:
    """The mean of `MEASURE on CODEC` over all codecs, and over those of seen and of unseen kinds where there are such."""
    groups = {kind: [f"{measure} on {name}" for name in names] for kind, names in truth.suite.kinds.items()}
    chosen = {kind: [measured[name] for name in names if name in measured] for kind, names in groups.items()}
    of_kinds = {f"{measure} on {kind}": np.mean(values, axis=0) for kind, values in chosen.items() if values}
    return of_kinds | {measure: np.mean(list(measured.values()), axis=0)}


def of_part(tables: Tables, part: str) -> dict[str, CodecTable]:
    """Codec -> its table on a part."""
    return {name: table for (name, own), table in tables.items() if own == part}


def oracle_savings(truth: GroundTruth, tables: Tables) -> dict[str, Floats]:
    """What an oracle saves on each codec on the test part, then in each resample of its sources; shape (1 + R,).

    It knows for each image the lowest level at which at least half of the held-out networks decide as on the pristine image, or
    as many as at any level where no level keeps half.
    """
    results = {}
    for name, table in of_part(tables, "test").items():
        enough = np.minimum(0.5, table.kept.max(axis=1, keepdims=True))
        lowest = (table.kept >= enough).argmax(axis=1)
        kernel = functools.partial(saved_bits, bits=table.bits, kept=table.kept, chosen=lowest)
        cluster, counts = truth.clusters(pl.DataFrame({"source": table.sources}), "test")
        results[name] = bootstrap.value_and_replicates(kernel, counts, cluster)
    return results


def drawn_search_thresholds(
    truth: GroundTruth, tables: Tables, grids: dict[tuple[str, str], Floats], kept: Callable[[CodecTable], Floats]
) -> Floats:
    """The threshold of the search, then that of each resample of the validation sources, shape (1 + R,).

    It is of the codecs that occur in training; infinite without any. Each resample of the test sources has one of its own, so
    that intervals hold the threshold's chance too.
    """
    seen = of_part(tables, "validation")
    if not seen:
        return np.full(1 + len(truth.resamples["validation"]), np.inf)
    most = max(len(table.levels) for table in seen.values())
    # Codecs with fewer levels are filled up with copies of their lowest one, which change no choice.
    sides = [(grids[name, "validation"], kept(table)) for name, table in seen.items()]
    filled = [[np.pad(side, ((0, 0), (most - side.shape[1], 0)), mode="edge") for side in pair] for pair in sides]
    values, worth = (np.concatenate(side) for side in zip(*filled, strict=True))
    sources = pl.DataFrame({"source": [source for table in seen.values() for source in table.sources]})
    cluster, counts = truth.clusters(sources, "validation")
    return bootstrap.value_and_replicates(search_thresholds, counts, cluster, values, worth)


def scores_of(truth: GroundTruth, scores: pl.DataFrame, codec: str, part: str) -> Floats:
    """The scores of a codec's images of a part, shape (S, L)."""
    parts = ("test", "held_out") if part == "test" else (part,)
    levels = codec_levels(truth.suite, codec, training=part != "test")
    rows = images_of(truth, codec, part, levels)
    return grid(rows, scores.filter(pl.col("part").is_in(parts)).select(*IMAGE, "score"), "score", len(levels))


def saved(truth: GroundTruth, table: CodecTable, scores: Floats, kept: Floats, thresholds: Floats) -> Floats:
    """The share of bits that the search saves on the test part, then in each resample of its sources; shape (1 + R,).

    Args:
        truth: the ground truth of the suite.
        table: the codec's table on the test part.
        scores: by which levels are chosen, shape (S, L).
        kept: how much of each image is kept, 0 to 1, shape (S, L).
        thresholds: the first, then those of the resamples; shape (1 + R,).
    """
    cluster, counts = truth.clusters(pl.DataFrame({"source": table.sources}), "test")

    def kernel(weights: Weights, drawn: Floats) -> Floats:
        return saved_bits(weights, table.bits, kept, searched_levels(scores, drawn))

    return bootstrap.value_and_replicates(kernel, counts, cluster, choices=thresholds)
