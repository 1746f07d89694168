"""Which levels tell predictors apart: `python -m tests.studies.power`.

For sets of levels, the difference of two predictors' AUROC in its standard errors (z, over resamples of sources), and z divided
by the root of the number of labelled rows, which is the power that a row buys. On the *validation* part alone, so that the
levels of a later suite can be chosen before its test part is looked at. Reads committed scores and outcomes, and writes
results/studies/power.md.
"""

import sys

import numpy as np

from benchmark.core.types import IMAGE
from benchmark.core.workspace import Workspace
from benchmark.evaluation.results import read_scores
from benchmark.evaluation.scorecard import read_card
from benchmark.labelling.pipeline import recorded_truth
from benchmark.metrics import bootstrap, weighted
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import suite_folder
from tests.studies.table import write_table

SUITES = ("glyphs", "imagenet-lite", "glyphs-det", "coco-lite")
PAIR = ("dct_statistics", "jpeg_quality")
PART = "validation"


def level_sets(levels):
    """Sets of levels by name: all, every second, the higher and the lower half."""
    ordered = sorted(levels, reverse=True)
    half = (len(ordered) + 1) // 2
    return {
        "all": ordered,
        "every second": ordered[::2],
        "the higher half": ordered[:half],
        "the lower half": ordered[-half:],
    }


def difference(truth, tables, levels):
    """Difference of the AUROC at these levels, its z, and the number of labelled rows."""
    rows = truth.labelled("combined", PART)
    rows = rows.filter(rows["level"].is_in(levels))
    if rows["label"].n_unique() < 2:
        return np.nan, np.nan, rows.height
    cluster, counts = truth.clusters(rows, PART)
    values = []
    for table in tables:
        score = rows.select(IMAGE).join(table, on=IMAGE, maintain_order="left")["score"]
        given = rows["label"].to_numpy(), score.to_numpy()
        point = weighted.auroc(np.ones((1, rows.height)), *given)
        values.append(np.r_[point, bootstrap.replicate(weighted.auroc, counts, cluster, *given)])
    gap = values[0] - values[1]
    return gap[0], gap[0] / np.nanstd(gap[1:]), rows.height


def main(*names):
    """Run the study and write its table."""
    head = ("suite", "levels", "labelled rows", "AUROC, " + " minus ".join(PAIR), "z", "z a hundred rows")
    lines = []
    for name in names or SUITES:
        suite, workspace = load_suite(name), Workspace.named()
        truth, folder = recorded_truth(suite, workspace), suite_folder(workspace, suite)
        cards = {card.predictor: card for card in map(read_card, folder.cards()) if card.labels == "combined"}
        tables = []
        for predictor in PAIR:
            card = cards[predictor]
            scores, _ = read_scores(folder.scores(predictor, card.trained_on))
            tables.append(scores.filter(part=PART, seed=card.seeds[0]))
        for title, levels in level_sets(suite.distortions[0].levels).items():
            gap, z, count = difference(truth, tables, levels)
            shown = ", ".join(map(str, levels))
            values = [f"{gap:.3f}", f"{z:.2f}", f"{10 * z / count**0.5:.2f}"] if np.isfinite(z) else 3 * ["-"]
            lines.append([name, f"{title}: {shown}", str(count), *values])
    write_table("power", head, lines)


if __name__ == "__main__":
    main(*sys.argv[1:])
