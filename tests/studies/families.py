"""How much of the variance on `glyphs` lies between families of fonts: `python -m tests.studies.families`.

The sources of the test part share 40 families. Where families matter, an interval that resamples sources is too narrow for a
claim about other families, and a t interval over families (delete-one-family jackknife) says how much. Also told: the share of
the variance of a source's mean utility that lies between families, by a one-way analysis of variance. Reads committed scores
and outcomes, and writes results/studies/families.md.
"""

import numpy as np
import polars as pl
from scipy.stats import t as student

from benchmark.core.types import IMAGE
from benchmark.core.workspace import Workspace
from benchmark.evaluation.results import read_scores
from benchmark.evaluation.scorecard import read_card
from benchmark.labelling.pipeline import recorded_truth
from benchmark.metrics import bootstrap
from benchmark.metrics.classification import auroc
from benchmark.plugins.datasets.glyphs import family
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import suite_folder
from tests.studies.table import write_table

POOL = "test"


def between(values, group):
    """The share of variance between groups (intraclass correlation of a one-way random model), at least 0."""
    groups = [values[group == number] for number in np.unique(group)]
    sizes = np.array([len(members) for members in groups])
    means = np.array([members.mean() for members in groups])
    within = sum(((members - members.mean()) ** 2).sum() for members in groups) / (len(values) - len(groups))
    among = (sizes * (means - values.mean()) ** 2).sum() / (len(groups) - 1)
    size = (len(values) - (sizes**2).sum() / len(values)) / (len(groups) - 1)
    return max(0.0, (among - within) / (among + (size - 1) * within))


def jackknife(labels, scores, group):
    """AUROC and its t interval over groups, from the pseudo-values of leaving each group out."""
    numbers = np.unique(group)
    whole = auroc(labels, scores)
    left_out = np.array([auroc(labels[group != number], scores[group != number]) for number in numbers])
    pseudo = len(numbers) * whole - (len(numbers) - 1) * left_out
    reach = student.ppf(0.975, len(numbers) - 1) * pseudo.std(ddof=1) / np.sqrt(len(numbers))
    return whole, whole - reach, whole + reach


def main():
    """Run the study and write its table."""
    suite, workspace = load_suite("glyphs"), Workspace.named()
    truth, folder = recorded_truth(suite, workspace), suite_folder(workspace, suite)
    labels = truth.labelled("combined", POOL)
    rows = labels.select(*IMAGE, "label")
    utility = truth.soft("combined", POOL).group_by("source", maintain_order=True).agg(utility=pl.col("utility").mean())
    number = {source: family(*numbered(source)) for source in {*rows["source"], *utility["source"]}}
    share = between(utility["utility"].to_numpy(), np.array([number[source] for source in utility["source"]]))
    head = ("predictor", "AUROC", "over sources", "over families", "width, families to sources")
    text = f"Of the variance of a source's mean utility, {100 * share:.0f} % lies between families of fonts."
    lines = []
    for path in folder.cards():
        card = read_card(path)
        if card.labels != "combined":
            continue
        scores, _ = read_scores(folder.scores(card.predictor, card.trained_on))
        joined = rows.join(scores.filter(part=POOL, seed=card.seeds[0]), on=IMAGE, maintain_order="left")
        group = np.array([number[source] for source in joined["source"]])
        given = joined["label"].to_numpy(), joined["score"].to_numpy()
        point, low, high = jackknife(*given, group)
        names, cluster = np.unique(joined["source"], return_inverse=True)
        replicates = [
            auroc(np.repeat(given[0], counts[cluster]), np.repeat(given[1], counts[cluster]))
            for counts in bootstrap.resamples(len(names), "families", replicates=400)
        ]
        first, last = bootstrap.interval(np.array(replicates))
        ratio = (high - low) / (last - first)
        intervals = [f"{first:.3f} to {last:.3f}", f"{low:.3f} to {high:.3f}"]
        lines.append([card.predictor, f"{point:.3f}", *intervals, f"{ratio:.2f}"])
    write_table("families", head, lines, text)


def numbered(source):
    """Pool and index of a source's id."""
    pool, index = source.split("-")
    return pool, int(index)


if __name__ == "__main__":
    main()
