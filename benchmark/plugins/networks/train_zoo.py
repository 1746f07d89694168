"""Train the `zoo:` networks on the pool `zoo` of glyphs, and store them as fp16 safetensors.

    python -m benchmark.plugins.networks.train_zoo            trains all that have no weights yet
    python -m benchmark.plugins.networks.train_zoo vgg        trains this one again

The training set is 16,000 pristine scenes and 2,000 grounds without a letter, which are a class of their own; they are sheared,
turned, scaled and recoloured at random in each epoch. The optimiser is AdamW with a one-cycle rate up to 3e-3, batches of 64,
8 epochs. Then come 2 epochs up to 5e-4 with 4,000 more grounds as JPEG files of low quality, since without them networks take
blocks for an E. All in bf16 where the processor is faster in it. A network takes three to ten minutes on two cores without
AMX. The script prints the file's digest, which belongs in `zoo.DIGESTS`, and the accuracy on unseen scenes of the same pool and
of the suite's pool `train`, whose letters are fainter and whose fonts are different; `validation` and `test` are never used.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from benchmark.core.devices import prepare_process, seeded
from benchmark.core.images import Pixels
from benchmark.core.precision import autocast, training_precision
from benchmark.plugins.datasets.glyphs import scene
from benchmark.plugins.distortions import decoded, encoded, find_distortion
from benchmark.plugins.networks.weights import file_digest
from benchmark.plugins.networks.zoo import ARCHITECTURES, LETTERS, WEIGHTS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from benchmark.plugins.distortions import Distortion

SCENES, CHECKS, GROUNDS, BLOCKS = 16_000, 1_000, 2_000, 4_000
"""Number of training scenes, of scenes for a check, of grounds without a letter, and of such grounds that are compressed."""
BATCH = 64
STAGES = ((8, 3e-3), (2, 5e-4))
"""Epochs and highest rate, first without the compressed grounds, then with them."""
QUALITIES = (2, 30)
"""Least and greatest JPEG quality of compressed grounds."""


def render(
    pool: str, indices: range, *, letter: bool = True, compress: Callable[[Pixels], Pixels] = lambda pixels: pixels
) -> tuple[Tensor, Tensor]:
    """Scenes as float32 (N, 3, 64, 64) in -1..1, and their classes as int64 (N); without letters, all are of the last class."""
    pixels = np.stack([compress(scene(pool, index, letter=letter)) for index in indices]).transpose(0, 3, 1, 2)
    images = torch.from_numpy(pixels).float().div_(127.5).sub_(1)
    classes = [index % LETTERS if letter else LETTERS for index in indices]
    return images.contiguous(memory_format=torch.channels_last), torch.tensor(classes)


def vary(images: Tensor, random: torch.Generator) -> Tensor:
    """Shear, turn, scale and shift each image, change its channels' gains and sometimes its sign; shape and range stay."""
    count = len(images)

    def draw(width: int, reach: float) -> Tensor:
        return (torch.rand(count, width, generator=random) * 2 - 1) * reach

    linear = torch.eye(2) * (1 + draw(1, 0.15))[..., None] + draw(4, 0.2).view(count, 2, 2)
    theta = torch.cat([linear, draw(2, 0.1)[..., None]], dim=2)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    sign = torch.where(draw(1, 1) < -0.5, -1.0, 1.0)
    coloured = moved * (sign * (1 + draw(3, 0.3)))[..., None, None] + draw(3, 0.2)[..., None, None]
    return coloured.clamp_(-1, 1).contiguous(memory_format=torch.channels_last)


def train(name: str, model: nn.Module, images: Tensor, classes: Tensor, stage: int) -> None:
    """Train one network through a stage and print one line per epoch; what follows the pristine images is not varied."""
    torch.manual_seed(sum(name.encode()))
    epochs, rate = STAGES[stage]
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.05)
    steps = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, epochs * steps)
    order, precision = seeded(stage), training_precision("cpu")
    model.train()
    for epoch in range(epochs):
        start, total = time.perf_counter(), 0.0
        for chosen in torch.randperm(len(images), generator=order)[: steps * BATCH].split(BATCH):
            pristine = (chosen < SCENES + GROUNDS)[:, None, None, None]
            batch = torch.where(pristine, vary(images[chosen], order), images[chosen])
            with autocast("cpu", precision):
                loss = functional.cross_entropy(model(batch).float(), classes[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        seconds = time.perf_counter() - start
        print(
            f"{name} stage {stage + 1} epoch {epoch + 1}/{epochs} loss {total / steps:.3f} {seconds:.0f} s", flush=True
        )
    model.eval()


@torch.inference_mode()
def accuracy(model: nn.Module, images: Tensor, classes: Tensor) -> float:
    """Top-1 accuracy in float32."""
    guesses = torch.cat([model(batch).argmax(1) for batch in images.split(250)])
    return float((guesses == classes).float().mean())


def store(name: str, model: nn.Module) -> str:
    """Round a trained network's weights to fp16, write them, and return their digest and number as text."""
    halves = {key: value.half() if value.is_floating_point() else value for key, value in model.state_dict().items()}
    path = WEIGHTS / f"{name}.safetensors"
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in halves.items()}, path)
    model.load_state_dict(halves)
    return f"{file_digest(path)}, {sum(weight.numel() for weight in model.parameters()):,} weights"


def missing(names: Iterable[str]) -> list[str]:
    """The names for which no weight file exists yet."""
    return [name for name in names if not (WEIGHTS / f"{name}.safetensors").is_file()]


def compressor(codec: Distortion, random: np.random.Generator) -> Callable[[Pixels], Pixels]:
    """Compresses each image at a quality drawn from QUALITIES."""

    def compress(pixels: Pixels) -> Pixels:
        quality = int(random.integers(*QUALITIES, endpoint=True))
        return decoded(codec, encoded(codec, pixels, quality, "a training image"), "a training image")

    return compress


def training_sets() -> list[tuple[Tensor, Tensor]]:
    """Images and classes of each stage."""
    first, compress = SCENES + CHECKS, compressor(find_distortion("jpeg"), np.random.default_rng(0))
    parts = [
        render("zoo", range(SCENES)),
        render("zoo", range(first, first + GROUNDS), letter=False),
        render("zoo", range(first + GROUNDS, first + GROUNDS + BLOCKS), letter=False, compress=compress),
    ]
    sets = [tuple(map(torch.cat, zip(*parts[:count], strict=True))) for count in (2, 3)]
    return [(images, classes) for images, classes in sets]


def main(names: list[str]) -> None:
    """Train the named networks, or all that have no weights yet."""
    prepare_process()
    names = names or missing(ARCHITECTURES)
    stages = training_sets()
    compress = compressor(find_distortion("jpeg"), np.random.default_rng(1))
    checks = {
        "its own pool": render("zoo", range(SCENES, SCENES + CHECKS)),
        "the benchmark's": render("train", range(CHECKS)),
        "grounds alone": render("train", range(CHECKS), letter=False),
        "compressed ones": render("train", range(CHECKS), letter=False, compress=compress),
    }
    for name in names:
        model = ARCHITECTURES[name]().to(memory_format=torch.channels_last)
        for stage, (images, classes) in enumerate(stages):
            train(name, model, images, classes, stage)
        stored = store(name, model)
        accuracies = ", ".join(f"{accuracy(model, *check):.3f} on {title}" for title, check in checks.items())
        print(f"{name}: {stored}, accuracy {accuracies}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
