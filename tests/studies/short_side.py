"""What an image's size says within a quality, before and after all have one short side: `python -m tests.studies.short_side`.

`imagenet-lite` and `imagenet-lite-256` have the same photographs in their test parts, so both are resampled alike, and the
differences are paired by photograph; the labels are each suite's own. Scores are the stored ones; pixels, and the long side
divided by the short one (elongation), are of the pristine image. Writes results/studies/short_side.md.
"""

from pathlib import Path

import numpy as np

from benchmark.core.parquet import read_table
from benchmark.core.types import IMAGE, PRISTINE
from benchmark.core.workspace import Workspace
from benchmark.labelling.pipeline import recorded_truth
from benchmark.metrics import bootstrap, weighted
from benchmark.metrics.classification import stratified_auroc
from benchmark.suites.loading import load_suite
from tests.studies.table import write_table

RESULTS = Path("results")
SUITES = ("imagenet-lite", "imagenet-lite-256")
SHAPES = {
    "pixels": lambda height, width: height * width,
    "elongation": lambda height, width: max(height / width, width / height),
}
STORED = ("bits_per_pixel", "header", "dct_statistics", "jpeg_statistics", "ssim", "energy", "fisher")


def scores(truth, name, rows):
    """Scores of the labelled test rows of one suite: a shape of the pristine image, or what a predictor stored; (N,)."""
    if name in SHAPES:
        images = truth.outcomes["images"].filter(distortion=PRISTINE.distortion).select("source", "height", "width")
        shapes = {source: float(SHAPES[name](height, width)) for source, height, width in images.iter_rows()}
        return np.array([shapes[source] for source in rows["source"]])
    folder = RESULTS / truth.suite.name / "scores"
    trained = folder / f"{name}@{truth.suite.name}.combined.parquet"
    table, _ = read_table(trained if trained.is_file() else folder / f"{name}.parquet")
    return rows.join(table.filter(part="test"), on=IMAGE, maintain_order="left")["score"].to_numpy()


def study(truth, name, counts):
    """AUROC within a quality on the combined labels, then in each of these resamples of the test sources; (1 + R,)."""
    rows = truth.labelled("combined", "test")
    cluster, _ = truth.clusters(rows, "test")
    labels, levels = rows["label"].to_numpy().astype(np.int64), rows["level"].to_numpy()
    values = scores(truth, name, rows)
    drawn = bootstrap.replicate(weighted.stratified_auroc, counts, cluster, labels, values, levels)
    return np.r_[stratified_auroc(labels, values, levels)[0], drawn]


def cell(values, form=".3f"):
    """A value with the 95 % interval that its replicates give."""
    low, high = bootstrap.interval(values[1:])
    return f"{values[0]:{form}} ({low:{form}} to {high:{form}})"


def main():
    """Run the study and write its table."""
    before, after = (recorded_truth(load_suite(name), Workspace.named(results=str(RESULTS))) for name in SUITES)
    if [source.id for source in before.parts["test"]] != [source.id for source in after.parts["test"]]:
        raise ValueError("the two suites have other test parts, so nothing is paired")
    text = "AUROC within a quality, combined labels, with 95 % intervals over photographs, by which differences are paired."
    write_table("short_side", ["what predicts", *SUITES, "difference"], rows(before, after), text)


def rows(before, after):
    """What each shape and each stored score says on the two suites."""
    for name in (*SHAPES, *STORED):
        first, second = (study(truth, name, before.resamples["test"]) for truth in (before, after))
        yield [name, cell(first), cell(second), cell(second - first, "+.3f")]


if __name__ == "__main__":
    main()
