"""How much of a network's decisions is left at each level: `python -m tests.studies.levels [SUITE...]`.

From this the levels of suites of several distortions were chosen: from hardly hurt to mostly wrong. On some training sources
alone, by the first labelling network; needs the photographs and networks of the suites, and writes results/studies/levels.md.
"""

import dataclasses
import sys
import tempfile

import polars as pl

from benchmark.core.workspace import Workspace
from benchmark.labelling.pipeline import make_ground_truth
from benchmark.plugins.distortions import find_distortion
from benchmark.suites.loading import load_suite
from benchmark.suites.spec import DistortionChoice
from tests.studies.table import write_table

SUITES = ("glyphs-mixed", "imagenet-mixed", "open-mixed", "coco-mixed")
SOURCES = 80
"""Number of sources, of which those of the part `train` count."""
LEVELS = {
    "jpeg": (90, 70, 50, 30, 20, 14, 10, 8, 6, 4, 3),
    "webp": (90, 70, 40, 20, 10, 5, 3, 2, 1),
    "avif": (80, 60, 40, 30, 20, 10, 5, 2),
    "jpeg2000": (42, 38, 34, 31, 28, 25, 22, 20),
}
"""Levels that are tried of a codec; of camera faults all are."""


def kept(suite, name, workspace):
    """Level -> share of the decisions on training sources, right when pristine, that the first labelling network keeps."""
    levels = LEVELS.get(name) or tuple(reversed(find_distortion(name).levels))
    tried = dataclasses.replace(
        suite,
        name=f"levels-{name}",
        limit=SOURCES,
        distortions=(DistortionChoice(name, levels, ()),),
        networks=dataclasses.replace(suite.networks, labelling=suite.networks.labelling[:1], held_out=(), probe=""),
    )
    truth = make_ground_truth(tried, workspace)
    members = [source.id for source in truth.parts["train"]]
    rows = truth.judgement(tried.networks.labelling[0]).filter(
        pl.col("source").is_in(members), pl.col("level").is_in(levels), pl.col("pristine_right")
    )
    shares = rows.group_by("level").agg(pl.col("satisfied").mean())
    return dict(shares.sort("level", descending=True).iter_rows())


def main(*names):
    """Run the study and write its table."""
    lines = []
    with tempfile.TemporaryDirectory() as results:
        workspace = dataclasses.replace(Workspace.named(), results=Workspace.named(results=results).results)
        for name in names or SUITES:
            suite = load_suite(name)
            for choice in suite.distortions:
                shares = kept(suite, choice.name, workspace)
                shown = ", ".join(f"{level}: {share:.2f}" for level, share in shares.items())
                lines.append([name, choice.name, shown])
    write_table("levels", ("suite", "distortion", "level: share of decisions kept"), lines)


if __name__ == "__main__":
    main(*sys.argv[1:])
