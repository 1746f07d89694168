"""All that is particular to detection: what an outcome holds, and how outcomes become labels; `replacement` has the mAP.

An outcome is what one detector found in one image at one level: every detection with score > .01, the best 100, so that any
threshold or rule can be applied later:

    source, digest      id and content digest of the pristine image
    level               distortion level, -1 for the pristine image
    boxes               left, top, right, bottom of each detection, one after the other, in eighths of a px
    scores              in ten-thousandths, best first
    classes             from 0

An object is *found* by the detection that COCO's matching gives it at IoU .5, and *detected* where that one's score is at
least .5 (paper, Eq. 6 and section IV).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from benchmark.core.images import digest
from benchmark.core.types import PRISTINE, Objects
from benchmark.metrics import image_utility
from benchmark.metrics.box_matching import found_scores
from benchmark.suites.tasks.classification import MIQA
from benchmark.suites.tasks.replacement import GAINS as GAINS  # every task's module has this name, and Downstream
from benchmark.suites.tasks.replacement import PX, SCORE, SIZES, unpack
from benchmark.suites.tasks.replacement import Downstream as Downstream

if TYPE_CHECKING:
    from benchmark.plugins.networks.network import Network

COLUMNS: dict[str, pl.DataType] = {
    "source": pl.String(),
    "digest": pl.String(),
    "level": pl.Int16(),
    "boxes": pl.List(pl.Int32),
    "scores": pl.List(pl.UInt16),
    "classes": pl.List(pl.UInt8),
}
SCHEMA = pl.Schema(COLUMNS)
CLEAR, SCORE_TOLERANCE, BOX_TOLERANCE = 0.2, 0.002, 0.25
"""Detections above this score are compared between machines, and may differ by so much in score and in px."""
BYTES = 500
"""Of an outcome on disk, about."""
PROBE_JUDGES = False
"""Whether the probe, a classifier, does this task."""
MEASURE = "mAP"
TABLE, GAINS_TABLE, FIGURE = "II", "IV", "2b"
PUBLISHED_ACCURACY = {"Faster R-CNN R50": 84.8, "SSD300": 81.3, "SSDLite320": 83.1, "combined": 92.8}
"""Accuracy of ResNet-18 in per cent (paper, Table II; its text says 81.8 for SSD300)."""
PUBLISHED_SRCC = dict(zip(MIQA, (0.318, 0.439, 0.527, 0.754, 0.774, 0.813), strict=True))
"""SRCC with MIQA's composite label (MIQD-2.5M, 2025)."""
PUBLISHED_GAINS = {
    "Mask R-CNN": (0.128, 0.126),
    "RetinaNet": (0.128, 0.125),
    "Faster R-CNN MobileNet": (0.164, 0.161),
}
"""mAP after replacement, ResNet-18 trained on detection and on classification (paper, Table IV)."""


@dataclass(frozen=True)
class LabelChoice:
    """How outcomes become labels (paper, section IV)."""

    confidence: float = 0.5
    """An object is detected where the score that found it is at least this."""
    retained: str = "one"
    """Useful where `one` object that is detected in the pristine image is still detected, or at least `half` of them."""
    pristine_must_succeed: bool = True
    """Whether sources in whose pristine image nothing is detected take no part (ours), or are non-useful (paper's text)."""

    def problem(self) -> str:
        """What is wrong with the choice, or nothing."""
        if self.retained not in ("one", "half"):
            return f"[labels] retained is {self.retained!r}; valid are one, half"
        return "" if 0 < self.confidence < 1 else f"[labels] confidence is {self.confidence}; it lies between 0 and 1"


TRUTH_SCHEMA: dict[str, Any] = {
    "boxes": pl.List(pl.Float64),
    "classes": pl.List(pl.Int16),
    "crowd": pl.List(pl.Boolean),
    "height": pl.Int32,
    "width": pl.Int32,
}
"""Columns of `sources.parquet` that hold the ground truth; boxes one after the other, left, top, right, bottom in px."""


def record_of(truth: Objects) -> dict[str, Any]:
    """The objects of one image in these columns."""
    height, width = truth.size
    return truth_values(truth) | {"boxes": truth.boxes.flatten().tolist(), "height": height, "width": width}


def recorded_truth_of(row: dict[str, Any]) -> Objects:
    """The objects of a row of `sources.parquet`."""
    boxes, classes = np.array(row["boxes"], np.float64).reshape(-1, 4), np.array(row["classes"], np.int64)
    return Objects(boxes, classes, np.array(row["crowd"], bool), (row["height"], row["width"]))


def truth_columns() -> dict[str, tuple[pa.DataType, Any]]:
    """Columns of an export that hold the ground truth: type, and what Hugging Face `datasets` calls it."""

    def sequence(feature: dict[str, Any]) -> dict[str, Any]:
        return {"feature": feature, "_type": "Sequence"}

    number, kind, flag = ({"dtype": name, "_type": "Value"} for name in ("float32", "int16", "bool"))
    return {
        "boxes": (pa.list_(pa.list_(pa.float32())), sequence(sequence(number))),
        "classes": (pa.list_(pa.int16()), sequence(kind)),
        "crowd": (pa.list_(pa.bool_()), sequence(flag)),
    }


def truth_values(truth: Objects) -> dict[str, Any]:
    """The objects of one image in these columns; boxes are left, top, right, bottom in px."""
    return {"boxes": truth.boxes.tolist(), "classes": truth.classes.tolist(), "crowd": truth.crowd.tolist()}


def groups(truth: Objects) -> list[str]:
    """What an image of this ground truth belongs to, for comparisons by group: its classes, and its largest object's size."""
    boxes = truth.boxes[~truth.crowd]
    area = float(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1).max(initial=0))
    sizes = [f"largest object {name}" for name, (least, most) in SIZES.items() if least < area <= most]
    return [*sizes, *(f"class {kind}" for kind in np.unique(truth.classes))]


def told(value: float | None) -> str:
    """An mAP as the paper's Table IV has it, or a dash."""
    return "-" if value is None else f"{value:.3f}"


def rules(labels: LabelChoice) -> dict[str, LabelChoice]:
    """The rules whose counts are worth telling beside each other."""
    return {
        "one retained, pristine must succeed": dataclasses.replace(labels, retained="one", pristine_must_succeed=True),
        "one retained (the paper's text)": dataclasses.replace(labels, retained="one", pristine_must_succeed=False),
        "half retained, pristine must succeed": dataclasses.replace(
            labels, retained="half", pristine_must_succeed=True
        ),
        "half retained": dataclasses.replace(labels, retained="half", pristine_must_succeed=False),
    }


def observe(
    network: Network, answers: list[Any], truths: object, sizes: list[tuple[int, int]], temperature: object
) -> dict[str, list[object]]:
    """Outcome columns of a batch: what a detector found in images of these heights and widths."""
    columns: dict[str, list[object]] = {"boxes": [], "scores": [], "classes": []}
    for (boxes, scores, classes), size in zip(answers, sizes, strict=True):
        places = network.preprocessing.locate(boxes, size)  # type: ignore[union-attr] # a detector's can
        columns["boxes"].append((places * PX).round().int().flatten().tolist())
        columns["scores"].append((scores * SCORE).round().int().tolist())
        columns["classes"].append(classes.int().tolist())
    return columns


def find_objects(outcomes: pl.DataFrame, truths: dict[str, Objects]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each object (crowds apart) of each row: the row, and the score that found the object, 0 where none did."""
    parts = [truths[source] for source in outcomes["source"]]
    counts = outcomes["scores"].list.len().to_numpy()
    rows = np.repeat(np.arange(len(parts)), [int((~one.crowd).sum()) for one in parts])
    none = np.zeros((0, 4))
    found = found_scores(
        images=np.repeat(np.arange(len(parts)), counts),
        boxes=outcomes["boxes"].explode().drop_nulls().to_numpy().astype(np.float64).reshape(-1, 4) / PX,
        classes=outcomes["classes"].explode().drop_nulls().to_numpy().astype(np.int64),
        scores=outcomes["scores"].explode().drop_nulls().to_numpy() / SCORE,
        object_images=rows,
        object_boxes=np.concatenate([none, *(one.boxes[~one.crowd] for one in parts)]),
        object_classes=np.concatenate([none[:, 0], *(one.classes[~one.crowd] for one in parts)]).astype(np.int64),
    )
    return rows, found


def judge(outcomes: pl.DataFrame, truths: dict[str, Objects], temperature: float, labels: LabelChoice) -> pl.DataFrame:
    """What one network made of each distorted image.

    Returns:
        A row for each row of `outcomes` that is not pristine: source, level, `right` (Eq. 6: an object is detected), `kept`
        (the same objects are detected as in the pristine image), `pristine_right` (some are there), `utility` (Eq. 2, phi
        the mean score of the objects detected in the pristine image; at phi = phi' = 0 where there are none) and `label`
        (1, 0, or -1 unlabelled).
    """
    rows, score = find_objects(outcomes, truths)
    keys = outcomes.select("source", "level").with_row_index("row")
    place = pl.int_range(pl.len()).over("row")
    objects = pl.DataFrame({"row": rows, "score": score}, schema_overrides={"row": pl.UInt32})
    objects = objects.with_columns(object=place, seen=pl.col("score") >= labels.confidence).join(keys, on="row")
    pristine = objects.filter(level=PRISTINE).select("source", "object", score_p="score", seen_p="seen")
    both = objects.join(pristine, on=["source", "object"])
    counts = both.group_by("row").agg(
        seen=pl.col("seen").sum(),
        seen_p=pl.col("seen_p").sum(),
        retained=(pl.col("seen") & pl.col("seen_p")).sum(),
        phi=pl.col("score").filter("seen_p").mean(),
        phi_p=pl.col("score_p").filter("seen_p").mean(),
    )
    table = keys.filter(pl.col("level") != PRISTINE).join(counts, on="row", how="left", maintain_order="left")
    table = table.fill_null(0)
    label = image_utility.retention_labels(
        table["retained"], table["seen_p"], 0.5 if labels.retained == "half" else 0.0, labels.pristine_must_succeed
    )
    return table.select(
        "source",
        "level",
        right=pl.col("seen") > 0,
        kept=(pl.col("seen") == pl.col("seen_p")) & (pl.col("retained") == pl.col("seen_p")),
        pristine_right=pl.col("seen_p") > 0,
        utility=pl.Series(image_utility.utility(table["phi"], table["phi_p"]), dtype=pl.Float64),
        label=pl.Series(label, dtype=pl.Int8),
    )


def disagree(recorded: pl.DataFrame, found: pl.DataFrame) -> pl.Series:
    """Which outcomes are not the recorded ones: another number of clear detections, or other scores, classes or boxes."""
    wrong = []
    for old, new in zip(unpack(recorded), unpack(found), strict=True):
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
    """All that downstream performance depends on, as a digest."""
    lists = ("boxes", "scores", "classes")
    data = [outcomes.select("source", "level").write_csv()]
    data += [repr(outcomes[name].list.len().to_list()) for name in lists[1:]]
    return digest(*data, *(outcomes[name].explode().drop_nulls().to_numpy().tobytes() for name in lists))
