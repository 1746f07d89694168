"""The task of detection: the contents of its outcomes, and the rule that turns outcomes into labels; `replacement` has the mAP.

An outcome holds the detections of one detector in one image under one condition, the best 100 with score > .01, so that any
threshold or rule can be applied later:

    source, digest      id and content digest of the pristine image
    distortion          name of the distortion, `pristine` for the pristine image
    level               its level, -1 for the pristine image
    boxes               left, top, right, bottom of each detection, concatenated, in eighths of a px
    scores              in ten-thousandths, best first
    classes             from 0

An object is *found* by the detection that COCO's matching assigns to it at IoU .5, and *detected* if the score of that
detection is at least .5 (paper, Eq. 6 and section IV).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from benchmark.core.digests import digest
from benchmark.core.types import IMAGE, PRISTINE, Objects, Sizes
from benchmark.metrics import image_utility
from benchmark.suites.tasks.classification import MIQA
from benchmark.suites.tasks.found_objects import clear_objects, find_objects, satisfied_images
from benchmark.suites.tasks.found_objects import consensus as consensus  # part of every task's module, as those below
from benchmark.suites.tasks.found_objects import decisions as decisions
from benchmark.suites.tasks.replacement import GAINS as GAINS
from benchmark.suites.tasks.replacement import PX, SCORE, SIZES, unpack
from benchmark.suites.tasks.replacement import Downstream as Downstream

if TYPE_CHECKING:
    from benchmark.plugins.networks.network import Network

COLUMNS: dict[str, pl.DataType] = {
    "source": pl.String(),
    "digest": pl.String(),
    "distortion": pl.String(),
    "level": pl.Int16(),
    "boxes": pl.List(pl.Int32),
    "scores": pl.List(pl.UInt16),
    "classes": pl.List(pl.UInt8),
}
SCHEMA = pl.Schema(COLUMNS)
FAULTS = {
    "are of no level": pl.col("level") < PRISTINE.level,
    "have other numbers of boxes than of scores": pl.col("boxes").list.len() != 4 * pl.col("scores").list.len(),
    "have other numbers of classes than of scores": pl.col("classes").list.len() != pl.col("scores").list.len(),
    f"have a score above {SCORE}": pl.col("scores").list.max().fill_null(0) > SCORE,
}
"""What is wrong with an outcome -> whether it is so."""
CLEAR, SCORE_TOLERANCE, BOX_TOLERANCE = 0.2, 0.002, 0.25
"""Least score of detections that are compared between machines, and the tolerances of their scores and, in px, of boxes."""
BYTES = 500
"""Approximate size of an outcome on disk."""
MEASURE = "mAP"
TABLE, GAINS_TABLE, FIGURE = "II", "IV", "2b"
PUBLISHED_ACCURACY = {"Faster R-CNN R50": 84.8, "SSD300": 81.3, "SSDLite320": 83.1, "combined": 92.8}
"""Accuracy of ResNet-18 in per cent (paper, Table II; the paper's text states 81.8 for SSD300)."""
PUBLISHED_SRCC = dict(zip(MIQA, (0.318, 0.439, 0.527, 0.754, 0.774, 0.813), strict=True))
"""SRCC with MIQA's composite label (MIQD-2.5M, 2025)."""
PUBLISHED_GAINS = {
    "Mask R-CNN": (0.128, 0.126),
    "RetinaNet": (0.128, 0.125),
    "Faster R-CNN MobileNet": (0.164, 0.161),
}
"""mAP after replacement by ResNet-18 trained on detection and on classification (paper, Table IV)."""


@dataclass(frozen=True, kw_only=True)
class LabelChoice:
    """How outcomes become labels (paper, section IV)."""

    confidence: float = 0.5
    """An object is detected if the score of the detection that found it is at least this value."""
    retained: str = "one"
    """Useful if `one` object that is detected in the pristine image is still detected, or if at least `half` are."""
    pristine_must_succeed: bool = True
    """Whether sources with no detected object in the pristine image are excluded (ours) or non-useful (the paper's text)."""

    def problem(self) -> str:
        """The error in the choice, or an empty text."""
        if self.retained not in ("one", "half"):
            return f"[labels] retained is {self.retained!r}; valid are one, half"
        return "" if 0 < self.confidence < 1 else f"[labels] confidence is {self.confidence}; it lies between 0 and 1"


TRUTH_SCHEMA: dict[str, Any] = {
    "boxes": pl.List(pl.List(pl.Float64)),
    "classes": pl.List(pl.Int16),
    "crowd": pl.List(pl.Boolean),
    "height": pl.Int32,
    "width": pl.Int32,
}
"""The columns of `truth_values`, as `sources.parquet` has them."""


def truth_columns() -> dict[str, tuple[pa.DataType, Any]]:
    """Columns of an export that hold the ground truth, with the Arrow type and the feature of Hugging Face `datasets`."""

    def sequence(feature: dict[str, Any]) -> dict[str, Any]:
        return {"feature": feature, "_type": "Sequence"}

    number, kind, flag = ({"dtype": name, "_type": "Value"} for name in ("float32", "int16", "bool"))
    return {
        "boxes": (pa.list_(pa.list_(pa.float32())), sequence(sequence(number))),
        "classes": (pa.list_(pa.int16()), sequence(kind)),
        "crowd": (pa.list_(pa.bool_()), sequence(flag)),
    }


def truth_values(truth: Objects) -> dict[str, Any]:
    """The objects of one image in these columns, and its size; boxes are left, top, right, bottom in px."""
    height, width = truth.size
    objects = {"boxes": truth.boxes.tolist(), "classes": truth.classes.tolist(), "crowd": truth.crowd.tolist()}
    return objects | {"height": height, "width": width}


def truth_of(values: dict[str, Any]) -> Objects:
    """The objects of one image from these columns."""
    boxes, classes = np.array(values["boxes"], np.float64).reshape(-1, 4), np.array(values["classes"], np.int64)
    return Objects(boxes, classes, np.array(values["crowd"], bool), (values["height"], values["width"]))


def groups(truth: Objects) -> list[str]:
    """The groups to which an image of this ground truth belongs: the classes it holds and the size of its largest object."""
    boxes = truth.boxes[~truth.crowd]
    area = float(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1).max(initial=0))
    sizes = [f"largest object {name}" for name, (least, most) in SIZES.items() if least < area <= most]
    return [*sizes, *(f"class {kind}" for kind in np.unique(truth.classes))]


def formatted(value: float | None) -> str:
    """An mAP, formatted as in the paper's Table IV, or a dash."""
    return "-" if value is None else f"{value:.3f}"


def rules(labels: LabelChoice) -> dict[str, LabelChoice]:
    """The rules whose counts are reported side by side."""
    return {
        "one retained, pristine must succeed": dataclasses.replace(labels, retained="one", pristine_must_succeed=True),
        "one retained (the paper's text)": dataclasses.replace(labels, retained="one", pristine_must_succeed=False),
        "half retained, pristine must succeed": dataclasses.replace(
            labels, retained="half", pristine_must_succeed=True
        ),
        "half retained": dataclasses.replace(labels, retained="half", pristine_must_succeed=False),
    }


def observe(
    network: Network, answers: list[Any], truths: object, sizes: Sequence[Sizes], temperature: object
) -> dict[str, list[object]]:
    """Outcome columns of a batch, from the answers of a detector for images of these sizes."""
    columns: dict[str, list[object]] = {"boxes": [], "scores": [], "classes": []}
    for (boxes, scores, classes), size in zip(answers, sizes, strict=True):
        located = network.preprocessing.locate(boxes, size.pristine, size.shown)  # type: ignore[union-attr] # a detector's has this method
        columns["boxes"].append((located * PX).round().int().flatten().tolist())
        columns["scores"].append((scores * SCORE).round().int().tolist())
        columns["classes"].append(classes.int().tolist())
    return columns


def own_truths(outcomes: pl.DataFrame) -> dict[str, Objects]:
    """What a detector finds clearly in each pristine image, as the truth by which its other answers are judged."""
    return clear_objects(outcomes.filter(distortion=PRISTINE.distortion))


def judge(outcomes: pl.DataFrame, truths: dict[str, Objects], temperature: float, labels: LabelChoice) -> pl.DataFrame:
    """The decisions of one network on each distorted image.

    Returns:
        A row for each row of `outcomes` that is not pristine: the columns IMAGE, `right` (Eq. 6: an object is detected), `kept`
        (the same objects are detected as in the pristine image), `satisfied` (see `satisfied_images`), `pristine_right` (at
        least one object is detected there), `utility` (Eq. 2, phi is the mean score of the objects detected in the pristine
        image; phi = phi' = 0 if there are none) and `label` (1, 0, or -1 unlabelled).
    """
    rows, score = find_objects(outcomes, truths)
    keys = outcomes.select(IMAGE).with_row_index("row")
    position = pl.int_range(pl.len()).over("row")
    objects = pl.DataFrame({"row": rows, "score": score}, schema_overrides={"row": pl.UInt32})
    objects = objects.with_columns(object=position, seen=pl.col("score") >= labels.confidence).join(keys, on="row")
    pristine = objects.filter(distortion=PRISTINE.distortion).select("source", "object", score_p="score", seen_p="seen")
    both = objects.join(pristine, on=["source", "object"])
    counts = both.group_by("row").agg(
        seen=pl.col("seen").sum(),
        seen_p=pl.col("seen_p").sum(),
        retained=(pl.col("seen") & pl.col("seen_p")).sum(),
        phi=pl.col("score").filter("seen_p").mean(),
        phi_p=pl.col("score_p").filter("seen_p").mean(),
    )
    distorted = keys.filter(pl.col("distortion") != PRISTINE.distortion)
    table = distorted.join(counts, on="row", how="left", maintain_order="left").fill_null(0)
    label = image_utility.retention_labels(
        table["retained"],
        table["seen_p"],
        share=0.5 if labels.retained == "half" else 0.0,
        pristine_must_succeed=labels.pristine_must_succeed,
    )
    return table.select(
        *IMAGE,
        right=pl.col("seen") > 0,
        kept=(pl.col("seen") == pl.col("seen_p")) & (pl.col("retained") == pl.col("seen_p")),
        satisfied=pl.Series(satisfied_images(outcomes)).gather(table["row"]),
        pristine_right=pl.col("seen_p") > 0,
        utility=pl.Series(image_utility.utility(table["phi"], table["phi_p"]), dtype=pl.Float64),
        label=pl.Series(label, dtype=pl.Int8),
    )


def disagree(recorded: pl.DataFrame, observed: pl.DataFrame) -> pl.Series:
    """Mask of the outcomes that differ from the recorded ones in the number, scores, classes or boxes of clear detections."""
    wrong = []
    for old, new in zip(unpack(recorded), unpack(observed), strict=True):
        clear = int((old.scores > CLEAR).sum())
        wrong.append(
            abs(int((new.scores > CLEAR).sum()) - clear) > (np.abs(old.scores - CLEAR) < SCORE_TOLERANCE).sum()
            or len(new.scores) < clear
            or bool((np.abs(old.scores[:clear] - new.scores[:clear]) > SCORE_TOLERANCE).any())
            or bool((old.classes[:clear] != new.classes[:clear]).any())
            or bool((np.abs(old.boxes[:clear] - new.boxes[:clear]) > BOX_TOLERANCE).any())
        )
    return pl.Series(wrong, dtype=pl.Boolean)


def facts(outcomes: pl.DataFrame, judgement: pl.DataFrame) -> str:
    """Digest of everything that downstream performance depends on."""
    lists = ("boxes", "scores", "classes")
    data = [outcomes.select(IMAGE).write_csv(), *(repr(outcomes[name].list.len().to_list()) for name in lists[1:])]
    return digest(*data, *(outcomes[name].explode().drop_nulls().to_numpy().tobytes() for name in lists))
