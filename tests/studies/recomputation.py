"""Are the committed numbers what the raw files give? `python -m tests.studies.recomputation [SUITE...]`; exit 1 if not.

Recomputes numbers of every scorecard from scores, labels, sources and outcomes with scikit-learn, SciPy and pycocotools, and
with none of the project's code: AUROC, AUROC within a quality, average precision, accuracy, balanced accuracy and MCC at the
stored threshold, SRCC with the utility of Eq. 2 for classification, and accuracy or mAP of the held-out networks before and
after the predictor's choice. Writes results/studies/recomputation.md.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.stats import spearmanr
from sklearn import metrics

RESULTS = Path("results")
PRISTINE = ("pristine", -1)
KEYS = ["source", "distortion", "level"]
ALLOWED = 5e-5
"""Numbers on scorecards are rounded to six digits, and an mAP ranks equal scores of different images in some order."""


def read(path):
    """A table and its metadata."""
    return pl.read_parquet(path), json.loads(pl.read_parquet_metadata(path).get("utilbench", "{}"))


def stem(name):
    """A name as files have it."""
    return name.replace(":", "-")


def outcomes(folder, suite, name):
    """The outcomes of a network, which twins share."""
    home = folder.with_name(suite["twin_of"]) if suite["twin_of"] else folder
    return read(home / "outcomes" / f"{stem(name)}.parquet")


def within_conditions(y, s, conditions):
    """Share of the pairs of one condition that are in order, ties counted half."""
    right = pairs = 0.0
    for condition in np.unique(conditions):
        ones, others = s[(conditions == condition) & (y == 1)], s[(conditions == condition) & (y == 0)]
        gaps = ones[:, None] - others[None, :]
        right, pairs = right + (gaps > 0).sum() + 0.5 * (gaps == 0).sum(), pairs + gaps.size
    return right / pairs if pairs else None


def of_labels(rows, threshold, column):
    """Metrics of labelled rows."""
    rows = rows.filter(pl.col(column) >= 0)
    y, s = rows[column].to_numpy(), rows["score"].to_numpy()
    kept = s >= threshold
    return {
        "metrics.auroc": metrics.roc_auc_score(y, s),
        "metrics.within_condition_auroc": within_conditions(
            y, s, (rows["distortion"] + rows["level"].cast(str)).to_numpy()
        ),
        "metrics.average_precision": metrics.average_precision_score(y, s),
        "metrics.accuracy": metrics.accuracy_score(y, kept),
        "metrics.balanced_accuracy": metrics.balanced_accuracy_score(y, kept),
        "metrics.mcc": metrics.matthews_corrcoef(y, kept),
    }


def confidences(folder, suite, network, classes):
    """Columns KEYS, phi and right of a classifier: its confidence in the true class, and whether it is right."""
    table, about = outcomes(folder, suite, network)
    calibrated = suite["labels"]["calibrate"] and table["logsumexp"].null_count() == 0
    t, logsumexp = (about["temperature"], "logsumexp_t") if calibrated else (1.0, "logsumexp")
    true = table["score_true"].to_numpy().astype(float)
    if table["logsumexp"].null_count():
        phi = np.clip(true, 0, 1)
    else:
        phi = np.minimum(np.exp(true / t - table[logsumexp].to_numpy().astype(float)), 1)
    right = table["top"] == table.join(classes, on="source", how="left", maintain_order="left")["class"]
    return table.select(KEYS).with_columns(phi=pl.Series(phi), right=right)


def utilities(folder, suite, networks, classes):
    """Mean utility (Eq. 2, recognition threshold .5) of the images whose pristine versions all networks get right."""
    tables = []
    for name in networks:
        table = confidences(folder, suite, name, classes)
        pristine = table.filter(distortion=PRISTINE[0]).select("source", phi_p="phi", right_p="right")
        joined = table.filter(pl.col("distortion") != PRISTINE[0]).join(pristine, on="source")
        utility = (pl.col("phi") - 0.5) / (1 - (pl.col("phi_p") - 0.5))
        tables.append(joined.select(*KEYS, "right_p", utility=utility))
    every = pl.concat(tables).group_by(KEYS).agg(pl.col("utility").mean(), pl.col("right_p").all())
    return every.filter("right_p").select(*KEYS, "utility")


def accuracies(folder, suite, name, rows, classes, threshold):
    """Accuracy of a held-out classifier on all images and on those that are kept."""
    right = confidences(folder, suite, name, classes).select(*KEYS, "right")
    table = rows.join(right, on=KEYS, how="left", maintain_order="left")
    kept = table["score"] >= threshold
    filtered = table.filter(kept)["right"].mean() if kept.any() else None
    return {"unfiltered": table["right"].mean(), "kept": kept.mean(), "filtered": filtered}


def mean_ap(images, sources):
    """COCOeval's mAP of images, each a source and a row of detections."""
    truth, answers = COCO(), []
    boxes = []
    for number, (source, found) in enumerate(images):
        own = sources[source]
        for box, kind, crowd in zip(own["boxes"], own["classes"], own["crowd"], strict=True):
            left, top, right, bottom = box
            size = {"bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top)}
            boxes.append(size | {"id": len(boxes) + 1, "image_id": number, "category_id": kind, "iscrowd": int(crowd)})
        corners = np.array(found["boxes"], float).reshape(-1, 4) / 8
        for (left, top, right, bottom), score, kind in zip(corners, found["scores"], found["classes"], strict=True):
            size = {"bbox": [left, top, right - left, bottom - top], "score": score / 10_000}
            answers.append(size | {"image_id": number, "category_id": kind})
    kinds = sorted({box["category_id"] for box in boxes} | {answer["category_id"] for answer in answers})
    truth.dataset = {
        "images": [{"id": number} for number in range(len(images))],
        "categories": [{"id": kind} for kind in kinds],
        "annotations": boxes,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        run = COCOeval(truth, truth.loadRes(answers), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0])


def maps(folder, suite, name, rows, sources, threshold):
    """The mAP of a held-out detector on all images, and where those that are not kept are replaced by pristine ones."""
    table, _ = outcomes(folder, suite, name)
    found = {tuple(row[key] for key in KEYS): (number, row) for number, row in enumerate(table.iter_rows(named=True))}
    images = [
        (source, condition, score >= threshold) for source, *condition, score in rows.select(*KEYS, "score").iter_rows()
    ]
    values = []
    for choose in (lambda condition, kept: condition, lambda condition, kept: condition if kept else PRISTINE):
        # In the order of the outcomes, since equal scores of two images are ranked in the order of the images.
        chosen = sorted(
            ((found[source, *choose(condition, kept)], source) for source, condition, kept in images), key=first_number
        )
        values.append(mean_ap([(source, row) for (_, row), source in chosen], sources))
    return {"unfiltered": values[0], "kept": np.mean([kept for *_, kept in images]), "filtered": values[1]}


def first_number(entry):
    """The number of a row of outcomes."""
    return entry[0][0]


def numbers(folder, suite, card):
    """Name -> recomputed value, the mean over seeds."""
    trained = card["trained_on"]
    origin = f"@{trained['suite']}.{stem(trained['labels'])}" if trained else ""
    scores, _ = read(folder / "scores" / f"{stem(card['predictor'])}{origin}.parquet")
    labels, _ = read(folder / "labels.parquet")
    table, _ = read(folder / "sources.parquet")
    classification = suite["task"] == "classification"
    classes = table.select("source", "class") if classification else None
    sources = {} if classification else {row["source"]: row for row in table.iter_rows(named=True)}
    networks = suite["networks"]["labelling"] if card["labels"] == "combined" else [card["labels"]]
    values = {}
    for seed, threshold in zip(card["seeds"], card["threshold"], strict=True):
        mine = scores.filter(seed=seed)
        test = mine.filter(part="test").join(labels.drop("part"), on=KEYS)
        found = of_labels(test, threshold, card["labels"])
        if classification:
            both = mine.filter(part="test").join(utilities(folder, suite, networks, classes), on=KEYS)
            if both["score"].n_unique() > 1:
                found["soft.srcc"] = spearmanr(both["score"], both["utility"]).statistic
        held = mine.filter(part="held_out")
        for name in suite["networks"]["held_out"]:
            measure = accuracies if classification else maps
            gains = measure(folder, suite, name, held, classes if classification else sources, threshold)
            found |= {f"downstream.{name}.{key}": value for key, value in gains.items()}
        for key, value in found.items():
            values.setdefault(key, []).append(value)
    return {key: None if None in each else float(np.mean(each)) for key, each in values.items()}


def stored(card, key):
    """The value of a card under a dotted name; names of networks may hold dots and colons."""
    group, _, rest = key.partition(".")
    if group != "downstream":
        return card[group][rest]["value"]
    name, _, field = rest.rpartition(".")
    return card["downstream"][name][field]


def compare(folder, pattern="*/*", *, held_out=None):
    """For each scorecard: its path, how many numbers were compared, which is farthest off, and by how much.

    `held_out` is how many of the held-out networks are looked at; None: all.
    """
    suite = json.loads((folder / "suite.json").read_text())
    suite["networks"]["held_out"] = suite["networks"]["held_out"][:held_out]
    for path in sorted(folder.glob(f"cards/{pattern}.json")):
        card = json.loads(path.read_text())
        gaps = {}
        for key, value in numbers(folder, suite, card).items():
            known = stored(card, key)
            gaps[key] = float(known is not value) if None in (known, value) else abs(known - value)
        worst = max(gaps, key=gaps.get)
        yield path.relative_to(folder.parent), len(gaps), worst, gaps[worst]


def main(names):
    """Compare all cards of these suites, or of all."""
    folders = [RESULTS / name for name in names] or sorted(path.parent for path in RESULTS.glob("*/cards"))
    lines, wrong, count = [], 0, 0
    for folder in folders:
        for path, compared, worst, gap in compare(folder):
            wrong, count = wrong + (gap > ALLOWED), count + compared
            lines.append(f"| {path} | {compared} | {worst} | {gap:.1e}{' !' if gap > ALLOWED else ''} |")
            print(lines[-1], flush=True)
    text = f"{count} numbers of {len(lines)} scorecards recomputed; {wrong} scorecards have one that differs."
    print(text)
    if not names:
        head = ["| scorecard | numbers | farthest off | by |", "| --- | --- | --- | --- |"]
        target = RESULTS / "studies" / "recomputation.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join([text, "", *head, *lines, ""]), encoding="utf-8")
    return wrong


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
