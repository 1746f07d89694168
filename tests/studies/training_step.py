"""What a training step takes alone, with its loader, and beside a busy process: `python -m tests.studies.training_step`.

ResNet-18 on squares of 64 px of glyphs, batches of 32, float32. *Before* is torch's default, threads that spin while they wait
and a worker beside them; *after* is what the package does: threads that leave their core, and preparing in turns with learning.
Each is a process of its own, since OpenMP reads its policy once. Writes results/studies/training_step.md.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

FILE = Path(__file__).parents[2] / "results" / "studies" / "training_step.md"
WAYS = {"before": ({"OMP_WAIT_POLICY": "undefined"}, 1), "after": ({}, 0)}
"""Environment, and workers; with a policy that it does not know, OpenMP does as with none: it spins for a while."""
SITUATIONS = ("alone", "with its loader", "beside a busy process")
STEPS = 24


def measure(situation, workers):
    """Mean seconds of a step, the first two apart."""
    import benchmark  # noqa: F401, I001 - before torch, which reads the policy that it sets
    import torch
    from torch.utils.data import DataLoader

    from baselines._squares import Draws, Squares, batches
    from baselines._network_training import Recipe, SquareClassifier
    from benchmark import Context
    from benchmark.evaluation.dataloading import lesson
    from benchmark.labelling.pipeline import make_ground_truth
    from benchmark.core.devices import prepare_process
    from benchmark.core.workspace import Workspace
    from benchmark.suites.loading import load_suite

    prepare_process()
    truth = make_ground_truth(load_suite("glyphs", limit=300), Workspace.named())
    examples, predictor = lesson(truth, "combined", "train", SquareClassifier), SquareClassifier(Context(), Recipe())
    predictor.model.to(memory_format=torch.channels_last)
    optimiser, times = predictor.optimiser(), []
    lists = DataLoader(Squares(examples, 64, "label"), batch_sampler=Draws(examples, 256, 8, 0), num_workers=workers)
    given = batches(lists, 32, STEPS)
    given = given if situation == "with its loader" else iter(list(given))
    start = time.perf_counter()
    for batch in given:
        predictor.train_step(predictor.model, batch, optimiser, torch.Tensor.backward)
        now = time.perf_counter()
        times.append(now - start)
        start = now
    return float(np.mean(times[2:]))


def main():
    """Measure every situation before and after, twice, and write the table."""
    rows = ["| a step, seconds | before | after | before / after |", "| --- | --- | --- | --- |"]
    for situation in SITUATIONS:
        seconds = {}
        for way, (variables, workers) in WAYS.items():
            busy = [sys.executable, "-c", "while True: pass"]
            other = subprocess.Popen(busy) if situation.startswith("beside") else None
            try:
                command = [sys.executable, "-m", "tests.studies.training_step", situation, str(workers)]
                runs = [
                    subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True)
                    for _ in range(2)
                ]
            finally:
                if other:
                    other.kill()
            seconds[way] = min(json.loads(one.stdout.splitlines()[-1]) for one in runs)
            print(situation, way, f"{seconds[way]:.3f} s", flush=True)
        ratio = seconds["before"] / seconds["after"]
        rows.append(f"| {situation} | {seconds['before']:.2f} | {seconds['after']:.2f} | {ratio:.1f} |")
    FILE.parent.mkdir(parents=True, exist_ok=True)
    about = " ".join(__doc__.splitlines()[2:6])
    FILE.write_text("\n".join([f"{os.cpu_count()} cores. {about}", "", *rows, ""]))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
