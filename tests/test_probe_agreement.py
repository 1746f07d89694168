"""The agreement of a suite's probe with the networks that judge the same images, against scikit-learn and by hand."""

import dataclasses
import json

import polars as pl
import pytest
from sklearn.metrics import cohen_kappa_score

from benchmark.core.errors import ResultError
from benchmark.core.sealed import write_sealed
from benchmark.core.types import IMAGE
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.recomputation import recompute
from benchmark.labelling.label_report import label_summary
from benchmark.labelling.pipeline import save_labels
from benchmark.labelling.probe_agreement import Agreement, agreements, recorded_agreements
from benchmark.leaderboard.rank import rank
from benchmark.suites.results_folder import suite_folder


def test_kappas_are_scikit_learns(tiny):
    """The probe is compared with all other networks, on the test images at all levels."""
    found = agreements(tiny)
    assert list(found) == ["zoo:densenet", "zoo:resnet", "zoo:resnext"]
    truths = {source.id: source.truth for source in tiny.parts["test"]}
    levels = {condition.level for condition in tiny.suite.training_conditions + tiny.suite.held_out_conditions}
    probe = {tuple(row[:3]): row[3] for row in tiny.outcomes["zoo:resnet_wide"].select(*IMAGE, "top").iter_rows()}
    for name, agreement in found.items():
        pairs = [
            (top == truths[source], probe[source, distortion, level] == truths[source])
            for source, distortion, level, top in tiny.outcomes[name].select(*IMAGE, "top").iter_rows()
            if source in truths and level in levels
        ]
        assert agreement.rows == len(pairs) == len(truths) * len(levels)
        assert agreement.kappa == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))


def test_kappa_of_a_case_by_hand(tiny):
    """A network that is right where the probe is wrong and the other way round has the kappa of opposite decisions."""
    members = [source.id for source in tiny.parts["test"]]
    table = tiny.judgement("zoo:resnet_wide").filter(pl.col("source").is_in(members))
    rows = table.height
    half = pl.Series([index % 2 == 0 for index in range(rows)])
    probe, other = table.with_columns(right=half), table.with_columns(right=~half)
    given = {"zoo:resnet_wide": probe, "zoo:densenet": other, "zoo:resnet": probe.head(4), "zoo:resnext": probe.clear()}
    truth = dataclasses.replace(tiny)
    truth.__dict__["judgement"] = given.__getitem__
    assert agreements(truth) == {"zoo:densenet": Agreement(-1.0, rows), "zoo:resnet": Agreement(1.0, 4)}


def test_a_probe_that_detects_is_compared_with_detectors(tiny_det):
    """The decisions of a detector are those of its judgement."""
    names, members = agreements(tiny_det), [source.id for source in tiny_det.parts["test"]]
    assert list(names) == [*tiny_det.suite.networks.labelling, *tiny_det.suite.networks.held_out]
    probe, *others = (
        tiny_det.judgement(name).filter(pl.col("source").is_in(members)).select(*IMAGE, "right")
        for name in (tiny_det.suite.networks.probe, *names)
    )
    for agreement, other in zip(names.values(), others, strict=True):
        pairs = other.join(probe, on=IMAGE)
        assert agreement.kappa == pytest.approx(cohen_kappa_score(pairs["right"], pairs["right_right"]))


def test_without_a_probe_there_is_no_agreement(tiny):
    """A suite may have no probe."""
    networks = dataclasses.replace(tiny.suite.networks, probe="")
    suite = dataclasses.replace(tiny.suite, networks=networks)
    without = dataclasses.replace(tiny, indexed=dataclasses.replace(tiny.indexed, suite=suite))
    assert agreements(without) == {}


def test_stored_agreements_are_those_of_the_ground_truth(tiny, workspace):
    """Boards, which are made of files alone, show what the ground truth gives; where nothing is stored they show nothing."""
    folder, digest = suite_folder(workspace, tiny.suite), tiny.digest("combined")
    folder.agreements.unlink(missing_ok=True)
    assert recorded_agreements(folder, digest) == {}
    save_labels(tiny, folder)
    assert recorded_agreements(folder, digest) == agreements(tiny)
    with pytest.raises(
        ResultError, match=r"agreements.json: stale: of the ground truth .* `utilbench label` makes it again"
    ):
        recorded_agreements(folder, "another")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"rows": ', '"rows": 1', "checksum is .* edited or damaged"),
        ('"kappa"', '"cappa"', "not agreements of a probe: .*cappa"),
        ("{", "", "not JSON"),
    ],
)
def test_damaged_agreements_are_told(tiny, workspace, before, after, message):
    """A file that was edited is refused by name, and `label` does not overwrite it unasked."""
    folder = suite_folder(workspace, tiny.suite)
    save_labels(tiny, folder)
    folder.agreements.write_text(folder.agreements.read_text().replace(before, after, 1))
    for work in (lambda: recorded_agreements(folder, tiny.digest("combined")), lambda: save_labels(tiny, folder)):
        with pytest.raises(ResultError, match=message):
            work()


def test_stored_agreements_are_recomputed(tiny, workspace):
    """`verify --recompute` compares them with the outcomes, too."""
    evaluate("chance", tiny.suite, workspace=workspace, truth=tiny)
    folder = suite_folder(workspace, tiny.suite)
    title = "agreements.json is what the outcomes give"
    assert {check.name: check.problem for check in recompute(tiny.suite, workspace)}[title] == ""
    record = json.loads(folder.agreements.read_text())
    record["networks"]["zoo:resnet"]["kappa"] = 0.5
    write_sealed(folder.agreements, record)
    assert (
        "1 values differ, the first is .networks.zoo:resnet.kappa"
        in {check.name: check.problem for check in recompute(tiny.suite, workspace)}[title]
    )


@pytest.mark.usefixtures("no_pictures")
def test_report_and_board_tell_the_agreement(tiny, workspace, tmp_path):
    """`label` prints a table of it, and boards and pages a note below the rows of predictors that look into the probe."""
    kappa = f"{agreements(tiny)['zoo:resnet'].kappa:.3f}"
    assert f"| zoo:resnet | {kappa} |" in label_summary(tiny, tmp_path)
    for name in ("chance", "energy"):
        evaluate(name, tiny.suite, workspace=workspace, truth=tiny)
    rank(["tiny"], workspace)
    folder = suite_folder(workspace, tiny.suite)
    for text in (folder.board.read_text(), folder.page.read_text()):
        assert "energy looks into the probe, zoo:resnet_wide." in text
        assert f"zoo:resnet {kappa}" in text
