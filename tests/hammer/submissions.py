"""Damaged and hostile submissions: each problem is one line that names the folder or the file, and nothing is executed."""

import json

from benchmark.core.errors import BenchmarkError
from benchmark.core.parquet import read_table
from benchmark.core.types import IMAGE
from benchmark.core.workspace import Workspace
from benchmark.evaluation.score_table import read_submitted_scores
from benchmark.evaluation.submission_check import verify
from benchmark.labelling.pipeline import recorded_truth
from benchmark.plugins.predictors.submission import find_submission
from benchmark.suites import loading
from tests.hammer.mutations import CHARACTERS, damaged_bytes, damaged_text
from tests.hammer.report import Try
from tests.test_strangers_files import CARD, CODE, UNFIT
from tests.test_submissions import TRAP

TABLE = '\ntrack = "no-reference"\n[scores.small]\nfingerprint = "{}"\n'
NAMES = (
    "ssim",
    "SSIM",
    "ssirn",
    "iqa-ms_ssim",
    "a b",
    "-rf",
    "..x",
    "x" * 70,
    "a\nb",
    "s\u0455im",
    "condition",
    "mine\u202e",
)


def submission(folder, inputs, draw):
    """A submission with a table and code that must not be executed, damaged in one way."""
    loading.FOLDER = inputs  # the small suite counts as one that comes with the package
    workspace = Workspace(data=None, networks=None, cache=inputs / "cache", results=inputs / "results")
    truth = recorded_truth(loading.load_suite("small"), workspace)
    scores, _ = read_table(inputs / "results" / "small" / "scores" / "jpeg_quality.parquet")
    table = scores.select(*IMAGE, "score")
    ending = draw.choice([".parquet", ".csv"])
    kind = draw.choice(["card", "table", "table", "file", "name", "code"])
    own = folder / (draw.choice(NAMES) if kind == "name" else "mine")
    (own / "scores").mkdir(parents=True)
    card, file = CARD + TABLE.replace("{}", truth.fingerprint), own / "scores" / f"small{ending}"
    (table.write_parquet if ending == ".parquet" else table.write_csv)(file)
    title = ""
    if kind == "card":
        card = title = damaged_text(draw, card)
    (own / "card.toml").write_text(card, newline="")
    (own / "predictor.py").write_text(TRAP + CODE)
    if kind == "table" and ending == ".csv" and draw.random() < 0.5:
        file.write_text(damaged_csv(draw, file.read_text()), newline="")
    elif kind == "table":
        file.write_bytes(damaged_bytes(draw, file.read_bytes()))
    elif kind == "code":
        (own / "predictor.py").write_bytes(damaged_bytes(draw, (TRAP + CODE).encode()))
    elif kind == "file":
        name, make, _ = draw.choice(UNFIT)
        (own / name).parent.mkdir(exist_ok=True)
        if name == "scores":
            file.unlink()
        make(own / name.replace("tiny", "small"))
        title = name
    shown = file.read_bytes()[:300].hex() if kind == "table" and file.is_file() else ""
    faults = faults_of(own, workspace, truth, table if kind != "table" else None)
    return Try(f"{kind} {title} {ending} {own.name!r} {shown}", faults)


def damaged_csv(draw, text):
    """A table as CSV with one cell or one line spoilt."""
    lines = text.split("\n")
    number = draw.randrange(len(lines) - 1)
    cells = lines[number].split(",")
    odd = (
        "nan",
        "inf",
        "-1",
        "1e999",
        "0x5",
        "1_0",
        "1.5",
        "",
        " ",
        '"',
        "true",
        "9" * 30,
        "é",
        "\0",
        "=1+1",
        draw.choice(CHARACTERS),
    )
    cells[draw.randrange(len(cells))] = draw.choice(odd)
    lines[number] = ",".join(cells)
    return "\n".join(lines)


def faults_of(own, workspace, truth, table):
    """What is wrong with what is told of a submission, or with the scores that are read of it although all seems right."""
    try:
        problems = [check.problem for check in verify(str(own), workspace, run=False) if check.problem]
        if problems:
            lines = [line for line in problems if not line.isprintable() or "executed" in line]
            return [f"tells {json.dumps(line)}" for line in lines]
        _, scores, wrong = read_submitted_scores(find_submission(str(own)), truth.indexed)
    except BenchmarkError as error:
        return [] if str(error).isprintable() and "executed" not in str(error) else [f"tells {json.dumps(str(error))}"]
    except (Exception, SystemExit) as error:
        return [f"raises {type(error).__name__}: {error!s:.300}"]
    if wrong:
        return [f"verify finds nothing, and reading finds {wrong[0]}"]
    rows = truth.indexed.scored_rows.select(IMAGE)
    if table is not None and rows.join(table, on=IMAGE, how="left", maintain_order="left")["score"].to_list() != list(
        scores
    ):
        return ["other scores are read than were written"]
    return []
