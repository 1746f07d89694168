"""What the command line says of itself: help, examples, usage, completion, and the list of what there is."""

import os
import re
import subprocess
import sys
from importlib.metadata import version

import pytest

from benchmark.cli.examples import EXAMPLES
from benchmark.cli.main import VERBS, main
from benchmark.cli.parser import parser, usage_problem
from benchmark.plugins.predictors.description import describe_baseline
from benchmark.plugins.predictors.discovery import find_predictor
from benchmark.plugins.predictors.names import predictor_names


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    """`--help` of each verb names the folders' variables and exit statuses."""
    with pytest.raises(SystemExit) as caught:
        main([verb, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "UTILBENCH_DATA" in out
    assert "Exit status" in out


@pytest.mark.parametrize("verb", EXAMPLES)
def test_the_examples_of_a_verb_are_valid(verb, capsys):
    """Each command under the help of a verb is one of that verb that the parser takes."""
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    commands = [line.strip() for line in capsys.readouterr().out.partition("Examples:\n")[2].splitlines()]
    commands = [re.split(r"\s{2,}", command)[0].split() for command in commands[: commands.index("")]]
    assert commands
    for command in commands:
        assert command[:2] == ["utilbench", verb]
        assert not usage_problem(parser().parse_args(command[1:]))


def test_without_a_verb_there_is_help(capsys):
    """`utilbench` alone prints what `utilbench --help` prints, and both end well; --version prints the package's version."""
    printed = []
    for arguments in ([], ["--help"], ["--version"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert all(f"    {verb} " in printed[0] for verb in VERBS)
    assert printed[2] == f"utilbench {version('utilbench')}\n"


@pytest.mark.parametrize(
    ("arguments", "usage", "message"),
    [
        (["runn", "ssim"], "utilbench [-h]", "no verb 'runn'; near: run"),
        (["compare", "ssim", "-s", "glyphs"], "utilbench compare [-h]", "name two predictors, or two codecs"),
        (["advise", "a.jpg", "--network", "x", "--predictor", "ssim"], "utilbench advise [-h]", "name its folder"),
        (["run", "ssim", "-s", "glyphs", "--limit", "x"], "utilbench run [-h]", "'x' is no whole number"),
        (["rank", "--limit", "0"], "utilbench rank [-h]", "0 is no number of sources; without --limit all are taken"),
    ],
)
def test_wrong_usage_shows_the_usage_of_the_verb(arguments, usage, message, capsys):
    """The error comes after the usage of the verb that was meant, or names verbs that are like the unknown one."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    printed = capsys.readouterr().err
    assert caught.value.code == 2
    assert printed.startswith(f"usage: {usage}")
    assert message in printed.splitlines()[-1]


def test_a_folder_and_a_file_that_is_missing_are_named(tmp_path, capsys):
    """`check` of a folder names the two ways on; `verify` of a path that does not exist says that, and what is like it."""
    (tmp_path / "mine").mkdir()
    assert main(["check", str(tmp_path / "mine")]) == 1
    assert f"{tmp_path / 'mine'} is a folder: name its predictor.py" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "mien")]) == 1
    assert f"no such file {tmp_path / 'mien'}; near: mine" in capsys.readouterr().err


def test_a_problem_that_several_checks_have_is_printed_once(tmp_path, capsys):
    """A predictor whose score() fails has one problem, not seven."""
    path = tmp_path / "careless.py"
    path.write_text(
        "from benchmark import Predictor\n\n\nclass Careless(Predictor):\n    def score(self, samples):\n"
        "        return [float(sample.pristine.mean()) for sample in samples]\n"
    )
    assert main(["check", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.endswith("has no attribute 'pristine'") for line in lines) <= 2
    assert sum(line.strip() == "the same, see above" for line in lines) >= 5


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("utilbench ru", {"run"}),
        ("utilbench run --dev", {"--device"}),
        ("utilbench run ss", {"ssim"}),
        ("utilbench run ssim -s imagenet-l", {"imagenet-lite", "imagenet-lite-256", "imagenet-lite-plain"}),
        ("utilbench rank glyphs-d", {"glyphs-det"}),
        ("utilbench score header 0000", {"00001.jpg"}),
    ],
)
def test_a_shell_completes_verbs_options_names_and_files(line, expected, tmp_path):
    """What argcomplete writes for a shell are the verbs, options, suites, predictors and files that begin like this."""
    (tmp_path / "00001.jpg").touch()
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    command = ["bash", "-c", f"{sys.executable} -m benchmark 8>&1 9>/dev/null"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=os.environ | asked)
    assert {name.strip() for name in result.stdout.splitlines()} == expected


@pytest.mark.parametrize("name", predictor_names())
def test_a_baseline_is_described_as_its_class_is(name):
    """First line and needs, as the source says them, are those of the class."""
    kind = find_predictor(name)[1]
    described = describe_baseline(name)
    assert described.about == kind.__doc__.strip().splitlines()[0]
    assert described.needs == kind.needs


@pytest.mark.parametrize(
    ("line", "heavy"),
    [
        ("list", {"torch", "torchvision", "timm", "matplotlib", "sklearn"}),
        ("compare header ssim -s imagenet-lite --results results", {"torch", "torchvision", "timm", "matplotlib"}),
        ("compare --codec jpeg,webp -s glyphs-mixed --results results", {"torch", "torchvision", "timm"}),
    ],
)
def test_what_needs_no_network_imports_no_library_of_networks(line, heavy, tmp_path):
    """`list` and `compare` are there at once: neither torch, torchvision nor timm is imported."""
    code = (
        f"import sys; from benchmark.cli.main import main; status = main({line.split()}); "
        f"print('imported', *sorted({heavy} & sys.modules.keys()), file=sys.stderr); sys.exit(status)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert result.stderr.splitlines()[-1] == "imported"


def test_judging_by_recorded_outcomes_imports_no_library_of_networks(tiny, tiny_file, tiny_workspace, tmp_path):
    """`run` of a predictor that asks for no network needs torch alone, where all outcomes are recorded."""
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "outcomes").symlink_to(tiny_workspace.results / "tiny" / "outcomes")
    line = ["run", "header", "-s", str(tiny_file), "--results", str(tmp_path)]
    code = (
        f"import sys; from benchmark.cli.main import main; status = main({line}); "
        "print('imported', *sorted({'torch', 'torchvision', 'timm'} & sys.modules.keys())); sys.exit(status)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "imported torch"


def test_help_imports_nothing_heavy():
    """The command line starts without torch, polars or matplotlib."""
    heavy = ("torch", "polars", "matplotlib", "numpy")
    code = (
        "import sys, benchmark.cli.main, benchmark.cli.parser as cli; cli.parser(); "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
