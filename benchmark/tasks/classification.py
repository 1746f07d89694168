"""All that is particular to classification: what an outcome holds, and how outcomes become labels.

An outcome is what one network made of one image at one level, kept raw, so that any threshold, temperature or rule can be
applied later:

    source, digest      id and content digest of the pristine image
    level               distortion level, -1 for the pristine image
    top                 index of the predicted class
    score_true          logit of the true class (probability, where the network gives no logits)
    score_top           likewise of the predicted class
    logsumexp           of the logits; null where the network gives probabilities
    logsumexp_t         of logits / T, T the network's fitted temperature, which stands in the file's metadata
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from benchmark import utility
from benchmark.metrics import area_under_kept, expected_mean_of_kept, over_random
from benchmark.records import PRISTINE

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.networks.network import Network

SCHEMA = pl.Schema(
    {
        "source": pl.String,
        "digest": pl.String,
        "level": pl.Int16,
        "top": pl.Int16,
        "score_true": pl.Float32,
        "score_top": pl.Float32,
        "logsumexp": pl.Float32,
        "logsumexp_t": pl.Float32,
    }
)

BYTES = 20
"""Of an outcome on disk, about."""
PROBE_JUDGES = True
"""Whether the probe, a classifier, does this task, so that its decisions on the suite's images are recorded."""
MEASURE = "accuracy"
TABLE, GAINS_TABLE, FIGURE = "I", "III", "2a"
PUBLISHED_ACCURACY = {"Inception-v3": 87.5, "VGG-19": 84.2, "DenseNet-121": 91.2, "combined": 93.3}
"""Accuracy of ResNet-18 in per cent (paper, Table I), for each labelling network and the combined labels."""
PUBLISHED_GAINS = {"AlexNet": (46.8, 46.0), "ResNeXt-50": (66.3, 65.4), "EfficientNet-B7": (65.8, 65.9)}
"""Accuracy in per cent after filtering, ResNet-18 trained on classification and on detection (paper, Table III)."""

GAINS = {
    "unfiltered": "on all images",
    "kept": "the fraction that the predictor keeps",
    "filtered": "on what the predictor keeps",
    "random": "on as many images, kept at random",
    "quality": "on as many images, those of highest quality",
    "oracle": "on as many images, first those that this network gets right",
    "area": "gain over random choice, mean over all fractions kept, as a share of the oracle's: 1 oracle, 0 random",
}
"""What `Downstream.gains` returns, in words."""


@dataclass(frozen=True)
class LabelChoice:
    """How outcomes become labels (paper, section IV)."""

    high: float = 0.9
    """T_H: useful above this confidence in the true class."""
    low: float = 0.1
    """T_L: non-useful below this."""
    calibrate: bool = False
    """Whether confidences are taken at each network's fitted temperature (ours)."""

    def problem(self) -> str:
        """What is wrong with the choice, or nothing."""
        return "" if 0 <= self.low <= self.high <= 1 else "[labels] must be 0 <= low <= high <= 1"


def truth_columns() -> dict[str, tuple[pa.DataType, Any]]:
    """Columns of an export that hold the ground truth: type, and what Hugging Face `datasets` calls it."""
    return {"class": (pa.int16(), {"dtype": "int16", "_type": "Value"})}


def truth_values(truth: int) -> dict[str, Any]:
    """The ground truth of one image in these columns."""
    return {"class": truth}


def rules(labels: LabelChoice) -> dict[str, LabelChoice]:
    """The rules whose counts are worth telling beside each other."""
    return {
        "calibrated": dataclasses.replace(labels, calibrate=True),
        "plain (the paper's)": dataclasses.replace(labels, calibrate=False),
    }


def observe(
    network: Network, answers: Tensor, truths: list[int], sizes: object, temperature: float | None
) -> dict[str, list[object]]:
    """Outcome columns of a batch.

    Args:
        network: whose answers they are.
        answers: logits or probabilities, float32 (N, K).
        truths: index of the true class of each image.
        sizes: not used here.
        temperature: the fitted one, or None before it is fitted; then a column `logits` is added, to fit it from.
    """
    import torch

    answers, logits = answers.float().cpu(), network.logits
    best = answers.max(dim=1)
    columns: dict[str, list[object]] = {
        "top": best.indices.tolist(),
        "score_true": answers[torch.arange(len(answers)), torch.tensor(truths)].tolist(),
        "score_top": best.values.tolist(),
        "logsumexp": answers.logsumexp(1).tolist() if logits else [None] * len(answers),
        "logsumexp_t": [None] * len(answers),
    }
    if logits and temperature is None:
        columns["logits"] = answers.tolist()
    elif logits and temperature is not None:
        columns["logsumexp_t"] = (answers / temperature).logsumexp(1).tolist()
    return columns


def fit_temperature(pristine: pl.DataFrame, truths: dict[str, int]) -> float:
    """The temperature of one network, from the pristine rows (with `logits`) of the training sources."""
    rows = pristine.filter(pl.col("source").is_in(list(truths)))
    return utility.fit_temperature(rows["logits"].to_numpy(), [truths[source] for source in rows["source"]])


def with_temperature(pristine: pl.DataFrame, temperature: float) -> pl.DataFrame:
    """Pristine rows with `logsumexp_t` filled in from `logits`, which are dropped."""
    import torch

    table = torch.tensor(np.stack(pristine["logits"].to_list()))
    filled = pl.Series("logsumexp_t", (table / temperature).logsumexp(1).numpy(), pl.Float32)
    return pristine.drop("logits").with_columns(filled)


def confidence(outcomes: pl.DataFrame, temperature: float, calibrate: bool) -> NDArray[np.float64]:
    """phi: confidence in the true class, 0 to 1, one a row; calibrated only where the network gives logits."""
    true = outcomes["score_true"].to_numpy().astype(np.float64)
    if outcomes["logsumexp"].null_count():
        return np.asarray(np.clip(true, 0, 1))
    column = "logsumexp_t" if calibrate else "logsumexp"
    t = temperature if calibrate else 1.0
    return np.asarray(np.minimum(np.exp(true / t - outcomes[column].to_numpy().astype(np.float64)), 1.0))


def judge(outcomes: pl.DataFrame, truths: dict[str, int], temperature: float, labels: LabelChoice) -> pl.DataFrame:
    """What one network decided about each distorted image.

    Returns:
        A row for each row of `outcomes` that is not pristine: source, level, `right` (Eq. 5), `kept` (predicted class is that
        of the pristine image), `utility` (Eq. 2) and `label` (section IV: 1, 0, or -1 unlabelled).
    """
    truth = pl.Series("truth", [truths[source] for source in outcomes["source"]], pl.Int16)
    phi = pl.Series("phi", confidence(outcomes, temperature, labels.calibrate))
    right = pl.Series("right", utility.correct(outcomes["top"].to_numpy(), truth.to_numpy()))
    rows = outcomes.select("source", "level", "top").with_columns(truth, phi, right)
    pristine = rows.filter(level=PRISTINE).select("source", top_p="top", phi_p="phi", right_p="right")
    rows = rows.filter(pl.col("level") != PRISTINE).join(pristine, on="source", how="left", maintain_order="left")
    label = utility.threshold_labels(rows["phi"], rows["right"], rows["right_p"], labels.high, labels.low)
    return rows.select(
        "source",
        "level",
        "right",
        kept=pl.col("top") == pl.col("top_p"),
        utility=pl.Series(utility.utility(rows["phi"], rows["phi_p"]), dtype=pl.Float64),
        label=pl.Series(label, dtype=pl.Int8),
    )


def facts(outcomes: pl.DataFrame, judgement: pl.DataFrame) -> str:
    """All that downstream performance depends on, as text."""
    return judgement.select("source", "level", "right").write_csv()


class Downstream:
    """Accuracy of a held-out network on the images that a predictor keeps (paper, section V and Fig. 2)."""

    def __init__(self, outcomes: object, truths: object, judgement: pl.DataFrame, images: object) -> None:
        self.judgement = judgement

    def filtered(self, scores: pl.DataFrame, threshold: float) -> float:
        """Accuracy on the rows of `scores` (repeats count again) that reach the threshold; NaN where none does."""
        rows = scores.filter(pl.col("score") >= threshold).join(self.judgement, on=["source", "level"])
        return float(rows["right"].to_numpy().mean()) if rows.height else math.nan

    def best_half(self, scores: pl.DataFrame) -> float:
        """Accuracy on the half of the rows with the highest scores (repeats count again); ties are an expectation."""
        rows = scores.join(self.judgement, on=["source", "level"], maintain_order="left")
        return expected_mean_of_kept(rows["right"].to_numpy(), rows["score"].to_numpy(), (rows.height + 1) // 2)

    def gains(self, scores: pl.DataFrame, threshold: float) -> dict[str, Any]:
        """Accuracy on what a predictor keeps, beside other choices of as many.

        Args:
            scores: the predictor's, with columns source, level and score: the images in question.
            threshold: kept where score >= threshold.

        Returns:
            `unfiltered` accuracy on all; `kept` fraction; accuracy where this many are kept: `filtered` by the predictor, by
            `random` choice, by `quality` (highest levels first) and by an `oracle` (correct ones first). Random and ties are
            expectations. All 0 to 1; these four are None where nothing is kept. `area`: the gain over random choice, mean over
            all fractions kept, as a share of the oracle's (1 oracle, 0 random; None where all or none are right).
        """
        rows = scores.join(self.judgement, on=["source", "level"], maintain_order="left")
        right, kept = rows["right"].to_numpy(), rows["score"].to_numpy() >= threshold
        count = int(kept.sum())
        areas = (area_under_kept(right, order) for order in (rows["score"], np.zeros(len(right)), right))
        result = {"unfiltered": float(right.mean()), "kept": float(kept.mean()), "area": over_random(*areas)}
        if not count:
            return result | dict.fromkeys(("filtered", "random", "quality", "oracle"))
        return result | {
            "filtered": float(right[kept].mean()),
            "random": expected_mean_of_kept(right, np.zeros(len(right)), count),
            "quality": expected_mean_of_kept(right, rows["level"].to_numpy(), count),
            "oracle": expected_mean_of_kept(right, right, count),
        }
