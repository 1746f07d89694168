"""The reference: a ResNet-18 with two classes, cross-entropy (paper, section V).

The paper trains it by SGD at a rate of 1e-4 and gives neither steps, batch nor initialisation; `resnet18_paper` does that. From
scratch, on the few images of a small suite, SGD hardly starts to learn in the time that a CPU affords, so this default recipe
is another: AdamW, one-cycle rate to 2e-3, batches of 32, 1,200 steps or 40 epochs, whichever is less, bf16; of eight checks the
state with the best validation AUROC is kept. Examples are drawn by their class weights: weighted in the loss instead, a batch
has too few of the rarer class to learn from. It starts from ImageNet weights where they are at hand, else from scratch; the
notes say which.

What compression does is fine and lies on a grid of 8 px, so images are never resized: the network sees a square cut out on that
grid, at random in training, in the middle when it scores. It sees brightness only; in training, squares are mirrored,
transposed and changed in gain and brightness, since a suite has few photographs.

`resnet18_soft` is the same network as a regressor of the continuous utility (paper, Eq. 2).
"""

import dataclasses
import itertools
import math

import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, WeightedRandomSampler
from torchvision.models import resnet18
from torchvision.transforms.v2 import functional

from benchmark import LearnedPredictor, MissingWeights, autocast

SIDES = (64, 128, 224)
"""Sides of the squares that it scores, in px: the largest that fits into the image."""
GRID = 8
CHECKS = 8


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the network is trained."""

    optimiser: str = "adamw"
    rate: float = 2e-3
    """Learning rate, at its peak where it is one-cycle."""
    one_cycle: bool = True
    """Whether the rate rises and falls; else it is constant."""
    steps: int = 1200
    epochs: int = 40
    """Where so many epochs take fewer steps, there are fewer."""
    batch: int = 32
    crop: int = 96
    """Side of the squares that it is trained on, in px, at most."""
    precision: str = "bf16"
    target: str = "label"
    """`label`: cross-entropy, kept at the best AUROC; `utility`: squared error, kept at the best rank correlation."""


class Squares(torch.utils.data.Dataset):
    """Examples as (uint8 square, label or utility), cut out and varied at random."""

    def __init__(self, examples, side, target):
        self.examples, self.side, self.target = examples, side, target

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, place):
        example = self.examples[place]
        return vary(square(example.sample.image, self.side, torch.rand(2).tolist())), getattr(example, self.target)


def fitting_side(image):
    """The side of the square that an image is scored on."""
    return max((side for side in SIDES if side <= min(image.shape[1:])), default=SIDES[0])


def square(image, side, place=(0.5, 0.5)):
    """uint8 (3, H, W) -> uint8 (1, side, side), brightness, cut out on the grid; `place`: 0 top or left, 1 bottom or right."""
    missing = [max(0, side - length) for length in image.shape[1:]]
    if any(missing):
        image = functional.pad(image, [0, 0, missing[1], missing[0]], padding_mode="edge")
    top, left = (
        int(share * ((length - side) // GRID + 1 - 1e-6)) * GRID
        for share, length in zip(place, image.shape[1:], strict=True)
    )
    return functional.rgb_to_grayscale(image[:, top : top + side, left : left + side])


def vary(image):
    """Mirror, transpose and change gain and brightness: what utility hardly depends on."""
    gain, brightness, *turns = torch.rand(5).tolist()
    image = (image.float().sub_(128).mul_(0.7 + 0.6 * gain) + 128 + 60 * (brightness - 0.5)).clamp_(0, 255)
    for axis in (1, 2):
        image = image.flip(axis) if turns[axis] < 0.5 else image
    return (image.transpose(1, 2) if turns[0] < 0.5 else image).to(torch.uint8)


class Graph(torch.nn.Module):
    """Whole images, uint8 (N, 3, H, W) of one size, 64 px or more, to scores (N,); no Python decides on the way."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        shorter = torch.sym_min(*images.shape[2:])
        steps = itertools.pairwise(SIDES)
        side = SIDES[0] + sum((after - before) * torch.sym_min(shorter // after, 1) for before, after in steps)
        top, left = ((length - side) // GRID // 2 * GRID for length in images.shape[2:])
        squares = functional.rgb_to_grayscale(images[:, :, top : top + side, left : left + side])
        logits = self.model(squares.float().sub(128).div(57).expand(-1, 3, -1, -1))
        return logits[:, 1] - logits[:, 0]


class ResNet18(LearnedPredictor):
    """ResNet-18, logit of useful minus logit of non-useful. No-reference, trained on the suite's labels."""

    def __init__(self, context, recipe=None):
        super().__init__(context)
        self.recipe = recipe or Recipe()
        self.model = resnet18(num_classes=2)

    def logits(self, squares):
        """uint8 (N, 1, S, S) -> logits of non-useful and useful, (N, 2)."""
        images = squares.to(self.context.device, non_blocking=True).float().sub_(128).div_(57)
        return self.model(images.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last))

    @torch.inference_mode()
    def score(self, samples):
        self.model.eval()
        sides = np.array([fitting_side(sample.image) for sample in samples])
        scores = np.zeros(len(samples))
        for side in np.unique(sides).tolist():
            places = np.flatnonzero(sides == side)
            logits = self.logits(torch.stack([square(samples[place].image, side) for place in places]))
            scores[places] = (logits[:, 1] - logits[:, 0]).cpu().numpy()
        return scores.tolist()

    def start(self):
        """Put in ImageNet weights where there are any; returns what it starts from."""
        try:
            pretrained = self.context.network("torchvision:resnet18").module.state_dict()
        except MissingWeights:
            return "scratch"
        own = {name: value for name, value in pretrained.items() if not name.startswith("fc.")}
        self.model.load_state_dict(own, strict=False)
        return "ImageNet weights"

    def optimiser(self):
        if self.recipe.optimiser == "adamw":
            return torch.optim.AdamW(self.model.parameters(), self.recipe.rate, weight_decay=0.05)
        return torch.optim.SGD(self.model.parameters(), self.recipe.rate, momentum=0.9, weight_decay=5e-4)

    def fit(self, train, validation):
        recipe, device = self.recipe, self.context.device
        torch.manual_seed(self.context.seed)
        self.model = resnet18(num_classes=2)
        origin = self.start()
        self.model.to(device, memory_format=torch.channels_last)
        some = [train[place].sample.image for place in range(0, len(train), max(1, len(train) // 15))]
        side = min(recipe.crop, int(np.median([fitting_side(image) for image in some])))
        generator = torch.Generator().manual_seed(self.context.seed)
        steps = min(recipe.steps, math.ceil(recipe.epochs * len(train) / recipe.batch))
        drawn = WeightedRandomSampler(train.weights, steps * recipe.batch, generator=generator)
        loader = DataLoader(
            Squares(train, side, recipe.target), recipe.batch, sampler=drawn, generator=generator,
            num_workers=1, prefetch_factor=8, pin_memory=device == "cuda",
        )  # fmt: skip
        optimiser, schedule = self.optimiser(), None
        if recipe.one_cycle:
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, steps)
        best, chosen, at, total = -math.inf, self.state(), 0, 0.0
        for step, batch in enumerate(loader, start=1):
            total += self.train_step(batch, optimiser, schedule)
            if step * CHECKS // steps > (step - 1) * CHECKS // steps:
                quality, measure = self.validate(validation)
                loss, total = total / max(1, steps // CHECKS), 0.0
                print(f"  step {step}/{steps}: loss {loss:.3f}, validation {measure} {quality:.3f}", flush=True)
                if quality > best:
                    best, chosen, at = quality, {name: value.clone() for name, value in self.state().items()}, step
        self.load_state(chosen)
        self.notes = {
            "start": origin, "side": str(side), "examples": str(len(train)), "best_step": str(at),
            f"validation_{measure.lower()}": f"{best:.4f}", "recipe": str(dataclasses.asdict(recipe)),
        }  # fmt: skip

    def train_step(self, batch, optimiser, schedule):
        """One step; returns the loss."""
        squares, answers = batch
        self.model.train()
        with autocast(self.context.device, self.recipe.precision):
            logits = self.logits(squares).float()
        answers = answers.to(logits.device)
        if self.recipe.target == "utility":
            loss = torch.nn.functional.mse_loss(logits[:, 1] - logits[:, 0], answers.float())
        else:
            loss = torch.nn.functional.cross_entropy(logits, answers)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if schedule:
            schedule.step()
        return loss.item()

    def validate(self, validation):
        """How well the scores tell the answers of the validation part, and the name of that measure."""
        answers, scores = [], []
        for start in range(0, len(validation), 64):
            part = validation[start : start + 64]
            answers += [getattr(example, self.recipe.target) for example in part]
            scores += self.score([example.sample for example in part])
        if self.recipe.target == "utility":
            return spearmanr(answers, scores).statistic, "SRCC"
        return roc_auc_score(answers, scores), "AUROC"

    def graph(self):
        return Graph(self.model.eval())

    def state(self):
        return {name: value.cpu() for name, value in self.model.state_dict().items()}

    def load_state(self, state):
        self.model.load_state_dict(state)
        self.model.to(self.context.device, memory_format=torch.channels_last)
