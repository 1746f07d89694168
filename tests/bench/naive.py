"""How one would label without this benchmark: `python -m tests.bench.naive SUITE SOURCES`, prints images judged and seconds.

For each network a Dataset that opens, compresses and transforms an image with Pillow and torchvision, a DataLoader with two
workers, and a loop: float32, torch's default memory format and allocator. What it judges is a part of what `label`
judges; a detector's images are put onto its square, run one by one by onnxruntime as it comes, and suppressed by torchvision.
"""

import io
import sys
import time

import onnxruntime
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.ops import batched_nms
from torchvision.transforms import v2 as transforms

from benchmark.core.types import PRISTINE
from benchmark.core.workspace import Workspace
from benchmark.labelling.indexed_suite import index_suite
from benchmark.plugins.networks import load
from benchmark.plugins.networks.detector import LEAST_SCORE, MOST, NEAR
from benchmark.plugins.networks.network import Preprocessing
from benchmark.suites.loading import load_suite


class Compressed(Dataset):
    """Images of one network: opened, compressed and transformed when they are asked for."""

    def __init__(self, files, rows, prepare):
        self.files, self.rows = files, rows
        steps = [transforms.ToImage(), transforms.ToDtype(torch.float32, scale=True)]
        if isinstance(prepare, Preprocessing):
            resize = transforms.Resize(prepare.resize, transforms.InterpolationMode(prepare.interpolation))
            steps = [
                resize,
                transforms.CenterCrop(prepare.crop),
                *steps,
                transforms.Normalize(prepare.mean, prepare.std),
            ]
        else:
            steps.insert(1, transforms.Lambda(prepare.square))
        self.transform = transforms.Compose(steps)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, place):
        source, level = self.rows[place]
        image = Image.open(self.files[source]).convert("RGB")
        if level != PRISTINE.level:
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=level, subsampling="4:2:0")
            image = Image.open(buffer).convert("RGB")
        return self.transform(image)


def rows_of(indexed, name):
    """The images that a network judges."""
    suite = indexed.suite
    rows = []
    for part, members in indexed.parts.items():
        levels = []
        if name in suite.networks.labelling:
            levels = [PRISTINE.level, *suite.distortions[0].levels]
        elif part == "test":
            levels = [PRISTINE.level, *suite.distortions[0].held_out]
        rows += [(source.id, level) for source in members for level in levels]
    return rows


def plain_detector(path):
    """A function of a batch that detects objects with an ONNX file, image by image."""
    session = onnxruntime.InferenceSession(str(path))

    def forward(batch):
        answers = []
        for image in batch.split(1):
            boxes, scores = map(torch.from_numpy, session.run(["boxes", "scores"], {"images": image.numpy()}))
            anchor, kind = (scores[0] > LEAST_SCORE).nonzero(as_tuple=True)
            kept = batched_nms(boxes[0][anchor], scores[0][anchor, kind], kind, NEAR)[:MOST]
            answers.append((boxes[0][anchor[kept]], scores[0][anchor[kept], kind[kept]], kind[kept]))
        return answers

    return forward


@torch.no_grad()
def main(name, sources):
    """Judge all images with all networks."""
    workspace = Workspace.named()
    indexed = index_suite(load_suite(name, limit=sources), workspace)
    images, seconds = 0, 0.0
    for network_name in (*indexed.suite.networks.labelling, *indexed.suite.networks.held_out):
        network = load(network_name, workspace.networks, device="cpu")
        forward = network.forward
        if network.module is not None:
            forward = network.module.to(memory_format=torch.contiguous_format)
        elif network.task == "detection":
            forward = plain_detector(workspace.networks / f"{network_name.partition(':')[2]}.onnx")
        rows = rows_of(indexed, network_name)
        start = time.perf_counter()
        for batch in DataLoader(
            Compressed(indexed.dataset.dataset.files, rows, network.preprocessing), 32, num_workers=2
        ):
            answers = forward(batch)
            if indexed.suite.task == "classification":
                answers.argmax(dim=1)
        images, seconds = images + len(rows), seconds + time.perf_counter() - start
    print(images, seconds)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
