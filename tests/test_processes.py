"""Training is shared out by `accelerate launch`: two processes on the CPU, by gloo, learn what one learns."""

import os
import re
import runpy
import subprocess
import sys

import torch
from safetensors.torch import load_file

from benchmark.evaluation.evaluate import evaluate
from benchmark.evaluation.scorecard import read_card
from benchmark.plugins.predictors.names import baselines_folder
from tests.conftest import workspace_in

STEP = """
import sys

import torch
from accelerate import Accelerator
from safetensors.torch import save_file
from torchvision.models import resnet18
from torchvision.ops import FrozenBatchNorm2d

from baselines._network_training import Recipe, SquareClassifier
from benchmark import Context

torch.manual_seed(0)
machine = Accelerator(cpu=True)
predictor = SquareClassifier(Context(), Recipe(optimiser="sgd", precision="float32"))
predictor.model = resnet18(num_classes=2, norm_layer=FrozenBatchNorm2d)
for name, value in predictor.model.named_buffers():
    if name.endswith(("bn1.weight", "bn2.weight", "1.weight")):
        value.fill_(0.5)
squares, answers = torch.randint(0, 256, (8, 1, 64, 64)).to(torch.uint8), torch.arange(8) // 2 % 2
model, optimiser = machine.prepare(predictor.model, predictor.optimiser())
mine = slice(machine.process_index, None, machine.num_processes)
predictor.train_step(model, (squares[mine], answers[mine]), optimiser, machine.backward)
if machine.is_main_process:
    found = {f"gradient {name}": one.grad for name, one in predictor.model.named_parameters()}
    save_file(found | {name: one.data for name, one in predictor.model.named_parameters()}, sys.argv[1])
"""
"""One step on eight squares, shared out; BatchNorm is frozen, since each process would see other statistics."""


def launch(processes, cache, *command):
    """Run a command under `accelerate launch` on the CPU; returns what it prints, messages included."""
    options = ["--cpu", "--num_processes", str(processes), "--num_machines", "1", "--mixed_precision", "no"]
    options += ["--num_cpu_threads_per_process", "1", "--dynamo_backend", "no", "--main_process_port", "0"]
    full = [sys.executable, "-m", "accelerate.commands.launch", *options, *map(str, command)]
    done = subprocess.run(
        full, capture_output=True, text=True, timeout=500, env=os.environ | {"UTILBENCH_CACHE": str(cache)}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def test_a_step_of_two_processes_is_that_of_one(tmp_path, monkeypatch):
    """Each with half of a batch, two processes have the gradients, and end with the weights, of one with all of it."""
    script, files = tmp_path / "step.py", [tmp_path / f"{processes}.safetensors" for processes in (1, 2)]
    script.write_text(STEP)
    monkeypatch.setattr(sys, "argv", [str(script), str(files[0])])
    runpy.run_path(str(script))
    launch(2, tmp_path, script, files[1])
    one, two = map(load_file, files)
    assert one.keys() == two.keys()
    assert sum(float(value.abs().sum()) for name, value in one.items() if name.startswith("gradient")) > 1
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-5 * float(value.abs().max()) + 1e-9, msg=name)


def test_a_training_of_two_processes_ends_within_the_interval_of_one(
    tiny, tiny_file, tiny_workspace, tmp_path, in_this_process
):
    """`run` under `accelerate launch` trains once, on both, and its AUROC lies within one process's interval; 12 steps."""
    code = (baselines_folder() / "resnet18.py").read_text()
    assert code.count("Recipe()") == 1
    file, results = tmp_path / "mine.py", tmp_path / "results"
    file.write_text(code.replace("Recipe()", "Recipe(steps=12)"))
    one = evaluate(str(file), tiny.suite, workspace=workspace_in(tmp_path / "one"), truth=tiny, seeds=[0]).metrics[
        "auroc"
    ]
    (results / "tiny").mkdir(parents=True)
    (results / "tiny" / "outcomes").symlink_to(tiny_workspace.results / "tiny" / "outcomes")
    told = launch(
        2, tmp_path / "cache", "-m", "benchmark", "run", file, "-s", tiny_file, "--seeds", "1", "--results", results,
        "--device", "cpu",
    )  # fmt: skip
    steps = re.findall(r"step (\d+)/", told)
    assert len(steps) == len(set(steps)) > 3
    two = read_card(results / "tiny" / "cards" / "combined" / "mine@tiny.combined.json").metrics["auroc"]
    assert one.low <= two.value <= one.high
