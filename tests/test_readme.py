"""What the README shows works as it is written."""

import re
from pathlib import Path

from benchmark.cli import main, parser
from benchmark.distortions import encode_jpeg
from benchmark.evaluate import evaluate

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_your_own_predictor(tiny, tiny_paths, tmp_path, capsys):
    """The predictor of the README fits 15 lines, keeps the contract and gets a scorecard."""
    (block,) = [block for block in BLOCKS if "(Predictor)" in block]
    assert len(block.splitlines()) <= 15
    path = tmp_path / "contrast.py"
    path.write_text(block)
    assert main(["check", str(path)]) == 0
    card = evaluate(str(path), tiny.suite, paths=tiny_paths, truth=tiny)
    assert 0 < card["metrics"]["auroc"]["value"] < 1


def test_your_own_images(tiny, tmp_path, monkeypatch):
    """Two lines score a photograph with the committed threshold."""
    (block,) = [block for block in BLOCKS if "load_predictor" in block]
    (tmp_path / "results").symlink_to(ROOT / "results")
    (tmp_path / "photo.jpg").write_bytes(encode_jpeg(tiny.dataset.read("test-00000"), 60))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(block, names)
    assert [(row.score, row.useful) for row in names["found"]] == [(60, True)]


def test_verbs_and_options_exist():
    """Every `utilbench` line of the README is one that the command line takes."""
    lines = re.findall(r"^ {4}(utilbench [^\n#]*)", TEXT, re.MULTILINE)
    commands = [
        part.strip() for line in lines for part in re.split(r" {3,}|&&", line) if part.strip().startswith("utilbench")
    ]
    assert len(commands) > 10
    for command in commands:
        parser().parse_args(command.split()[1:])


def test_linked_files_exist():
    """Every relative link leads to a file of the repository."""
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
