"""Sample images: what is useful to a machine, and where predictors go most wrong; of suites whose images may be published."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.stats import rankdata

from benchmark.datasets import open_dataset
from benchmark.distortions import find_distortion
from benchmark.images import Pixels
from benchmark.scorecard import Ranked, title
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
    some, suite = ranked.cards[COMBINED], ranked.suite
    cards = [card for name in SHOWN for card in some if title(card) == name] or some[:4]
    labels = combined_labels(ranked.folder)
    rows = test_scores(ranked.folder, cards[0]).join(labels, on=["source", "level"], maintain_order="left")
    scores = [classified(ranked.folder, card, labels)[1] for card in cards]
    ranks = np.array([rankdata(one) / rows.height for one in scores])
    kept = np.array([one >= card["threshold"][0] for one, card in zip(scores, cards, strict=True)])
    y = rows["class"].to_numpy()
    wrong = np.where(y == 1, 1 - ranks, ranks).mean(axis=0)
    order = np.argsort(-wrong, kind="stable")
    chosen = sorted((place for value in (1, 0) for place in order[y[order] == value][:EACH]), key=lambda p: -wrong[p])
    dataset, codec = open_dataset(suite["dataset"], None), find_distortion(suite["distortion"]["name"])
    names = [title(card) for card in cards]
    found = []
    for place in map(int, chosen):
        source, level, useful = rows.select("source", "level", "class").row(place)
        pristine = dataset.read(source)
        percent = (round(100 * float(rank)) for rank in ranks[:, place])
        told = tuple(zip(names, percent, kept[:, place].tolist(), strict=True))
        distorted = codec.decode(codec.encode(pristine, level))
        pair = (address(distorted), address(pristine))
        found.append(Shown(source, level, useful == 1, *pair, pristine.shape[:2], told))
    return found


def address(image: Pixels) -> str:
    """An image as a data address that holds its very pixels."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
