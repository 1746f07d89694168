"""The reference: a ResNet-18 with two classes, cross-entropy and SGD (paper, section V).

The paper gives the learning rate, 1e-4, and neither epochs, batch nor initialisation. This default recipe trains well on a
CPU: one-cycle rate to 0.03, batches of 64, bf16, 12 epochs or 2,000 steps, whichever is less, but at least 500 steps; the
best epoch by validation AUROC is kept. It starts from ImageNet weights where they are at hand, else from scratch; the notes
say which.
Images up to 64 px are seen as they are. Larger ones are resized to a short side of 256; it trains on random crops of 112 px,
which two cores afford, and scores the central 224 px. In training images are mirrored and recoloured at random, since a
suite has few photographs.
`resnet18_paper` is the same network with the paper's recipe.
"""

import dataclasses
import math

import torch
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader
from torchvision.models import resnet18
from torchvision.transforms.v2 import functional

from benchmark import LearnedPredictor, MissingWeights, autocast

SMALL, LARGE = 64, 224
"""Side of the square that it scores, in px, for small and for large images."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the network is trained."""

    rate: float = 0.03
    """Learning rate, at its peak where it is one-cycle."""
    one_cycle: bool = True
    """Whether the rate rises and falls; else it is constant."""
    batch: int = 64
    epochs: int = 12
    most_steps: int = 2000
    """Where the epochs would take more steps than this, there are fewer epochs."""
    least_steps: int = 500
    """Where they would take fewer, there are more."""
    crop: int = 112
    """Side of the random crops of large images that it is trained on, in px."""
    precision: str = "bf16"


class Squares(torch.utils.data.Dataset):
    """Examples as (uint8 square, label, weight), varied at random."""

    def __init__(self, examples, side, crop):
        self.examples, self.side, self.crop = examples, side, crop

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, place):
        example = self.examples[place]
        image = vary(square(example.sample.image, self.side, self.crop))
        return image, example.label, torch.tensor(example.weight, dtype=torch.float32)


def square(image, side, crop=None):
    """uint8 (3, H, W) -> uint8 (3, side, side): the whole of a small image, the centre of a large one or a random crop."""
    if tuple(image.shape[1:]) == (side, side):
        return image
    image = functional.resize(image, [math.ceil(side * 8 / 7)], antialias=True)
    if not crop:
        return functional.center_crop(image, [side, side])
    top, left = torch.rand(2).tolist()
    top, left = int(top * (image.shape[1] - crop + 1)), int(left * (image.shape[2] - crop + 1))
    return image[:, top : top + crop, left : left + crop]


def vary(image):
    """Mirror, exchange the channels and change their gains and brightness: what utility hardly depends on."""
    mirror, brightness, *gains = torch.rand(5).tolist()
    image = image[torch.randperm(3)].float().sub_(128)
    image = image * (0.7 + 0.6 * torch.tensor(gains))[:, None, None] + 128 + 60 * (brightness - 0.5)
    image = image.clamp_(0, 255).to(torch.uint8)
    return image.flip(2) if mirror < 0.5 else image


class ResNet18(LearnedPredictor):
    """ResNet-18, logit of useful minus logit of non-useful. No-reference, trained on the suite's labels."""

    def __init__(self, context, recipe=None):
        super().__init__(context)
        self.recipe = recipe or Recipe()
        self.side = 0
        self.model = resnet18(num_classes=2)

    def normalise(self, images):
        images = images.to(self.context.device, non_blocking=True)
        return images.to(torch.float32, memory_format=torch.channels_last).sub_(114).div_(57)

    @torch.inference_mode()
    def score(self, samples):
        self.model.eval()
        images = torch.stack([square(sample.image, self.side) for sample in samples])
        logits = self.model(self.normalise(images))
        return (logits[:, 1] - logits[:, 0]).tolist()

    def start(self):
        """Put in ImageNet weights where there are any; returns what it starts from."""
        try:
            pretrained = self.context.network("torchvision:resnet18").module.state_dict()
        except MissingWeights:
            return "scratch"
        own = {name: value for name, value in pretrained.items() if not name.startswith("fc.")}
        self.model.load_state_dict(own, strict=False)
        return "ImageNet weights"

    def fit(self, train, validation):
        recipe, device = self.recipe, self.context.device
        torch.manual_seed(self.context.seed)
        self.model = resnet18(num_classes=2)
        origin = self.start()
        self.side = LARGE if min(train[0].sample.image.shape[1:]) > SMALL else SMALL
        self.model.to(device, memory_format=torch.channels_last)
        generator = torch.Generator().manual_seed(self.context.seed)
        loader = DataLoader(
            Squares(train, self.side, recipe.crop),
            recipe.batch, shuffle=True, drop_last=len(train) > recipe.batch, num_workers=1,
            persistent_workers=True, prefetch_factor=8, generator=generator, pin_memory=device == "cuda",
        )  # fmt: skip
        most, least = (math.ceil(steps / len(loader)) for steps in (recipe.most_steps, recipe.least_steps))
        epochs = max(min(recipe.epochs, most), least)
        optimiser = torch.optim.SGD(self.model.parameters(), recipe.rate, momentum=0.9, weight_decay=5e-4)
        schedule = None
        if recipe.one_cycle:  # which sets the optimiser's rate when it is made
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, epochs * len(loader))
        best, chosen, at = -1.0, self.state(), 0
        for epoch in range(epochs):
            loss = self.train_epoch(loader, optimiser, schedule)
            auroc = self.validate(validation)
            print(f"  epoch {epoch + 1}/{epochs}: loss {loss:.3f}, validation AUROC {auroc:.3f}", flush=True)
            if auroc > best:
                best, chosen, at = auroc, {name: value.clone() for name, value in self.state().items()}, epoch + 1
        self.load_state(chosen)
        self.notes = {
            "start": origin, "side": str(self.side), "examples": str(len(train)), "epochs": str(epochs),
            "best_epoch": str(at), "recipe": str(dataclasses.asdict(recipe)),
        }  # fmt: skip

    def train_epoch(self, loader, optimiser, schedule):
        self.model.train()
        total = 0.0
        for images, labels, weights in loader:
            with autocast(self.context.device, self.recipe.precision):
                logits = self.model(self.normalise(images)).float()
            labels, weights = labels.to(logits.device), weights.to(logits.device)
            loss = (torch.nn.functional.cross_entropy(logits, labels, reduction="none") * weights).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if schedule:
                schedule.step()
            total += loss.item()
        return total / len(loader)

    def validate(self, validation):
        labels, scores = [], []
        for start in range(0, len(validation), 64):
            part = validation[start : start + 64]
            labels += [example.label for example in part]
            scores += self.score([example.sample for example in part])
        return roc_auc_score(labels, scores)

    def state(self):
        return {name: value.cpu() for name, value in self.model.state_dict().items()}

    def load_state(self, state):
        self.side = int(self.notes.get("side", self.side))
        self.model.load_state_dict(state)
        self.model.to(self.context.device, memory_format=torch.channels_last)
