"""Labelling: against the forwards alone, against a naive script, and as sources grow."""

import subprocess
import sys
import time

import pytest
import torch

from benchmark.ground_truth import label
from benchmark.networks import load
from benchmark.outcomes import How
from benchmark.runtime import autocast, compiled
from benchmark.suite import load_suite
from tests.bench.conftest import environment

WAYS = {"float32": How(), "bf16, compiled": How(precision="bf16", compiled=True)}
SOURCES = {"float32": 100, "bf16, compiled": 1000}
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


@pytest.mark.parametrize("way", WAYS)
def test_label_against_bare_forwards(way, lite, once, figure):
    """Decoding, compressing, preprocessing and writing, beside what the networks alone take."""
    suite = load_suite("imagenet-lite", SOURCES[way])
    truth, seconds = once(label, suite, lite, "cpu", WAYS[way])
    bare = bare_seconds(truth, lite, WAYS[way])
    aim = ">= 0.90" if way == "float32" else ">= 0.80"
    figure(f"bare forwards / `label`, {way}", bare / seconds, aim, bare_seconds=bare, label_seconds=seconds)


@pytest.mark.parametrize("way", WAYS)
def test_label_against_a_naive_script(way, lite, once, figure):
    """Images judged a second, beside a script of one DataLoader a network."""
    truth, seconds = once(label, load_suite("imagenet-lite", SOURCES[way]), lite, "cpu", WAYS[way])
    judged = sum(truth.outcomes[name].height for name in truth.outcomes if name != "images")
    command = [sys.executable, "-m", "tests.bench.naive", "imagenet-lite", "50"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(lite))
    count, naive = (float(word) for word in done.stdout.split()[-2:])
    rates = {"label_images_per_second": judged / seconds, "naive_images_per_second": count / naive}
    aim = ">= 2.5" if way == "float32" else ">= 6"
    figure(f"`label` / naive script, {way}", judged / seconds * naive / count, aim, **rates)


def test_label_grows_linearly(lite, once, figure):
    """Seconds a source and peak memory at one to eight times as many sources, each in a process of its own."""

    def grow():
        found = {}
        for sources in (300, 600, 1200, 2400):
            command = [sys.executable, "-c", ONE_LABELLING, str(sources), str(lite.cache / str(sources))]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(lite))
            seconds, memory = done.stdout.rpartition("found")[2].split()
            found[sources] = float(seconds) / sources, float(memory) / 2**20
        return found

    found, _ = once(grow)
    times, memory = (list(column) for column in zip(*found.values(), strict=True))
    told = {f"{sources} sources": f"{1000 * a:.1f} ms a source, {b:.2f} GiB" for sources, (a, b) in found.items()}
    ratios = {"memory_8x_to_1x": memory[-1] / memory[0]}
    figure("seconds a source, 8x / 1x sources (`label glyphs`)", times[-1] / times[0], "0.9 to 1.1", **ratios, **told)
