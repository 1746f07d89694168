"""Advice on a person's photographs, beside what the network and the encoders take themselves."""

import threading
import time

import numpy as np

from benchmark.advice.advise import advise
from benchmark.core.devices import cores
from benchmark.labelling import bitstreams, judging
from tests.bench.bench_labelling import Probe

PHOTOGRAPHS = 50
NETWORK = "timm:tf_efficientnet_lite0"


def test_advise(lite, once, figure, monkeypatch):
    """Three codecs at eight levels each: reading, decoding, resizing, judging and choosing come on top."""
    encoders = Encoders()
    probe = Probe()
    monkeypatch.setattr(judging, "forward", probe)
    monkeypatch.setattr(bitstreams, "encoded", encoders)
    given = {"codecs": ["jpeg", "webp", "avif"], "keep": 0.9, "limit": PHOTOGRAPHS, "workspace": lite}
    advice, seconds = once(advise, str(lite.data / "open" / "images"), [NETWORK], **given)
    seconds -= probe.spent
    images = len(advice.observation.sources) * (1 + sum(len(choice.levels) for choice in advice.observation.choices))
    forwards = float(np.mean(probe.bare[NETWORK])) * images
    figure(
        "(bare forwards + encodes) / `advise`, 3 codecs x 8 levels", (forwards + encoders.seconds / cores()) / seconds,
        ">= 0.80", forwards_seconds=forwards, encodes_seconds=encoders.seconds / cores(), advise_seconds=seconds,
    )  # fmt: skip


class Encoders:
    """Encodes as before, and adds up the seconds of processor that it takes."""

    def __init__(self):
        self.encode, self.seconds, self.lock = bitstreams.encoded, 0.0, threading.Lock()

    def __call__(self, *given, **named):
        start = time.thread_time()
        data = self.encode(*given, **named)
        with self.lock:
            self.seconds += time.thread_time() - start
        return data
