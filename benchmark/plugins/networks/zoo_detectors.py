"""`zoo:` detectors: small detectors of letters, trained in this repository and committed with the package.

They are reduced versions of torchvision's detectors, with a feature pyramid of 64 channels at strides 8, 16 and 32, and light
heads. Each of the six has a different classifier of the zoo as its backbone, so that no two share weights even at their start.
They are trained on the pool `zoo` of the dataset `glyph-scenes` by

    python -m benchmark.plugins.networks.train_detectors

The input is float32 RGB in 0..1, 128 x 128. Label 0 is the background. Weights are fp16 safetensors, used in float32.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmark.plugins.networks.zoo import ARCHITECTURES, LETTERS

if TYPE_CHECKING:
    from torch import nn

SIZE, CHANNELS = 128, 64
NODES: dict[str, dict[str, int]] = {
    "vgg": {"0.20": 160, "0.21": 160},
    "densenet": {"features.transition1": 40, "features.transition2": 52, "relu": 106},
    "resnet": {"layer2": 48, "layer3": 192, "layer4": 96},
    "resnext": {"layer2": 128, "layer3": 256, "layer4": 512},
    "shufflenet": {"stage2": 64, "stage3": 128, "stage4": 256},
    "resnet_wide": {"layer2": 48, "layer3": 96, "layer4": 160},
}
"""Nodes of each backbone that feed the pyramid at strides 8, 16 and 32, and their channels; vgg has no stride 32."""


def pyramid(body: str) -> nn.Module:
    """A classifier's features with a pyramid on top: (N, 3, 128, 128) -> three maps of 64 channels."""
    from torch import nn
    from torchvision.models.feature_extraction import create_feature_extractor
    from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool

    nodes = NODES[body]
    features = create_feature_extractor(ARCHITECTURES[body](), {node: str(index) for index, node in enumerate(nodes)})
    extra = LastLevelMaxPool() if len(nodes) == 2 else None
    both = nn.Sequential(features, FeaturePyramidNetwork(list(nodes.values()), CHANNELS, extra))
    both.out_channels = CHANNELS  # type: ignore[assignment] # torchvision's detectors read it there
    return both


OPTIONS: dict[str, Any] = {
    "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "min_size": SIZE, "max_size": SIZE, "_skip_resize": True,
}  # fmt: skip
LEAST: dict[str, Any] = {"score_thresh": 0.05, "detections_per_img": 20}
"""A scene holds at most four letters, so more or weaker detections would only enlarge the outcomes."""


def fcos(body: str) -> nn.Module:
    """An anchor-free detector with one stage (after Tian et al., 2019)."""
    from torchvision.models.detection import FCOS
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.fcos import FCOSHead

    anchors = AnchorGenerator(((8,), (16,), (32,)), ((1.0,),) * 3)
    head = FCOSHead(CHANNELS, 1, LETTERS + 1, num_convs=2)
    return FCOS(pyramid(body), LETTERS + 1, anchor_generator=anchors, head=head, **LEAST, **OPTIONS)


def retinanet(body: str) -> nn.Module:
    """A detector with anchors, focal loss and one stage (after Lin et al., 2017)."""
    from torch import nn
    from torchvision.models.detection import RetinaNet
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.retinanet import RetinaNetHead

    anchors = AnchorGenerator(((24, 36), (48, 60), (72, 90)), ((0.8, 1.3),) * 3)
    head = RetinaNetHead(CHANNELS, 4, LETTERS + 1, norm_layer=functools.partial(nn.GroupNorm, 8))
    return RetinaNet(pyramid(body), LETTERS + 1, anchor_generator=anchors, head=head, **LEAST, **OPTIONS)


def ssd(body: str) -> nn.Module:
    """A detector with default boxes, hard negatives and one stage (after Liu et al., 2016)."""
    from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
    from torchvision.models.detection.ssd import SSD, SSDHead

    boxes = DefaultBoxGenerator([[2]] * 3, scales=[0.2, 0.35, 0.5, 0.7], steps=[8, 16, 32])
    options = {key: value for key, value in OPTIONS.items() if key not in ("min_size", "max_size")}
    head = SSDHead([CHANNELS] * 3, boxes.num_anchors_per_location(), LETTERS + 1)
    return SSD(pyramid(body), boxes, (SIZE, SIZE), LETTERS + 1, head=head, **LEAST, **options)


def faster_rcnn(body: str) -> nn.Module:
    """A detector with region proposals and two stages (after Ren et al., 2015)."""
    from torchvision.models.detection import FasterRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
    from torchvision.ops import MultiScaleRoIAlign

    return FasterRCNN(
        pyramid(body),
        rpn_anchor_generator=AnchorGenerator(((30,), (45,), (64,)), ((0.8, 1.3),) * 3),
        rpn_pre_nms_top_n_train=200,
        rpn_pre_nms_top_n_test=200,
        rpn_post_nms_top_n_train=64,
        rpn_post_nms_top_n_test=64,
        rpn_batch_size_per_image=64,
        box_batch_size_per_image=32,
        box_roi_pool=MultiScaleRoIAlign(["0", "1", "2"], 7, 2),
        box_head=TwoMLPHead(CHANNELS * 49, 128),
        box_predictor=FastRCNNPredictor(128, LETTERS + 1),
        box_score_thresh=LEAST["score_thresh"],
        box_detections_per_img=LEAST["detections_per_img"],
        **OPTIONS,
    )


DETECTORS: dict[str, Callable[[], nn.Module]] = {
    "fcos_resnet_wide": lambda: fcos("resnet_wide"),
    "retinanet_vgg": lambda: retinanet("vgg"),
    "ssd_resnext": lambda: ssd("resnext"),
    "faster_rcnn_resnet": lambda: faster_rcnn("resnet"),
    "fcos_shufflenet": lambda: fcos("shufflenet"),
    "retinanet_densenet": lambda: retinanet("densenet"),
}

DIGESTS = {
    "fcos_resnet_wide": "dcc888138ca8e139",
    "retinanet_vgg": "76734faf17f3ce2c",
    "ssd_resnext": "3ee435968c5316d0",
    "faster_rcnn_resnet": "8143fe166f90e1ee",
    "fcos_shufflenet": "2f12a6d07075152b",
    "retinanet_densenet": "cc633498013cf876",
}
"""Digests of the committed weight files; the trainer prints them."""
