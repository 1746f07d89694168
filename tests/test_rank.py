import functools
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import polars as pl
import pytest

from benchmark.core.errors import ResultError, SuiteError
from benchmark.core.files import file_name
from benchmark.core.markdown import markdown, with_interval
from benchmark.core.parquet import read_table, write_table
from benchmark.core.workspace import Workspace
from benchmark.evaluation.card_parts import Counts, Measure
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.scorecard import read_card
from benchmark.leaderboard import figures, picture_files
from benchmark.leaderboard.charts import intervals
from benchmark.leaderboard.paper_tables import gains_grid
from benchmark.leaderboard.rank import folders_of, rank
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import Training, file_stem
from tests.edited import write_edited
from tests.tracked import ROOT, SUITES, copy_tracked, tracked

PNG, SVG = b"\x89PNG", b"<?xml"


@pytest.fixture(scope="module")
def ranked(tiny, tiny_workspace, tmp_path_factory):
    """Folders with the small suite's outcomes and the results of three baselines."""
    folder = tmp_path_factory.mktemp("ranked")
    workspace = Workspace(data=None, networks=None, cache=folder / "cache", results=folder / "results")
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", workspace.results / "tiny" / "outcomes")
    for name in ("chance", "jpeg_quality", "ssim"):
        for labels in ("combined", "zoo:resnet"):
            evaluate(name, tiny.suite, labels=labels, workspace=workspace, truth=tiny)
    return workspace


@pytest.fixture
def copied(ranked, tmp_path):
    """The same in a folder of its own, to be spoilt."""
    shutil.copytree(ranked.results, tmp_path / "results")
    return Workspace(data=None, networks=None, cache=tmp_path / "cache", results=tmp_path / "results")


def renamed(workspace, labels, old, new, trained_on):
    """Add the results of a predictor under another name and training."""
    folder = workspace.results / "tiny"
    stem = file_stem(new, trained_on)
    card = folder / "cards" / file_name(labels) / f"{old}.json"
    known = {"predictor": new, "trained_on": msgspec.to_builtins(trained_on)}
    if stem != old:
        shutil.copy(card, card.with_name(f"{stem}.json"))
        shutil.copy(card.with_suffix(".parquet"), card.with_name(f"{stem}.parquet"))
    write_edited(card.with_name(f"{stem}.json"), **known)
    table, metadata = read_table(folder / "scores" / f"{old}.parquet")
    write_table(folder / "scores" / f"{stem}.parquet", table, metadata | known)


def test_one_figure_of_all_suites_is_drawn_where_it_is(copied):
    """Without suites a figure is drawn of those that have it; where none has, the message names those that there are."""
    told = rank([], copied, figure="2a")
    assert told == [f"wrote {copied.results / 'tiny' / 'figures' / f'figure_2a.{kind}'}" for kind in ("png", "svg")]
    shutil.copytree(copied.results / "tiny", copied.results / "speed-limit-signs")
    assert [folder.path.name for folder in folders_of([], copied, limit=0)] == ["speed-limit-signs", "tiny"]
    shutil.rmtree(copied.results / "speed-limit-signs")
    with pytest.raises(ResultError, match="no figure '9' of tiny; there are "):
        rank([], copied, figure="9")


REFERENCES = ["resnet18@imagenet-lite.combined", "resnet18@open.combined", "resnet18@coco-lite.combined"]


@pytest.mark.parametrize("stems", [REFERENCES, REFERENCES[:2], REFERENCES[1:], REFERENCES[1:2]])
def test_values_of_the_paper_stand_under_the_same_training(stems):
    """Table III has them below the reference trained on this task and below that trained on the other, and nowhere else."""
    suite, folder = load_suite("imagenet-lite"), ROOT / "results" / "imagenet-lite" / "cards" / "combined"
    grid = gains_grid([read_card(folder / f"{stem}.json") for stem in stems], suite)
    rows = {row[0]: dict(zip(grid.head, row, strict=True)) for row in grid.rows}
    places = {"resnet18": "46.8 %", "resnet18 (from coco-lite)": "46.0 %"}
    expected = {name: value for name, value in places.items() if name in grid.head}
    found = {name: value for name, value in rows.get("paper: AlexNet", {}).items() if value and name != "network"}
    assert found == expected
    assert ("resnet18" in grid.head) == (REFERENCES[0] in stems)


def test_rank_writes_board_and_figures(copied):
    """Leaderboard, Fig. 1 and Fig. 2a are written, and their paths told."""
    told = rank([], copied)
    folder = copied.results / "tiny"
    for name, start in [
        ("figure_1.png", PNG),
        ("figure_1.svg", SVG),
        ("figure_1_labels.png", PNG),
        ("figure_2a.png", PNG),
        ("figure_2a.svg", SVG),
        ("gain_curves.svg", SVG),
    ]:
        assert (folder / "figures" / name).read_bytes().startswith(start)
        assert f"wrote {folder / 'figures' / name}" in told
    board = (folder / "leaderboard.md").read_text()
    assert board in told
    for part in ("## Labels: combined", "## Labels: zoo:resnet", "Table I", "93.3", "Fig. 2a"):
        assert part in board


@pytest.mark.usefixtures("no_pictures")
def test_board_shows_the_cards_values_best_first(copied):
    """Rows stand in the order of AUROC and show the scorecards' numbers."""
    rank(["tiny"], copied)
    section = (copied.results / "tiny" / "leaderboard.md").read_text().split("## Labels: ")[1]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")][2:]
    cards = {row[1]: float(row[5].split()[0]) for row in rows}
    assert list(cards.values()) == sorted(cards.values(), reverse=True)
    for name, shown in cards.items():
        card = json.loads((copied.results / "tiny" / "cards" / "combined" / f"{name}.json").read_text())
        auroc = card["metrics"]["auroc"]
        assert shown == pytest.approx(auroc["value"], abs=5e-3)
        assert auroc["low"] <= auroc["value"] <= auroc["high"]
        assert with_interval(auroc["value"], auroc["low"], auroc["high"]) in section


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.usefixtures("few_rows_are_ranked")
def test_ranks_are_those_of_the_resamples(copied):
    """A predictor's ranks are those that its AUROC takes in the middle 95 % of the stored replicates."""
    rank(["tiny"], copied)
    section = (copied.results / "tiny" / "leaderboard.md").read_text().split("## Labels: ")[1]
    shown = {line.split(" | ")[1]: line.split(" | ")[0] for line in section.splitlines() if line.startswith("| ")}
    folder = copied.results / "tiny" / "cards" / "combined"
    drawn = {path.stem: pl.read_parquet(path)["auroc"].to_numpy() for path in folder.glob("*.parquet")}
    for name, values in drawn.items():
        above = sum((other > values).astype(int) for other in drawn.values())
        level = sum((other >= values).astype(int) for other in drawn.values())
        known = np.isfinite(np.array(list(drawn.values()))).all(axis=0)
        low, high = np.sort(above[known] + 1), np.sort(level[known])
        low, high = low[int(np.ceil(0.025 * len(low))) - 1], high[int(np.ceil(0.975 * len(high))) - 1]
        assert shown[name].removeprefix("| ").split(" ")[0] == (f"{low}-{high}" if low < high else str(low))


@pytest.mark.usefixtures("no_pictures")
def test_nothing_is_ranked_by_too_few_rows(copied):
    """A board of fewer than 50 rows of a class says so and gives no rank; its rows stand there all the same."""
    rank(["tiny"], copied)
    section = (copied.results / "tiny" / "leaderboard.md").read_text().split("## Labels: ")[1]
    rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 2
    assert all(row.startswith("| - |") for row in rows)
    assert "Too few rows to rank: a ranking needs 50 rows of each class, of 20 sources." in section


@pytest.mark.parametrize(
    ("numbers", "enough"), [((50, 50, 20), True), ((49, 90, 20), False), ((90, 49, 20), False), ((90, 90, 19), False)]
)
def test_a_ranking_needs_rows_and_sources(numbers, enough):
    """50 rows of each class and 20 sources are enough, one less of any is not."""
    useful, non_useful, sources = numbers
    counts = Counts(
        sources=sources, useful=useful, non_useful=non_useful, unlabelled=0, soft=0, pairs_within_conditions=0
    )
    assert counts.are_enough == enough


def test_missing_replicates_are_told(copied):
    """A card without the replicates that it is ranked by cannot be ranked, and the message names the file."""
    path = copied.results / "tiny" / "cards" / "combined" / "ssim.parquet"
    path.unlink()
    with pytest.raises(ResultError, match=r"ssim\.parquet: no such file"):
        rank([], copied)


def test_replicates_of_other_measures_are_not_needed(copied):
    """Results are published without them: boards, figures and pages are the same."""
    written = [Path(line.removeprefix("wrote ")) for line in rank([], copied) if line.startswith("wrote ")]
    before = {path: path.read_bytes() for path in written}
    shutil.rmtree(copied.results / "tiny" / "replicates")
    rank([], copied)
    assert {path: path.read_bytes() for path in written} == before


@pytest.mark.parametrize("key", ["fingerprint", "ground_truth"])
def test_stale_cards_do_not_mix(copied, key):
    """A card of another fingerprint or ground truth is refused, by its file's name."""
    path = copied.results / "tiny" / "cards" / "combined" / "ssim.json"
    write_edited(path, **{key: "0123456789abcdef"})
    with pytest.raises(ResultError, match=rf"ssim\.json: stale: its {key} is 0123456789abcdef"):
        rank([], copied)


def test_scores_of_another_run_are_stale(copied):
    """A card whose scores were made again since is refused, by the scores' file and what differs."""
    path = copied.results / "tiny" / "scores" / "ssim.parquet"
    table, metadata = read_table(path)
    write_table(path, table, metadata | {"provenance": metadata["provenance"] | {"code": "0"}})
    with pytest.raises(ResultError, match=r"ssim\.parquet and the scorecard for combined labels differ in code"):
        rank([], copied)


def test_labels_of_another_ground_truth_are_stale(copied):
    """Cards that were judged by other labels than the stored ones are refused, by the card's file."""
    path = copied.results / "tiny" / "labels.parquet"
    table, metadata = read_table(path)
    write_table(path, table, metadata | {"labels": metadata["labels"] | {"zoo:resnet": "0"}})
    with pytest.raises(
        ResultError, match=r"chance\.json: stale: it was judged by the ground truth .* is of 0; run chance"
    ):
        rank([], copied)


@pytest.mark.usefixtures("no_pictures")
def test_boards_in_short_hold_every_suite(copied):
    """Ranking everything also writes the boards of all suites in few columns."""
    assert f"wrote {copied.results / 'boards.md'}" in rank([], copied)
    text = (copied.results / "boards.md").read_text()
    assert text.startswith("**`tiny`**, combined labels")
    assert "| jpeg_quality | bitstream |" in text


@pytest.mark.usefixtures("no_pictures")
def test_the_board_tells_soft_track_and_gains(copied):
    """Soft measures and gains stand there with intervals, best first, beside what MIQA published."""
    rank(["tiny"], copied)
    text = (copied.results / "tiny" / "leaderboard.md").read_text()
    card = json.loads((copied.results / "tiny" / "cards" / "combined" / "ssim.json").read_text())
    for value in (card["soft"]["srcc"], card["soft"]["rmse"], card["gains"]["area"], card["gains"]["over_condition"]):
        assert with_interval(value["value"], value["low"], value["high"]) in text
    assert "RA-MIQA 0.700" in text


def test_two_trainings_on_different_labels_do_not_mix(copied):
    """Cards of predictors trained on different versions of one suite's labels are refused."""
    folder = copied.results / "tiny" / "cards" / "combined"
    for name, digest in (("ssim", "0" * 16), ("chance", "1" * 16)):
        trained = Training("other", "combined", digest)
        renamed(copied, "combined", name, name, trained)
        (folder / f"{name}.json").unlink()
    with pytest.raises(ResultError, match=r"ssim@other\.combined\.json: stale: its trained_on"):
        rank([], copied)


@pytest.mark.usefixtures("no_pictures")
def test_table_1_tells_predictors_of_one_name_apart(copied):
    """Trained on another suite or on another label set, a predictor has a column of its own, on whatever set it stands."""
    for number, (suite, labels) in enumerate([("tiny", "zoo:resnet"), ("tiny", "combined"), ("other", "combined")]):
        trained = Training(suite, labels, str(number))
        renamed(copied, "zoo:resnet", "ssim", "mine", trained)
    rank([], copied)
    board = (copied.results / "tiny" / "leaderboard.md").read_text()
    (head,) = [line for line in board.split("## Table I")[1].splitlines() if line.startswith("| labels")]
    for name in ("mine", "mine (from combined)", "mine (from other)", "jpeg_quality"):
        assert f"| {name} |" in head


@pytest.mark.parametrize(
    ("text", "message"), [("{", "not JSON"), ("{}", "required field `format`"), ("[]", "Expected `object`")]
)
def test_damaged_card_is_named(copied, text, message):
    """A card that is no scorecard is an error with its name."""
    (copied.results / "tiny" / "cards" / "combined" / "ssim.json").write_text(text)
    with pytest.raises(ResultError, match=message):
        rank([], copied)


def test_nothing_to_rank_says_what_to_do(tmp_path):
    """An empty results folder is an error that names the next command."""
    with pytest.raises(ResultError, match="utilbench run"):
        rank([], Workspace(None, None, tmp_path, tmp_path / "none"))


@pytest.mark.usefixtures("no_pictures")
def test_a_suite_with_unknown_choices_does_not_stop_the_others(copied, caplog):
    """One whose codec is not installed is left out with a warning; asked for by name, it is an error."""
    shutil.copytree(copied.results / "tiny", copied.results / "foreign")
    choices = copied.results / "foreign" / "suite.json"
    choices.write_text(choices.read_text().replace('"jpeg"', '"of_no_package"'))
    assert f"wrote {copied.results / 'tiny' / 'leaderboard.md'}" in rank([], copied)
    assert "foreign is left out" in caplog.text
    assert "of_no_package" in caplog.text
    with pytest.raises(SuiteError, match="of_no_package"):
        rank(["foreign"], copied)


@pytest.mark.usefixtures("no_pictures")
def test_pages_of_one_suite_have_an_index(copied):
    """They link it, so that the first ranking of one suite writes it; an index of all suites is left as it is."""
    rank(["tiny"], copied)
    index = copied.results / "index.html"
    assert "tiny/index.html" in index.read_text()
    index.write_text("of all suites")
    rank(["tiny"], copied)
    assert index.read_text() == "of all suites"


def test_what_is_missing_is_made_by_a_command_that_works(tmp_path):
    """A quick look is asked for by the name of its suite and the limit."""
    with pytest.raises(ResultError, match="`utilbench run PREDICTOR -s glyphs --limit 30` makes them"):
        rank(["glyphs"], Workspace(None, None, tmp_path, tmp_path / "none"), limit=30)


def test_intervals_of_figure_2_lie_within_what_can_be_reached():
    """They are those of the gain, beyond what all images reach, and no accuracy is above 1."""
    gains = [Measure(value=0.3, low=0.1, high=0.6), Measure(value=-0.2, low=-0.7, high=0.1)]
    results = [SimpleNamespace(card=SimpleNamespace(gains={"gain of zoo:vgg": gain})) for gain in gains]
    low, high = intervals([*results, SimpleNamespace(card=SimpleNamespace(gains={}))], "zoo:vgg", 0.5)
    assert low[:2] == pytest.approx([0.6, 0.0])
    assert high[:2] == pytest.approx([1.0, 0.6])
    assert np.isnan([low[2], high[2]]).all()


@pytest.mark.usefixtures("no_pictures")
def test_limited_results_are_not_on_the_board(copied):
    """A quick look is ranked only where it is asked for, or where there is nothing else."""
    shutil.copytree(copied.results / "tiny", copied.results / "tiny-limit5")
    assert not any("limit5" in line for line in rank([], copied))
    shutil.rmtree(copied.results / "tiny")
    assert f"wrote {copied.results / 'tiny-limit5' / 'leaderboard.md'}" in rank([], copied)


def test_cells_cannot_break_a_table():
    """Bars and line breaks in a name stay inside their cell."""
    lines = markdown(["a", "b"], [["x|y", "1\n2"]])
    assert lines[2] == "| x\\|y | 1 2 |"


DRAWN = ("coco-mixed", "imagenet-lite")
"""Suites of either task whose committed pictures are drawn again; of the others the charts that they show are compared."""


@pytest.mark.parametrize("name", SUITES)
def test_committed_results_rank_to_the_committed_bytes(name, tmp_path, monkeypatch):
    """Boards, tables and pictures in the repository are what `rank` makes of the scorecards, and it makes all of them."""
    results = copy_tracked(tmp_path, "results") / "results"
    if name in DRAWN:
        shutil.rmtree(results / name / "figures")
    else:  # a PNG that says that it is of the same chart stays, and no SVG is drawn
        monkeypatch.setattr(figures, "write_picture", functools.partial(picture_files.write_picture, endings=["png"]))
    lines = rank([name], Workspace(None, None, tmp_path, results))
    written = {Path(line.removeprefix("wrote ")).relative_to(tmp_path) for line in lines if line.startswith("wrote ")}
    made = [path for path in tracked(f"results/{name}") if path.parent.name in (name, "figures", "tables")]
    committed = [path for path in made if path.suffix in (".md", ".png", ".tex", ".csv") and path.stem != "datasheet"]
    assert len(committed) > 10
    assert set(committed) <= written
    for path in committed:
        assert (tmp_path / path).read_bytes() == (ROOT / path).read_bytes(), path


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.usefixtures("few_rows_are_ranked")
def test_a_predictor_that_looks_into_a_labelling_network_is_not_ranked(copied):
    """It stands on the board with a dagger and without a rank, and ties are told against the first of the others."""
    path = copied.results / "tiny" / "cards" / "combined" / "ssim.json"
    card = json.loads(path.read_text())
    best = {"auroc": card["metrics"]["auroc"] | {"value": 1.0, "high": 1.0}}
    peeking = {"provenance": card["provenance"] | {"looks_into": ["zoo:resnet"], "peeks": True}}
    write_edited(path, metrics=card["metrics"] | best, **peeking)
    rank(["tiny"], copied)
    section = (copied.results / "tiny" / "leaderboard.md").read_text().split("## Labels: ")[1]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert rows[0][:2] == ["| -", "ssim †"]
    assert rows[1][0].startswith("| 1")


@pytest.mark.usefixtures("no_pictures")
def test_what_earlier_code_made_is_marked(copied):
    """A card of a baseline whose code has changed since is marked on the board, one of the present code is not."""
    for path in (copied.results / "tiny").glob("**/ssim.*"):
        if path.suffix == ".json":
            write_edited(path, provenance=json.loads(path.read_text())["provenance"] | {"code": "0" * 16})
        elif path.parent.name == "scores":
            table, metadata = read_table(path)
            write_table(path, table, metadata | {"provenance": metadata["provenance"] | {"code": "0" * 16}})
    rank(["tiny"], copied)
    board = (copied.results / "tiny" / "leaderboard.md").read_text()
    assert "| ssim ‡ |" in board
    assert "| jpeg_quality |" in board
