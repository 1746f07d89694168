"""Detectors answer in pixels of the image and in the suite's classes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision import models
from torchvision.ops import batched_nms

from benchmark.core.errors import MissingWeights
from benchmark.core.images import to_tensor
from benchmark.core.types import Detections
from benchmark.metrics.matches import match
from benchmark.metrics.mean_ap import mean_ap
from benchmark.plugins.datasets.coco import COCO
from benchmark.plugins.datasets.glyph_scenes import scene
from benchmark.plugins.networks import load
from benchmark.plugins.networks.detector import LEAST_SCORE, MOST, NEAR, as_detections, from_detector, kept, suppress
from benchmark.plugins.networks.network import Letterbox, NoResize
from benchmark.plugins.networks.torchvision_networks import torchvision_detector
from benchmark.plugins.networks.zoo_detectors import DETECTORS, DIGESTS

PUBLISHED = {
    "yolox_nano": 0.295,
    "nanodet_m_416": 0.252,
    "fastestdet": 0.168,
    "yolo_fastest_1_1_xl": 0.201,
    "yolo_fastest_1_0_xl": 0.172,
    "yolo_fastest_1_1": 0.138,
}
"""AP of the detectors on the 300 photographs, measured by others with Pillow's resize and pycocotools."""


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(["", "corner", "centre"]), st.integers(8, 64))
def test_boxes_come_back_to_where_the_image_was_put(height, width, letterbox, side):
    """The part of the canvas that holds the image is located as the whole image."""
    canvas = Letterbox(side, letterbox=letterbox)
    top, left, tall, wide = canvas.extent((height, width))
    box = torch.tensor([[left, top, left + wide, top + tall]]) / side
    found = canvas.locate(box, (height, width), (height, width))
    torch.testing.assert_close(
        found, torch.tensor([[0.0, 0, width, height]]), rtol=1e-4, atol=1e-3 * max(height, width)
    )


@pytest.mark.parametrize(("letterbox", "rows"), [("", (0, 8)), ("corner", (0, 4)), ("centre", (2, 6))])
def test_the_image_lies_where_the_canvas_says(letterbox, rows):
    """A white image of 2 : 1 fills the canvas, its upper half, or its middle; the rest is grey."""
    canvas = Letterbox(8, letterbox=letterbox, grey=114)
    square = canvas.square(torch.full((3, 10, 20), 255, dtype=torch.uint8))
    assert square.shape == (3, 8, 8)
    assert (square[:, rows[0] : rows[1]] == 255).all()
    assert (square[:, : rows[0]] == 114).all()
    assert (square[:, rows[1] :] == 114).all()
    assert canvas.normalise([square], "cpu").max() == 1


def test_suppression_is_per_class_and_keeps_the_best():
    """Of two boxes in one place the better stays in each class; scores of .01 and less are none."""
    boxes = torch.tensor([[0.0, 0, 1, 1], [0, 0, 1, 0.9], [0.5, 0.5, 1, 1]])
    scores = torch.tensor([[0.9, 0.2], [0.8, 0.3], [0.01, 0.5]])
    _, values, classes = suppress(boxes, scores)
    assert list(zip(values.tolist(), classes.tolist(), strict=True)) == [
        (pytest.approx(0.9), 0), (pytest.approx(0.5), 1), (pytest.approx(0.3), 1)
    ]  # fmt: skip


@pytest.mark.parametrize("anchors", [3, 30, 300, 3000])
@pytest.mark.parametrize("spread", [0.02, 10.0])
@pytest.mark.parametrize("digits", [1, 3, 9])
def test_few_candidates_are_looked_at_and_give_what_all_give(anchors, spread, digits):
    """Whether the higher half is crowded or not, and whether scores are equal, torchvision's own function is the reference."""
    draw = torch.Generator().manual_seed(anchors)
    higher = torch.arange(anchors)[:, None] < anchors / 2
    corner = torch.where(higher, spread, 10.0) * torch.rand(anchors, 2, generator=draw)
    scores = ((torch.rand(anchors, 9, generator=draw) + higher) / 2).round(decimals=digits)
    boxes = torch.cat([corner, corner + 0.3], 1)
    anchor, kind = (scores > LEAST_SCORE).nonzero(as_tuple=True)
    best = batched_nms(boxes[anchor], scores[anchor, kind], kind, NEAR)[:MOST]
    expected = boxes[anchor[best]], scores[anchor[best], kind[best]], kind[best]
    assert all(map(torch.equal, suppress(boxes, scores), expected))


def test_labels_that_mean_no_class_are_left_out():
    """The background and unused category ids disappear, the others are numbered from 0, best score first."""
    answer = {
        "boxes": torch.arange(16.0).view(4, 4),
        "scores": torch.tensor([0.2, 0.9, 0.5, 0.001]),
        "labels": torch.tensor([1, 2, 3, 1]),
    }
    boxes, scores, classes = kept(answer, torch.tensor([-1, 0, -1, 1]))
    assert (scores.tolist(), classes.tolist()) == ([pytest.approx(0.5), pytest.approx(0.2)], [1, 0])
    assert boxes[0].tolist() == [8, 9, 10, 11]


PAPER = [
    "fasterrcnn_resnet50_fpn",
    "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large",
    "maskrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
]


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_detectors_are_known(name):
    """Each is found by name and says where its weights would come from."""
    with pytest.raises(MissingWeights, match=name):
        load(f"torchvision:{name}", None, download=False)


def test_a_detector_of_torchvision_with_local_weights(tmp_path):
    """Weights from the networks folder are filled in; answers are in pixels and in COCO's 80 classes."""
    name = "ssdlite320_mobilenet_v3_large"
    torch.manual_seed(0)
    module = models.get_model(name, weights=None, weights_backbone=None)
    torch.save(module.state_dict(), tmp_path / f"{name}.pth")
    network = torchvision_detector(name, tmp_path, "cpu", False)
    assert (network.classes, network.task, network.logits) == (80, "detection", False)
    images = [torch.randint(0, 256, (3, 60, 90), dtype=torch.uint8) for _ in range(2)]
    with torch.inference_mode():
        answers = network.forward(network.preprocessing.normalise(images, "cpu"))
        alone = network.forward(network.preprocessing.normalise(images[1:], "cpu"))
    assert len(answers) == 2
    for boxes, scores, classes in answers:
        assert boxes.shape == (len(scores), 4)
        assert int(classes.min()) >= 0
        assert int(classes.max()) < 80
    torch.testing.assert_close(answers[1][1], alone[0][1])


def test_category_ids_become_cocos_80_classes():
    """Id 1 (person) is class 0, id 13 (stop sign; 12 is unused) is class 11, id 90 (toothbrush) is class 79."""
    names = models.get_model_weights("ssd300_vgg16").COCO_V1.meta["categories"]
    real = [name not in ("__background__", "N/A") for name in names]
    places = {name: sum(real[:number]) for number, name in enumerate(names) if real[number]}
    assert (places["person"], places["stop sign"], places["toothbrush"]) == (0, 11, 79)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_of_the_zoo_finds_letters(name):
    """Its committed weights find most letters of its own pool: mAP above .5 on 40 scenes, batch or alone."""
    network = load(f"zoo:{name}", None)
    assert network.weights == DIGESTS[name]
    assert network.preprocessing == NoResize()
    scenes = [scene("zoo", number) for number in range(30_000, 30_040)]
    images = [to_tensor(pixels) for pixels, _ in scenes]
    with torch.inference_mode():
        answers = network.forward(network.preprocessing.normalise(images, "cpu"))
        alone = network.forward(network.preprocessing.normalise(images[3:4], "cpu"))[0]
    torch.testing.assert_close(answers[3][1][:3], alone[1][:3], rtol=1e-3, atol=1e-4)
    detections = [as_detections(answer) for answer in answers]
    assert mean_ap(match([objects for _, objects in scenes], detections, 10), np.arange(40)) > 0.5


def test_a_detector_keeps_the_order_of_its_images():
    """Answers come in the order of the images, whatever their sizes."""

    class Echo(torch.nn.Module):
        def forward(self, images):
            return [
                {
                    "boxes": torch.tensor([[0.0, 0, image.shape[2], image.shape[1]]]),
                    "scores": torch.tensor([0.5]),
                    "labels": torch.tensor([1]),
                }
                for image in images
            ]

    network = from_detector("test:echo", Echo(), [-1, 0], "0", device="cpu", together=False)
    images = [torch.zeros(3, 4, width, dtype=torch.uint8) for width in (5, 9)]
    answers = network.forward(network.preprocessing.normalise(images, "cpu"))
    assert [boxes[0].tolist() for boxes, _, _ in answers] == [[0, 0, 5, 4], [0, 0, 9, 4]]


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_average_precision_is_reproduced(name, coco_data, onnx_networks):
    """On the 300 photographs each ONNX detector has the AP that others measured, to .01; rounding moves it less than 1e-3."""
    dataset, network = COCO(coco_data), load(f"onnx:{name}", onnx_networks)
    sources, detections, rounded = dataset.sources(), [], []
    for source in sources:
        square = network.preprocessing.square(to_tensor(dataset.read(source.id)))
        boxes, scores, classes = network.forward(network.preprocessing.normalise([square], "cpu"))[0]
        one = as_detections(
            (network.preprocessing.locate(boxes, source.truth.size, source.truth.size), scores, classes)
        )
        detections.append(one)
        rounded.append(Detections(np.round(one.boxes * 8) / 8, np.round(one.scores, 4), one.classes))
    objects, everything = [source.truth for source in sources], np.arange(len(sources))
    found, stored = (mean_ap(match(objects, some, 80), everything) for some in (detections, rounded))
    print(f"{name}: AP {found:.4f}, as stored {stored:.4f}")
    assert found == pytest.approx(PUBLISHED[name], abs=0.01)
    assert stored == pytest.approx(found, abs=1e-3)
