"""Train the `zoo:` detectors on the pool `zoo` of glyph scenes, and store them as fp16 safetensors.

    python -m benchmark.plugins.networks.train_detectors                 trains all without weights
    python -m benchmark.plugins.networks.train_detectors ssd_resnext     trains this one again

Backbones start from the zoo's classifiers. Each of 24,000 different scenes is seen once, in random colours. The optimiser is
AdamW with a one-cycle rate up to 2e-3 and batches of 32, in bf16 where the processor is faster in it. A detector takes a few
minutes on two cores with AMX. The script prints the file's digest, which belongs in `zoo_detectors.DIGESTS`, and the mAP on
unseen scenes of the same pool and of the benchmark's pool `train`, whose letters are fainter and whose fonts and photographs
are different. The pool `test` is never used.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmark.core.devices import prepare_process, seeded
from benchmark.core.precision import autocast, training_precision
from benchmark.metrics.matches import match
from benchmark.metrics.mean_ap import mean_ap
from benchmark.plugins.datasets.glyph_scenes import scene
from benchmark.plugins.networks.detector import as_detections, from_detector
from benchmark.plugins.networks.train_zoo import missing, store
from benchmark.plugins.networks.weights import read_weights
from benchmark.plugins.networks.zoo import LETTERS, weights_file
from benchmark.plugins.networks.zoo_detectors import DETECTORS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from benchmark.core.types import Objects

SCENES, CHECKS = 24_000, 400
BATCH, RATE = 32, 2e-3


def images(pool: str, indices: range) -> Tensor:
    """Scenes as float32 (N, 3, 128, 128) in 0..1."""
    pixels = np.stack([scene(pool, index)[0] for index in indices])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255)


def targets(pool: str, indices: range) -> list[dict[str, Tensor]]:
    """Boxes and labels as torchvision's detectors expect them; label 0 is the background."""
    objects = [scene(pool, index)[1] for index in indices]
    return [
        {"boxes": torch.from_numpy(truth.boxes).float(), "labels": torch.from_numpy(truth.classes) + 1}
        for truth in objects
    ]


def recolour(batch: Tensor, random: torch.Generator) -> Tensor:
    """Change each image's brightness, its channels' gains and sometimes its sign; shape and range stay."""
    count = len(batch)
    sign = torch.where(torch.rand(count, 1, generator=random) < 0.25, -1.0, 1.0)
    gains = sign * (1 + 0.6 * (torch.rand(count, 3, generator=random) - 0.5))
    shift = 0.4 * (torch.rand(count, 3, generator=random) - 0.5)
    return ((batch - 0.5) * gains[..., None, None] + 0.5 + shift[..., None, None]).clamp_(0, 1)


def start(name: str) -> nn.Module:
    """A detector whose backbone has a classifier's weights."""
    torch.manual_seed(sum(name.encode()))
    model = DETECTORS[name]()
    body = name.partition("_")[2].removeprefix("rcnn_")
    features = model.backbone[0]  # type: ignore[index] # a Sequential
    state = {key: value.float() for key, value in read_weights(weights_file(body)).items()}
    left = features.load_state_dict(state, strict=False)  # type: ignore[union-attr]
    if left.missing_keys:
        raise RuntimeError(f"{name}: the classifier {body} lacks {left.missing_keys[0]}")
    return model.to(memory_format=torch.channels_last)


def train(name: str) -> nn.Module:
    """Train one detector and print one line every hundred steps."""
    model, order, precision = start(name).train(), seeded(0), training_precision("cpu")
    steps = SCENES // BATCH
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps)
    begun, total = time.perf_counter(), 0.0
    for step in range(steps):
        chosen = range(step * BATCH, (step + 1) * BATCH)
        batch = recolour(images("zoo", chosen), order).contiguous(memory_format=torch.channels_last)
        with autocast("cpu", precision):
            loss = torch.stack([part.float() for part in model(list(batch), targets("zoo", chosen)).values()]).sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        total += loss.item()
        if (step + 1) % 100 == 0:
            rate = (step + 1) * BATCH / (time.perf_counter() - begun)
            print(f"{name} step {step + 1}/{steps} loss {total / 100:.3f}, {rate:.0f} images/s", flush=True)
            total = 0.0
    return model.eval()


@torch.inference_mode()
def accuracy(name: str, model: nn.Module, pool: str, indices: range) -> float:
    """Mean average precision in float32."""
    truth: list[Objects] = [scene(pool, index)[1] for index in indices]
    network = from_detector(f"zoo:{name}", model, list(range(-1, LETTERS)), "", device="cpu")
    detections = [as_detections(answer) for answer in network.forward(list(images(pool, indices)))]
    return mean_ap(match(truth, detections, LETTERS), np.arange(len(truth)))


def main(names: list[str]) -> None:
    """Train the named detectors, or all that have no weights yet."""
    prepare_process()
    names = names or missing(DETECTORS)
    for name in names:
        model = train(name)
        stored = store(name, model)
        same = accuracy(name, model, "zoo", range(SCENES, SCENES + CHECKS))
        unseen = accuracy(name, model, "train", range(CHECKS))
        accuracies = f"mAP {same:.3f} on its own pool, {unseen:.3f} on the benchmark's"
        print(f"{name}: {stored}, {accuracies}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
