"""Downstream performance in detection: the mAP of a held-out detector once some images are replaced by their pristine versions.

Detections are read as outcomes store them: boxes in eighths of a px, scores in ten-thousandths (`PX`, `SCORE`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.mean_ap import Detections, Matches, match, mean_ap
from benchmark.metrics import over_random
from benchmark.records import PRISTINE, Objects

PX, SCORE = 8, 10_000
"""Units of boxes and scores: eighths of a px, ten-thousandths."""
GAINS = {
    "unfiltered": "all images as they are",
    "kept": "the fraction that the predictor keeps; the others are replaced by their pristine versions",
    "filtered": "after the predictor's choice",
    "random": "after a random choice of as many",
    "quality": "keeping as many, those of highest quality",
    "oracle": "keeping as many, those most useful to this very network; a reference, not a bound",
    "area": "gain over random choice, mean over nine fractions kept, as a share of the oracle's: 1 oracle, 0 random",
    "pristine": "all replaced",
    "bits": "mean bits an image as they are",
    "bits_filtered": "mean bits an image after the predictor's choice",
    "levels": "",
}
"""What `Downstream.gains` returns, in words."""
FRACTIONS = np.arange(1, 10) / 10
"""Fractions kept that `area` is the mean over."""
COMPARED = ("unfiltered", "kept", "filtered", "random", "quality", "oracle", "pristine")
DRAWS = 10
"""Random choices that a random filter's mAP is the mean of."""


def unpack(outcomes: pl.DataFrame) -> list[Detections]:
    """The detections of each row."""
    columns = (outcomes[name].to_list() for name in ("boxes", "scores", "classes"))
    return [
        Detections(
            np.array(boxes, np.float64).reshape(-1, 4) / PX, np.array(scores) / SCORE, np.array(classes, np.int64)
        )
        for boxes, scores, classes in zip(*columns, strict=True)
    ]


class Downstream:
    """The mAP of a held-out detector once images that a predictor finds non-useful are replaced by their pristine versions.

    Each (source, level) is one image of one pooled evaluation (paper, section V and Fig. 2).
    """

    def __init__(
        self, outcomes: pl.DataFrame, truths: dict[str, Objects], judgement: pl.DataFrame, images: pl.DataFrame
    ) -> None:
        bits = images.select("source", "level", "bits")
        self.rows = (
            outcomes.select("source", "level")
            .with_row_index("place")
            .join(bits, on=["source", "level"], how="left", maintain_order="left")
            .join(
                judgement.select("source", "level", "utility"),
                on=["source", "level"],
                how="left",
                maintain_order="left",
            )
        )
        objects = [truths[source] for source in outcomes["source"]]
        found = unpack(outcomes)
        known = [one.classes for one in objects] + [one.classes for one in found]
        classes = 1 + max(int(one.max(initial=0)) for one in known)
        self.matches: Matches = match(objects, found, classes)

    def filtered(self, scores: pl.DataFrame, threshold: float) -> float:
        """The mAP of the rows of `scores` (repeats count again), those below the threshold replaced by pristine ones."""
        rows = self.placed(scores)
        return self.after(rows, rows["score"].to_numpy() >= threshold)

    def best_half(self, scores: pl.DataFrame) -> float:
        """The mAP where the half of the rows with the lowest scores is replaced; a fixed draw decides between equal ones."""
        rows = self.placed(scores)
        draw = np.random.default_rng(0).random(rows.height)
        return self.kept_best(rows, rows["score"].to_numpy(), draw, (rows.height + 1) // 2)

    def placed(self, scores: pl.DataFrame) -> pl.DataFrame:
        """The rows of `scores`, with what is known of each image and of its pristine version."""
        rows = scores.join(self.rows, on=["source", "level"], how="left", maintain_order="left")
        pristine = self.rows.filter(level=PRISTINE).select("source", place_p="place", bits_p="bits")
        return rows.join(pristine, on="source", how="left", maintain_order="left")

    def gains(self, scores: pl.DataFrame, threshold: float) -> dict[str, Any]:
        """The mAP where the images of a predictor's choice are replaced, beside other choices of as many.

        Args:
            scores: the predictor's, with columns source, level and score: the images in question.
            threshold: kept where score >= threshold.

        Returns:
            `kept` fraction; mAP of all images as they are (`unfiltered`), all pristine (`pristine`), and where as many
            are kept: by the predictor (`filtered`), at `random`, the highest `quality`, and by an `oracle` (highest
            utility to this detector; a reference, not a bound). All 0 to 1. `bits` and `bits_filtered`: mean bits an image
            before and after replacement. `area`: the gain over random choice, mean over FRACTIONS kept, as a share of the
            oracle's (1 oracle, 0 random). `levels`: some of these for each level.
        """
        rows = self.placed(scores)
        result = self.compare(rows, threshold, COMPARED)
        kept = rows["score"].to_numpy() >= threshold
        sent = np.where(kept, rows["bits"].to_numpy(), rows["bits_p"].to_numpy())
        levels = {}
        for (level,), some in rows.group_by("level", maintain_order=True):
            levels[str(level)] = self.compare(some, threshold, ("unfiltered", "filtered", "kept", "random", "pristine"))
        result["area"] = self.area(rows)
        return result | {"bits": float(rows["bits"].mean()), "bits_filtered": float(sent.mean()), "levels": levels}  # type: ignore[arg-type]

    def area(self, rows: pl.DataFrame) -> float | None:
        """The gain of `gains` that depends on no threshold."""
        random = np.random.default_rng(0)
        draws = [random.random(rows.height) for _ in range(DRAWS)]
        found = [
            float(np.mean([self.kept_best(rows, order, draws[0], int(share * rows.height)) for share in FRACTIONS]))
            for order in (rows["score"].to_numpy(), *draws, rows["utility"].to_numpy())
        ]
        return over_random(found[0], float(np.mean(found[1:-1])), found[-1])

    def after(self, rows: pl.DataFrame, kept: NDArray[np.bool_]) -> float:
        """The mAP where what is not kept is replaced."""
        return mean_ap(self.matches, np.where(kept, rows["place"].to_numpy(), rows["place_p"].to_numpy()))

    def kept_best(
        self, rows: pl.DataFrame, priority: NDArray[np.float64], draw: NDArray[np.float64], count: int
    ) -> float:
        """The mAP where `count` images of the highest priority are kept, `draw` deciding between equal ones."""
        kept = np.zeros(len(priority), bool)
        kept[np.lexsort((draw, priority))[len(priority) - count :]] = True
        return self.after(rows, kept)

    def compare(self, rows: pl.DataFrame, threshold: float, wanted: Collection[str]) -> dict[str, Any]:
        """The mAP of these images under each of the wanted choices."""
        score, level = rows["score"].to_numpy(), rows["level"].to_numpy().astype(np.float64)
        count = int((score >= threshold).sum())
        random = np.random.default_rng(0)
        draws = [random.random(rows.height) for _ in range(DRAWS)]

        def best(priority: NDArray[np.float64], draw: NDArray[np.float64]) -> float:
            return self.kept_best(rows, priority, draw, count)

        choices: dict[str, Callable[[], float]] = {
            "unfiltered": lambda: self.after(rows, np.ones(rows.height, bool)),
            "pristine": lambda: self.after(rows, np.zeros(rows.height, bool)),
            "kept": lambda: count / rows.height,
            "filtered": lambda: self.after(rows, score >= threshold),
            "random": lambda: float(np.mean([best(np.zeros(rows.height), draw) for draw in draws])),
            "quality": lambda: float(np.mean([best(level, draw) for draw in draws])),
            "oracle": lambda: best(rows["utility"].to_numpy(), draws[0]),
        }
        return {key: choices[key]() for key in wanted}
