"""What the reference is shown of images: squares cut out on the grid of compression, and which of them it is trained on.

An epoch draws examples by their weights and reads each photograph once, for all that was drawn of it.
"""

import itertools

import numpy as np
import torch
from torchvision.transforms.v2 import functional

SIDES = (64, 128, 224)
"""Sides of the squares that it scores, in px: the largest that fits into the image."""
GRID = 8
DRAWS_OF_A_PHOTOGRAPH = 2
"""Examples that an epoch draws for each photograph, on average."""
BATCHES_TOGETHER = 8
"""Batches that are made together, so that versions of a photograph are spread over them."""


def fitting_side(image):
    """The side of the square that an image is scored on."""
    return max((side for side in SIDES if side <= min(image.shape[1:])), default=SIDES[0])


def square(image, side, position=(0.5, 0.5)):
    """uint8 (3, H, W) -> uint8 (1, side, side), brightness, cut out on the grid; 0 is top or left, 1 bottom or right."""
    missing = [max(0, side - length) for length in image.shape[1:]]
    if any(missing):
        image = functional.pad(image, [0, 0, missing[1], missing[0]], padding_mode="edge")
    top, left = (
        int(share * ((length - side) // GRID + 1 - 1e-6)) * GRID
        for share, length in zip(position, image.shape[1:], strict=True)
    )
    return functional.rgb_to_grayscale(image[:, top : top + side, left : left + side])


def vary(image, gain, brightness, turn, down, across):
    """Change gain and brightness, transpose and mirror, by numbers in 0..1: what utility hardly depends on."""
    image = (image.float().sub_(128).mul_(0.7 + 0.6 * gain) + 128 + 60 * (brightness - 0.5)).clamp_(0, 255)
    for axis, number in ((1, down), (2, across)):
        image = image.flip(axis) if number < 0.5 else image
    return (image.transpose(1, 2) if turn < 0.5 else image).to(torch.uint8)


def ready(squares, device):
    """uint8 (N, 1, S, S) -> float32 (N, 3, S, S) about -2 to 2, channels last, on the device."""
    images = squares.to(device, non_blocking=device.startswith("cuda")).float().sub_(128).div_(57)
    return images.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def batches(lists, size, count):
    """So many batches of so many squares and their answers, from lists of them."""
    cut = (zip(squares.split(size), answers.split(size), strict=True) for squares, answers in lists)
    return itertools.islice(itertools.chain.from_iterable(cut), count)


def sampled(examples, most, first=0, every=1):
    """At most so many examples, drawn alike each time, of which one process of several takes its own; made one at a time."""
    indices = np.sort(np.random.default_rng(0).permutation(len(examples))[:most])
    return (examples[int(index)] for index in indices[first::every])


class Draws:
    """What is made together: lists of (index, seven numbers in 0..1 to vary it by), drawn by weight.

    An epoch draws for each photograph and has all that it drew of one in one list.
    """

    def __init__(self, examples, size, count, seed):
        names, self.group = np.unique(examples.groups, return_inverse=True)
        self.groups, self.chances = len(names), examples.weights / examples.weights.sum()
        self.size, self.count, self.random = size, count, np.random.default_rng(seed)

    def __len__(self):
        return self.count

    def __iter__(self):
        return itertools.islice(self.lists(), self.count)

    def lists(self):
        """Photographs in random order, each put into the first list that has room for what was drawn of it."""
        filling = []
        while True:
            drawn = self.random.choice(len(self.chances), DRAWS_OF_A_PHOTOGRAPH * self.groups, p=self.chances)
            order = self.random.permutation(self.groups)[self.group[drawn]]
            drawn = drawn[np.argsort(order, kind="stable")]
            for _, indices in itertools.groupby(drawn.tolist(), key=self.group.__getitem__):
                versions = list(indices)[: self.size]
                batch = next((batch for batch in filling if len(batch) + len(versions) <= self.size), None)
                if batch is None:
                    filling.append(batch := [])
                batch += zip(versions, self.random.random((len(versions), 7)).tolist(), strict=True)
                if len(batch) == self.size:
                    yield [batch[position] for position in self.random.permutation(self.size)]
                    filling.remove(batch)


class Squares(torch.utils.data.Dataset):
    """Draws as (uint8 square, label or utility), cut out and varied by their numbers."""

    def __init__(self, examples, side, target):
        self.examples, self.side, self.target = examples, side, target

    def __len__(self):
        return len(self.examples)

    def __getitems__(self, drawn):
        """A whole list, so that what it has of one photograph is read once."""
        examples = self.examples.take([index for index, _ in drawn])
        return [
            (vary(square(example.sample.image, self.side, numbers[:2]), *numbers[2:]), getattr(example, self.target))
            for example, (_, numbers) in zip(examples, drawn, strict=True)
        ]
