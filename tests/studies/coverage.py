"""How often 95 % intervals hold the truth, where the rows of one source are alike: `python -m tests.studies.coverage`.

Each trial draws sources of nine levels. A row is more useful the higher its level and the easier its source; the score sees
that through noise, part of which all rows of a source share. The truth is that of 40,000 sources. Writes a table and a figure
to results/studies.
"""

from pathlib import Path

import numpy as np

from benchmark.evaluation.downstream import FRACTIONS
from benchmark.metrics import bootstrap, correlation, histograms, rank_correlation, weighted

LEVELS = 9
FOLDER = Path("results/studies")


def draw(sources, seed):
    """Columns of random rows: cluster, level, label, utility, score, right."""
    random = np.random.default_rng(seed)
    cluster, level = np.repeat(np.arange(sources), LEVELS), np.tile(np.arange(LEVELS), sources)
    ease, shift = (random.normal(0, spread, sources)[cluster] for spread in (1.0, 0.9))
    utility = ease + 0.3 * (level - LEVELS // 2) + random.normal(0, 0.4, len(level))
    score = utility + shift + random.normal(0, 0.5, len(level))
    right = utility + random.normal(0, 1, len(level)) > 0
    return cluster, level, (utility > 0).astype(np.int64), utility, score, right.astype(np.float64)


MEASURES = {
    "AUROC": lambda w, level, y, u, s, r: weighted.auroc(w, y, s),
    "within-level AUROC": lambda w, level, y, u, s, r: weighted.stratified_auroc(w, y, s, level),
    "average precision": lambda w, level, y, u, s, r: weighted.average_precision(w, y, s),
    "balanced accuracy": lambda w, level, y, u, s, r: weighted.decisions(w, y, s >= 0)[:, 1],
    "overlap": lambda w, level, y, u, s, r: histograms.overlap(w, y, s),
    "SRCC": lambda w, level, y, u, s, r: rank_correlation.srcc_kernel(w, u, s),
    "PLCC": lambda w, level, y, u, s, r: correlation.fit_kernel(w, u, correlation.fitted(u, s))[:, 0],
    "accuracy gain": lambda w, level, y, u, s, r: (w @ (r * (s >= 0))) / (w @ (s >= 0)) - (w @ r) / w.sum(axis=1),
    "gain area": lambda w, level, y, u, s, r: gain_area(w, s, r),
}


def gain_area(w, s, r):
    """As `benchmark.evaluation.downstream` has it, of one network."""
    mine, random, oracle = (
        weighted.kept_mean(w, r, order, FRACTIONS).mean(axis=1) for order in (s, np.zeros(len(s)), r)
    )
    return (mine - random) / (oracle - random)


def study(trials, sources=200, replicates=500, names=tuple(MEASURES), first=0):
    """Measure -> share of trials in which intervals over sources, and over rows, hold the truth."""
    truth = {}
    _, *whole = draw(40_000, 10**6)
    for name in names:
        truth[name] = MEASURES[name](np.ones((1, len(whole[0]))), *whole)[0]
    held = {name: np.zeros(2) for name in names}
    for trial in range(first, first + trials):
        cluster, *columns = draw(sources, trial)
        for kind, clusters in enumerate((cluster, np.arange(len(cluster)))):
            counts = bootstrap.resamples(clusters.max() + 1, f"trial {trial}", replicates=replicates)
            for name in names:
                low, high = bootstrap.interval(bootstrap.replicate(MEASURES[name], counts, clusters, *columns))
                held[name][kind] += low <= truth[name] <= high
    return {name: tuple((counts / trials).tolist()) for name, counts in held.items()}


def main(trials=1000):
    """Run the study and write what it found."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    found = study(trials)
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = ["| measure | sources resampled | rows resampled |", "| --- | --- | --- |"]
    lines += [f"| {name} | {by_source:.3f} | {by_row:.3f} |" for name, (by_source, by_row) in found.items()]
    error = np.sqrt(0.95 * 0.05 / trials)
    text = f"Share of {trials} trials of 200 sources in which a 95 % interval holds the truth (standard error {error:.3f})."
    (FOLDER / "coverage.md").write_text("\n".join([text, "", *lines, ""]), encoding="utf-8")
    figure, axis = plt.subplots(figsize=(5, 3), layout="constrained")
    places = np.arange(len(found))[::-1]
    axis.axvspan(0.93, 0.97, color="#009E73", alpha=0.2, label="93 to 97 %")
    for column, marker, colour, label in (
        (0, "o", "#0072B2", "sources resampled"),
        (1, "x", "#D55E00", "rows resampled"),
    ):
        axis.scatter([values[column] for values in found.values()], places, marker=marker, color=colour, label=label)
    axis.set_yticks(places, list(found))
    axis.set_xlabel("coverage of 95 % intervals")
    axis.legend(loc="lower left", fontsize=8, frameon=False)
    figure.savefig(FOLDER / "coverage.png", dpi=150, metadata={"Software": None})
    print("\n".join(lines))


if __name__ == "__main__":
    main()
