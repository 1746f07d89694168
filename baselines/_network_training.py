"""Training of a network of two classes on squares of images, as `resnet18` and `mobilenet_v2` need it.

Examples are drawn by their class weights: weighted in the loss instead, a batch has too few of the rarer class to learn from.
An epoch reads each photograph once, for all that is drawn of it. Weights are averaged over the last steps; of eight checks the
mean with the best validation AUROC is kept, and training stops early after four that are not better.

On several GPUs or machines, a batch is shared out: `accelerate launch -m benchmark run resnet18 -s SUITE`.
"""

import contextlib
import dataclasses
import itertools
import math

import numpy as np
import torch
import torchvision
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import broadcast, gather_object
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from torchvision.transforms.v2 import functional

from baselines._squares import (
    BATCHES_TOGETHER,
    GRID,
    SIDES,
    Draws,
    Squares,
    batches,
    fitting_side,
    ready,
    sampled,
    square,
)
from benchmark import (
    BenchmarkError,
    LearnedPredictor,
    MissingWeights,
    autocast,
    loader_workers,
    show_progress,
    training_precision,
)

DECAY = 0.98
"""Of the running mean of the weights, which is what is checked and kept: it gets better steadily, as single steps do not."""
CHECKS = 8
MEASURES = {"label": "AUROC", "utility": "SRCC"}
"""What a check measures, by target."""
CHECKED = 2000
"""Validation images that a check looks at, at most."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the network is trained."""

    optimiser: str = "adamw"
    rate: float = 2e-3
    """Learning rate, at its peak where it is one-cycle."""
    one_cycle: bool = True
    """Whether the rate rises and falls; else it is constant."""
    steps: int = 1200
    repeats: int = 40
    """There are fewer steps where so many repeats of each example, on average, take fewer."""
    patience: int = 4
    """Checks in a row without a better state after which training stops."""
    batch: int = 32
    """Squares of a step, of all processes together."""
    crop: int = 96
    """Side of the squares that it is trained on, in px, at most."""
    architecture: str = "resnet18"
    """A classifier of torchvision's, whose ImageNet weights it starts from where they are at hand."""
    from_scratch: bool = True
    """Whether it may start from scratch where they are not."""
    precision: str = "auto"
    """`auto`, `float32` or `bf16`; see `benchmark.training_precision`."""
    target: str = "label"
    """`label`: cross-entropy, kept at the best AUROC; `utility`: squared error, kept at the best rank correlation."""


@dataclasses.dataclass
class Best:
    """The best state that was checked."""

    quality: float = -math.inf
    step: int = 0
    state: dict = dataclasses.field(default_factory=dict)
    checks_since: int = 0
    """Checks after that one."""

    def compare(self, quality, step, state):
        """Take note of a check; the first is taken whatever it is, later ones where they are better."""
        self.checks_since += 1
        quality = -math.inf if math.isnan(quality) else quality
        if not self.step or quality > self.quality:
            self.quality, self.step, self.checks_since = quality, step, 0
            self.state = {name: value.cpu().clone() for name, value in state.items()}


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


class SquareClassifier(LearnedPredictor):
    """A network of two classes on squares of images; its score is the logit of useful minus that of non-useful."""

    def __init__(self, context, recipe):
        super().__init__(context)
        self.recipe = recipe
        self.model = self.untrained()
        self.precision = "float32"

    def untrained(self):
        """The network with random weights."""
        return torchvision.models.get_model(self.recipe.architecture, num_classes=2)

    def scores(self, model, squares):
        """A model's scores of uint8 squares (1, S, S), sides may differ: logit of useful minus logit of non-useful."""
        model.eval()
        sides, scores = np.array([square.shape[1] for square in squares]), np.zeros(len(squares))
        for side in np.unique(sides).tolist():
            indices = np.flatnonzero(sides == side)
            logits = model(ready(torch.stack([squares[index] for index in indices]), self.context.device))
            scores[indices] = (logits[:, 1] - logits[:, 0]).float().cpu().numpy()
        return scores.tolist()

    @torch.inference_mode()
    def score(self, samples):
        return self.scores(self.model, [square(sample.image, fitting_side(sample.image)) for sample in samples])

    def start(self):
        """Put in ImageNet weights where there are any; returns what it starts from."""
        try:
            pretrained = self.context.network(f"torchvision:{self.recipe.architecture}").module.state_dict()
        except MissingWeights:
            if self.recipe.from_scratch:
                return "scratch"
            raise
        shapes = {name: value.shape for name, value in self.model.state_dict().items()}
        fitting = {name: value for name, value in pretrained.items() if value.shape == shapes[name]}
        self.model.load_state_dict(fitting, strict=False)
        return "ImageNet weights"

    def optimiser(self):
        if self.recipe.optimiser == "adamw":
            return torch.optim.AdamW(self.model.parameters(), self.recipe.rate, weight_decay=0.05)
        return torch.optim.SGD(self.model.parameters(), self.recipe.rate, momentum=0.9, weight_decay=5e-4)

    def fit(self, train, validation):
        recipe, seed = self.recipe, self.context.seed
        torch.manual_seed(seed)
        self.model = self.untrained()
        origin = self.start()
        self.precision = training_precision(self.context.device, recipe.precision)
        self.model.to(self.context.device, memory_format=torch.channels_last)
        side = min(recipe.crop, int(np.median([fitting_side(example.sample.image) for example in sampled(train, 15)])))
        steps = min(recipe.steps, math.ceil(recipe.repeats * len(train) / recipe.batch))
        machine = Accelerator(
            device_placement=False, mixed_precision="no", dataloader_config=DataLoaderConfiguration(even_batches=False)
        )
        share, rest = divmod(recipe.batch, machine.num_processes)
        if rest:
            raise BenchmarkError(f"{machine.num_processes} processes cannot share a batch of {recipe.batch} alike")
        draws = Draws(
            train, share * BATCHES_TOGETHER, math.ceil(steps / BATCHES_TOGETHER) * machine.num_processes, seed
        )
        loader = machine.prepare(self.loader(Squares(train, side, recipe.target), draws))
        checked = self.squares_of(sampled(validation, CHECKED, machine.process_index, machine.num_processes))
        best, last = self.learn(machine, batches(loader, share, steps), steps, checked)
        self.load_state(best.state)
        self.notes = {
            "start": origin, "side": str(side), "examples": str(len(train)), "steps": str(last),
            "best_step": str(best.step), f"validation_{MEASURES[recipe.target].lower()}": f"{best.quality:.4f}",
            "precision": self.precision, "recipe": str(dataclasses.asdict(recipe)),
        }  # fmt: skip

    def loader(self, squares, draws):
        """Lists of squares; made by workers while a GPU learns, in turns with learning on a processor."""
        device = self.context.device
        return DataLoader(
            squares, batch_sampler=draws, num_workers=loader_workers(device), pin_memory=device.startswith("cuda")
        )

    def learn(self, machine, loaded, steps, checked):
        """Steps until there are enough, or checks no longer better; returns the best state, and the last step."""
        optimiser, best, losses = self.optimiser(), Best(), []
        rates = (
            torch.optim.lr_scheduler.OneCycleLR(optimiser, self.recipe.rate, steps) if self.recipe.one_cycle else None
        )
        model, optimiser = machine.prepare(self.model, optimiser)
        mean = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(DECAY), use_buffers=True)
        silent = contextlib.nullcontext(lambda: None)
        with (
            show_progress(f"{self.recipe.architecture} learns", steps, "steps")
            if machine.is_main_process
            else silent as advance
        ):
            for step, batch in enumerate(loaded, start=1):
                losses.append(self.train_step(model, batch, optimiser, machine.backward))
                mean.update_parameters(self.model)
                if rates:
                    rates.step()
                advance()
                if step * CHECKS // steps > (step - 1) * CHECKS // steps:
                    # Each process has normalised by its own batches.
                    mean.module.load_state_dict(broadcast(mean.module.state_dict()))
                    quality = self.validate(mean.module, checked)
                    progress = f"loss {np.mean(losses):.3f}, validation {MEASURES[self.recipe.target]} {quality:.3f}"
                    machine.print(f"  step {step}/{steps}: {progress}", flush=True)
                    best.compare(quality, step, mean.module.state_dict())
                    losses = []
                    if best.checks_since == self.recipe.patience:
                        break
        return best, step

    def squares_of(self, examples):
        """Squares to score, and the labels or utilities that their scores should follow."""
        return [
            (square(example.sample.image, fitting_side(example.sample.image)), getattr(example, self.recipe.target))
            for example in examples
        ]

    def train_step(self, model, batch, optimiser, backward):
        """One step; returns the loss."""
        squares, answers = batch
        model.train()
        with autocast(self.context.device, self.precision):
            logits = model(ready(squares, self.context.device)).float()
        answers = answers.to(logits.device)
        if self.recipe.target == "utility":
            loss = torch.nn.functional.mse_loss(logits[:, 1] - logits[:, 0], answers.float())
        else:
            loss = torch.nn.functional.cross_entropy(logits, answers)
        optimiser.zero_grad()
        backward(loss)
        optimiser.step()
        return loss.item()

    @torch.inference_mode()
    def validate(self, model, checked):
        """How well a model's scores of validation squares tell their answers: the target's measure."""
        squares, answers = [square for square, _ in checked], [answer for _, answer in checked]
        with autocast(self.context.device, self.precision):
            scores = [self.scores(model, squares[start : start + 64]) for start in range(0, len(squares), 64)]
        answers, scores = gather_object(answers), gather_object(list(itertools.chain.from_iterable(scores)))
        if self.recipe.target == "utility":
            return float(spearmanr(answers, scores).statistic)
        return float(roc_auc_score(answers, scores))

    def graph(self):
        return Graph(self.model.eval())

    def state(self):
        return {name: value.cpu() for name, value in self.model.state_dict().items()}

    def load_state(self, state):
        self.model.load_state_dict(state)
        self.model.to(self.context.device, memory_format=torch.channels_last)
