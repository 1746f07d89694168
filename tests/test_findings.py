"""Findings: their arithmetic by hand, and that the committed page is that of the committed scorecards."""

import json
import shutil

import numpy as np
import pytest

from benchmark.evaluation.evaluate import evaluate
from tests import finding_records, findings, readme_parts
from tests.conftest import workspace_in
from tests.finding_records import Finding, Term
from tests.tracked import ROOT, copy_tracked


@pytest.fixture(scope="module")
def evaluated(tiny, tiny_workspace, tmp_path_factory):
    """Results of two baselines on the small suite, and their cards."""
    workspace = workspace_in(tmp_path_factory.mktemp("judged"))
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", workspace.results / "tiny" / "outcomes")
    cards = {name: evaluate(name, tiny.suite, workspace=workspace, truth=tiny) for name in ("ssim", "jpeg_quality")}
    return workspace.results, cards


@pytest.fixture
def judged(evaluated, tiny, monkeypatch):
    """Cards of two baselines on the small suite, from whose results findings are read."""
    results, cards = evaluated
    monkeypatch.setattr(finding_records, "RESULTS", results)
    monkeypatch.setattr(finding_records, "recorded", lambda suite: tiny)
    for cached in (finding_records.read, finding_records.card_path, finding_records.replicates_of):
        cached.cache_clear()
    yield cards
    for cached in (finding_records.read, finding_records.card_path, finding_records.replicates_of):
        cached.cache_clear()


def of(*terms, **more):
    """A finding on the small suite."""
    return Finding("tiny", "a difference", tuple(terms), **more)


def test_a_finding_is_a_sum_of_measures(judged):
    """Its value is that of the scorecards, its interval that of the same sum of paired replicates."""
    difference = of(Term("ssim", "auroc"), Term("jpeg_quality", "auroc", -1.0), offset=0.25)
    first, second = (judged[name].metrics["auroc"].value for name in ("ssim", "jpeg_quality"))
    assert difference.value == pytest.approx(first - second + 0.25, abs=1e-6)
    drawn = [finding_records.replicates_of("tiny", path)["auroc"].to_numpy() for path in difference.paths]
    low, high, error = difference.computed()
    assert [low, high] == pytest.approx(np.percentile(drawn[0] - drawn[1] + 0.25, [2.5, 97.5]), abs=1e-5)
    assert error == pytest.approx(np.std(drawn[0] - drawn[1]), abs=1e-5)


def test_measures_with_fewer_replicates_are_paired_from_the_first(judged):
    """A gain area has fewer resamples than an AUROC; they are the first ones."""
    mixed = of(Term("ssim", "auroc"), Term("ssim", "area", -1.0))
    table = finding_records.replicates_of("tiny", mixed.paths[0])
    area = table["area"].drop_nulls().to_numpy()
    drawn = table["auroc"].to_numpy()[: len(area)] - area
    assert mixed.computed()[:2] == pytest.approx(np.nanpercentile(drawn, [2.5, 97.5]), abs=1e-5)


@pytest.mark.parametrize(
    ("ends", "margin", "verdict"),
    [
        ((0.1, 0.3), 0.0, "confirmed"),
        ((-0.3, -0.1), 0.0, "refuted"),
        ((-0.1, 0.1), 0.0, "cannot tell"),
        ((-0.04, 0.1), 0.05, "confirmed"),
        ((-0.2, -0.06), 0.05, "refuted"),
        ((-0.1, 0.1), 0.05, "cannot tell"),
    ],
)
def test_verdicts(judged, ends, margin, verdict):
    """Above 0, below 0 or neither; with a margin, above or below minus that."""
    row = of(Term("ssim", "auroc"), margin=margin).row(*ends, 0.05)
    assert row[4] == verdict


def test_the_sources_that_it_would_take(judged):
    """A difference of 2.8 standard errors is found with a power of .8; one of half of that takes four times as many sources."""
    one = of(Term("ssim", "auroc"))
    sources = int(one.row(-1, 1, 1)[3])
    assert one.row(-1.0, 1.0, one.value / 2.8)[5] == f"{sources:,.0f}"
    assert one.row(-1.0, 1.0, one.value / 1.4)[5] == f"{4 * sources:,.0f}"


def test_scorecards_of_one_networks_labels_are_found():
    """The paper's first claim is judged where a predictor was trained on the labels of each network, too."""
    finding = findings.combined_minus_single("imagenet-lite", "header")
    assert finding.exists
    assert len(set(finding.paths)) == 4


def test_what_was_not_run_is_no_finding(judged):
    """A predictor without a scorecard, and a measure without an interval, give none."""
    assert not of(Term("energy", "auroc")).exists
    assert not of(Term("ssim", "majority_accuracy")).exists
    assert of(Term("ssim", "auroc")).exists


def test_many_comparisons_can_be_significant(judged):
    """Holm's correction of fifty clear differences leaves all of them, on either side of 0."""
    clear = [of(Term("ssim", "auroc"))] * 30 + [of(Term("ssim", "auroc", -1.0))] * 20
    assert "30 are significantly above 0 and 20 below" in findings.holm_note(clear, [(0, 0, 0.01)] * 50)
    assert "0 are significantly above 0 and 0 below" in findings.holm_note(clear, [(0, 0, 10.0)] * 50)


def test_the_page_is_that_of_the_committed_scorecards(tmp_path, monkeypatch):
    """It has their values, and intervals that were computed from these very cards."""
    results = copy_tracked(tmp_path, "results") / "results"
    monkeypatch.setattr(finding_records, "RESULTS", results)
    monkeypatch.setattr(findings, "RESULTS", results)
    for cached in (finding_records.read, finding_records.card_path):
        cached.cache_clear()
    intervals = json.loads((results / "findings.json").read_text())
    assert findings.text(intervals) == (results / "README.md").read_text()
    readme = (ROOT / "README.md").read_text()
    assert readme_parts.with_parts(readme) == readme
    with pytest.raises(KeyError):
        findings.text({})
