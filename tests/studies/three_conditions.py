"""The picture at the head of the README: a photograph at three conditions, its bytes, and what three networks say of each.

    python -m tests.studies.three_conditions        # writes docs/pictures/three_conditions.jpg; needs UTILBENCH_DATA

What networks say is read from the published outcomes of the suite `open`; the photograph is one of its dataset.
"""

import csv
import io

import matplotlib as mpl
import numpy as np
from torchvision.models._meta import _IMAGENET_CATEGORIES

from benchmark.core.files import write_bytes
from benchmark.core.workspace import Workspace
from benchmark.labelling.pipeline import recorded_truth
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.distortions import decoded, encoded, find_distortion
from benchmark.suites.loading import load_suite
from tests.tracked import ROOT

mpl.use("Agg")
from matplotlib import pyplot as plt

SUITE, SOURCE, LEVELS = load_suite("open"), "be5543dc68f0b970", (-1, 25, 5)
FILE = ROOT / "docs" / "pictures" / "three_conditions.jpg"
WORDS = {1: "useful", 0: "non-useful"}


def title(truth, level, size):
    """The condition, the combined label and the size in bytes."""
    if level < 0:
        return "original\n"
    (row,) = truth.labels("combined").filter(source=SOURCE, level=level).iter_rows(named=True)
    return f"JPEG {level}: {WORDS[row['label']]}\n{size / 1000:.1f} kB"


def answers(truth, level):
    """What each labelling network predicts at a level, and with which calibrated probability."""
    lines = []
    for name in SUITE.networks.labelling:
        (row,) = truth.outcomes[name].filter(source=SOURCE, level=level).iter_rows(named=True)
        probability = np.exp(row["score_top"] / truth.temperatures[name] - row["logsumexp_t"])
        network = name.rpartition("_")[2].replace("lite", "EfficientNet-Lite")
        lines.append(f"{network}: {_IMAGENET_CATEGORIES[row['top']]} {100 * probability:.0f} %")
    return "\n".join(lines)


def credit(workspace):
    """Author and licence of the photograph."""
    with (workspace.data / "open" / "images.csv").open(newline="", encoding="utf-8") as file:
        (row,) = (row for row in csv.DictReader(file) if SOURCE in row["file"])
    return f"Photograph: {row['author']}, {row['license']}, {row['url']}"


def main():
    """Draw the picture."""
    workspace = Workspace.named()
    truth = recorded_truth(SUITE, workspace)
    jpeg, image = find_distortion("jpeg"), open_dataset(SUITE.dataset, workspace.data).read(SOURCE)
    figure, axes = plt.subplots(1, len(LEVELS), figsize=(9, 4.3), layout="constrained")
    for axis, level in zip(axes, LEVELS, strict=True):
        bitstream = encoded(jpeg, image, level, SOURCE) if level >= 0 else b""
        axis.imshow(decoded(jpeg, bitstream, SOURCE) if level >= 0 else image, interpolation="nearest")
        axis.set_title(title(truth, level, len(bitstream)), fontsize=11)
        axis.set_xlabel(answers(truth, level), fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
    figure.text(0.99, 0.005, credit(workspace), fontsize=6, ha="right", color="#555555")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="jpeg", dpi=130, pil_kwargs={"quality": 88})
    FILE.parent.mkdir(exist_ok=True)
    write_bytes(FILE, drawn.getvalue())


if __name__ == "__main__":
    main()
