"""What a larger probe is worth to the gatekeeper, and what it costs: `python -m tests.studies.probe_sizes`.

The gatekeeper is trained on the labelled rows of the training part and judged on those of the test part, with one network after
the other as its probe; those that label or are held out in the suite are marked †, since they are no fair probes there. The
price is the time from decoded image to answer, of the same images in turns, also as a share of what the labelling networks take
together. Writes results/studies/probe_sizes.md and .png. Needs UTILBENCH_DATA and UTILBENCH_NETWORKS; half an hour.
"""

import itertools
import time

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from baselines.gatekeeper import Gatekeeper
from benchmark import Context
from benchmark.core.pictures import STYLE
from benchmark.core.types import CONDITION
from benchmark.core.workspace import Workspace
from benchmark.evaluation.condition_shares import condition_shares
from benchmark.evaluation.dataloading import lesson
from benchmark.labelling.pipeline import make_ground_truth
from benchmark.metrics import bootstrap, weighted
from benchmark.metrics.classification import auroc, stratified_auroc
from benchmark.suites.loading import load_suite
from tests.studies.table import FOLDER, write_table

PROBES = {
    "imagenet-lite": (
        "onnx:mobilenet_v1_050_quant", "onnx:mobilenet_v1_075_quant", "onnx:mobilenet_v2_quant", "torchvision:mobilenet_v2",
        "timm:tf_efficientnet_lite0",
    ),
    "coco-lite": (
        "onnx:yolo_fastest_1_1", "onnx:yolo_fastest_1_0_xl", "onnx:yolo_fastest_1_1_xl", "onnx:fastestdet",
        "onnx:nanodet_m_416", "onnx:picodet_s_320", "onnx:picodet_s_416",
    ),
}  # fmt: skip
"""Suite -> its probes, the cheapest first."""
TIMED = 40
"""Images that each network answers for its price."""
HEAD = (
    "suite",
    "probe",
    "AUROC (95 %)",
    "minus condition (95 %)",
    "within condition",
    "ms/image",
    "share of labelling networks",
)


def batches(examples, size=32):
    """The examples in lists, photograph by photograph."""
    order = np.argsort(examples.groups, kind="stable")
    return (examples.take(part.tolist()) for part in np.array_split(order, -(-len(order) // size))), order


def scored(predictor, examples):
    """Scores of all examples, (N,)."""
    parts, order = batches(examples)
    scores = np.zeros(len(order))
    scores[order] = list(itertools.chain.from_iterable(predictor.score([e.sample for e in part]) for part in parts))
    return scores


def milliseconds(networks, images):
    """Name -> median time of one image from pixels to answer; images come one at a time, networks in turns."""
    spent = {name: [] for name in networks}
    for image in images:
        for name, network in networks.items():
            start = time.perf_counter()
            with torch.inference_mode():
                network.answer([image], "cpu")
            spent[name].append(time.perf_counter() - start)
    return {name: 1000 * float(np.median(values)) for name, values in spent.items()}


def study(suite, workspace):
    """Name, AUROC and its excess with replicates, within-condition AUROC, ms and share, for each probe of a suite."""
    truth = make_ground_truth(load_suite(suite), workspace)
    rows = truth.labelled("combined", "test")
    cluster, counts = truth.clusters(rows, "test")
    labels, rival = rows["label"].to_numpy().astype(np.int64), condition_shares(truth, "combined", rows)
    conditions = rows.select(CONDITION).hash_rows().to_numpy()
    parts = {part: lesson(truth, "combined", part, Gatekeeper) for part in ("train", "validation", "test")}
    context = {name: Context(task=truth.suite.task, networks=workspace.networks, probe=name) for name in PROBES[suite]}
    predictors = {name: Gatekeeper(own) for name, own in context.items()}
    networks = {name: predictor.probe for name, predictor in predictors.items()}
    networks |= {name: Context(networks=workspace.networks).network(name) for name in truth.suite.networks.labelling}
    images = [parts["test"][index].sample.image for index in np.linspace(0, len(rows) - 1, TIMED).astype(int)]
    prices = milliseconds(networks, images)
    together = sum(prices[name] for name in truth.suite.networks.labelling)
    drawn_rival = np.r_[auroc(labels, rival), bootstrap.replicate(weighted.auroc, counts, cluster, labels, rival)]
    for name, predictor in predictors.items():
        predictor.fit(parts["train"], parts["validation"])
        scores = scored(predictor, parts["test"])
        values = np.r_[auroc(labels, scores), bootstrap.replicate(weighted.auroc, counts, cluster, labels, scores)]
        within = stratified_auroc(labels, scores, conditions)[0]
        judges = name in (*truth.suite.networks.labelling, *truth.suite.networks.held_out)
        print(f"{suite}: {name} {values[0]:.3f}, {prices[name]:.1f} ms", flush=True)
        yield name + " †" * judges, values, values - drawn_rival, within, prices[name], prices[name] / together


def with_ends(values, form=".3f"):
    """A value with the interval of its replicates."""
    low, high = bootstrap.interval(values[1:])
    return f"{values[0]:{form}} ({low:{form}} to {high:{form}})"


def draw(points, rivals):
    """Draw the curves.

    Args:
        points: (suite, probe, AUROC, its low and high end, ms an image) of each probe.
        rivals: suite -> AUROC of `condition`.
    """
    with mpl.rc_context(rc=STYLE):
        figure, axes = plt.subplots(1, len(rivals), figsize=(9, 3.4))
        for (suite, rival), axis in zip(rivals.items(), axes, strict=True):
            axis.axhline(rival, color="#555555", linestyle=":")
            axis.annotate(
                "condition", (1, rival), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7
            )
            for _, name, value, low, high, price in (point for point in points if point[0] == suite):
                colour = "#999999" if "†" in name else "#0072b2"
                axis.errorbar(price, value, [[value - low], [high - value]], fmt="o", color=colour)
                cheap = price < 20  # names stand beside cheap probes and above the others, where there is room
                place = {"xytext": (5, 0), "ha": "left"} if cheap else {"xytext": (3, 3), "ha": "right"}
                axis.annotate(
                    name.partition(":")[2],
                    (price, value if cheap else high),
                    textcoords="offset points",
                    fontsize=6,
                    va="center" if cheap else "bottom",
                    **place,
                )
            axis.set(title=suite, xlabel="ms an image", ylabel="AUROC", xscale="log")
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.margins(x=0.1, y=0.12)
        figure.savefig(FOLDER / "probe_sizes.png", dpi=130)


def main():
    """Run the study, write the table and draw the curves."""
    workspace = Workspace.named()
    rows, points, rivals = [], [], {}
    for suite in PROBES:
        for name, own, over, within, price, share in study(suite, workspace):
            rows.append(
                (suite, name, with_ends(own), with_ends(over, "+.3f"), f"{within:.3f}", f"{price:.1f}", f"{share:.2f}")
            )
            points.append((suite, name, own[0], *bootstrap.interval(own[1:]), price))
            rivals[suite] = own[0] - over[0]
    draw(points, rivals)
    write_table("probe_sizes", HEAD, rows)


if __name__ == "__main__":
    main()
