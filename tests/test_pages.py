"""What pages say and show: sentences, ladders, pairs and mistakes, commands, and suites that have less than others."""

import dataclasses
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.cli.parser import parser
from benchmark.core.errors import DataError
from benchmark.core.types import Condition
from benchmark.core.workspace import Workspace
from benchmark.leaderboard.chart_parts import IN_COLOUR, LINES, coloured, look
from benchmark.leaderboard.rank import rank, read_ranked
from benchmark.leaderboard.site import ladder, story
from benchmark.leaderboard.site.front_page import steps_of
from benchmark.leaderboard.site.gallery import CLOSE, extremes, gallery, pairs
from benchmark.leaderboard.site.photographs import Photographs
from benchmark.leaderboard.site.predictor_page import on_other_suites
from benchmark.plugins.datasets import open_dataset
from benchmark.suites.results_folder import SuiteFolder
from tests.conftest import evaluated_with_images


@pytest.fixture(scope="module")
def results(tiny, tiny_workspace, tmp_path_factory):
    """The results of the small suite, whose images may be shown."""
    names = ("ssim", "jpeg_quality", "condition")
    workspace = evaluated_with_images(tiny, tiny_workspace, tmp_path_factory.mktemp("shown"), names)
    return read_ranked(SuiteFolder(workspace.results / "tiny"))


@pytest.fixture(scope="module")
def photographs(results):
    """Its photographs."""
    return Photographs(results, open_dataset(results.suite.dataset, None), None)


def result_of(results, name):
    """The results of a predictor."""
    return next(result for result in results.results["combined"] if result.card.predictor == name)


def row(tiny, name, image):
    """What was recorded of an image that is shown."""
    condition = image.condition
    rows = tiny.outcomes[name].filter(source=image.source, distortion=condition.distortion, level=condition.level)
    return rows.row(0, named=True)


def test_pairs_are_of_one_condition_and_both_classes(results, photographs, tiny):
    """A pair has a useful and a non-useful image of the test part at one condition, and as many bits but for a tenth."""
    shown = pairs(results, photographs)
    assert shown
    labels = tiny.labels("combined")
    for useful, useless in shown:
        assert useful.condition == useless.condition
        rates = []
        for image, label in ((useful, 1), (useless, 0)):
            condition = image.condition
            (own,) = labels.filter(
                source=image.source, distortion=condition.distortion, level=condition.level
            ).to_dicts()
            assert (own["part"], own["label"]) == ("test", label)
            rates.append(row(tiny, "images", image)["bits"])
            assert 8 * image.distorted.bytes == rates[-1]
        assert abs(rates[0] - rates[1]) <= CLOSE * rates[0]


def test_mistakes_are_the_scores_extremes(results, photographs):
    """The useful images that it scores lowest, the non-useful ones that it scores highest, and how many score lower."""
    result = result_of(results, "ssim")
    table = result.test_scores.join(
        ladder.read_labels(results.folder.labels)[0].select("source", "distortion", "level", "combined"),
        on=["source", "distortion", "level"],
    ).filter(combined=1)
    labelled = result.test_scores.join(
        ladder.read_labels(results.folder.labels)[0], on=["source", "distortion", "level"]
    ).filter(ladder.pl.col("combined") >= 0)
    shown = extremes(results, result, photographs, wrong=True, each=2)
    assert [image.useful for image in shown] == [True, True, False, False]
    lowest = table.sort("score").row(0, named=True)
    assert (shown[0].source, shown[0].condition.level) == (lowest["source"], lowest["level"])
    assert shown[0].percent == round(100 * (labelled["score"] < lowest["score"]).mean())
    assert shown[0].kept == (lowest["score"] >= result.card.threshold[0])
    right = extremes(results, result, photographs, wrong=False, each=1)
    assert right[0].percent > shown[0].percent


def test_labels_of_a_ladder_are_those_that_were_recorded(results, photographs, tiny):
    """Level by level; levels that are held out have none."""
    for rungs in ladder.ladders(results, photographs):
        rows = tiny.labels("combined").filter(source=rungs.source, distortion=rungs.codec)
        recorded = {
            level: {1: "useful", 0: "non-useful", -1: "no label"}[label]
            for level, label in rows.select("level", "label").iter_rows()
        }
        assert {"useful", "non-useful"} & set(recorded.values())
        assert dict(zip(rungs.levels, rungs.labels, strict=True)) == {
            level: recorded.get(level, "") for level in rungs.levels
        }


def test_the_source_of_a_ladder_is_chosen_by_where_answers_change():
    """Gradual: the most different levels. Sharp: the closest levels, the highest of them, but not the best one."""
    answers = {  # sources x (pristine and four levels)
        "a": np.array([[1, 1, 1, 2, 2], [1, 1, 2, 2, 2], [1, 2, 2, 2, 2], [1, 1, 2, 1, 2], [3, 3, 3, 3, 3]]),
        "b": np.array([[1, 1, 1, 1, 2], [1, 1, 2, 2, 2], [1, 2, 2, 2, 2], [1, 1, 1, 1, 2], [3, 3, 3, 3, 4]]),
    }
    changes, shown = ladder.changes_of(answers, np.ones(5))
    assert changes.T.tolist() == [[3, 4], [2, 2], [1, 1], [2, 4], [0, 4]]
    assert shown.tolist() == [True, True, True, False, False]
    assert ladder.most_gradual(changes, shown) == 0
    assert ladder.sharpest(changes, shown) == 1
    assert ladder.most_gradual(changes, np.zeros(5, bool)) is None
    assert ladder.sharpest(changes, np.zeros(5, bool)) is None


@pytest.mark.parametrize(
    ("labels", "numbers"),
    [
        (("useful", "useful", "no label", "non-useful"), [0, 2, 4]),
        (("useful", "non-useful", "useful"), []),
        (("useful", "useful"), []),
        (("", "non-useful"), []),
    ],
)
def test_the_three_pictures_of_the_index_go_down(labels, numbers, results, photographs):
    """Pristine, the lowest useful level, the highest non-useful one; nothing where these are not in this order."""
    rungs = ladder.ladders(results, photographs)[0]
    count = len(labels)
    pictures = (rungs.pictures[0], *rungs.pictures[1 : 1 + count])
    answers = {"a": tuple(ladder.Answer(str(number), number == 0) for number in range(1 + count))}
    made = ladder.Ladder("jpeg", "s", "", tuple(range(90, 90 - count, -1)), pictures, labels, answers)
    assert [int(step.answers[0][1]) for step in steps_of(made)] == numbers


def test_photographs_that_are_not_those_that_were_judged_are_not_shown(results, photographs, caplog):
    """Other pixels than the recorded ones, or a photograph that is missing, leave the gallery empty, and a warning says why."""
    assert gallery(results, result_of(results, "ssim"), photographs).ladders
    own = photographs.dataset
    inverted = SimpleNamespace(sources=own.sources, read=lambda source: 255 - own.read(source))
    other = Photographs(results, inverted, None)
    assert gallery(results, None, other) == gallery(results, None, None)
    assert "has other pixels than the photograph that was judged" in caplog.text
    with pytest.raises(DataError):
        other.pristine(next(iter(other.recorded)))


def test_pictures_are_kept_in_the_cache(results, photographs, tmp_path, monkeypatch):
    """Those that are kept are those that are made; a damaged one is made again, and a cache that takes none stops nothing."""
    kept = Photographs(results, photographs.dataset, tmp_path / "cache")
    source, condition = next(iter(kept.recorded)), Condition("jpeg", 30)
    expected = photographs.pristine(source), photographs.distorted(source, condition)
    assert (kept.pristine(source), kept.distorted(source, condition)) == expected
    files = sorted((tmp_path / "cache" / "pictures").iterdir())
    assert len(files) == 2
    with monkeypatch.context() as patched:
        patched.setattr(Photographs, "make_pristine", None)
        patched.setattr(Photographs, "make_distorted", None)
        again = Photographs(results, photographs.dataset, tmp_path / "cache")
        assert (again.pristine(source), again.distorted(source, condition)) == expected
    for file in files:
        file.write_bytes(file.read_bytes()[:-9])
    again = Photographs(results, photographs.dataset, tmp_path / "cache")
    assert (again.pristine(source), again.distorted(source, condition)) == expected
    (tmp_path / "full").write_text("no folder")
    assert Photographs(results, photographs.dataset, tmp_path / "full").pristine(source) == expected[0]


@pytest.mark.usefixtures("few_rows_are_ranked")
def test_sentences_are_the_cards_numbers(results):
    """Whether the first predictor beats the condition, and the best within a condition; quick looks count for nothing."""
    first = story.ranked_cards(results)[0]
    difference = first.metrics["auroc_over_condition"]
    over, within = story.sentences([results])[:2]
    is_certain = difference.low > 0
    assert over.startswith(f"On {1 if is_certain else 'none'} of 1 suites")
    assert (difference.text in over) == is_certain
    best = max(card.metrics["within_condition_auroc"].value for card in story.ranked_cards(results))
    assert f"{best:.2f} to {best:.2f}" in within
    looked = dataclasses.replace(results, suite=dataclasses.replace(results.suite, limit=7))
    assert story.sentences([looked]) == []


def test_nothing_is_said_of_boards_that_rank_nothing(results):
    """With too few rows there is no first predictor, and no sentence on it."""
    assert [sentence for sentence in story.sentences([results]) if "predictor" in sentence] == []


@pytest.mark.usefixtures("no_pictures")
def test_commands_of_pages_are_ones_that_the_command_line_takes(results, tmp_path):
    """Each command that a page lets a reader copy is parsed: those of the index and those of each predictor's page."""
    other = tmp_path / "results"
    shutil.copytree(results.folder.root, other)
    rank([], Workspace(data=None, networks=None, cache=tmp_path, results=other))
    texts = [page.read_text() for page in other.rglob("*.html")]
    shown = {text for page in texts for text in re.findall(r"<code>(utilbench [^<]*)</code></pre><button", page)}
    assert "utilbench score ssim photos/ -s tiny.toml --reference originals/" in shown
    assert len(shown) >= 6
    for command in shown:
        parser().parse_args(command.split()[1:])


def test_a_page_links_the_suites_that_are_ranked_with_it(results):
    """A predictor's page links to its pages on the other suites that are ranked now, and to no other."""
    other = dataclasses.replace(results, folder=SuiteFolder(results.folder.root / "other"))
    assert on_other_suites(results, "ssim", [results, other]) == [("other", "../../other/predictors/ssim.html")]
    assert on_other_suites(results, "energy", [results, other]) == []
    assert on_other_suites(results, "ssim", [results]) == []


def test_pages_of_rivals_alone_are_written(results, tmp_path):
    """Where only rivals were run, which are on no chart, board and pages are there all the same."""
    other = tmp_path / "results"
    shutil.copytree(results.folder.root, other)
    for path in other.rglob("*"):
        if path.stem.startswith(("ssim", "jpeg_quality")):
            path.unlink()
    rank([], Workspace(data=None, networks=None, cache=tmp_path, results=other))
    assert "condition §" in (other / "tiny" / "index.html").read_text()


def test_colours_belong_to_names():
    """A predictor has one colour whatever its marks and training; no other one has a colour of those that are always shown."""
    own = [look(name)[0] for name in IN_COLOUR]
    assert len(set(own)) == len(IN_COLOUR) < len(LINES)
    assert look("gatekeeper (from open) †") == look("gatekeeper")
    assert not {look(f"predictor_{number}")[0] for number in range(200)} & set(own)
    names = [f"predictor_{number}" for number in range(9)]
    assert coloured(names) == frozenset(names[:5])
    assert coloured([*names, "gatekeeper"]) == frozenset([*names[:4], "gatekeeper"])
