"""Sample images of both classes on which predictors err most, from suites whose images may be published."""

from __future__ import annotations

import base64
import io
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy.stats import rankdata

from benchmark.core.errors import DataError
from benchmark.core.images import Pixels
from benchmark.core.types import IMAGE, Condition
from benchmark.evaluation.results import SuiteResults
from benchmark.leaderboard.plot_data import classified, combined_labels
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.distortions import decoded, encoded, find_distortion
from benchmark.suites.spec import COMBINED

if TYPE_CHECKING:
    from benchmark.core.storage import Location

logger = logging.getLogger(__name__)

SHOWN = ("resnet18", "dct_statistics", "ssim", "jpeg_quality")
"""Predictors whose scores are shown beside the images."""
EACH = 12
"""Number of images shown of each class."""


@dataclass(frozen=True)
class Shown:
    """One image with its label and the scores that predictors give it."""

    source: str
    credit: str
    """Author and licence of the photograph, or empty where none must be named."""
    condition: Condition
    useful: bool
    image: str
    """The compressed image as a data address."""
    pristine: str
    """The pristine image as a data address."""
    size: tuple[int, int]
    """Height and width in pixels."""
    scores: tuple[tuple[str, int, bool], ...]
    """Predictor, percentage of the test images that it scores lower, and whether it keeps the image."""


def pick(ranked: SuiteResults, data: Location | None) -> list[Shown]:
    """Choose and read images of both classes, the most wrongly scored first; none where the photographs are not here."""
    combined, suite = ranked.results[COMBINED], ranked.suite
    results = [result for name in SHOWN for result in combined if result.title == name] or combined[:4]
    labels = combined_labels(ranked.folder)
    rows = results[0].test_scores.join(labels, on=IMAGE, maintain_order="left")
    scores = [classified(result, labels)[1] for result in results]
    ranks = np.array([rankdata(values) / rows.height for values in scores])
    kept = np.array([values >= result.card.threshold[0] for values, result in zip(scores, results, strict=True)])
    y = rows["class"].to_numpy()
    wrong = np.where(y == 1, 1 - ranks, ranks).mean(axis=0)
    order = np.argsort(-wrong, kind="stable")
    chosen = sorted((index for value in (1, 0) for index in order[y[order] == value][:EACH]), key=lambda i: -wrong[i])
    try:
        dataset, seed = open_dataset(suite.dataset, data), suite.split.seed
    except DataError as error:
        logger.warning(f"{suite.folder}: no images are shown ({error})")
        return []
    named = {member.id: member.credit for member in dataset.sources()}
    names = [result.title for result in results]
    images = []
    for index in map(int, chosen):
        source, name, level, useful = rows.select(*IMAGE, "class").row(index)
        distortion = find_distortion(name)
        pristine = dataset.read(source)
        percent = (round(100 * float(rank)) for rank in ranks[:, index])
        verdicts = tuple(zip(names, percent, kept[:, index].tolist(), strict=True))
        distorted = decoded(distortion, encoded(distortion, pristine, level, source, seed=seed), source)
        pair = (address(distorted), address(pristine))
        condition = Condition(name, level)
        images.append(Shown(source, named[source], condition, useful == 1, *pair, pristine.shape[:2], verdicts))
    return images


def address(image: Pixels) -> str:
    """An image as a data address that holds its pixels without loss."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
