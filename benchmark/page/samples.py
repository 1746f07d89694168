"""Sample images: what is useful to a machine, and where predictors go most wrong; of suites whose images may be published."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from PIL import Image
from scipy.stats import rankdata

from benchmark.datasets import open_dataset
from benchmark.distortions import find_distortion
from benchmark.grids import Ranked
from benchmark.images import Pixels
from benchmark.scorecard import Scorecard, title
from benchmark.series import classified, combined_labels, test_scores
from benchmark.suite import COMBINED

SHOWN = ("resnet18", "dct_statistics", "ssim", "jpeg_quality")
"""Predictors whose scores stand beside the images."""
EACH = 12
"""Images of each class."""


@dataclass(frozen=True)
class Shown:
    """One image with its label and what predictors say of it."""

    source: str
    level: int
    useful: bool
    image: str
    """The compressed image as a data address."""
    pristine: str
    size: tuple[int, int]
    """Height and width in px."""
    scores: tuple[tuple[str, int, bool], ...]
    """Predictor, per cent of the test images that it scores lower, and whether it keeps the image."""


def pick(ranked: Ranked) -> list[Shown]:
    """Images of both classes, the most wrongly scored first."""
    cards = [card for name in SHOWN for card in ranked.cards[COMBINED] if title(card) == name] or ranked.cards[
        COMBINED
    ][:4]
    labels = combined_labels(ranked.folder)
    rows = test_scores(ranked.folder, cards[0]).join(labels, on=["source", "level"], maintain_order="left")
    ranks = np.array([rankdata(classified(ranked.folder, card, labels)[1]) / rows.height for card in cards])
    kept = np.array([classified(ranked.folder, card, labels)[1] >= card["threshold"][0] for card in cards])
    y = rows["class"].to_numpy()
    wrong = np.where(y == 1, 1 - ranks, ranks).mean(axis=0)
    order = np.argsort(-wrong, kind="stable")
    chosen = sorted((place for value in (1, 0) for place in order[y[order] == value][:EACH]), key=lambda p: -wrong[p])
    return [shown(ranked.suite, cards, rows[int(place)], ranks[:, place], kept[:, place]) for place in chosen]


def shown(suite: dict[str, Any], cards: Sequence[Scorecard], row: pl.DataFrame, ranks: Any, kept: Any) -> Shown:
    """One image of the suite as the page shows it."""
    options = dict(suite["dataset"])
    pristine = open_dataset(options.pop("name"), options, None).read(row["source"].item())
    codec = find_distortion(suite["distortion"]["name"])
    level = row["level"].item()
    told = [
        (title(card), round(100 * float(rank)), bool(keeps))
        for card, rank, keeps in zip(cards, ranks, kept, strict=True)
    ]
    distorted = codec.decode(codec.encode(pristine, level))
    return Shown(
        row["source"].item(), level, row["class"].item() == 1, address(distorted), address(pristine),
        pristine.shape[:2], tuple(told),
    )  # fmt: skip


def address(image: Pixels) -> str:
    """An image as a data address that holds its very pixels."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
