"""A suite of several distortions, end to end: rows by condition, unseen kinds, the content-blind rival, rates and savings."""

import csv
import dataclasses
import io
import json
import os
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from scipy.stats import kendalltau, spearmanr
from sklearn.metrics import roc_auc_score

import benchmark
from benchmark.cli.main import main
from benchmark.core.errors import PredictorError, ResultError, SuiteError
from benchmark.core.parquet import read_table
from benchmark.core.types import IMAGE, PRISTINE, Condition
from benchmark.evaluation.codec_tables import codec_table, codecs
from benchmark.evaluation.condition_shares import PRIOR, condition_shares
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.plans import check_images
from benchmark.evaluation.rates import read_rates
from benchmark.evaluation.savings import oracle_savings, savings, tables_of_codecs
from benchmark.labelling.indexed_suite import index_suite
from benchmark.labelling.pipeline import label, recorded_truth
from benchmark.leaderboard.codec_comparison import CodecDifference, as_table, compare_codecs
from benchmark.leaderboard.rank import rank
from benchmark.plugins.predictors.informed import CONDITION
from benchmark.plugins.predictors.resolve import resolve_predictor
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import suite_folder
from tests.conftest import labelled, workspace_in

MIXED = """
name = "mixed"
version = 1
title = "A few letters under four distortions"
task = "classification"
[dataset]
name = "glyphs"
train = 60
validation = 24
test = 40
[split]
train = 0.5
validation = 0.2
test = 0.3
[[distortions]]
name = "jpeg"
levels = [60, 15]
held_out = [30, 5]
[[distortions]]
name = "webp"
levels = [60, 5]
held_out = [20]
[[distortions]]
name = "noise"
levels = [9, 5]
held_out = [7]
[[distortions]]
name = "avif"
levels = []
held_out = [60, 30, 10]
[networks]
labelling = ["zoo:densenet", "zoo:resnet"]
held_out = ["zoo:resnext", "zoo:vgg"]
probe = "zoo:resnet_wide"
[labels]
high = 0.8
low = 0.2
"""
TRAINING = {("jpeg", 60), ("jpeg", 15), ("webp", 60), ("webp", 5), ("noise", 9), ("noise", 5)}
UNSEEN = {("avif", 60), ("avif", 30), ("avif", 10)}
HELD_OUT = UNSEEN | {("jpeg", 30), ("jpeg", 5), ("webp", 20), ("noise", 7)}


@pytest.fixture(scope="module")
def mixed_file(tmp_path_factory):
    """The suite's file."""
    path = tmp_path_factory.mktemp("suite") / "mixed.toml"
    path.write_text(MIXED)
    return path


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Folders for results and cache."""
    return workspace_in(tmp_path_factory.mktemp("mixed"))


@pytest.fixture(scope="module")
def mixed(mixed_file, workspace):
    """The ground truth of the suite."""
    yield from labelled(load_suite(str(mixed_file)), workspace)


class Contrast(benchmark.Predictor):
    """Standard deviation of the pixels."""

    def score(self, samples):
        return [float(sample.image.float().std()) for sample in samples]


@pytest.fixture(scope="module")
def card(mixed, workspace):
    """The scorecard of a predictor."""
    return evaluate(Contrast, mixed.suite, workspace=workspace, truth=mixed)


@pytest.fixture(scope="module")
def scores(card, workspace):
    """Its scores."""
    return read_table(workspace.results / "mixed" / "scores" / "contrast.parquet")[0]


def test_conditions_are_those_of_the_file(mixed):
    """Levels of all distortions are training conditions; a distortion without any is an unseen kind."""
    suite = mixed.suite
    assert set(suite.training_conditions) == TRAINING
    assert set(suite.held_out_conditions) == HELD_OUT
    assert set(suite.unseen_conditions) == UNSEEN


def test_each_part_is_judged_at_its_conditions(mixed):
    """All networks judge the test part at all conditions; labelling networks alone judge unseen kinds of the other parts."""
    everyone, pristine = dict.fromkeys(mixed.suite.networks.labelling, TRAINING | UNSEEN), {tuple(PRISTINE)}
    expected = {
        "train": everyone,
        "validation": dict.fromkeys(mixed.suite.all_networks, TRAINING) | everyone,
        "test": dict.fromkeys(mixed.suite.all_networks, TRAINING | HELD_OUT),
    }
    for part, conditions in expected.items():
        members = {source.id for source in mixed.parts[part]}
        for network in mixed.suite.all_networks:
            rows = mixed.outcomes[network].filter(pl.col("source").is_in(members))
            judged = {(source, *condition) for source in members for condition in conditions.get(network, ())}
            plain = {(source, *PRISTINE) for source in members} if judged else set()
            assert set(rows.select(IMAGE).iter_rows()) == judged | plain, (part, network)
            assert rows.height == len(judged | plain)
    assert pristine <= set(mixed.outcomes["images"].select("distortion", "level").iter_rows())


def test_nothing_is_learned_from_unseen_kinds(mixed):
    """Labels of unseen kinds exist, and neither examples nor rows that are counted hold them."""
    rows = mixed.labels("combined").filter(part="train")
    assert set(rows.select("distortion", "level").iter_rows()) >= UNSEEN
    for part in ("train", "validation", "test"):
        for table in (mixed.labelled("combined", part), mixed.soft("combined", part)):
            assert set(table.select("distortion", "level").iter_rows()) <= TRAINING


def test_the_content_blind_rival_by_hand(mixed):
    """Each share is (useful + m p) / (labelled + m) of its distortion's training rows; unseen kinds have their own."""
    rows = mixed.labels("combined").filter(pl.col("label") >= 0, part="train")
    images = pl.DataFrame(
        [("x", *condition) for condition in (*sorted(TRAINING | UNSEEN),)], schema=list(IMAGE), orient="row"
    )
    shares = dict(
        zip(images.select("distortion", "level").rows(), condition_shares(mixed, "combined", images), strict=True)
    )
    for kind in ("jpeg", "webp", "noise", "avif"):
        own = rows.filter(distortion=kind)
        prior = own["label"].mean()
        levels = sorted(level for name, level in TRAINING | UNSEEN if name == kind)
        raw = []
        for level in levels:
            at = own.filter(level=level)["label"]
            raw.append((at.sum() + PRIOR * prior) / (len(at) + PRIOR))
        found = [shares[kind, level] for level in levels]
        assert found == sorted(found)
        if raw == sorted(raw):
            assert found == pytest.approx(raw, abs=2e-4)


def test_the_rival_is_interpolated_between_levels(mixed):
    """A held-out level lies between its neighbours."""
    images = pl.DataFrame([("x", "jpeg", level) for level in (15, 30, 60)], schema=list(IMAGE), orient="row")
    low, middle, high = condition_shares(mixed, "combined", images)
    assert low <= middle <= high


def test_measures_of_each_kind_are_scikit_learns(mixed, card, scores):
    """The AUROC on a kind is that of its labelled test rows; unseen kinds are those at held-out levels."""
    labels = mixed.labels("combined").filter(pl.col("label") >= 0, part="test")
    both = labels.drop("part").join(scores.filter(pl.col("part") != "validation"), on=IMAGE)
    kinds = {"jpeg": TRAINING, "webp": TRAINING, "noise": TRAINING, "avif": UNSEEN}
    for kind, conditions in kinds.items():
        chosen = [row for row in both.iter_rows(named=True) if (row["distortion"], row["level"]) in conditions]
        rows = pl.DataFrame([row for row in chosen if row["distortion"] == kind])
        measure = card.metrics[f"auroc on {kind}"]
        assert measure.value == pytest.approx(roc_auc_score(rows["label"], rows["score"]))
        assert measure.low <= measure.value <= measure.high
    assert card.metrics["auroc on unseen kinds"].value == card.metrics["auroc on avif"].value
    seen = labels.join(scores.filter(part="test").drop("part"), on=IMAGE)
    assert card.metrics["auroc"].value == pytest.approx(roc_auc_score(seen["label"], seen["score"]))


def test_the_srcc_of_each_kind_is_scipys(mixed, card, scores):
    """It is that of the rows of a kind, labelled or not, whose pristine versions all labelling networks get right."""
    labels = mixed.labels("combined").filter("eligible", part="test")
    both = labels.drop("part").join(scores.filter(pl.col("part") != "validation"), on=IMAGE)
    for kind in ("jpeg", "webp", "noise", "avif"):
        at = [tuple(row) in TRAINING | UNSEEN for row in both.select("distortion", "level").iter_rows()]
        rows = both.filter(pl.Series(at), distortion=kind)
        measure = card.soft[f"srcc on {kind}"]
        assert measure.value == pytest.approx(spearmanr(rows["utility"], rows["score"]).statistic, abs=1e-6)
        assert measure.low <= measure.value <= measure.high
    assert card.soft["srcc on unseen kinds"] == card.soft["srcc on avif"]


def kept_accuracy(right, priorities, share):
    """Accuracy of this share of the images, those of highest priority, image by image; equal ones in random order."""
    budget = kept = share * len(right)
    total = 0.0
    for priority in sorted(set(priorities), reverse=True):
        group = [value for value, own in zip(right, priorities, strict=True) if own == priority]
        taken = min(budget, len(group))
        total, budget = total + taken * np.mean(group), budget - taken
    return total / kept


def test_gains_on_kinds_are_those_of_their_images(mixed, card, scores):
    """Gain area and gain on seen and on unseen kinds are those of a count, image by image, of these images alone."""
    unseen, shares = {"avif"}, np.arange(1, 10) / 10
    for kind, chosen in (("unseen kinds", unseen), ("seen kinds", {"jpeg", "webp", "noise"})):
        won = winnable = 0.0
        gained = []
        for name in mixed.suite.networks.held_out:
            held = scores.filter(pl.col("distortion").is_in(chosen), part="held_out")
            rows = held.join(mixed.judgement(name).select(*IMAGE, "right"), on=IMAGE)
            right, own = rows["right"].to_numpy().astype(float), rows["score"].to_numpy()
            curves = [
                np.mean([kept_accuracy(right, priorities, share) for share in shares])
                for priorities in (own, np.zeros(len(own)), right)
            ]
            won, winnable = won + curves[0] - curves[1], winnable + curves[2] - curves[1]
            gained.append(right[own >= card.threshold[0]].mean() - right.mean())
        assert card.gains[f"area on {kind}"].value == pytest.approx(won / winnable, abs=1e-5)
        assert card.gains[f"gain on {kind}"].value == pytest.approx(np.mean(gained), abs=1e-6)
        assert card.gains[f"area on {kind}"].low < card.gains[f"area on {kind}"].high


def test_kinds_are_told_apart_where_there_are_both(mixed):
    """Seen and unseen kinds are named where a suite has both; elsewhere every measure is of one sort, and has no such name."""
    assert mixed.suite.kinds == {"seen kinds": ("jpeg", "webp", "noise"), "unseen kinds": ("avif",)}
    assert dataclasses.replace(mixed.suite, distortions=mixed.suite.distortions[:3]).kinds == {}


def drawn_as_often(truth, part, replicate):
    """Source of a part -> how often a resample holds it; once each without a resample."""
    positions = truth.cluster_positions[part]
    return {name: 1 if replicate is None else truth.resamples[part][replicate][at] for name, at in positions.items()}


def by_hand(truth, scores, codec, side, replicate=None):
    """Bits saved on a codec, image by image, by what a field of its table counts as kept, in a resample of the sources."""
    tables = tables_of_codecs(truth)
    value = {tuple(row[:3]): row[3] for row in scores.select(*IMAGE, "score").iter_rows()}
    times = {part: drawn_as_often(truth, part, replicate) for part in ("validation", "test")}

    def searched(name, part, threshold):
        table, spent, worth, total = tables[name, part], 0.0, 0.0, 0
        for number, source in enumerate(table.sources):
            index = len(table.levels) - 1
            passing = value[source, name, table.levels[index]] >= threshold
            while passing and index and value[source, name, table.levels[index - 1]] >= threshold:
                index -= 1
            often = times[part][source]
            spent, worth = (
                spent + often * table.bits[number, index],
                worth + often * getattr(table, side)[number, index],
            )
            total += often
        return spent / total, worth / total

    def mean(name, part, field):
        table = tables[name, part]
        return np.average(getattr(table, field), axis=0, weights=[times[part][source] for source in table.sources])

    seen = [name for name in codecs(truth.suite) if (name, "validation") in tables]
    goal = 0.95 * np.mean([mean(name, "validation", side)[-1] for name in seen])
    candidates = {
        min(value[source, name, level] for level in tables[name, "validation"].levels[start:])
        for name in seen
        for source in tables[name, "validation"].sources
        if times["validation"][source]
        for start in range(len(tables[name, "validation"].levels))
    }
    for threshold in [*sorted(candidates), np.inf]:
        if np.mean([searched(name, "validation", threshold)[1] for name in seen]) >= goal - 1e-9:
            break
    spent, worth = searched(codec, "test", threshold)
    return 1 - spent / bits_of_mixture(mean(codec, "test", "bits"), mean(codec, "test", side), worth)


def bits_of_mixture(bits, kept, worth):
    """The bits with which two neighbouring fixed levels, mixed at random, keep as much."""
    kept = np.maximum.accumulate(kept)
    if worth >= kept[-1]:
        return bits[np.flatnonzero(kept == kept[-1])[0]]
    if worth <= kept[0]:
        return bits[0]
    upper = int(np.flatnonzero(kept >= worth)[0])
    part = (worth - kept[upper - 1]) / (kept[upper] - kept[upper - 1])
    return bits[upper - 1] + part * (bits[upper] - bits[upper - 1])


@pytest.mark.parametrize("codec", ["jpeg", "webp", "avif"])
@pytest.mark.parametrize(("measure", "side"), [("bits_saved", "kept"), ("bits_saved_labels", "useful")])
def test_bits_saved_are_those_of_a_search_image_by_image(codec, measure, side, mixed, card, scores):
    """Threshold, search and fixed rival by hand give the card's saving, and those of resamples of both parts."""
    assert card.gains[f"{measure} on {codec}"].value == pytest.approx(by_hand(mixed, scores, codec, side), abs=1e-6)
    drawn = savings(mixed, tables_of_codecs(mixed), scores)[f"{measure} on {codec}"][1:]
    for replicate in range(8):
        expected = by_hand(mixed, scores, codec, side, replicate)
        assert drawn[replicate] == pytest.approx(expected, abs=1e-6), replicate


def test_what_combined_labels_keep_is_useful(mixed):
    """An image counts as kept by labels where its combined label is useful; one that is unlabelled counts as not kept."""
    labels = {tuple(row[:3]): row[3] for row in mixed.labels("combined").select(*IMAGE, "label").iter_rows()}
    values = set()
    for (codec, _), table in tables_of_codecs(mixed).items():
        for number, source in enumerate(table.sources):
            for index, level in enumerate(table.levels):
                own = labels[source, codec, level]
                assert table.useful[number, index] == (own == 1)
                values.add(own)
    assert values == {-1, 0, 1}


def test_the_mean_saving_is_over_codecs(mixed, scores):
    """Of all codecs, of seen and of unseen ones; camera faults save nothing and are left out."""
    measured = savings(mixed, tables_of_codecs(mixed), scores)
    codecs_of = {"": ("jpeg", "webp", "avif"), " on seen kinds": ("jpeg", "webp"), " on unseen kinds": ("avif",)}
    measures = ("bits_saved", "bits_saved_labels")
    expected = {f"{measure} on {name}" for measure in measures for name in codecs_of[""]}
    assert set(measured) == expected | {f"{measure}{of}" for measure in measures for of in codecs_of}
    for measure in measures:
        for of, names in codecs_of.items():
            mean = np.mean([measured[f"{measure} on {name}"] for name in names], axis=0)
            assert measured[f"{measure}{of}"] == pytest.approx(mean, nan_ok=True)


def test_one_who_knows_saves_most(mixed):
    """Scores that tell what is kept save at least as much as scores that tell nothing."""
    kept = pl.concat([
        mixed.judgement(name).select(*IMAGE, "kept") for name in mixed.suite.networks.held_out
    ]).group_by(IMAGE).agg(pl.col("kept").mean())  # fmt: skip
    rows = mixed.indexed.scored_rows.join(kept, on=IMAGE, maintain_order="left")
    best = savings(mixed, tables_of_codecs(mixed), rows.rename({"kept": "score"}))
    none = savings(mixed, tables_of_codecs(mixed), rows.with_columns(score=pl.lit(0.0)))
    assert best["bits_saved"][0] > max(0.0, none["bits_saved"][0])


@pytest.mark.parametrize("codec", ["jpeg", "webp", "avif"])
def test_an_oracle_takes_the_lowest_level_that_keeps_an_image(codec, mixed, workspace, card):
    """Image by image: a level that loses it above is no obstacle, and what no level keeps is not sent at the top one."""
    table = tables_of_codecs(mixed)[codec, "test"]
    chosen = []
    for kept in table.kept:
        keeping = [index for index, share in enumerate(kept) if share >= 0.5]
        chosen.append(keeping[0] if keeping else int(np.flatnonzero(kept == kept.max())[0]))
    spent, worth = (side[np.arange(len(chosen)), chosen].mean() for side in (table.bits, table.kept))
    expected = 1 - spent / bits_of_mixture(table.bits.mean(axis=0), table.kept.mean(axis=0), worth)
    assert oracle_savings(mixed, tables_of_codecs(mixed))[codec][0] == pytest.approx(expected)
    stored = read_rates(suite_folder(workspace, mixed.suite).rates)
    assert stored.codecs[codec].oracle_saves.value == pytest.approx(expected, abs=1e-6)


def test_rates_are_what_the_tables_give(mixed, card, workspace):
    """Bits a pixel, accuracy and the share of useful images of the stored record are those of the images."""
    folder = suite_folder(workspace, mixed.suite)
    rates = read_rates(folder.rates)
    assert list(rates.codecs) == ["jpeg", "webp", "avif"]
    assert [rates.codecs[name].unseen for name in rates.codecs] == [False, False, True]
    test = [source.id for source in mixed.parts["test"]]
    for name, codec in rates.codecs.items():
        assert [point.level for point in codec.points] == sorted(point.level for point in codec.points)
        for point in codec.points:
            at = pl.col("source").is_in(test), pl.col("distortion") == name, pl.col("level") == point.level
            images = mixed.outcomes["images"].filter(*at)
            pixels = (images["height"].cast(pl.Int64) * images["width"]).sum()
            assert point.bits_per_pixel.value == pytest.approx(images["bits"].sum() / pixels, abs=1e-6)
            right = mixed.judgement("zoo:vgg").filter(*at)["right"]
            assert point.values["zoo:vgg"].value == pytest.approx(right.mean(), abs=1e-6)
            rows = mixed.labels("combined").filter(*at, pl.col("eligible"))
            assert point.values["useful"].value == pytest.approx((rows["label"] == 1).mean(), abs=1e-6)
        own = codec.just_useful
        assert own.never + own.always + len(own.rates) == own.sources


def test_boards_show_kinds_savings_and_rates(mixed, card, workspace):
    """The board has a section of each, and the tables hold the curves as CSV."""
    evaluate(CONDITION, mixed.suite, workspace=workspace, truth=mixed)
    rank([], workspace)
    folder = suite_folder(workspace, mixed.suite)
    board = folder.board.read_text()
    for heading in (
        "## Combined labels by kind of distortion",
        "avif (unseen)",
        "## Continuous utility by kind of distortion",
        "## What held-out networks gain on seen and on unseen kinds",
        "| gain area ↑, unseen kinds |",
        "| mean | seen kinds | unseen kinds | jpeg |",
        "## Bits saved by choosing a level for each image\n",
        "## Bits saved by choosing a level for each image, by combined labels\n",
        "## Rate at equal utility, against jpeg",
        "## Just-useful rate",
        "## Rate and utility of the test sources",
    ):
        assert heading in board
    rows = list(csv.DictReader(io.StringIO((folder.tables / "rates.csv").read_text())))
    assert len(rows) == 4 + 3 + 3
    assert {"codec", "level", "bitrate", "useful", "zoo:resnext"} <= rows[0].keys()
    assert (folder.figures / "rates.svg").is_file()
    assert (folder.tables / "bd_rate.tex").is_file()


def test_damaged_or_stale_rates_are_refused(mixed, card, workspace):
    """A record of rates that was edited is refused by its file."""
    folder = suite_folder(workspace, mixed.suite)
    good = folder.rates.read_text()
    tree = json.loads(good)
    tree["codecs"]["webp"]["points"][0]["level"] = 61
    try:
        for text in (json.dumps(tree), good[:-40], "[]"):
            folder.rates.write_text(text)
            with pytest.raises(
                ResultError, match=r"rates\.json: (checksum is .* edited or damaged|not JSON|not rates of format 2)"
            ):
                rank(["mixed"], workspace)
    finally:
        folder.rates.write_text(good)


@pytest.mark.parametrize(
    ("values", "reasons"),
    [((-0.2, -0.3, -0.1, 0.01), []), ((-0.2, None, None, None), ["No interval"]), ((None,) * 4, ["No value"])],
)
def test_what_a_comparison_of_codecs_lacks_has_a_reason(values, reasons, mixed):
    """A dash in the table is explained below it, and nothing else is."""
    rows = [CodecDifference("useful", -0.2, -0.3, -0.1, 0.01), CodecDifference("zoo:resnext", *values)]
    table, below = as_table(mixed, "jpeg", "webp", rows)[:4], as_table(mixed, "jpeg", "webp", rows)[4:]
    assert ("| - |" in table[3]) == bool(reasons)
    assert [line.partition(":")[0] for line in below if line] == reasons


def test_codecs_are_compared_at_equal_utility(mixed, mixed_file, card, workspace, capsys):
    """`compare --codec` tells a difference for each curve; what is no codec of the suite is refused by name."""
    arguments = ["compare", "-s", str(mixed_file), "--results", str(workspace.results)]
    assert main([*arguments, "--codec", "jpeg,webp", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["curve"] for row in rows] == ["useful", "zoo:resnext", "zoo:vgg"]
    rates = read_rates(suite_folder(workspace, mixed.suite).rates)
    for row in rows:
        value = rates.codecs["webp"].bd_rate[row["curve"]].value
        assert row["difference"] == (None if value is None else pytest.approx(value, abs=1e-6))
    for names in ("jpeg,noise", "jpeg,jpeg", "jpeg,heic"):
        assert main([*arguments, "--codec", names]) == 1
        assert "mixed has" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, "--codec", "jpeg"])


def test_what_compares_with_the_pristine_image_is_refused_where_images_are_smaller(mixed):
    """The message names the distortions; a predictor that does not compare is not refused."""
    smaller = dataclasses.replace(mixed.suite.distortions[0], name="webp@50")
    suite = dataclasses.replace(mixed.suite, distortions=(*mixed.suite.distortions, smaller))
    with pytest.raises(PredictorError, match=r"^ssim: compares with .* another size than images of webp@50$"):
        check_images(resolve_predictor("ssim"), suite)
    check_images(resolve_predictor("header"), suite)
    check_images(resolve_predictor("ssim"), mixed.suite)


def test_what_reads_jpeg_only_is_refused_and_others_go_on(mixed, mixed_file, workspace, capsys):
    """A predictor of one format is refused in one line that names the distortions; the others of the command run."""
    arguments = ["run", "jpeg_quality", "bits_per_pixel", "-s", str(mixed_file), "--results", str(workspace.results)]
    status = main(arguments)
    errors = [line for line in capsys.readouterr().err.splitlines() if "jpeg_quality: " in line]
    assert status == 1
    assert len(errors) == 1
    assert "jpeg_quality: reads JPEG only; mixed has images of webp, avif" in errors[0]
    assert suite_folder(workspace, mixed.suite).card("combined", "bits_per_pixel").is_file()


@pytest.mark.parametrize("formats", ["JPEG", {1}])
def test_formats_are_a_set_of_texts(formats, mixed, workspace):
    """Anything else is refused by name."""
    kind = type("Mine", (Contrast,), {"formats": formats})
    with pytest.raises(PredictorError, match="Mine has formats = "):
        evaluate(kind, mixed.suite, workspace=workspace, truth=mixed)


def test_a_suite_that_loses_a_distortion_keeps_its_outcomes(mixed, mixed_file, workspace, tmp_path, monkeypatch):
    """What is recorded of a distortion that a new version lacks stays, counts for nothing, and nothing is computed."""
    import shutil

    shutil.copytree(workspace.results / "mixed" / "outcomes", tmp_path / "results" / "mixed" / "outcomes")
    fewer = dataclasses.replace(mixed.suite, distortions=mixed.suite.distortions[:2])
    monkeypatch.setattr("benchmark.labelling.worker.load", lambda *_, **__: pytest.fail("a network was opened"))
    truth = label(fewer, dataclasses.replace(workspace, results=tmp_path / "results"))
    assert set(truth.labels("combined")["distortion"]) == {"jpeg", "webp"}
    recorded, _ = read_table(tmp_path / "results" / "mixed" / "outcomes" / "zoo-resnet.parquet")
    assert set(recorded["distortion"]) == {"pristine", "jpeg", "webp", "noise", "avif"}


def test_results_need_no_photographs(mixed, workspace):
    """What is recorded gives the same ground truth without photographs or networks."""
    truth = recorded_truth(mixed.suite, workspace)
    assert truth.digest("combined") == mixed.digest("combined")
    for codec in codecs(mixed.suite):
        assert np.array_equal(codec_table(truth, codec, "test").bits, codec_table(mixed, codec, "test").bits)


def test_bitstreams_are_kept_and_made_again_where_damaged(mixed, workspace):
    """Slow encoders run once; a damaged file is made again; JPEG is never kept."""
    indexed = index_suite(mixed.suite, workspace)
    source = indexed.parts["test"][0]
    made = []

    def pristine():
        made.append(source.id)
        return indexed.dataset.read(source.id)

    first = indexed.bitstreams.of(source, Condition("webp", 60), pristine)
    assert not made
    file = indexed.bitstreams.file(source, Condition("webp", 60))
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert indexed.bitstreams.of(source, Condition("webp", 60), pristine) == first
    assert made == [source.id]
    assert file.read_bytes() == data
    assert indexed.bitstreams.file(source, Condition("jpeg", 60)) is None


def test_kept_bitstreams_are_bounded(mixed, workspace, tmp_path, monkeypatch):
    """Beyond the limit the oldest files go."""
    from benchmark.labelling import bitstreams as module

    monkeypatch.setattr(module, "LIMIT", 20_000)
    kept = module.Bitstreams(0, tmp_path / "bitstreams")
    indexed = index_suite(mixed.suite, workspace)
    files = [kept.file(source, Condition("webp", 60)) for source in indexed.parts["test"]]
    for second, (source, file) in enumerate(zip(indexed.parts["test"], files, strict=True)):
        kept.of(source, Condition("webp", 60), lambda name=source.id: indexed.dataset.read(name))
        os.utime(file, (second, second))
    assert 0 < module.size(tmp_path / "bitstreams") <= 20_000
    assert files[-1].is_file()
    assert not files[0].exists()


def test_where_nothing_can_be_kept_bitstreams_are_made(mixed, workspace, tmp_path):
    """A cache that cannot be written costs time and nothing else."""
    from benchmark.labelling.bitstreams import Bitstreams

    (tmp_path / "bitstreams").write_text("a file")
    indexed = index_suite(mixed.suite, workspace)
    source = indexed.parts["test"][0]
    data = Bitstreams(0, tmp_path / "bitstreams").of(
        source, Condition("webp", 60), lambda: indexed.dataset.read(source.id)
    )
    assert data == indexed.bitstreams.of(source, Condition("webp", 60), SimpleNamespace)


def test_a_suite_needs_a_codec_of_that_name(mixed):
    """A suite names its codecs where another is asked for."""
    with pytest.raises(SuiteError, match="mixed has no codec 'mine'; it has jpeg, webp, avif"):
        compare_codecs(mixed, "jpeg", "mine")


def test_satisfied_ratios_count_networks(mixed, card, scores):
    """The share of the labelling and held-out networks that decide as on the pristine version; measures are SciPy's."""
    ratios = mixed.satisfied
    rows = ratios.sample(20, seed=0)
    for source, distortion, level, ratio in rows.iter_rows():
        same = 0
        for name in mixed.suite.satisfied_networks:
            table = mixed.outcomes[name].filter(source=source)
            (before,) = table.filter(distortion="pristine")["top"]
            (after,) = table.filter(distortion=distortion, level=level)["top"]
            same += before == after
        assert ratio == pytest.approx(same / len(mixed.suite.satisfied_networks))
    both = ratios.join(scores.filter(part="test"), on=IMAGE)
    assert both.height == ratios.height == 40 * len(TRAINING)
    assert card.soft["smr_srcc"].value == pytest.approx(spearmanr(both["utility"], both["score"]).statistic)
    assert card.soft["smr_krcc"].value == pytest.approx(kendalltau(both["utility"], both["score"]).statistic)


def test_the_ratio_can_be_learned(mixed, workspace):
    """A predictor with the target `smr` gets all rows of the training conditions with the ratio of labelling networks."""
    seen = {}

    class Learner(benchmark.LearnedPredictor):
        target = "smr"
        seeded = False

        def fit(self, train, validation):
            seen.update(train=[example.utility for example in train], validation=[e.utility for e in validation])

        def state(self):
            return {}

        def load_state(self, state):
            pass

        def score(self, samples):
            return [0.0 for _ in samples]

    evaluate(Learner, mixed.suite, workspace=workspace, truth=mixed)
    for part, utilities in seen.items():
        rows = mixed.rows_of("combined", part)
        assert len(utilities) == rows.height
        assert sorted(utilities) == pytest.approx(sorted(rows["satisfied"]))
        assert set(utilities) <= {0.0, 0.5, 1.0}
