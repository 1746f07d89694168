"""Measures: stored scores and ground truth make a scorecard, by a pure function.

The threshold has the best balanced accuracy on the validation part and is frozen. Metrics are on the labelled rows of the test
part at the training conditions, soft ones on all rows whose pristine versions are recognised correctly; gains are on the test
part at the held-out conditions, unlabelled rows included. Where a suite has several distortions, some measures are also made of
the rows of each one, and of the seen and unseen kinds (`kind_measures`). Intervals resample the test sources
(`benchmark.metrics.bootstrap`), the validation sources too where there is a threshold, and hold the spread between seeds
(`benchmark.metrics.seeds`); all predictors of a suite share the same resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import polars as pl

from benchmark.core.errors import MetricError, ResultError
from benchmark.core.types import IMAGE
from benchmark.evaluation.card_parts import Counts, Gains, Measure
from benchmark.evaluation.condition_shares import condition_shares
from benchmark.evaluation.downstream import FRACTIONS, Curves, SeedGains, gains
from benchmark.evaluation.kind_measures import kind_gains, kind_metrics, kind_soft, of_kinds
from benchmark.evaluation.label_measures import (
    Measured,
    condition_codes,
    drawn_thresholds,
    label_metrics,
    satisfied_metrics,
    soft_metrics,
    stratified,
)
from benchmark.evaluation.measure_table import GROUPS, describe
from benchmark.evaluation.savings import Tables, savings, tables_of_codecs
from benchmark.evaluation.scorecard import FORMAT, Scorecard, Scores
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics import bootstrap
from benchmark.metrics.bootstrap import Floats
from benchmark.metrics.seeds import over_seeds
from benchmark.suites.results_folder import file_stem


@dataclass(frozen=True)
class SeedResult:
    """What the scores of one seed give."""

    threshold: float
    metrics: Measured
    soft: Measured
    downstream: SeedGains
    other_gains: Measured
    """Gains on seen and on unseen kinds, and bits saved."""

    def measured(self, group: str) -> Measured:
        """The measures of one of GROUPS."""
        return {"metrics": self.metrics, "soft": self.soft, "gains": self.downstream.gains | self.other_gains}[group]


def make_card(
    truth: GroundTruth, scores: pl.DataFrame, record: Scores, labels: str, rivals: Curves
) -> tuple[Scorecard, pl.DataFrame]:
    """Make the scorecard of stored scores, with means over seeds and thresholds that are frozen on validation.

    Returns:
        The card, and the replicates of its measures: a column for each measure and a row for each resample of the test sources,
        null beyond the last resample that was drawn.
    """
    tables = tables_of_codecs(truth)
    results = [judge_seed(truth, of_seed(truth, scores, record, seed), labels, rivals, tables) for seed in record.seeds]
    predictor = file_stem(record.predictor, record.trained_on)
    merged = {group: merge_seeds([result.measured(group) for result in results], predictor) for group in GROUPS}
    summary = {
        group: {
            name: described(values, [result.measured(group)[name][0] for result in results])
            for name, values in merged[group].items()
        }
        for group in GROUPS
    }
    counts = count_rows(truth, labels)
    coverage = (counts.useful + counts.non_useful) / (counts.useful + counts.non_useful + counts.unlabelled)
    card = Scorecard(
        format=FORMAT,
        suite=truth.suite.folder,
        fingerprint=truth.fingerprint,
        ground_truth=truth.digest(labels),
        labels=labels,
        predictor=record.predictor,
        track=record.track,
        trained_on=record.trained_on,
        seeds=record.seeds,
        counts=counts,
        threshold=tuple(result.threshold for result in results),
        metrics=summary["metrics"] | {"label_coverage": Measure(value=coverage)},
        soft=summary["soft"],
        gains=summary["gains"],
        downstream=mean_gains([result.downstream for result in results], predictor),
        cost=record.cost,
        provenance=record.provenance,
    )
    every = {name: values for group in merged.values() for name, values in group.items()}
    return card, replicates_table(every, len(truth.resamples["test"]))


def merge_seeds(seeds: Sequence[Measured], predictor: str) -> Measured:
    """The mean over seeds of each measure of a group, with replicates that hold the spread between seeds."""
    merged = {}
    for name in seeds[0]:
        scale, values = describe(name), np.array([measured[name] for measured in seeds])
        merged[name] = over_seeds(values, f"{predictor}, {name}", least=scale.least, most=scale.most)
    return merged


def mean_gains(seeds: Sequence[SeedGains], predictor: str) -> dict[str, Gains]:
    """The mean over seeds of every value of each held-out network; intervals of curves hold the spread between seeds."""
    results = {}
    for name in seeds[0].points:
        tree = means([seed.points[name] for seed in seeds])
        stacked = np.stack([seed.curves[name] for seed in seeds])
        label = f"{predictor}, curve of {name}"
        columns = [over_seeds(stacked[:, :, index], f"{label} {index}") for index in range(len(FRACTIONS))]
        ends = [bootstrap.interval(column[1:]) for column in columns]
        curve = {
            "value": [float(column[0]) for column in columns],
            "low": [low for low, _ in ends],
            "high": [high for _, high in ends],
        }
        results[name] = msgspec.convert(tree | {"curve": curve}, Gains)
    return results


def means(trees: Sequence[Any]) -> Any:
    """The mean over dictionaries of the same shape, number by number; None where it is not finite."""
    if isinstance(trees[0], dict):
        return {key: means([tree[key] for tree in trees]) for key in trees[0]}
    mean = float(np.mean(trees))
    return mean if np.isfinite(mean) else None


def of_seed(truth: GroundTruth, scores: pl.DataFrame, record: Scores, seed: int) -> pl.DataFrame:
    """The scores of one seed; raises ResultError where they are not those of this suite, or not complete."""
    if record.fingerprint != truth.fingerprint:
        raise ResultError(
            f"scores of {record.predictor} are of another suite or other images than {truth.suite.folder}"
        )
    expected = set(truth.indexed.scored_rows.select(IMAGE).iter_rows())
    rows = scores.filter(seed=seed)
    if set(rows.select(IMAGE).iter_rows()) != expected or rows["score"].is_nan().any():
        raise ResultError(f"scores of {record.predictor}, seed {seed}, are not complete for {truth.suite.folder}")
    return rows


def count_rows(truth: GroundTruth, labels: str) -> Counts:
    """The rows of the test part by their labels."""
    rows, every = truth.labelled(labels, "test"), truth.rows_of(labels, "test")
    _, pairs = stratified(rows["label"], np.zeros(rows.height), condition_codes(rows))
    return Counts(
        sources=rows["source"].n_unique(),
        useful=rows.filter(label=1).height,
        non_useful=rows.filter(label=0).height,
        unlabelled=every.height - rows.height,
        soft=int(every["eligible"].sum()),
        pairs_within_conditions=pairs,
    )


def replicates_table(measured: Measured, draws: int) -> pl.DataFrame:
    """The replicates of every measure that has some: a column each, null beyond the last resample that was drawn."""
    columns = {
        name: pl.Series(name, values[1:], pl.Float32).extend_constant(None, draws - len(values) + 1)
        for name, values in measured.items()
        if len(values) > 1
    }
    return pl.DataFrame(columns)


def described(values: Floats, per_seed: Sequence[float]) -> Measure:
    """A measure from its value and replicates, shape (1 + R,), and from the values of single seeds."""
    low, high = bounds(values[1:]) if len(values) > 1 else (None, None)
    each = tuple(finite(value) for value in per_seed) if len(per_seed) > 1 else ()
    return Measure(value=finite(values[0]), low=low, high=high, per_seed=each)


def judge_seed(truth: GroundTruth, scores: pl.DataFrame, labels: str, rivals: Curves, tables: Tables) -> SeedResult:
    """Threshold, measures of each group and gains of each held-out network, for the scores of one seed."""
    rows = {
        part: truth.labelled(labels, part).join(scores.filter(part=part), on=IMAGE, maintain_order="left")
        for part in ("validation", "test")
    }
    rows["test"] = rows["test"].with_columns(condition=condition_shares(truth, labels, rows["test"]))
    thresholds = drawn_thresholds(truth, rows["validation"])
    held_out, kinds = scores.filter(part="held_out"), of_kinds(truth, scores, labels)
    soft = truth.soft(labels, "test").join(scores.filter(part="test"), on=IMAGE, maintain_order="left")
    return SeedResult(
        threshold=float(thresholds[0]),
        metrics=label_metrics(truth, rows["test"], thresholds) | kind_metrics(truth, kinds, thresholds),
        soft=soft_metrics(truth, soft) | kind_soft(truth, kinds) | satisfied_metrics(truth, scores),
        downstream=gains(truth, held_out, thresholds, rivals),
        other_gains=kind_gains(truth, held_out, thresholds, rivals) | savings(truth, tables, scores),
    )


def bounds(replicates: Floats) -> tuple[float | None, float | None]:
    """The 95 % interval, or (None, None) where most resamples of few sources have one class only."""
    try:
        return bootstrap.interval(replicates)
    except MetricError:
        return None, None


def finite(value: float) -> float | None:
    """The number, or None where it is not finite."""
    return float(value) if np.isfinite(value) else None
