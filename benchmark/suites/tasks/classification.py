"""The task of classification: the contents of its outcomes, and the rule that turns outcomes into labels.

An outcome is the raw output of one network for one image under one condition, so that any threshold, temperature or rule can be
applied later:

    source, digest      id and content digest of the pristine image
    distortion          name of the distortion, `pristine` for the pristine image
    level               its level, -1 for the pristine image
    top                 index of the predicted class
    score_true          logit of the true class (probability, where the network gives no logits)
    score_top           likewise of the predicted class
    logsumexp           of the logits; null where the network gives probabilities
    logsumexp_t         of logits / T, where T is the network's fitted temperature, recorded in the file's metadata
"""

from __future__ import annotations

import dataclasses
import functools
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from benchmark.core.types import IMAGE, PRISTINE
from benchmark.metrics import image_utility
from benchmark.suites.tasks.class_decisions import consensus as consensus  # every task's module has these three
from benchmark.suites.tasks.class_decisions import decisions as decisions
from benchmark.suites.tasks.class_decisions import own_truths as own_truths
from benchmark.suites.tasks.filtering import GAINS as GAINS  # every task's module has GAINS and Downstream
from benchmark.suites.tasks.filtering import Downstream as Downstream

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.plugins.networks.network import Network

SCHEMA = pl.Schema(
    {
        "source": pl.String,
        "digest": pl.String,
        "distortion": pl.String,
        "level": pl.Int16,
        "top": pl.Int16,
        "score_true": pl.Float32,
        "score_top": pl.Float32,
        "logsumexp": pl.Float32,
        "logsumexp_t": pl.Float32,
    }
)

FAULTS = {
    "are of no level": pl.col("level") < PRISTINE.level,
    "have no class": pl.col("top") < 0,
    "have no finite scores": ~(pl.col("score_true").is_finite() & pl.col("score_top").is_finite()),
    "have a true class above the top one": pl.col("score_true") > pl.col("score_top"),
    "have a log-sum-exp that is not finite": pl.any_horizontal(
        pl.col(name).is_not_null() & ~pl.col(name).is_finite().fill_null(False) for name in ("logsumexp", "logsumexp_t")
    ),
    "have one log-sum-exp of two": pl.col("logsumexp").is_null() != pl.col("logsumexp_t").is_null(),
}
"""What is wrong with an outcome, in words -> whether it is so."""
TOLERANCE = 1e-3
"""Largest difference of scores between machines, as a share of the largest score."""
BYTES = 20
"""Approximate size of an outcome on disk."""
MEASURE = "accuracy"
TABLE, GAINS_TABLE, FIGURE = "I", "III", "2a"
PUBLISHED_ACCURACY = {"Inception-v3": 87.5, "VGG-19": 84.2, "DenseNet-121": 91.2, "combined": 93.3}
"""Accuracy of ResNet-18 in per cent (paper, Table I), for each labelling network and the combined labels."""
MIQA = "PSNR", "SSIM", "DISTS", "ResNet-18", "ResNet-50", "RA-MIQA"
"""Methods whose SRCC MIQA (MIQD-2.5M, 2025) reports."""
PUBLISHED_SRCC = dict(zip(MIQA, (0.239, 0.303, 0.388, 0.513, 0.558, 0.700), strict=True))
PUBLISHED_GAINS = {"AlexNet": (0.468, 0.460), "ResNeXt-50": (0.663, 0.654), "EfficientNet-B7": (0.658, 0.659)}
"""Accuracy after filtering by ResNet-18 trained on classification and on detection (paper, Table III)."""


@dataclass(frozen=True, kw_only=True)
class LabelChoice:
    """How outcomes become labels (paper, section IV)."""

    high: float = 0.9
    """T_H: useful above this confidence in the true class."""
    low: float = 0.1
    """T_L: non-useful below this."""
    calibrate: bool = False
    """Whether confidences are computed at each network's fitted temperature (our addition)."""

    def problem(self) -> str:
        """The error in the choice, or an empty text."""
        if 0 <= self.low <= self.high <= 1:
            return ""
        return f"[labels] low is {self.low}, high is {self.high}; they must be 0 <= low <= high <= 1"


TRUTH_SCHEMA: dict[str, Any] = {"class": pl.Int16}
"""The columns of `truth_values`, as `sources.parquet` has them."""


def truth_columns() -> dict[str, tuple[pa.DataType, Any]]:
    """Columns of an export that hold the ground truth, with the Arrow type and the feature of Hugging Face `datasets`."""
    return {"class": (pa.int16(), {"dtype": "int16", "_type": "Value"})}


def truth_values(truth: int) -> dict[str, Any]:
    """The ground truth of one image in these columns."""
    return {"class": truth}


def truth_of(values: dict[str, Any]) -> int:
    """The ground truth of one image from these columns."""
    return int(values["class"])


def groups(truth: int) -> list[str]:
    """The groups to which an image of this ground truth belongs, for comparisons by group."""
    return [f"class {truth}"]


def formatted(value: float | None) -> str:
    """An accuracy in per cent, formatted as in the paper's Table III, or a dash."""
    return "-" if value is None else f"{100 * value:.1f} %"


def rules(labels: LabelChoice) -> dict[str, LabelChoice]:
    """The rules whose counts are reported side by side."""
    return {
        "calibrated": dataclasses.replace(labels, calibrate=True),
        "plain (the paper's)": dataclasses.replace(labels, calibrate=False),
    }


def observe(
    network: Network, answers: Tensor, truths: list[int], sizes: object, temperature: float | None
) -> dict[str, list[object]]:
    """Outcome columns of a batch.

    Args:
        network: the network that gave the answers.
        answers: logits or probabilities, float32 (N, K).
        truths: index of the true class of each image; where it is UNKNOWN, `score_true` means nothing.
        sizes: not used for classification.
        temperature: the fitted temperature, or None before the fit; in that case a column `logits` is added for the fit.
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
    """The temperature of one network, fitted to the pristine rows (source and `logits`) of the training sources."""
    return image_utility.fit_temperature(
        pristine["logits"].to_numpy(), [truths[source] for source in pristine["source"]]
    )


def with_temperature(pristine: pl.DataFrame, temperature: float) -> pl.DataFrame:
    """Pristine rows with `logsumexp_t` computed from `logits`, which are dropped."""
    import torch

    table = torch.from_numpy(pristine["logits"].to_numpy().astype(np.float64))
    filled = pl.Series("logsumexp_t", (table / temperature).logsumexp(1).numpy(), pl.Float32)
    return pristine.drop("logits").with_columns(filled)


def confidence(outcomes: pl.DataFrame, temperature: float, calibrate: bool) -> NDArray[np.float64]:
    """phi, the confidence in the true class, 0 to 1, for each row; it is calibrated only if the network gives logits."""
    true = outcomes["score_true"].to_numpy().astype(np.float64)
    if outcomes["logsumexp"].null_count():
        return np.asarray(np.clip(true, 0, 1))
    column = "logsumexp_t" if calibrate else "logsumexp"
    t = temperature if calibrate else 1.0
    return np.asarray(np.minimum(np.exp(true / t - outcomes[column].to_numpy().astype(np.float64)), 1.0))


def judge(outcomes: pl.DataFrame, truths: dict[str, int], temperature: float, labels: LabelChoice) -> pl.DataFrame:
    """The decisions of one network on each distorted image.

    Returns:
        A row for each row of `outcomes` that is not pristine: the columns IMAGE, `right` (Eq. 5), `kept` (the predicted class
        is that of the pristine image), `satisfied` (the same, as the satisfied machine ratio counts it), `pristine_right`,
        `utility` (Eq. 2) and `label` (section IV: 1, 0, or -1 unlabelled).
    """
    truth = outcomes["source"].replace_strict(truths, return_dtype=pl.Int16).alias("truth")
    phi = pl.Series("phi", confidence(outcomes, temperature, labels.calibrate))
    right = pl.Series("right", image_utility.correct(outcomes["top"].to_numpy(), truth.to_numpy()))
    rows = outcomes.select(*IMAGE, "top").with_columns(truth, phi, right)
    pristine = rows.filter(distortion=PRISTINE.distortion).select("source", top_p="top", phi_p="phi", right_p="right")
    rows = rows.filter(pl.col("distortion") != PRISTINE.distortion).join(
        pristine, on="source", how="left", maintain_order="left"
    )
    label = image_utility.threshold_labels(
        rows["phi"], rows["right"], rows["right_p"], high=labels.high, low=labels.low
    )
    return rows.select(
        *IMAGE,
        "right",
        kept=pl.col("top") == pl.col("top_p"),
        satisfied=pl.col("top") == pl.col("top_p"),
        pristine_right="right_p",
        utility=pl.Series(image_utility.utility(rows["phi"], rows["phi_p"]), dtype=pl.Float64),
        label=pl.Series(label, dtype=pl.Int8),
    )


def disagree(recorded: pl.DataFrame, observed: pl.DataFrame) -> pl.Series:
    """Mask of the outcomes that differ from the recorded ones in class, or in scores by more than TOLERANCE of the largest."""
    columns = ["score_true", "score_top", "logsumexp"]
    scale = float(recorded.select(pl.max_horizontal(pl.col(columns).abs().max())).item() or 1.0)
    gaps = [(recorded[name] - observed[name]).abs().fill_null(0.0) > TOLERANCE * scale for name in columns]
    return functools.reduce(operator.or_, gaps, recorded["top"] != observed["top"])


def facts(outcomes: pl.DataFrame, judgement: pl.DataFrame) -> str:
    """Everything that downstream performance depends on, as text."""
    return judgement.select(*IMAGE, "right").write_csv()
