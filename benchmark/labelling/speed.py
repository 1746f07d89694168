"""The speed of labelling: images per second, and the share of the time that the networks' forwards alone take."""

from __future__ import annotations

import logging
import time

import torch

from benchmark.core.devices import synchronise
from benchmark.core.precision import autocast
from benchmark.labelling.judging import forward_of
from benchmark.labelling.worker import Worker

logger = logging.getLogger(__name__)


def report_speed(worker: Worker, seconds: float) -> None:
    """Tell images per second, the share of the time that the forwards alone would take, and the time spent on compiling."""
    images = sum(worker.counts.values())
    if images:
        rate = f"{images} image x network in {seconds:.0f} s, {images / seconds:.0f}/s"
        compiling = f"; compiling took {worker.compiling:.0f} s" if worker.compiling else ""
        share = bare_forward_seconds(worker) / seconds
        logger.info(f"labelled {rate}; bare forwards / total: {share:.2f}{compiling}")


@torch.inference_mode()
def bare_forward_seconds(worker: Worker) -> float:
    """Time of the forwards alone: each network's last batch is repeated from memory and scaled to the number of its images."""
    total = 0.0
    for name, batch in worker.last.items():
        network, config = worker.networks[name], worker.config
        ready = network.preprocessing.normalise(batch, config.device)
        synchronise(config.device)
        times = []
        for _ in range(4):
            start = time.perf_counter()
            with autocast(config.device, config.execution.precision):
                forward_of(worker, network, ready)(ready)
            synchronise(config.device)
            times.append(time.perf_counter() - start)
        total += min(times) / len(batch) * worker.counts[name]
    return total
