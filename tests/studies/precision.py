"""How many labels another arithmetic flips: `python -m tests.studies.precision [SOURCES]`, writes results/studies/precision.md.

`imagenet-lite` is labelled in float32, float32 compiled, bf16, and bf16 compiled; each way fits its own temperatures, as a
suite labelled that way would. Beside the labels that differ from float32's stand the decisions (which class is on top) that do.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmark.core.types import IMAGE
from benchmark.core.workspace import Workspace
from benchmark.labelling.execution import ExecutionConfig
from benchmark.labelling.pipeline import label
from benchmark.suites.loading import load_suite

WAYS = {
    "float32, compiled": ExecutionConfig(compiled=True),
    "bf16": ExecutionConfig(precision="bf16"),
    "bf16, compiled": ExecutionConfig(precision="bf16", compiled=True),
}
FILE = Path(__file__).parents[2] / "results" / "studies" / "precision.md"


def flips(reference, other, name):
    """Rows of a label set; those with another label, those useful here and non-useful there; decisions that differ."""
    labels, others = (truth.labels(name)["label"].to_numpy() for truth in (reference, other))
    opposite = int(((labels != others) & (labels >= 0) & (others >= 0)).sum())
    decisions = ""
    if name in reference.outcomes:
        tops = (truth.outcomes[name].sort(IMAGE)["top"].to_numpy() for truth in (reference, other))
        decisions = int(np.not_equal(*tops).sum())
    return [len(labels), int((labels != others).sum()), opposite, decisions]


def main(sources=0):
    """Label in every way, compare, and write the table."""
    suite, named = load_suite("imagenet-lite", limit=sources), Workspace.named()
    lines = [
        "| arithmetic | label set | images | other label | opposite label | other class on top |",
        "|" + " --- |" * 6,
    ]
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for way, execution in {"float32": ExecutionConfig(), **WAYS}.items():
            home = Path(folder) / way.replace(", ", "-")
            workspace = Workspace(named.data, named.networks, home / "cache", home / "results", chosen_device="cpu")
            found[way] = label(suite, workspace, execution=execution)
        for way in WAYS:
            for name in suite.label_sets:
                counts = flips(found["float32"], found[way], name)
                lines.append(f"| {way} | `{name}` | " + " | ".join(map(str, counts)) + " |")
    text = f"Labels of {suite.folder} that differ from those of float32, which ground truth is published with."
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text("\n".join([text, "", *lines, ""]), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
