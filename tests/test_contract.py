"""`check` finds each way of breaking the contract, and finds none in the baselines."""

import json

import pytest

from benchmark.cli.main import main
from benchmark.plugins.networks import weights_here
from benchmark.plugins.predictors.contract import CHECKS, UNTRAINED, check_predictor
from benchmark.plugins.predictors.discovery import find_predictor
from benchmark.plugins.predictors.names import predictor_names

SLOW = {"resnet18_paper", "resnet18_small", "resnet18_soft"}
"""The same code as `resnet18`, with other numbers."""

HEAD = """
import random
import torch
import benchmark

class Mine(benchmark.Predictor):
    def score(self, samples):
        {body}
"""
BROKEN = {
    "one finite score for each image": [
        "return [0.0]",
        "return [float('nan') for _ in samples]",
        "return [[1.0] for _ in samples]",
    ],
    "the same scores twice": [
        "return [random.random() for _ in samples]",
        "return [1e-9 * random.random() for _ in samples]",
    ],
    "the same score alone and in a batch": [
        "mean = sum(s.image.float().mean() for s in samples) / len(samples); "
        "return [float(s.image.float().mean() - mean) for s in samples]"
    ],
    "the same score in any order": ["return [float(place) for place, _ in enumerate(samples)]"],
    "samples are left unchanged": ["return [float(s.image.zero_().sum()) for s in samples]"],
    "images of any size, 1 x 1 to 1500 x 2000": ["return [float(s.image[0, 9, 9]) for s in samples]"],
    "grey and empty images": [
        "return [1 / float(s.image.float().std()) if s.image.float().std() else 1 / 0 for s in samples]"
    ],
}


@pytest.mark.parametrize("name", sorted(set(predictor_names()) - SLOW))
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_baselines_keep_the_contract(name):
    """Every check holds for every baseline."""
    if name == "mobilenet_v2" and not weights_here("torchvision:mobilenet_v2", None):
        pytest.skip("no weights of MobileNetV2 are here (`make mobilenet-weights`)")
    assert {check.name: check.problem for check in check_predictor(name) if check.problem} == {}


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(("told", "body"), [(told, body) for told, bodies in BROKEN.items() for body in bodies])
def test_each_check_finds_what_it_is_for(tmp_path, told, body):
    """A predictor that breaks one part of the contract fails the check of that part."""
    path = tmp_path / "mine.py"
    path.write_text(HEAD.format(body=body))
    problems = {check.name: check.problem for check in check_predictor(str(path))}
    assert set(problems) == {"it can be built", *UNTRAINED}
    assert problems[told]


LEARNED = """
import torch
import benchmark

class Mine(benchmark.LearnedPredictor):
    def fit(self, train, validation):
        {fit}
    def score(self, samples):
        return [float(self.weight) for _ in samples]
    def state(self):
        return {{"weight": self.weight}}
    def load_state(self, state):
        self.weight = {load}
"""


@pytest.mark.parametrize(
    ("fit", "load", "told", "message"),
    [
        ("self.weight = torch.ones(1)", "torch.zeros(1)", "it survives saving and loading", "after it was saved"),
        (
            "self.weight = torch.ones(1); self.notes = {'x': 1}",
            "state['weight']",
            "it survives saving and loading",
            "x",
        ),
        ("raise ValueError('no')", "None", "it can be built and trained", "ValueError: no"),
    ],
)
def test_learned_predictors_are_trained_saved_and_loaded(tmp_path, fit, load, told, message):
    """What is lost on the way, or cannot be trained at all, is found."""
    path = tmp_path / "mine.py"
    path.write_text(LEARNED.format(fit=fit, load=load))
    problems = {check.name: check.problem for check in check_predictor(str(path))}
    assert message in problems[told]
    assert set(problems) <= {"it can be built and trained", *CHECKS}


def test_the_verb_tells_and_exits(tmp_path, capsys):
    """Exit 0 and a line for each check; exit 1 where one fails; --json is for machines."""
    assert main(["check", "chance"]) == 0
    assert capsys.readouterr().out.count("ok   chance: ") == 1 + len(UNTRAINED)
    path = tmp_path / "mine.py"
    path.write_text(HEAD.format(body="return [0.0]"))
    assert main(["check", "--json", "chance", str(path)]) == 1
    told = capsys.readouterr()
    assert "checks failed" in told.err
    rows = json.loads(told.out)
    assert {row["predictor"] for row in rows} == {"chance", str(path)}
    assert not any(row["problem"] for row in rows if row["predictor"] == "chance")


def test_a_file_that_is_no_predictor_is_an_error(tmp_path, capsys):
    """What cannot be loaded is told in one line."""
    path = tmp_path / "mine.py"
    path.write_text("x = 1")
    assert main(["check", str(path)]) == 1
    assert "defines 0 subclasses" in capsys.readouterr().err
    assert find_predictor("chance")[0] == "chance"
