"""Hostile submissions and predictor files are refused before they are read or executed, in one line that names the culprit."""

import gzip
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from benchmark.cli.main import main
from benchmark.core.errors import PredictorError, SubmissionError
from benchmark.core.files import read_bounded
from benchmark.core.markdown import cell_text
from benchmark.core.messages import clean_line, printable
from benchmark.core.types import IMAGE
from benchmark.evaluation.score_table import parse, row_problems
from benchmark.plugins.predictors.answers import as_numbers, built, checked_scores, named
from benchmark.plugins.predictors.base import Context, LearnedPredictor, Predictor
from benchmark.plugins.predictors.discovery import check_kind, find_predictor, load_file
from benchmark.plugins.predictors.names import name_problem
from benchmark.plugins.predictors.resolve import resolve_predictor
from benchmark.plugins.predictors.source import code_problems
from benchmark.plugins.predictors.submission import find_submission, read_submission

ROOT = Path(__file__).parents[1]
CARD = 'authors = ["Ada"]\nlicence = "MIT"\ntrained_on = "nothing"\n'
CODE = (
    "import benchmark\nclass Mine(benchmark.Predictor):\n    def score(self, samples): return [0.0 for _ in samples]\n"
)
LEARNER = "import benchmark\nclass Mine(benchmark.LearnedPredictor):\n"
METHODS = {name: f"    def {name}(self, *given): pass\n" for name in ("score", "fit", "state", "load_state")}
LARGE = 40 * 2**30


@pytest.fixture
def folder(tmp_path):
    """A valid submission with code alone."""
    path = tmp_path / "submissions" / "mine"
    (path / "scores").mkdir(parents=True)
    (path / "card.toml").write_text(CARD)
    (path / "predictor.py").write_text(CODE)
    return path


def sparse(path):
    """A file of 40 GiB that takes no space."""
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(LARGE)


def pipe(path):
    """A named pipe, which nobody writes to."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def link(target):
    """What makes a link to a target."""

    def make(path):
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    return make


def listening(path):
    """A socket; a path of another one may be too long for the system."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        before = Path.cwd()
        os.chdir(path.parent)
        server.bind(path.name)
        os.chdir(before)


OTHER = ("card.toml", "predictor.py", "scores/tiny.csv", "scores/tiny.parquet", "weights.bin", "more/weights.bin")
UNFIT = [
    *((name, sparse, "has 42,949,672,960 bytes; at most ") for name in OTHER),
    *((name, pipe, "is a pipe, a socket or a device") for name in OTHER),
    *((name, link("/etc/hostname"), "is a link out of the folder") for name in OTHER),
    *((name, link("/dev/zero"), "is a link out of the folder") for name in ("card.toml", "predictor.py")),
    ("scores", link("/etc"), "is a link out of the folder"),
    ("scores", link(".."), "is a link out of the folder"),
    ("more", link("/proc/self"), "is a link out of the folder"),
    ("weights.bin", listening, "is a pipe, a socket or a device"),
    ("weights.bin", link("weights.bin"), "cannot be read (Too many levels of symbolic links)"),
    ("weights.bin", link("none"), "cannot be read (No such file or directory)"),
]


@pytest.mark.parametrize(("name", "make", "message"), UNFIT)
def test_files_are_refused_before_they_are_read(folder, capsys, name, make, message):
    """What is too large, no regular file or a link out of the folder is one problem, for `verify` and for `run`."""
    (folder / name).parent.mkdir(exist_ok=True)
    make(folder / name)
    _, (found,) = read_submission(folder)
    assert name in found
    assert message in found
    with pytest.raises(SubmissionError, match=name):
        find_submission(str(folder))
    assert main(["verify", str(folder)]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_links_within_the_folder_are_files(folder):
    """A link to a file of the same submission is accepted."""
    (folder / "weights.bin").write_bytes(b"1")
    (folder / "same.bin").symlink_to("weights.bin")
    submission, found = read_submission(folder)
    assert found == []
    before = submission.other_files()
    (folder / "weights.bin").write_bytes(b"2")
    assert submission.other_files() != before


def test_code_below_is_part_of_the_digest(folder):
    """A module of a submission counts, whatever its name is; only the card and the code at the top do not."""
    submission, _ = read_submission(folder)
    digests = [submission.other_files()]
    for text in ("1", "2"):
        (folder / "more").mkdir(exist_ok=True)
        (folder / "more" / "predictor.py").write_text(text)
        digests.append(submission.other_files())
    assert len(set(digests)) == 3


def test_the_number_and_the_sum_of_files_are_bounded(folder, monkeypatch):
    """Many small files are refused as one large file is."""
    for number in range(8):
        (folder / f"{number}.bin").write_bytes(bytes(100))
    monkeypatch.setattr("benchmark.plugins.predictors.submission_files.MOST_TOGETHER", 799)
    assert "bytes together; at most 799 are accepted" in read_submission(folder)[1][0]
    monkeypatch.setattr("benchmark.plugins.predictors.submission_files.MOST_FILES", 5)
    assert "has more than 5 files and folders" in read_submission(folder)[1][0]


@pytest.mark.parametrize("make", [sparse, pipe, link("/dev/zero"), Path.mkdir])
def test_a_file_of_code_is_bounded_too(tmp_path, make):
    """`run` and `check` of a path read a regular file of code, of at most a mebibyte, or refuse it."""
    make(tmp_path / "mine.py")
    with pytest.raises(PredictorError, match=r"mine\.py: cannot be read as Python \((it |Is a dir)"):
        find_predictor(str(tmp_path / "mine.py"), hidden=())
    with pytest.raises(OSError, match=r"(it |Is a dir)"):
        read_bounded(tmp_path / "mine.py", 10)


def test_bytecode_beside_a_file_is_not_executed(tmp_path):
    """The code that runs is that of the source, of which the digest is taken, not what lies in `__pycache__`."""
    import importlib.util
    import py_compile

    path, other = tmp_path / "mine.py", tmp_path / "other.py"
    path.write_text(CODE)
    other.write_text("raise SystemExit('executed')")
    cached = importlib.util.cache_from_source(str(path))
    py_compile.compile(str(other), cached, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    assert load_file(str(path)).__name__ == "Mine"


ROW = pl.DataFrame({"source": [""], "distortion": [""], "level": [1], "score": [0.5]})
BOMBS = {
    "rows.parquet": (lambda: parquet(ROW[[0] * 10**6]), "has 1,000,000 rows"),
    "lists.parquet": (
        lambda: parquet(ROW.with_columns(score=pl.lit([0.0] * 10**6, pl.List(pl.Float64)))),
        "column score is of List(Float64); numbers are needed",
    ),
    "texts.parquet": (
        lambda: parquet(ROW[[0] * 900].with_columns(source=pl.lit("ab " * 1000))),
        "has 900 rows, 2,700,000 bytes; at most 1,000 and 1,000,000 are read",
    ),
    "wide.csv": (lambda: b"a," * 10**6, "its columns are"),
    "packed.csv": (lambda: gzip.compress(bytes(10**7)), "not readable as csv"),
    "long.csv": (lambda: b"source,distortion,level,score\n" + 10**5 * b"\n", "has 100,001 rows"),
    "empty.parquet": (lambda: b"", "not readable as parquet"),
}  # fmt: skip


def parquet(table):
    """The bytes of a table."""
    import io

    buffer = io.BytesIO()
    table.write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("name", BOMBS)
def test_what_a_table_unpacks_to_is_bounded(name, monkeypatch):
    """Columns, rows and uncompressed size are read first, and what is no table of scores is not read further."""
    monkeypatch.setattr("benchmark.evaluation.score_table.MOST_TABLE", 10**6)
    make, message = BOMBS[name]
    table, (problem,) = parse(make(), Path(name).suffix, most_rows=1000)
    assert problem.startswith(message)
    assert table.is_empty()


TAKEN = {
    "ssim": "is that of another predictor",
    "SSIM": "looks like that of another predictor, ssim",
    "ssIm": "looks like that of another predictor, ssim",
    "ssim.py": "",
    "resnetl8": "looks like that of another predictor, resnet18",
    "resnetI8": "looks like that of another predictor, resnet18",
    "ssirn": "looks like that of another predictor, ssim",
    "resnet18-small": "looks like that of another predictor, resnet18_small",
    "iqa-ms_ssim": "one of iqa:...",
    "IQA-MS_SSIM": "one of iqa:...",
    "iqa_ms_ssim": "one of iqa:...",
    "lqa-ms_ssim": "one of iqa:...",
    "0od-max_logit": "one of ood:...",
    "condition": "is that of another predictor",
    "theirs": "is that of another predictor",
    "Their5": "",
    "ssіm": "is not valid",  # noqa: RUF001 - the Cyrillic letter is the test
    "": "is not valid",
    "iqa": "",
    "mine": "",
}


@pytest.mark.parametrize("name", TAKEN)
def test_names_that_are_taken(name):
    """Names are compared as readers and file systems see them, with baselines, adapters, packages and others."""
    problem = name_problem(name, packages=(), others=["theirs"])
    assert TAKEN[name] in problem
    assert bool(problem) == bool(TAKEN[name])


def test_submissions_side_by_side_look_different(folder):
    """Two submissions whose names look alike are told, each by the other's name."""
    assert read_submission(folder)[1] == []
    other = folder.parent / "M1NE"
    other.mkdir()
    (other / "card.toml").write_text(CARD)
    assert "looks like that of another predictor, M1NE" in read_submission(folder)[1][0]


@pytest.mark.parametrize("name", ["ssim", "SSIM", "iqa-ms_ssim", "a b", "$x$", "ssіm"])  # noqa: RUF001 - as above
def test_a_file_elsewhere_has_a_name_of_its_own(tmp_path, name):
    """A file with a baseline's name, or without a plain one, is refused unexecuted with the hint to rename it."""
    path = tmp_path / f"{name}.py"
    path.write_text("raise SystemExit('executed')")
    with pytest.raises(PredictorError, match=r"its name .* \(rename the file\)"):
        find_predictor(str(path), hidden=())


def test_a_class_has_a_name_of_its_own():
    """So has a class that is given from Python, but for those of the baselines."""
    from baselines.chance import Chance

    assert resolve_predictor(Chance).name == "chance"
    with pytest.raises(PredictorError, match="'chance' is that of another predictor"):
        resolve_predictor(type("CHANCE", (Predictor,), {"score": Chance.score}))


PAPERS = {
    "https://doi.org/10.23919/eusipco55093.2022.9909664": True,
    "http://example.org": True,
    "HTTPS://example.org:8080/a?b=c#d": True,
    "10.1109/TIP.2003.819861": True,
    "doi:10.1109/TIP.2003.819861": True,
    "javascript:alert(1)": False,
    "file:///etc/passwd": False,
    "https://arxiv.org@evil.example/x": False,
    "https://": False,
    "https://a b.org": False,
    "Ada et al., 2020": False,
    "ftp://example.org/x": False,
    "https://exаmple.org": False,  # noqa: RUF001 - the Cyrillic letter is the test
}


@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_is_an_address_or_a_doi(folder, paper):
    """What stands under `paper` leads to a page, or is refused."""
    (folder / "card.toml").write_text(f'{CARD}paper = "{paper}"\n')
    found = read_submission(folder)[1]
    assert ["paper is" in one for one in found] == ([] if PAPERS[paper] else [True])


@pytest.mark.parametrize("text", ["\\u001b[31m", "a\\u202eb", "a\\u0000", "a\\u2066b", "\\ufeff"])
def test_texts_of_a_card_are_printable(folder, text):
    """Control characters, and those that turn the direction of text, are refused in every text of a card."""
    (folder / "card.toml").write_text(CARD.replace("MIT", text).replace("Ada", text))
    found = read_submission(folder)[1]
    assert ["not printable" in one for one in found] == [True, True]
    assert all(one.isprintable() for one in found)


MISSPELT = {
    CODE.replace("score", "scroe"): "Mine lacks score; is scroe meant to be score?",
    CODE.replace("score", "Score"): "Mine lacks score; is Score meant to be score?",
    CODE.replace("import benchmark", "import torch, benchmark")
    .replace("(benchmark.Predictor)", "(benchmark.Predictor, torch.nn.Module)")
    .replace("score", "socre"): "Mine lacks score; is socre meant to be score?",
    CODE + "    need = {'reference'}\n": "Mine sets no needs; is need meant to be needs?",
    CODE + "    seed = 3\n    helper = 1\n    def scores(self): pass\n": "",
    CODE.replace("score", "scores") + "    score = scores\n": "",
    LEARNER + "".join(METHODS.values()): "",
    LEARNER + "".join(METHODS.values()).replace("load_state", "laod_state"): "is laod_state meant to be load_state?",
    LEARNER + "".join(METHODS.values()).replace("fit", "ftt"): "",
    LEARNER + "".join(METHODS.values()) + "    taget = 'utility'\n": "is taget meant to be target?",
    "class Help:\n"
    + METHODS["score"]
    + CODE.replace("(benchmark.", "(Help, benchmark.").replace("score", "scored"): "",
    "from baselines.ssim import SSIM\nclass Mine(SSIM):\n    def scores(self): pass\n": "",
}


@pytest.mark.parametrize("code", MISSPELT)
def test_misspelt_members_are_found_unexecuted(tmp_path, capsys, code):
    """A method or attribute that is missing where a similar one is defined is told, without executing the file."""
    path = tmp_path / "mine.py"
    path.write_text(code + "raise SystemExit('executed')\n")
    found = code_problems(path)
    assert len(found) == bool(MISSPELT[code])
    if found:
        assert MISSPELT[code] in found[0]
        assert main(["check", str(path)]) == 1
        assert f"utilbench: {found[0]}\n" == capsys.readouterr().err


SOURCES = {
    b"# coding: latin-1\n# \xe9\n": "",
    b"\xef\xbb\xbf": "",
    b"# \xe9\n": "cannot be read as Python",
    b"# coding: rot13\n": "cannot be read as Python",
    b"# coding: nonsense\n": "cannot be read as Python",
    b"\x00": "cannot be read as Python",
    b"(" * 5000: "cannot be read as Python",
    b"x = \n": "cannot be read as Python",
}


@pytest.mark.parametrize("head", SOURCES)
def test_encodings_of_source(tmp_path, head):
    """A file in the encoding that it names is read; another one is told by its name, in one line."""
    path = tmp_path / "mine.py"
    path.write_bytes(head + CODE.encode())
    if not SOURCES[head]:
        assert code_problems(path) == []
        assert find_predictor(str(path), hidden=())[0] == "mine"
        return
    assert len(code_problems(path)) == 1
    with pytest.raises(PredictorError) as caught:
        find_predictor(str(path), hidden=())
    assert str(caught.value).startswith(f"{path}: {SOURCES[head]}")
    assert str(caught.value).isprintable()


def learner(**members):
    """A class of a predictor that learns."""
    methods = {name: lambda self, *given: [] for name in METHODS}
    return type("Mine", (LearnedPredictor,), methods | members)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"needs": 5}, "Mine has needs = 5; a set of texts is needed"),
        ({"needs": "reference"}, "Mine has needs = 'reference'; a set of texts is needed"),
        ({"needs": {3}}, "a set of texts is needed"),
        ({"needs": property(lambda self: set())}, "a set of texts is needed"),
        ({"target": ["label"]}, r"has the target \['label'\]"),
        ({"target": np.zeros(2)}, "has the target array"),
        ({"seeded": "no"}, "Mine has seeded = 'no'; it is True or False"),
        ({"seeded": None}, "it is True or False"),
    ],
)
def test_attributes_of_a_class_are_checked(members, message):
    """needs, target and seeded of another kind are told by the class's name."""
    with pytest.raises(PredictorError, match=message):
        check_kind(learner(**members))


def test_a_constructor_calls_that_of_its_base():
    """One that does not is told so, and not by what then is missing."""
    with pytest.raises(PredictorError, match=r"mine: the constructor raised TypeError: it does not call super\(\)"), named(
        "mine", "the constructor"
    ):  # fmt: skip
        built(learner(__init__=lambda self, context: None), Context())


def test_errors_of_this_package_are_told_by_the_predictor():
    """A BenchmarkError that a predictor raises bears its name once; one of a class of its own is no error of this package."""
    for error, text in (
        ("the suite\nnames no probe", r"the suite\\nnames"),
        ("mine: the suite names no probe", "the suite names"),
    ):
        with pytest.raises(PredictorError, match=f"^mine: {text} no probe$"), named("mine", "score()"):
            raise PredictorError(error)
    with pytest.raises(PredictorError, match=r"^mine: score\(\) raised Own: forged$"), named("mine", "score()"):
        raise type("Own", (SubmissionError,), {})("forged")


NO_SCORES = {
    "texts in an array": np.array(["1", "2"], dtype=object),
    "texts in a column": pl.Series(["1", "2"]),
    "texts": np.array(["1", "2"]),
    "booleans": np.array([True, False]),
    "a boolean among numbers": [True, np.float32(2)],
    "a boolean tensor": [torch.tensor(True), 0.5],
    "dates": np.array(["2020", "2021"], dtype="datetime64[D]"),
    "durations": np.array([1, 2], dtype="timedelta64[D]"),
    "complex numbers": [1j, 2],
    "names": {0: 0.5, 1: 0.7},
    "no order": {0.5, 0.7},
    "nothing": None,
    "later": (number for number in (1, 2)),
}
SCORES = ([1, 2.5], (10**30, 1), np.float16([1, 2]), pl.Series([1, 2]), torch.ones(2), [torch.tensor(1.0), np.int8(2)])


@pytest.mark.parametrize("name", NO_SCORES)
def test_what_is_no_number_is_no_score(name):
    """Whatever NumPy would convert to numbers, in an array, a list or a column, is refused by its type."""
    with pytest.raises(TypeError, match="scores are numbers, not"):
        as_numbers(NO_SCORES[name])


@pytest.mark.parametrize("values", SCORES, ids=repr)
def test_numbers_of_any_kind_are_scores(values):
    """Integers and floats of Python, NumPy, polars and torch are taken as they are."""
    assert as_numbers(values).tolist() == [float(value) for value in values]


@pytest.mark.parametrize("value", [1.1e100, -1e200, 1.7e308])
def test_scores_are_bounded(value):
    """What is beyond 1e100 is refused, from code and from tables, by image and with what is valid."""
    kind = type("Mine", (Predictor,), {"score": lambda self, samples: [0.0, value]})
    with pytest.raises(PredictorError, match=r"mine: the score of b is .*e\+\d+; scores are from -1e\+100 to 1e\+100"):
        checked_scores("mine", kind(Context()), ["", ""], ["a", "b"])
    rows = pl.DataFrame(
        {"source": ["a", "b"], "distortion": "jpeg", "level": [1, 1], "part": ["test", "held_out"], "expected": True}
    )
    table = rows.select(*IMAGE, score=pl.Series([1e100, value]))
    assert row_problems(table, rows) == ["1 rows have a score beyond -1e+100 to 1e+100; the first: row 2, 'b', jpeg 1"]


def test_texts_are_shown_in_printable_characters():
    """Boards, pages and figures hold no control character, none that turns the direction of text, and no formula."""
    from benchmark.leaderboard.figures import as_written
    from benchmark.leaderboard.site.pages import templates

    hostile = "a\x1b[31m\u202eb\n$x^2$ \x00<i>"
    clean = "a\ufffd[31m\ufffdb $x^2$ \ufffd<i>"
    assert printable(hostile) == clean_line(hostile) == clean
    assert cell_text(hostile) == "a\ufffd\\[31m\ufffdb $x^2$ \ufffd&lt;i&gt;"
    assert templates().from_string("{{ text }}").render(text=hostile) == clean.replace("<i>", "&lt;i&gt;")
    assert as_written(hostile) == clean.replace("b $x^2$", "b\n\\$x^2\\$")


@pytest.mark.parametrize("arguments", [["verify", "."]])
def test_nothing_beside_a_submission_is_imported(folder, arguments):
    """`python -m benchmark verify .` in a submission's folder imports none of its files."""
    for name in ("polars", "msgspec", "tomllib", "difflib", "baselines"):
        (folder / f"{name}.py").write_text("raise SystemExit('executed')")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONSAFEPATH", None)
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ok   name and card.toml\nok   predictor.py looks like one predictor\n")
