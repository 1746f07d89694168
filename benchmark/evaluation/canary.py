"""The canary: images that exist nowhere else, on which a look-up of published images fails and an honest predictor does not.

Some photographs of the test part are cropped by a few secret pixels before they are compressed, and keep their labels. Honest
scores hardly change: TOLERANCE says how much. What recognises images by their digests has nothing to say about these.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.digests import digest
from benchmark.core.errors import BenchmarkError, LabelError
from benchmark.core.images import Pixels
from benchmark.core.types import IMAGE
from benchmark.evaluation.dataloading import shuffled
from benchmark.evaluation.passes import Entrant, Key, divided, score_images
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics import bootstrap, weighted
from benchmark.suites.spec import COMBINED

SOURCES = 200
"""Largest number of photographs that are cropped."""
MOST, SHARE = 7, 16
"""Most pixels that are cut off at one side, and how many times shorter than the side that is."""
TOLERANCE = 0.02
"""How much of the AUROC an honest predictor may lose beyond chance.

Measured, two to five canaries of each baseline: on glyphs the AUROC fell by .0133 at most (energy, which looks into a network),
else by .0007 (jpeg_statistics); on imagenet-lite, without ssim and dct_statistics, by .0104 (energy), else .0045; on coco-lite
by .0009; on glyphs-det by .0071 (ssim). No lower end of an interval was above .0002. It rose by .0079 at most. resnet18 was not
measured.
"""


class Canary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AUROC on cropped images, and on the same images as they are in the suite; combined labels of the test part."""

    cropped: float
    original: float
    low: float
    """Lower end of the 95 % interval of original minus cropped, which resamples photographs."""
    high: float
    sources: int
    """Number of photographs."""

    @property
    def failed(self) -> bool:
        """Whether the predictor loses more than TOLERANCE, and chance does not explain it."""
        return self.low > TOLERANCE


def sing(
    entrants: Mapping[Key, Entrant], truth: GroundTruth, scores: Mapping[Key, pl.DataFrame]
) -> dict[Key, Canary | BenchmarkError | None]:
    """Let predictors score cropped test images, and compare with their scores of the same images in the run.

    Args:
        entrants: the predictors, which have scored the suite, each by a key.
        truth: the suite's ground truth.
        scores: the scores of the run of each, with columns part, source, distortion, level and score.

    Returns:
        The comparison of each predictor, or its error, or None where the test part has no rows of both labels, or too few
        photographs.
    """
    if not entrants:
        return {}
    secret = secrets.token_hex()
    try:
        rows = truth.labelled(COMBINED, "test")
    except LabelError:
        return dict.fromkeys(entrants)
    chosen = shuffled(rows["source"].unique(maintain_order=True).to_list(), f"{secret} chosen")[:SOURCES]
    rows = rows.filter(pl.col("source").is_in(chosen))
    if rows["label"].n_unique() < 2:
        return dict.fromkeys(entrants)
    results = score_images(
        entrants,
        truth.indexed,
        rows.select(IMAGE).rows(),
        secret,
        what=f"cropped images of {truth.suite.folder}",
        change=functools.partial(crop, secret),
        note=", cropped",
    )
    groups = [truth.indexed.sources[source].group for source in rows["source"]]

    def comparison(key: Key, cropped: NDArray[np.float64]) -> Canary | None:
        original = rows.join(scores[key].filter(part="test"), on=IMAGE, how="left", maintain_order="left")
        return compared(original, cropped, groups)

    scored, failed = divided(results)
    return {key: comparison(key, result.scores) for key, result in scored.items()} | failed


def crop(secret: str, pixels: Pixels) -> Pixels:
    """Pixels (H, W, 3) without 1 to MOST rows or columns at each side, as many from all images that are large enough.

    Examples:
        >>> crop("a secret", np.zeros((64, 16, 3), np.uint8)).shape[1]
        14
    """
    cuts = np.random.default_rng(int(digest("canary", secret), 16)).integers(1, MOST + 1, 4)
    height, width = pixels.shape[:2]
    top, bottom = np.minimum(cuts[:2], height // SHARE)
    left, right = np.minimum(cuts[2:], width // SHARE)
    return np.ascontiguousarray(pixels[top : height - bottom, left : width - right])


def compared(rows: pl.DataFrame, cropped: NDArray[np.float64], groups: Sequence[str]) -> Canary | None:
    """The comparison of scores (N,) of cropped images with those of rows; None where resamples lack one of the labels.

    Resampled are photographs, of which `groups` has the one of each row.
    """
    labels, scores = rows["label"].to_numpy().astype(np.int64), rows["score"].to_numpy()
    positions: dict[str, int] = {}
    clusters = [positions.setdefault(group, len(positions)) for group in groups]
    counts = np.vstack([
        np.ones(len(positions), np.int32), bootstrap.resamples(len(positions), "canary")
    ])  # fmt: skip
    before, after = (
        bootstrap.replicate(weighted.auroc, counts, clusters, labels, values) for values in (scores, cropped)
    )
    differences = before[1:] - after[1:]
    if 2 * np.isfinite(differences).sum() < len(differences):
        return None
    low, high = bootstrap.interval(differences)
    return Canary(cropped=float(after[0]), original=float(before[0]), low=low, high=high, sources=len(positions))
