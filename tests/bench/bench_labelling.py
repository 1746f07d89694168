"""Labelling: against the forwards alone, against a naive script, and as sources grow."""

import re
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from benchmark.ground_truth import label
from benchmark.labelling import IMAGES
from benchmark.networks import load
from benchmark.outcomes import How
from benchmark.runtime import autocast, compiled
from benchmark.suite import load_suite
from tests.bench.conftest import ROOT, environment

WAYS = {"float32": How(), "bf16, compiled": How(precision="bf16", compiled=True)}
SOURCES = {"float32": 300, "bf16, compiled": 1000}
"""Compiling takes as long however many sources there are, so that way is measured on the whole suite."""
ONE_LABELLING = """
import resource, sys, time
from pathlib import Path
from benchmark.ground_truth import label
from benchmark.runtime import Paths
from benchmark.suite import load_suite

paths = Paths(None, None, Path(sys.argv[2]) / "cache", Path(sys.argv[2]) / "results")
suite = load_suite("glyphs", int(sys.argv[1]))
start = time.perf_counter()
label(suite, paths, "cpu")
print("found", time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@torch.inference_mode()
def bare_seconds(truth, paths, how):
    """What the forwards take on tensors in memory: each network as often as `label` ran it, on one batch."""
    total = 0.0
    image = truth.dataset.read(truth.parts["train"][0].id)
    size = 16 if how.compiled else 32
    for name in (*truth.suite.networks.labelling, *truth.suite.networks.held_out):
        network = load(name, paths.networks, "cpu")
        ready = network.prepared([torch.from_numpy(image.copy()).permute(2, 0, 1)] * size)
        forward = compiled(network.module) if how.compiled and network.module is not None else network.forward
        with autocast("cpu", how.precision):
            for _ in range(3):
                forward(ready)
            start = time.perf_counter()
            count = max(5, truth.outcomes[name].height // size // 4)
            for _ in range(count):
                forward(ready)
        total += (time.perf_counter() - start) / (count * size) * truth.outcomes[name].height
    return total


@pytest.fixture(scope="module")
def naive_rate():
    """Images a second that the naive script judges."""
    command = [sys.executable, "-m", "tests.bench.naive", "imagenet-lite", "50"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    images, seconds = map(float, done.stdout.split()[-2:])
    return images / seconds


@pytest.mark.parametrize("way", WAYS)
def test_label(way, lite, naive_rate, once, figure, capsys):
    """All of `label`, beside the forwards alone, and beside a script of one DataLoader a network."""
    how = WAYS[way]
    truth, seconds = once(label, load_suite("imagenet-lite", SOURCES[way]), lite, "cpu", how)
    compiling = [float(one) for one in re.findall(r"compiling took (\d+) s", capsys.readouterr().out)]
    rate = sum(truth.outcomes[name].height for name in truth.outcomes if name != IMAGES) / seconds
    bare = bare_seconds(truth, lite, how)
    exact = way == "float32"
    aim, told = ">= 0.90" if exact else ">= 0.80", {"forwards_seconds": bare, "label_seconds": seconds}
    figure(f"bare forwards / `label imagenet-lite`, {way}", bare / seconds, aim, **told)
    for one in compiling:
        figure(f"the same without the {one:.0f} s of compiling", bare / (seconds - one), aim)
    told = {"label_images_a_second": rate, "naive_images_a_second": naive_rate}
    figure(f"`label imagenet-lite` / a naive script, {way}", rate / naive_rate, ">= 2.5" if exact else ">= 6", **told)


def test_label_grows_linearly(lite, once, figure):
    """Seconds and peak memory at one to eight times as many sources, each in a process of its own."""

    def grow():
        found = []
        for sources in (300, 600, 1200, 2400):
            command = [sys.executable, "-c", ONE_LABELLING, str(sources), str(lite.cache / str(sources))]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(lite))
            seconds, memory = done.stdout.rpartition("found")[2].split()
            found.append((sources, float(seconds), float(memory) / 2**20))
        return found

    found, _ = once(grow)
    sources, seconds, memory = (np.array(column) for column in zip(*found, strict=True))
    slope, start = np.polyfit(sources, seconds, 1, w=1 / seconds)
    bend = np.abs(seconds / (start + slope * sources) - 1).max()
    told = {f"{n} sources": f"{a:.1f} s, {b:.2f} GiB" for n, a, b in found} | {"start seconds": float(start)}
    figure("farthest from a straight line, `label glyphs`, 1x to 8x sources", bend, "<= 0.10", **told)
    figure("peak memory, 8x / 1x sources", memory[-1] / memory[0], "0.9 to 1.1")
