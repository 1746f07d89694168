"""Train the `zoo:` networks on the pool `zoo` of glyphs, and store them as fp16 safetensors.

    python -m benchmark.plugins.networks.train_zoo            trains all that have no weights yet
    python -m benchmark.plugins.networks.train_zoo vgg        trains this one again

The training set is 16,000 pristine scenes and 2,000 grounds without a letter, which are a class of their own, so that no letter
is the answer to what is none; they are sheared, turned, scaled and recoloured at random in each epoch. The optimiser is AdamW
with a one-cycle rate up to 3e-3, batches of 64 and 8 epochs, in bf16 where the processor is faster in it. A network takes three
to eight minutes on two cores without AMX. The script prints the file's digest, which belongs in `zoo.DIGESTS`, and the accuracy
on unseen scenes of the same pool and of the suite's pool `train`, whose letters are fainter and whose fonts are different. The
pools `validation` and `test` are never used.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from benchmark.core.devices import prepare_process, seeded
from benchmark.core.precision import autocast, training_precision
from benchmark.plugins.datasets.glyphs import scene
from benchmark.plugins.networks.network import file_digest
from benchmark.plugins.networks.zoo import ARCHITECTURES, LETTERS, WEIGHTS

if TYPE_CHECKING:
    from torch import Tensor, nn

SCENES, CHECKS, GROUNDS = 16_000, 1_000, 2_000
EPOCHS, BATCH, RATE = 8, 64, 3e-3


def render(pool: str, indices: range, *, letter: bool = True) -> tuple[Tensor, Tensor]:
    """Scenes as float32 (N, 3, 64, 64) in -1..1, and their classes as int64 (N); without letters, all are of the last class."""
    pixels = np.stack([scene(pool, index, letter=letter) for index in indices]).transpose(0, 3, 1, 2)
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


def train(name: str, images: Tensor, classes: Tensor) -> nn.Module:
    """Train one network and print one line per epoch."""
    torch.manual_seed(sum(name.encode()))
    model = ARCHITECTURES[name]().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    steps = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, EPOCHS * steps)
    order, precision = seeded(0), training_precision("cpu")
    for epoch in range(EPOCHS):
        model.train()
        start, total = time.perf_counter(), 0.0
        for chosen in torch.randperm(len(images), generator=order)[: steps * BATCH].split(BATCH):
            batch = vary(images[chosen], order)
            with autocast("cpu", precision):
                loss = functional.cross_entropy(model(batch).float(), classes[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(
            f"{name} epoch {epoch + 1}/{EPOCHS} loss {total / steps:.3f} {time.perf_counter() - start:.0f} s",
            flush=True,
        )
    return model.eval()


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


def main(names: list[str]) -> None:
    """Train the named networks, or all that have no weights yet."""
    prepare_process()
    names = names or missing(ARCHITECTURES)
    images, classes = map(torch.cat, zip(*training_set(), strict=True))
    own, grounds = render("zoo", range(SCENES, SCENES + CHECKS)), render("train", range(CHECKS), letter=False)
    unseen = render("train", range(CHECKS))
    for name in names:
        model = train(name, images, classes)
        stored = store(name, model)
        accuracies = (
            f"accuracy {accuracy(model, *own):.3f} on its own pool, {accuracy(model, *unseen):.3f} on the benchmark's"
        )
        print(f"{name}: {stored}, {accuracies}, {accuracy(model, *grounds):.3f} on grounds alone", flush=True)


def training_set() -> list[tuple[Tensor, Tensor]]:
    """The scenes with and without a letter."""
    first = SCENES + CHECKS
    return [render("zoo", range(SCENES)), render("zoo", range(first, first + GROUNDS), letter=False)]


if __name__ == "__main__":
    main(sys.argv[1:])
