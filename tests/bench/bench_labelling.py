"""Labelling: against the forwards alone, against a naive script, and as sources grow."""

import functools
import logging
import re
import subprocess
import sys
import time
from collections import defaultdict

import numpy as np
import pytest

from benchmark.core.precision import autocast
from benchmark.labelling import judging
from benchmark.labelling.execution import PUBLISHED, ExecutionConfig
from benchmark.labelling.pipeline import label
from benchmark.labelling.shards import IMAGES
from benchmark.suites.loading import load_suite
from tests.bench.conftest import ROOT

WAYS = {"float32": ExecutionConfig(), "bf16, compiled": ExecutionConfig(precision="bf16", compiled=True)}
SOURCES = {"float32": 80, "bf16, compiled": 150}
"""Compiling takes as long however many sources there are, so that way is measured on more of them."""
AIMS = {"float32": (">= 0.92", ">= 2.5"), "bf16, compiled": (">= 0.85", ">= 6")}
"""Share of the forwards, and speed against the naive script."""
ONE_LABELLING = """
import os, re, sys, time
from pathlib import Path

os.environ["UTILBENCH_CACHE"] = sys.argv[2] + "/cache"
from benchmark.cli.main import main

start = time.perf_counter()
options = ["--limit", sys.argv[1], "--anew", "--device", "cpu", "--results", sys.argv[2] + "/results"]
status = main(["label", "glyphs", *options])
seconds = time.perf_counter() - start
assert not status
print("found", seconds, re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


class Probe:
    """Runs every fourth forward once more, on its input in memory, in the middle of the labelling that it is compared with."""

    def __init__(self):
        self.judge, self.calls, self.bare, self.spent = judging.forward, 0, defaultdict(list), 0.0

    def __call__(self, bench, network, squares, names):
        answers = self.judge(bench, network, squares, names)
        self.calls += 1
        if self.calls % 4 == 0:
            start = time.perf_counter()
            with autocast(bench.config.device, bench.config.execution.precision):
                ready = network.preprocessing.normalise(squares, bench.config.device)
                forward = judging.forward_of(bench, network, ready)
                begin = time.perf_counter()
                forward(ready)
                self.bare[network.name].append((time.perf_counter() - begin) / len(squares))
            self.spent += time.perf_counter() - start
        return answers


@functools.cache
def naive_rate(suite, sources):
    """Images a second that the naive script judges."""
    command = [sys.executable, "-m", "tests.bench.naive", suite, str(sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    images, seconds = map(float, done.stdout.split()[-2:])
    return images / seconds


def labelled(suite, workspace, once, probe, execution=PUBLISHED):
    """Seconds of all of `label`, seconds of its forwards alone, and images a second that it judges."""
    truth, seconds = once(label, suite, workspace, execution=execution)
    seconds -= probe.spent
    judged = {name: table.height for name, table in truth.outcomes.items() if name != IMAGES}
    bare = sum(float(np.mean(times)) * judged[name] for name, times in probe.bare.items())
    return seconds, bare, sum(judged.values()) / seconds


def test_label_detection(lite, once, figure, monkeypatch):
    """All of `label` with detectors, beside the forwards alone, and beside a loop over one DataLoader a network."""
    probe = Probe()
    monkeypatch.setattr(judging, "forward", probe)
    seconds, bare, rate = labelled(load_suite("coco-lite", limit=30), lite, once, probe)
    figure(
        "bare forwards / `label coco-lite`, float32",
        bare / seconds,
        ">= 0.92",
        forwards_seconds=bare,
        label_seconds=seconds,
    )
    naive = naive_rate("coco-lite", 15)
    told = {"label_images_a_second": rate, "naive_images_a_second": naive}
    figure("`label coco-lite` / a naive loop, float32", rate / naive, ">= 1", **told)


@pytest.mark.parametrize("way", WAYS)
def test_label(way, lite, once, figure, caplog, monkeypatch):
    """All of `label`, beside the forwards alone, and beside a script of one DataLoader a network."""
    probe = Probe()
    caplog.set_level(logging.INFO, "benchmark")
    monkeypatch.setattr(judging, "forward", probe)
    suite = load_suite("imagenet-lite", limit=SOURCES[way])
    seconds, bare, rate = labelled(suite, lite, once, probe, WAYS[way])
    compiling = [float(one) for one in re.findall(r"compiling took (\d+) s", caplog.text)]
    aim, told = AIMS[way][0], {"forwards_seconds": bare, "label_seconds": seconds}
    figure(f"bare forwards / `label imagenet-lite`, {way}", bare / seconds, aim, **told)
    for one in compiling:
        figure(f"the same without the {one:.0f} s of compiling", bare / (seconds - one), aim)
    naive = naive_rate("imagenet-lite", 25)
    told = {"label_images_a_second": rate, "naive_images_a_second": naive}
    figure(f"`label imagenet-lite` / a naive script, {way}", rate / naive, AIMS[way][1], **told)


def test_label_grows_linearly(lite, once, figure):
    """Seconds and peak memory at one to four times as many sources, each in a process of its own."""

    def grow():
        found = []
        for sources in (60, 120, 240):
            command = [sys.executable, "-c", ONE_LABELLING, str(sources), str(lite.cache / str(sources))]
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
            seconds, memory = done.stdout.rpartition("found")[2].split()
            found.append((sources, float(seconds), float(memory) / 2**20))
        return found

    found, _ = once(grow)
    sources, seconds, memory = (np.array(column) for column in zip(*found, strict=True))
    slope, start = np.polyfit(sources, seconds, 1, w=1 / seconds)
    bend = np.abs(seconds / (start + slope * sources) - 1).max()
    told = {f"{n} sources": f"{a:.1f} s, {b:.2f} GiB" for n, a, b in found} | {"start seconds": float(start)}
    figure("farthest from a straight line, `label glyphs`, 1x to 4x sources", bend, "<= 0.10", **told)
    figure("peak memory, 4x / 1x sources", memory[-1] / memory[0], "0.9 to 1.1")
