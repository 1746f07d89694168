"""The plan of all committed results."""

import csv

import pytest

from benchmark.cli.parser import parser
from benchmark.suites.loading import load_suite
from tests import make_results

STEPS = [arguments for _, arguments in make_results.steps()]
COMMANDS = [" ".join(arguments) for arguments in STEPS]


@pytest.mark.parametrize("arguments", STEPS, ids=COMMANDS)
def test_each_step_is_a_command(arguments):
    """The parser takes it, and it names suites that exist."""
    chosen = parser().parse_args(arguments)
    for name in (getattr(chosen, "train_on", ""), getattr(chosen, "suite", "")):
        assert not name or (name in make_results.SUITES and load_suite(name).name == name)


def test_no_step_stands_twice():
    """Each command is made once."""
    assert len(set(COMMANDS)) == len(COMMANDS)


def test_suites_are_labelled_before_anything_is_run_on_them():
    """Twins come after the suites whose outcomes they share, and another suite's training after its labels."""
    labelled = []
    for arguments in STEPS[:-1]:
        if arguments[0] == "label":
            labelled.append(arguments[1])
            assert (load_suite(arguments[1]).twin_of or arguments[1]) in labelled
        else:
            assert {name for name in arguments if name in make_results.SUITES} <= set(labelled)


def test_a_step_is_made_again_when_code_or_suite_changes(monkeypatch):
    """Its key holds the code of its predictors and the choices of its suites; `rank` is always made."""
    step = ["run", "ssim", "-s", "glyphs"]
    before = make_results.key(step)
    assert before != make_results.key(["run", "ssim", "-s", "glyphs-mixed"])
    monkeypatch.setattr(make_results, "code_of", lambda name: "other")
    assert make_results.key(step) != before
    assert make_results.key(["rank"]) == ""


def test_a_step_that_is_logged_is_not_made_again(tmp_path, monkeypatch, capsys):
    """The plan counts it as done, with its time, and only what is missing is run."""
    monkeypatch.setattr(make_results, "LOG", tmp_path / "times.csv")
    run = []
    monkeypatch.setattr(
        make_results.subprocess,
        "run",
        lambda command: run.append(command[3:]) or make_results.subprocess.CompletedProcess([], 0),
    )
    monkeypatch.setattr("sys.argv", ["make_results"])
    make_results.main()
    assert run == STEPS
    make_results.main()
    assert run == [*STEPS, ["rank"]]
    assert f"{len(STEPS) - 1} of {len(STEPS)} steps are done" in capsys.readouterr().out
    with (tmp_path / "times.csv").open() as file:
        assert [row["command"] for row in csv.DictReader(file)] == COMMANDS[:-1]
