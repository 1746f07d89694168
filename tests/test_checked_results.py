"""What is stored is checked when it is read: by file and key or row, before anything is made of it."""

import json
import logging
import random
import shutil
from dataclasses import replace

import polars as pl
import pytest
import torch

from benchmark.cli.main import main
from benchmark.core.errors import BenchmarkError, LabelError, ResultError
from benchmark.core.json_cache import read_cached, write_cached
from benchmark.core.parquet import cached_table, read_table, write_table
from benchmark.core.workspace import Workspace
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.training import read_state, write_state
from benchmark.labelling.pipeline import label, recorded_truth
from benchmark.leaderboard.rank import read_ranked
from benchmark.plugins.datasets import index, open_dataset
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import SuiteFolder
from tests.edited import write_edited

TABLE = pl.DataFrame(
    {
        "source": ["a", "b", None, "é"] * 8,
        "level": pl.Series(range(32), dtype=pl.Int16),
        "score": [0.5, -0.0, float("nan"), None] * 8,
        "list": [[1, 2], [], None, [3]] * 8,
    }
)


@pytest.fixture(scope="module")
def judged(tiny, tiny_workspace, tmp_path_factory):
    """The small suite's results with the scorecards of two predictors; no test may change them."""
    folder = tmp_path_factory.mktemp("judged")
    workspace = Workspace(data=None, networks=None, cache=folder / "cache", results=folder / "results")
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", workspace.results / "tiny" / "outcomes")
    for name in ("chance", "jpeg_quality"):
        evaluate(name, tiny.suite, workspace=workspace, truth=tiny)
    return workspace


@pytest.fixture
def stored(judged, tmp_path):
    """A copy, to be spoilt."""
    shutil.copytree(judged.results, tmp_path / "results")
    return replace(judged, results=tmp_path / "results", cache=tmp_path / "cache")


@pytest.fixture
def folder(stored):
    """The folder of the copy."""
    return stored.results / "tiny"


def flipped(data, count):
    """Copies of some bytes with one bit flipped in each, anywhere."""
    draw = random.Random(0)
    for _ in range(count):
        spoilt = bytearray(data)
        spoilt[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        yield bytes(spoilt)


def test_no_flipped_bit_of_a_table_passes(tmp_path):
    """A table with any one bit flipped, in its values or its metadata, is refused by name in one line."""
    path = tmp_path / "t.parquet"
    write_table(path, TABLE, {"temperature": 1.5, "about": "é" * 40})
    whole = path.read_bytes()
    for data in flipped(whole, 1000):
        path.write_bytes(data)
        with pytest.raises(ResultError, match=r"t\.parquet: damaged") as caught:
            read_table(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(whole)
    assert read_table(path)[0].equals(TABLE)


def test_no_flipped_bit_of_a_trained_state_passes(tmp_path):
    """A trained state with any one bit flipped, or without its notes, is refused by name."""
    path, state = tmp_path / "s.safetensors", {"weight": torch.randn(4, 5), "steps": torch.tensor(7)}
    notes = {"key": "k", "fit_seconds": "1.5"}
    write_state(path, state, notes)
    known, tensors = read_state(path)
    assert known == notes
    assert all(torch.equal(state[name], value) for name, value in tensors.items())
    for data in flipped(path.read_bytes(), 300):
        path.write_bytes(data)
        with pytest.raises(ResultError, match=r"s\.safetensors"):
            read_state(path)
    write_state(path, state, {})
    with pytest.raises(ResultError, match="lack fit_seconds, key"):
        read_state(path)


EDITS = {
    "a better AUROC": (lambda card: card["metrics"]["auroc"].update(value=0.99), "checksum"),
    "another threshold": (lambda card: card["threshold"].__setitem__(0, 0.1), "checksum"),
    "another name": (lambda card: card.update(track="mine"), "checksum"),
}
VALUES = {
    "metrics.auroc: 7": lambda card: card["metrics"]["auroc"].update(value=7.0),
    "metrics.auroc: -1": lambda card: card["metrics"]["auroc"].update(low=-1),
    "metrics.auroc: low is 0.9, above high": lambda card: card["metrics"]["auroc"].update(low=0.9, high=0.1),
    "metrics.auroc: per_seed has 2": lambda card: card["metrics"]["auroc"].update(per_seed=[0.5, 0.6]),
    "metrics: lacks mcc": lambda card: card["metrics"].pop("mcc"),
    "metrics.srcc: no such": lambda card: card["metrics"].update(srcc={"value": 0.5}),
    "gains: lacks area": lambda card: card["gains"].pop("area"),
    r"counts\.useful": lambda card: card["counts"].update(useful=-4),
    r"`\$\.threshold": lambda card: card.update(threshold=["0.5"]),
    "threshold: 2 values": lambda card: card.update(threshold=[0.5, 0.6]),
    r"`\$\.seeds": lambda card: card.update(seeds=[]),
    r"curve\.value": lambda card: next(iter(card["downstream"].values()))["curve"].update(value=[7.0] * 9),
    r"curve\.low": lambda card: next(iter(card["downstream"].values()))["curve"].update(low=[0.5] * 10),
    r"\.kept": lambda card: next(iter(card["downstream"].values())).update(kept=1.5),
    r"cost\.score_ms": lambda card: card["cost"].update(score_ms_per_image=-1.0),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_card_does_not_rank(edit, folder):
    """A card whose values are possible but were edited is refused by its file, and the message says what to do."""
    change, message = EDITS[edit]
    path = folder / "cards" / "combined" / "jpeg_quality.json"
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))
    with pytest.raises(ResultError, match=rf"jpeg_quality\.json: {message}.*--recompute.*utilbench run jpeg_quality"):
        read_ranked(SuiteFolder(folder))


@pytest.mark.parametrize("key", VALUES)
def test_impossible_values_are_refused_by_key(key, folder):
    """A card with a value out of range is refused by file and key, though its checksum is right."""
    path = folder / "cards" / "combined" / "jpeg_quality.json"
    card = json.loads(path.read_text())
    VALUES[key](card)
    path.write_text(json.dumps(card))
    write_edited(path)
    with pytest.raises(ResultError, match=rf"jpeg_quality\.json: .*{key}"):
        read_ranked(SuiteFolder(folder))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused(number, folder):
    """NaN and infinities are no values of a card."""
    path = folder / "cards" / "combined" / "jpeg_quality.json"
    first = json.dumps(json.loads(path.read_text())["metrics"]["auroc"]["value"])
    path.write_text(path.read_text().replace(f'"value": {first}', f'"value": {number}', 1))
    with pytest.raises(ResultError, match=r"jpeg_quality\.json: not (JSON|a scorecard)"):
        read_ranked(SuiteFolder(folder))


def test_a_card_under_another_name_is_refused(folder):
    """The scorecard of one predictor does not stand for another one."""
    cards = folder / "cards" / "combined"
    for ending in ("json", "parquet"):
        shutil.copy(cards / f"chance.{ending}", cards / f"jpeg_quality.{ending}")
    with pytest.raises(ResultError, match=r"jpeg_quality\.json: is the scorecard of chance"):
        read_ranked(SuiteFolder(folder))


def first_row(**values):
    """Set columns of the first row."""
    return lambda table: table.with_row_index("row").with_columns(
        pl.when(row=0).then(pl.lit(value, dtype=table.schema[name])).otherwise(name).alias(name)
        for name, value in values.items()
    ).drop("row")  # fmt: skip


def again(table):
    """Add the first row once more."""
    return pl.concat([table, table.head(1)])


DENSENET = "outcomes/zoo-densenet.parquet"
TABLES = [
    (DENSENET, {"temperature": -1.0}, None, r"\$\.temperature"),
    (DENSENET, {"temperature": 0}, None, r"\$\.temperature"),
    (DENSENET, {"temperature": "1.0"}, None, r"\$\.temperature"),
    (DENSENET, {"weights": None}, None, r"\$\.weights"),
    (DENSENET, {"name": "zoo:resnet"}, None, "holds the outcomes of zoo:resnet, not of zoo:densenet"),
    (DENSENET, {}, first_row(score_true=float("nan")), "1 rows have no finite scores; the first: row 1, source"),
    (DENSENET, {}, first_row(logsumexp=float("inf")), "1 rows have a log-sum-exp that is not finite"),
    (DENSENET, {}, first_row(top=-3), "1 rows have no class"),
    (DENSENET, {}, first_row(level=-2), "1 rows are of no level"),
    (DENSENET, {}, again, "1 rows repeat an earlier one"),
    (DENSENET, {}, lambda table: table[1:], "outcomes of zoo:densenet lack images"),
    (DENSENET, {}, lambda table: table.drop("top"), "column top is missing"),
    ("outcomes/images.parquet", {}, first_row(bits=0), "have no height, width or bits above 0"),
    ("sources.parquet", {"classes": 0}, None, r"\$\.classes"),
    ("sources.parquet", {}, first_row(part="other"), "1 rows are of no part"),
    ("sources.parquet", {}, first_row(digest="0" * 16), "other choices"),
    ("sources.parquet", {}, again, "1 rows repeat an earlier one"),
    ("labels.parquet", {"labels": {"combined": 3}}, None, r"\$\.labels"),
    ("labels.parquet", {}, first_row(combined=5), "1 rows have a label that is none of -1, 0 and 1"),
    ("labels.parquet", {}, again, "1 rows repeat an earlier one"),
    ("rivals.parquet", {"held_out": 1}, None, r"\$\.held_out"),
    ("rivals.parquet", {}, first_row(rival="mine"), "1 rows are of no rival"),
    ("rivals.parquet", {}, first_row(curve=[7.0] * 9), "1 rows have a curve outside 0 to 1"),
    ("cards/combined/chance.parquet", {"run": 1}, None, r"\$\.run"),
    ("cards/combined/chance.parquet", {}, first_row(auroc=7.0), "column auroc: 7.0 is not in the range"),
    ("cards/combined/chance.parquet", {}, lambda table: table.drop("auroc"), "column auroc is missing"),
    ("cards/combined/chance.parquet", {}, lambda table: table.with_columns(stars=1.0), "column stars is no measure"),
    ("cards/combined/chance.parquet", {}, lambda table: table.cast(pl.Float64), "not of type Float32"),
    ("scores/chance.parquet", {"fingerprint": None}, None, r"\$\.fingerprint"),
    ("scores/chance.parquet", {"cost": {"score_ms_per_image": -1.0, "fit_seconds": None}}, None, r"\$\.cost"),
    ("scores/chance.parquet", {"seeds": [0, 0]}, None, r"a seed is there twice: \[0, 0\]"),
    ("scores/chance.parquet", {}, first_row(score=float("nan")), "1 rows have no finite score"),
]


@pytest.mark.parametrize(
    ("name", "known", "spoil", "message"), TABLES, ids=lambda value: "" if callable(value) else str(value)[:40]
)
def test_stored_tables_are_refused_by_file_and_key_or_row(name, known, spoil, message, tiny, stored, folder):
    """A table with a key or value that cannot be, though its checksum is right, is refused by its file's name."""
    from benchmark.leaderboard.charts import gain_curves

    table, metadata = read_table(folder / name)
    write_table(folder / name, spoil(table) if spoil else table, metadata | known)
    with pytest.raises(BenchmarkError, match=message) as caught:
        recorded_truth(tiny.suite, stored)
        ranked = read_ranked(SuiteFolder(folder))
        gain_curves(ranked, ranked.results["combined"])
    assert str(folder / name) in str(caught.value) or "lack images" in message or "other choices" in message
    assert "\n" not in str(caught.value)


SUITES = {
    "a level": (lambda table: table["distortions"][0].update(levels=[50, 10]), "gives the fingerprint"),
    "a threshold": (lambda table: table["labels"].update(high=0.9), "gives the fingerprint"),
    "a limit below 0": (lambda table: table.update(limit=-1), "limit -1"),
    "a limit that is true": (lambda table: table.update(limit=True), "limit True"),
    "a twin of nothing": (lambda table: table.update(twin_of=None), "twin_of is None"),
    "no task": (lambda table: table.pop("task"), "lacks task"),
    "an unknown key": (lambda table: table.update(stars=5), "unknown key 'stars'"),
    "a text for a number": (lambda table: table["split"].update(train="0.5"), "wrong type"),
}


@pytest.mark.parametrize("edit", SUITES)
def test_edited_choices_are_refused(edit, folder):
    """`suite.json` with another choice, or one that is none, is refused by its name."""
    change, message = SUITES[edit]
    table = json.loads((folder / "suite.json").read_text())
    change(table)
    (folder / "suite.json").write_text(json.dumps(table))
    with pytest.raises(BenchmarkError, match=rf"suite\.json: .*{message}"):
        read_ranked(SuiteFolder(folder))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"a": 1}', b'{"checksum": "0", "value": "{}"}', b"\xff\xfe"])
def test_a_damaged_cache_of_values_is_made_again_with_a_notice(data, tmp_path, caplog):
    """Whatever stands in a file of the cache, it is no error, and is told."""
    write_cached(tmp_path / "c.json", {"a": "b"})
    assert read_cached(tmp_path / "c.json", dict[str, str]) == {"a": "b"}
    assert read_cached(tmp_path / "none.json", dict[str, str]) is None
    assert not caplog.records
    (tmp_path / "c.json").write_bytes(data)
    assert read_cached(tmp_path / "c.json", dict[str, str]) is None
    assert "c.json: damaged" in caplog.text


def test_edited_digests_are_taken_again(tmp_path, caplog):
    """Digests of a cache that was edited are not believed."""
    dataset = open_dataset({"name": "glyphs", "train": 4, "validation": 2, "test": 2}, None)
    first = index(dataset, tmp_path)
    (file,) = (tmp_path / "digests").iterdir()
    file.write_text(file.read_text().replace(first[0].digest, "0" * 16))
    assert index(dataset, tmp_path) == first
    assert "damaged" in caplog.text


@pytest.mark.parametrize("fault", ["truncated", "foreign", "of other images"])
def test_shards_that_cannot_be_used_are_made_again(fault, tiny_file, tmp_path, caplog, capsys):
    """A shard of the cache that is cut, foreign or of other images is told and made again, with the same outcomes."""
    workspace = Workspace(
        data=None, networks=None, cache=tmp_path / "cache", results=tmp_path / "one", chosen_device="cpu"
    )
    suite = replace(load_suite(str(tiny_file), limit=12), name=f"shards-{fault.split()[0]}")
    label(suite, workspace)
    files = sorted((workspace.cache / "shards" / "zoo-resnext").iterdir())
    if fault == "truncated":
        files[0].write_bytes(files[0].read_bytes()[:-20])
    elif fault == "foreign":
        TABLE.write_parquet(files[0])
    else:
        table, metadata = read_table(files[0])
        write_table(files[0], first_row(digest="0" * 16)(table), metadata)
    other = replace(workspace, results=tmp_path / "two")
    label(suite, other)
    assert f"{files[0]}" in caplog.text
    assert "made again" in caplog.text
    one, two = (
        folder / suite.folder / "outcomes" / "zoo-resnext.parquet" for folder in (workspace.results, other.results)
    )
    assert one.read_bytes() == two.read_bytes()
    assert cached_table(files[0]) is not None


def contents(folder):
    """Names and bytes of all files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


OTHERS = {
    "version": lambda suite: replace(suite, version=2),
    r"\[dataset\]": lambda suite: replace(suite, dataset=suite.dataset | {"train": 90}),
}


@pytest.mark.parametrize("key", OTHERS)
def test_results_of_another_suite_of_the_same_name_stay(key, tiny, stored, folder, no_networks):
    """Labelling where results of another definition lie is refused by folder and key, and changes nothing."""
    before = contents(folder)
    with pytest.raises(LabelError, match=rf"tiny: belongs to another suite of the name tiny: {key}"):
        label(OTHERS[key](tiny.suite), stored)
    assert contents(folder) == before


def test_outcomes_of_other_photographs_stay(tiny, stored, folder, no_networks):
    """Labelling other photographs, where a folder holds outcomes of more, is refused and changes nothing."""
    (folder / "suite.json").unlink()
    before = contents(folder)
    (jpeg,) = tiny.suite.distortions
    fewer = replace(
        tiny.suite, dataset=tiny.suite.dataset | {"train": 70}, distortions=(replace(jpeg, held_out=(30, 20)),)
    )
    with pytest.raises(LabelError, match=r"holds outcomes of \d+ images that tiny does not have here, the first is"):
        label(fewer, stored)
    assert contents(folder) == before


@pytest.mark.parametrize("stale", ["another format", "another suite"])
def test_a_stale_quick_look_is_made_again(stale, tiny, stored, caplog):
    """A quick look that this version cannot read, or of another definition, is told and made again; other files there stay."""
    suite = replace(tiny.suite, limit=90)
    label(suite, stored)
    folder = stored.results / suite.folder
    (folder / "export").mkdir()
    TABLE.write_parquet(folder / "export" / "mine.parquet")  # without a checksum, and none of the benchmark's files
    label(suite, stored)
    assert not caplog.text
    first = contents(folder)
    if stale == "another format":
        TABLE.write_parquet(folder / "labels.parquet")
    else:
        table = json.loads((folder / "suite.json").read_text())
        (folder / "suite.json").write_text(json.dumps(table | {"version": 7}))
    caplog.set_level(logging.WARNING)
    label(suite, stored)
    assert f"the quick look {folder} is made again" in caplog.text
    assert contents(folder) == first


def test_recompute_makes_the_cards_again(tiny_file, stored, folder, monkeypatch, capsys):
    """`verify --recompute` holds for what `run` made, and tells by file and key what was changed since."""
    monkeypatch.setenv("UTILBENCH_CACHE", str(stored.cache))
    arguments = ["verify", str(tiny_file), "--recompute", "--results", str(stored.results)]
    before = contents(folder)
    assert main(arguments) == 0
    assert capsys.readouterr().out.count("is what the scores give") == 2
    assert contents(folder) == before
    path = folder / "cards" / "combined" / "jpeg_quality.json"
    card = json.loads(path.read_text())
    write_edited(path, metrics=card["metrics"] | {"auroc": card["metrics"]["auroc"] | {"value": 0.99, "high": 0.99}})
    assert main([*arguments, "--json"]) == 1
    problem = next(row["problem"] for row in json.loads(capsys.readouterr().out) if row["problem"])
    assert "jpeg_quality.json: 2 values differ, the first is .metrics.auroc.value: 0.99, again 0." in problem
    assert main(["verify", str(folder), "--recompute"]) == 1
    assert "--recompute is for suites" in capsys.readouterr().err
    assert main(["verify", "glyphs", "--run"]) == 1
    assert "glyphs: --run is for folders of submissions" in capsys.readouterr().err
