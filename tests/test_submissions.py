import io
import json
import re
import shutil
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from benchmark.cli.main import main
from benchmark.core.errors import BenchmarkError, PredictorError, SubmissionError
from benchmark.core.markdown import markdown
from benchmark.core.workspace import Workspace
from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.score_table import parse, read_submitted_scores
from benchmark.evaluation.submission_check import largest_gap, verify
from benchmark.labelling.parquet_export import export
from benchmark.leaderboard.rank import rank
from benchmark.plugins.distortions import decoded, encoded, find_distortion
from benchmark.plugins.predictors.base import Predictor
from benchmark.plugins.predictors.source import code_problems
from benchmark.plugins.predictors.submission import find_submission, read_submission
from benchmark.suites.results_folder import Training

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "submissions" / "_template"
CONTRAST = (TEMPLATE / "predictor.py").read_text()
TRAP = "raise SystemExit('executed')\n"
CARD = """
authors = ["Ada"]
licence = "MIT"
trained_on = "nothing"
track = "no-reference"
[scores.tiny]
fingerprint = "{}"
"""
BARE = CARD.partition("[scores")[0]


@pytest.fixture
def workspace(tiny, tiny_file, tiny_workspace, tmp_path, monkeypatch):
    """Folders with the small suite's outcomes; the small suite is one that comes with the package."""
    monkeypatch.setattr("benchmark.suites.loading.FOLDER", tiny_file.parent)
    shutil.copytree(tiny_workspace.results / "tiny" / "outcomes", tmp_path / "results" / "tiny" / "outcomes")
    return Workspace(
        data=None, networks=None, cache=tiny_workspace.cache, results=tmp_path / "results", chosen_device="cpu"
    )


@pytest.fixture(scope="module")
def contrasts(tiny):
    """A whole table: the contrast of every image that is asked for."""
    codec = find_distortion("jpeg")
    found = []
    for _, source, distortion, level in tiny.indexed.scored_rows.iter_rows():
        pixels = decoded(codec, encoded(codec, tiny.indexed.dataset.read(source), level, source), source)
        found.append((source, distortion, level, float(pixels.std(ddof=1))))
    return pl.DataFrame(found, schema=["source", "distortion", "level", "score"], orient="row")


@pytest.fixture
def submit(tiny, contrasts, tmp_path):
    """Write a submission: its card, its code and its table, each as given or left out; returns the folder."""

    def write(name="mine", card=CARD, code=None, table=contrasts, ending=".parquet"):
        folder = tmp_path / "submissions" / name
        (folder / "scores").mkdir(parents=True)
        (folder / "card.toml").write_text(card.replace("{}", tiny.fingerprint))
        if code is not None:
            (folder / "predictor.py").write_text(code)
        if isinstance(table, bytes):
            (folder / "scores" / f"tiny{ending}").write_bytes(table)
        elif table is not None:
            (table.write_parquet if ending == ".parquet" else table.write_csv)(folder / "scores" / f"tiny{ending}")
        return folder

    return write


def problems(folder, workspace, run=False):
    """What `verify` complains of."""
    return [check.problem for check in verify(str(folder), workspace, run=run) if check.problem]


def test_a_table_earns_what_its_predictor_earns(tiny, workspace, submit, in_this_process):
    """Looked-up scores give the metrics and gains of the predictor that made them, under the submission's name."""
    looked_up = evaluate(str(submit()), tiny.suite, workspace=workspace, truth=tiny)
    run = evaluate(str(submit("code", BARE, CONTRAST, None)), tiny.suite, workspace=workspace, truth=tiny)
    for key in ("metrics", "downstream", "threshold"):
        trees = [msgspec.to_builtins(getattr(card, key)) for card in (looked_up, run)]
        for one, other in zip(*map(numbers, trees), strict=True):
            assert one == pytest.approx(other, rel=1e-5)
    assert (looked_up.predictor, run.predictor) == ("mine", "code")
    assert looked_up.provenance.scores == "self-reported"
    assert run.provenance.scores == "re-run"
    assert run.provenance.submission.authors == ("Ada",)
    assert (workspace.results / "tiny" / "scores" / "mine.parquet").is_file()
    assert (workspace.results / "tiny" / "cards" / "combined" / "mine.json").is_file()


def numbers(tree):
    """All numbers of a tree of dictionaries and lists, in order."""
    if isinstance(tree, dict | list | tuple):
        return [number for one in (tree.values() if isinstance(tree, dict) else tree) for number in numbers(one)]
    return [tree]


@pytest.mark.usefixtures("in_this_process")
def test_a_file_of_code_earns_what_it_earns_as_a_submission(tiny, workspace, submit):
    """A submission's predictor.py is run as any file is, and its scores are kept under the submission's name."""
    folder = submit("code", BARE, CONTRAST, None)
    own = evaluate(str(folder), tiny.suite, workspace=workspace, truth=tiny)
    file = evaluate(str(folder / "predictor.py"), tiny.suite, workspace=workspace, truth=tiny)
    assert own.metrics == file.metrics
    assert (own.predictor, file.predictor) == ("code", "predictor")


def test_nothing_is_executed_where_there_is_a_table(tiny, workspace, submit, capsys):
    """`verify`, and `run` where the table is looked up, leave a predictor.py that acts on import unexecuted."""
    folder = submit(code=TRAP + CONTRAST)
    assert problems(folder, workspace) == []
    evaluate(str(folder), tiny.suite, workspace=workspace, truth=tiny)
    assert main(["verify", str(folder), "--json"]) == 0
    assert problems(folder, workspace, run=True) == ["mine: the import raised SystemExit: executed"]


def test_a_limited_suite_has_no_table(tiny, workspace, submit):
    """A table of the whole suite is refused, and nothing executed, where only a part of the suite is asked for."""
    from dataclasses import replace

    folder = submit(code=TRAP)
    with pytest.raises(SubmissionError, match="that of tiny-limit90 on this machine"):
        evaluate(str(folder), replace(tiny.suite, limit=90), workspace=workspace)


def test_csv_equals_parquet(tiny, workspace, submit, contrasts):
    """A CSV, also with a byte order mark, rows in another order and blanks, gives the scores of the Parquet file."""
    _, one, _ = read_submitted_scores(find_submission(str(submit())), tiny.indexed)
    text = contrasts.sample(fraction=1, shuffle=True, seed=0).write_csv().replace(",", ", ").encode()
    folder = submit("csv", table=b"\xef\xbb\xbf" + text, ending=".csv")
    assert problems(folder, workspace) == []
    _, other, _ = read_submitted_scores(find_submission(str(folder)), tiny.indexed)
    np.testing.assert_array_equal(one, other)


def edit(column, value, row=4):
    """A change of one value of a table."""
    return lambda table: table.with_columns(
        pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)
    )


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.slice(1), r"1 rows of 420 are missing; validation .* first: '\S+', jpeg 50"),
        (lambda t: pl.concat([t, t[3:5]]), r"2 rows repeat an earlier one; the first: row 421, '\S+', jpeg 50"),
        (edit("score", float("nan")), "1 rows have no finite score; the first: row 5, '"),
        (edit("score", float("inf")), "1 rows have no finite score; the first: row 5, '"),
        (edit("score", None), "1 rows have no finite score; the first: row 5, '"),
        (
            edit("source", "a|b\n<i>"),
            r"1 rows are not asked for; validation and test at jpeg 50 10 3, test also at",
        ),
        (edit("level", 30, 0), "1 rows are not asked for"),
        (edit("distortion", "a\x1b[2J"), r"1 rows are not asked for; .* the first: row 5, '\S+', a[^\x00-\x1f]+$"),
        (edit("level", None), "1 rows have no whole number as level; the first: row 5"),
        (
            lambda t: t.drop("score"),
            r"its columns are \['source', 'distortion', 'level'\]; needed are source, distortion, level, score",
        ),
        (lambda t: t.with_columns(part=pl.lit("test")), "needed are source, distortion, level, score and no other"),
        (lambda t: t.head(0), "420 rows of 420 are missing"),
    ],
)
def test_a_faulty_table_is_told(submit, workspace, tiny, contrasts, change, message, ending):
    """Each fault of a table is one line that names file and row, whether the table is verified or run."""
    folder = submit(table=change(contrasts), ending=ending)
    found = problems(folder, workspace)
    assert any(re.search(message, one) for one in found), found
    assert all(f"tiny{ending}: " in one and "\n" not in one for one in found)
    with pytest.raises(SubmissionError, match=f"tiny{ending}: "):
        evaluate(str(folder), tiny.suite, workspace=workspace, truth=tiny)
    assert not (workspace.results / "tiny" / "scores").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.col("level").cast(pl.Float64), "column level is of Float64; integers are needed"),
        (pl.col("score").cast(pl.String), "column score is of String; numbers are needed"),
        (pl.col("source").cast(pl.Categorical), "column source is of Categorical; texts are needed"),
    ],
)
def test_types_of_a_parquet_table_are_told(submit, workspace, contrasts, change, message):
    """A column of the wrong type is named with its type and what is needed."""
    (found,) = problems(submit(table=contrasts.with_columns(change)), workspace)
    assert message in found


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
@pytest.mark.parametrize("data", [b"", b"PAR1 and no more PAR1", b"\xff\xfe\x00\x01", b"source,level,score\na,1,2,3\n"])
def test_damaged_tables_are_one_line(submit, workspace, data, ending):
    """A file that is no table is one problem of one line."""
    (found,) = problems(submit(table=data, ending=ending), workspace)
    assert f"tiny{ending}: " in found
    assert "\n" not in found


def test_a_damaged_parquet_table_prints_nothing(contrasts, capfd):
    """Whichever byte of a table is another one, it is read or refused, and no library prints its stack."""
    buffer = io.BytesIO()
    contrasts.write_parquet(buffer)
    data = buffer.getvalue()
    for place in range(4, len(data), 29):
        parse(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :], ".parquet", most_rows=1000)
    assert capfd.readouterr().err == ""


def test_every_problem_is_told(submit, workspace, contrasts):
    """Problems of the name, the card, the code and the table stand in one list, each with what is valid."""
    card = CARD.replace("{}", "0123").replace("MIT", "") + 'labels = "mine"\npath = "../../x"\n'
    table = edit("score", float("nan"))(contrasts.slice(2))
    folder = submit("ssim", f"stars = 5\n{card}", "def f(:", table, ".csv")
    (folder / "scores" / "glyphs.csv").write_text("")
    found = problems(folder, workspace)
    for message in (
        "'ssim' is that of another predictor",
        "card.toml: unknown key 'stars'; valid are authors, licence,",
        "card.toml: licence = '' is empty or too long",
        "card.toml: [scores.'tiny']: unknown key 'path'; valid are fingerprint, labels",
        "scores/'glyphs.csv' is no table that the card names",
        "predictor.py: does not parse as Python",
        "[scores.tiny]: fingerprint is '0123', that of tiny on this machine is ",
        "[scores.tiny]: labels is 'mine'; valid are combined, zoo:densenet",
        "tiny.csv: 1 rows have no finite score",
        "tiny.csv: 2 rows of 420 are missing",
    ):
        assert [message in one for one in found].count(True) == 1, (message, found)
    assert len(found) == 10
    with pytest.raises(SubmissionError, match=r"another predictor; .*\(and 4 more: `utilbench verify"):
        find_submission(str(folder))


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("authors = [", "not TOML"),
        ("a = " + 3000 * "[", "not TOML"),
        ("", "lacks authors"),
        ('authors = "Ada"', "authors = 'Ada' has the wrong type; a list of texts is needed"),
        ("authors = []", r"authors = \[\] is empty"),
        ("licence = 3", "licence = 3 has the wrong type; a text is needed"),
        (f'paper = "{300 * "x"}"', "texts have 1 to 200 characters"),
        ('scores = "../x"', "scores = '../x' has the wrong type"),
        ('[scores."../../x"]\nfingerprint = "1"', "tables are \\[scores.SUITE\\]"),
        ("[scores]\ntiny = 3", "tables are \\[scores.SUITE\\]"),
        ("[scores.tiny]", "lacks fingerprint"),
        (
            '[scores.tiny]\nfingerprint = "1"',
            "track is ''; a table needs one of no-reference, full-reference, bitstream",
        ),
        ('track = "best"', "track is 'best'"),
    ],
)
def test_a_card_that_is_not_valid_is_told(submit, card, message):
    """Unknown, missing and wrong values of a card are told by file and key, in one line each."""
    _, found = read_submission(submit(card=card, table=None))
    assert any(re.search(message, one) for one in found), found
    assert all("\n" not in one for one in found)


@pytest.mark.parametrize("name", ["a b", "a@b", "ä", "-rf", ".hidden", "a|b", "<b>", "a\nb", "x" * 65, "ssim"])
def test_names_are_plain(submit, tiny, workspace, name):
    """A folder whose name is not plain, or that of a baseline, is refused by `verify` and by `run`."""
    folder = submit(name)
    (found,) = problems(folder, workspace)
    assert "the folder's name" in found
    assert "\n" not in found
    with pytest.raises(SubmissionError, match="the folder's name"):
        evaluate(str(folder), tiny.suite, workspace=workspace, truth=tiny)


def test_where_nothing_is_to_be_found(submit, tiny, workspace, tmp_path):
    """No folder, no card, no table and code, a table for no suite, and two tables for one: each says so."""
    assert "card.toml: cannot be read (No such file" in problems(tmp_path / "none", workspace)[0]
    assert "neither a predictor.py nor a table" in problems(submit("a", BARE, table=None), workspace)[0]
    assert "there is neither of" in problems(submit("b", table=None), workspace)[0]
    twice = submit("c")
    (twice / "scores" / "tiny.csv").write_text("")
    assert "there are both" in problems(twice, workspace)[0]
    linked = submit("linked", table=None)
    (linked / "scores" / "tiny.csv").symlink_to(ROOT / "README.md")
    assert "'scores/tiny.csv' is a link out of the folder" in problems(linked, workspace)[0]
    other = submit("d", CARD.replace("tiny", "small"), table=None)
    assert "there is no such suite; there are tiny" in problems(other, workspace)[0]
    with pytest.raises(SubmissionError, match=r"has tables of scores for small, and no predictor\.py"):
        evaluate(str(other), tiny.suite, workspace=workspace, truth=tiny)
    with pytest.raises(BenchmarkError, match="no such file"):
        evaluate(str(tmp_path / "none"), tiny.suite, workspace=workspace, truth=tiny)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("x = 1", 0),
        ("import benchmark\nclass A(benchmark.Predictor): pass", 1),
        ("from benchmark import LearnedPredictor as Base\nclass A(Base): pass", 1),
        ("from baselines.ssim import SSIM\nclass A(SSIM): pass", 1),
        ("from benchmark import Predictor\nclass A(Predictor): pass\nclass B(A): pass", 2),
        (
            "from torch.nn import Module\nfrom benchmark import Predictor\nclass N(Module): pass\nclass A(Predictor): pass",
            1,
        ),
    ],
)
def test_code_must_look_like_one_predictor(tmp_path, text, count):
    """Classes that derive from a predictor are counted without executing the file."""
    (tmp_path / "predictor.py").write_text(text)
    found = code_problems(tmp_path / "predictor.py")
    assert found == [] if count == 1 else f"defines {count} subclasses" in found[0]


@pytest.mark.parametrize("data", [b"\x00", b"(" * 5000, b"\xff\xfe"])
def test_code_that_does_not_parse_is_told(tmp_path, data):
    """Whatever the bytes of a predictor.py are, it is one problem."""
    (tmp_path / "predictor.py").write_bytes(data)
    (found,) = code_problems(tmp_path / "predictor.py")
    assert "does not parse as Python" in found


@pytest.mark.usefixtures("no_pictures")
def test_self_reported_is_shown_on_the_board(tiny, workspace, submit):
    """A board says of each row whether its scores were reported or made here, once any was reported; before, of none."""
    evaluate("chance", tiny.suite, workspace=workspace, truth=tiny)
    rank([], workspace)
    board = workspace.results / "tiny" / "leaderboard.md"
    before = board.read_text()
    assert "| predictor | track |" in before
    assert "re-run" not in before
    card = CARD.replace('"nothing"', '"<img src=x>|\\n![](x) 🦊 \\\\| `a"')
    evaluate(str(submit(card=card)), tiny.suite, workspace=workspace, truth=tiny)
    rank([], workspace)
    text = board.read_text()
    assert "| predictor | scores | track |" in text
    assert "| chance | re-run | no-reference | - |" in text
    assert r"| mine | self-reported | no-reference | &lt;img src=x&gt;\| !\[\](x) 🦊 \\\| \`a |" in text
    assert "<img" not in text
    rows = [line for line in text.split("## Table")[0].splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows} == {20}
    assert rows[-1].endswith("|")


def test_results_of_a_name_that_looks_alike_are_kept(tiny, workspace, submit, contrasts):
    """A table or a predictor whose name looks like that of stored results is refused before any work, by both names."""
    other = workspace.results / "tiny" / "scores" / "M1ne@tiny.combined.parquet"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"kept")
    learner = type("Mine", (Predictor,), {"score": lambda self, samples: 1 / 0})
    for predictor in (str(submit("mine", table=contrasts)), learner):
        with pytest.raises(
            PredictorError, match=r"^mine: looks like M1ne, of which .*tiny holds results; choose another"
        ):
            evaluate(predictor, tiny.suite, workspace=workspace, truth=tiny)
    assert sorted(path.name for path in other.parent.iterdir()) == [other.name]


EXTREMES = {
    "_widest": lambda unit: 1e100 * (2 * unit - 1),
    "constant": lambda unit: np.full(len(unit), 1e100),
    "smallest": lambda unit: 5e-324 * np.round(10 * unit),
    "close": lambda unit: 1e16 + 2 * np.round(unit),
    "one-apart": lambda unit: np.where(unit == unit.max(), 1e100, unit),
}


def test_rank_draws_what_run_accepts(tiny, workspace, submit, contrasts):
    """Scores as large, as small or as close as they may be end in boards, pages and figures without a warning."""
    unit = contrasts["score"].rank().to_numpy() / contrasts.height
    card = CARD.replace('"Ada"', '"$x^2$ _a"')
    for name, make in EXTREMES.items():
        folder = submit(name, card, table=contrasts.with_columns(score=make(unit)))
        evaluate(str(folder), tiny.suite, workspace=workspace, truth=tiny)
    rank([], workspace)
    figures = workspace.results / "tiny" / "figures"
    assert "_widest" in (figures / "gain_curves.svg").read_text()
    assert "nan" not in (workspace.results / "tiny" / "leaderboard.md").read_text()


@pytest.mark.usefixtures("no_pictures")
def test_a_table_that_learned_says_from_what(tiny, workspace, submit):
    """`labels` in the card makes the scorecard one that was trained on that label set, on every label set's board."""
    folder = submit(card=CARD + 'labels = "combined"\n')
    assert evaluate(str(folder), tiny.suite, workspace=workspace, truth=tiny).trained_on == Training(
        "tiny", "combined", tiny.lesson_digest("combined")
    )
    evaluate(str(folder), tiny.suite, labels="zoo:resnet", workspace=workspace, truth=tiny)
    assert (workspace.results / "tiny" / "cards" / "zoo-resnet" / "mine@tiny.combined.json").is_file()
    rank([], workspace)
    assert "| mine (from combined) |" in (workspace.results / "tiny" / "leaderboard.md").read_text()


def test_verify_run_agrees_or_names_the_image(tiny, workspace, submit, contrasts):
    """Run again, code that gives the table's scores is told so, and a changed score is told with its image."""
    *_, last = verify(str(submit("same", code=CONTRAST)), workspace, run=True)
    assert last.problem == ""
    assert last.name.startswith("predictor.py gives the scores reported for tiny: the largest difference is")
    changed = edit("score", contrasts["score"][7] + 0.1, 7)(contrasts)
    (found,) = problems(submit("changed", code=CONTRAST, table=changed), workspace, run=True)
    source, distortion, level, _ = contrasts.row(7)
    assert f"standard deviation, {source}, {distortion} {level}: reported " in found


def test_verify_run_holds_the_card_to_the_code(submit, workspace):
    """The track and the learning that a card states for its table must be those of the code; without both, nothing is run."""
    other = CARD.replace("no-reference", "bitstream")
    assert "its track is no-reference" in problems(submit("a", other, CONTRAST), workspace, run=True)[0]
    learned = CARD + 'labels = "combined"\n'
    assert "it learns from no labels" in problems(submit("b", learned, CONTRAST), workspace, run=True)[0]
    assert "a predictor.py and a table" in problems(submit("c"), workspace, run=True)[0]
    broken = CONTRAST.replace("[float(", "[1 / 0 + float(")
    assert "score() raised ZeroDivisionError" in problems(submit("d", code=broken), workspace, run=True)[0]


def test_gaps_are_measured_by_the_spread():
    """Neither the scale nor an offset of scores hides a difference; scores that are all the same may not differ at all."""
    scores = np.arange(10.0)
    moved = scores + (np.arange(10) == 3) * 0.01
    for scale, offset in ((1, 0), (1e-9, 0), (1, 1e6)):
        gap, place = largest_gap(scale * scores + offset, scale * moved + offset)
        assert place == 3
        assert gap == pytest.approx(0.01 / scores.std(), rel=1e-5)
    assert largest_gap(np.ones(3), np.ones(3)) == (0.0, 0)
    assert largest_gap(np.ones(3), np.array([1.0, 1.1, 1.0]))[0] == float("inf")


def test_verify_from_the_command_line(submit, workspace, capsys, monkeypatch):
    """Exit status 0 and 1; with --json, a list of checks and problems on standard output and nothing else."""
    monkeypatch.setenv("UTILBENCH_CACHE", str(workspace.cache))
    results = ["--results", str(workspace.results)]
    noisy = CONTRAST.replace("return [", "print('noise')\n        return [")
    assert main(["verify", str(submit(code=noisy)), "--run", "--json", *results]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) == 4
    assert all(set(one) == {"check", "problem"} and not one["problem"] for one in found)
    assert main(["verify", str(submit("ssim")), *results]) == 1
    captured = capsys.readouterr()
    assert "FAIL name and card.toml\n     the folder's name 'ssim'" in captured.out
    assert "ok   the table for tiny" in captured.out
    assert captured.err.endswith("1 of 2 checks failed\n")


@pytest.mark.parametrize("folder", sorted(path.parent for path in (ROOT / "submissions").glob("*/card.toml")))
def test_every_submission_is_valid(folder):
    """The template, and each submission that was accepted, passes `verify`, and its code `check`."""
    assert main(["verify", str(folder)]) == 0
    if (folder / "predictor.py").is_file():
        assert main(["check", str(folder / "predictor.py")]) == 0


def test_a_table_can_be_made_from_an_export_alone(tiny, workspace, submit, tmp_path, monkeypatch):
    """The example of submissions/README.md, on exported images and without the benchmark, makes a valid table."""
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "submissions" / "README.md").read_text(), re.DOTALL)
    assert "benchmark" not in example
    folder = submit("NAME", table=None)
    export(tiny.suite, "combined", workspace, str(tmp_path / "out"))
    monkeypatch.chdir(tmp_path)
    exec(example.replace("glyphs.parquet", "tiny.parquet"), {})
    assert problems(folder, workspace) == []


def test_cells_show_what_they_hold():
    """Whatever stands in a cell, the table has as many cells and rows as were given, and no HTML."""
    hostile = "<script>|\r\n\u2028\\|`x`[a](b) 'q' \"r\" 🦊 " + "é" * 300
    lines = markdown(["a", hostile], [[hostile, "1"]])
    assert len(lines) == 4
    for line in lines:
        assert "<" not in line
        assert len(line.splitlines()) <= 1
    assert [len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines[:3]] == [3, 3, 3]


@pytest.mark.usefixtures("in_this_process")
def test_code_that_reads_another_file_is_run_again_when_that_changes(tiny, workspace, tmp_path):
    """Weights beside predictor.py are part of what its scores are kept under."""
    folder = tmp_path / "weighted"
    folder.mkdir()
    (folder / "card.toml").write_text('authors = ["Ada"]\nlicence = "MIT"\ntrained_on = "nothing"\n')
    code = CONTRAST.replace(
        "return [", "sign = float((Path(__file__).parent / 'sign.txt').read_text())\n        return [sign * "
    )
    (folder / "predictor.py").write_text("from pathlib import Path\n" + code)
    found = []
    for sign in ("1", "-1"):
        (folder / "sign.txt").write_text(sign)
        found.append(evaluate(str(folder), tiny.suite, workspace=workspace, truth=tiny).metrics["auroc"].value)
    assert found[1] == pytest.approx(1 - found[0])


def test_a_table_is_neither_trained_nor_seeded(tiny, workspace, submit):
    """Asking for seeds or another training suite where scores are looked up is an error."""
    with pytest.raises(SubmissionError, match="neither trained nor seeded"):
        evaluate(str(submit()), tiny.suite, workspace=workspace, truth=tiny, seeds=(0, 1))


def test_what_code_imports_from_the_baselines_is_no_second_predictor(tmp_path):
    """A class made of a baseline's helper beside one predictor is fine."""
    path = tmp_path / "predictor.py"
    path.write_text(
        "from baselines.resnet18 import Recipe\nfrom benchmark import Predictor\n"
        "class Mine(Recipe):\n    pass\nclass One(Predictor):\n    pass\n"
    )
    assert code_problems(path) == []
