"""Findings about scorecards: weighted sums of their measures, with intervals from paired replicates.

finding = Finding("glyphs", "AUROC: energy minus ssim", (Term("energy", "auroc"), Term("ssim", "auroc", -1.0)))
finding.value, finding.computed()           # from the scorecards; ends of the interval and standard error
"""

import functools
from dataclasses import dataclass

import numpy as np

from benchmark.core.digests import digest
from benchmark.core.workspace import Workspace
from benchmark.evaluation.replicates import replicates_reader
from benchmark.evaluation.scorecard import read_card
from benchmark.labelling.pipeline import recorded_truth
from benchmark.labelling.recorded import recorded_suite
from benchmark.metrics import bootstrap
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import SuiteFolder, Training, file_stem
from tests.tracked import ROOT

RESULTS = ROOT / "results"
POWER = 1.96 + 0.84
"""Standard errors from 0 at which a two-sided test at .05 finds a difference with a power of .8."""
SEEDED = ("resnet18", "mobilenet_v2")
"""What the names of predictors begin with whose training depends on a seed."""


@dataclass(frozen=True)
class Term:
    """A measure of a scorecard, and how it counts in a finding."""

    predictor: str
    """Stem of the scorecard's file; `@SUITE.LABELS` of its own suite and labels may be left out."""
    measure: str
    weight: float = 1.0
    labels: str = "combined"


@dataclass(frozen=True)
class Finding:
    """A weighted sum of measures of one suite, which speaks for a claim if it is above 0."""

    suite: str
    about: str
    terms: tuple[Term, ...]
    offset: float = 0.0
    margin: float = 0.0
    """How far below 0 it may lie."""

    @property
    def paths(self):
        """The scorecards of its terms; None for one that there is none of."""
        return [card_path(self.suite, term.predictor, term.labels) for term in self.terms]

    @property
    def exists(self):
        """Whether all its measures were made and have intervals."""
        pairs = zip(self.paths, self.terms, strict=True)
        return all(path and (own := measure_of(path, term.measure)) and own.low is not None for path, term in pairs)

    @property
    def value(self):
        """The sum, from the scorecards."""
        pairs = zip(self.paths, self.terms, strict=True)
        return self.offset + sum(term.weight * measure_of(path, term.measure).value for path, term in pairs)

    @property
    def key(self):
        """Digest of what it is of."""
        return digest(repr(self.terms), repr(self.offset), *(path.read_bytes() for path in self.paths))

    def computed(self):
        """Ends of the interval and standard error, from replicates."""
        columns = [
            replicates_of(self.suite, path)[term.measure].drop_nulls().to_numpy().astype(float)
            for path, term in zip(self.paths, self.terms, strict=True)
        ]
        count = min(map(len, columns))
        drawn = self.offset + sum(
            term.weight * column[:count] for term, column in zip(self.terms, columns, strict=True)
        )
        return [round(end, 6) for end in (*bootstrap.interval(drawn), float(np.nanstd(drawn)))]

    @property
    def sources(self):
        """The number of test sources that its first measure is of."""
        label_metric = self.terms[0].measure in PRIMARY_OF_LABELS
        return read(self.paths[0]).counts.sources if label_metric else test_sources(self.suite)

    @property
    def has_one_seed(self):
        """Whether a stochastic method among its predictors was trained once."""
        pairs = zip(self.paths, self.terms, strict=True)
        return any(term.predictor.startswith(SEEDED) and len(read(path).seeds) == 1 for path, term in pairs)

    def row(self, low, high, error):
        """The cells of a table."""
        verdict = "confirmed" if low > -self.margin else "refuted" if high < -self.margin else "cannot tell"
        distance = abs(self.value + self.margin)
        needed = self.sources * (POWER * error / distance) ** 2 if distance else np.inf
        more = "-" if verdict != "cannot tell" else f"{needed:,.0f}" if needed < 1e6 else "over a million"
        told = verdict + (", one seed" if self.has_one_seed and verdict != "cannot tell" else "")
        return self.suite, self.about, f"{self.value:+.3f} ({low:+.3f} to {high:+.3f})", str(self.sources), told, more


PRIMARY_OF_LABELS = ("auroc", "auroc_over_condition", "within_condition_auroc", "balanced_accuracy")
"""Measures of the labelled rows at the training conditions; others are of all test sources."""


@functools.cache
def test_sources(suite):
    """The number of sources of the test part, copies of a photograph counted once."""
    indexed, _ = recorded_suite(load_suite(suite), SuiteFolder(RESULTS / suite))
    return len({source.group for source in indexed.parts["test"]})


read = functools.cache(read_card)


@functools.cache
def card_path(suite, predictor, labels):
    """The file of a scorecard, or None if the predictor was not run."""
    folder = SuiteFolder(RESULTS / suite)
    paths = [folder.card(labels, stem) for stem in (predictor, file_stem(predictor, Training(suite, labels, "")))]
    return next((path for path in paths if path.is_file()), None)


def measure_of(path, name):
    """A measure of a scorecard, of whatever group; None where it has none of this name."""
    card = read(path)
    return (card.metrics | card.soft | card.gains).get(name)


@functools.cache
def replicates_of(suite, path):
    """The replicates of a scorecard, made again where they are missing."""
    truth = functools.partial(recorded, suite)
    return replicates_reader(truth, SuiteFolder(RESULTS / suite))(path, read(path))


@functools.cache
def recorded(suite):
    """The recorded ground truth of a suite."""
    return recorded_truth(load_suite(suite), Workspace.named(results=str(RESULTS)))
