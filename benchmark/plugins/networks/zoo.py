"""`zoo:` networks: small classifiers of letters, trained in this repository and committed with the package.

There are seven different architectures of under a million weights, trained on the pool `zoo` of the dataset `glyphs` by

    python -m benchmark.plugins.networks.train_zoo

The input is float32 RGB, 64 x 64, normalised to -1..1. Weights are stored as fp16 safetensors and used in float32.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import MissingWeights

if TYPE_CHECKING:
    from torch import nn

LETTERS = 10
"""Classes that are letters."""
CLASSES = LETTERS + 1
"""The last is no letter."""
SIZE = 64
WEIGHTS = Path(__file__).with_name("zoo_weights")


def vgg() -> nn.Module:
    """Plain 3 x 3 convolutions and max-pooling (after Simonyan & Zisserman, 2015)."""
    from torch import nn
    from torchvision.models.vgg import make_layers

    layers = make_layers([24, "M", 48, "M", 96, 96, "M", 160, 160, "M"], batch_norm=True)
    return nn.Sequential(layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(160, CLASSES))


def densenet() -> nn.Module:
    """Dense blocks (after Huang et al., 2017)."""
    from torchvision.models import DenseNet

    return DenseNet(growth_rate=16, block_config=(3, 4, 4, 3), num_init_features=32, num_classes=CLASSES)


def resnext() -> nn.Module:
    """Grouped bottlenecks (after Xie et al., 2017)."""
    from timm.models.resnet import Bottleneck, ResNet

    return ResNet(
        Bottleneck, (1, 2, 2, 1), CLASSES, cardinality=8, base_width=16, stem_width=32, channels=(16, 32, 64, 128)
    )


def resnet_wide() -> nn.Module:
    """Residual blocks (after He et al., 2016), wider than those of `resnet`."""
    from timm.models.resnet import BasicBlock, ResNet

    return ResNet(BasicBlock, (1, 1, 1, 1), CLASSES, channels=(24, 48, 96, 160))


def shufflenet() -> nn.Module:
    """Depthwise convolutions and shuffled channels (after Ma et al., 2018)."""
    from torchvision.models import ShuffleNetV2

    return ShuffleNetV2([2, 4, 2], [24, 64, 128, 256, 384], CLASSES)


def from_timm(name: str) -> nn.Module:
    """One of timm's miniature test architectures."""
    import timm

    return timm.create_model(name, num_classes=CLASSES)


ARCHITECTURES = {
    "vgg": vgg,
    "densenet": densenet,
    "resnet": lambda: from_timm("test_resnet"),
    "resnext": resnext,
    "nfnet": lambda: from_timm("test_nfnet"),
    "shufflenet": shufflenet,
    "resnet_wide": resnet_wide,
}


DIGESTS = {
    "vgg": "6430ca465db99cb7",
    "densenet": "5da0f1aa6ea69f55",
    "resnet": "fa5cf7cfe866d4cf",
    "resnext": "ee6db62470d90cd7",
    "nfnet": "452c577e7cec41c6",
    "shufflenet": "75029df8767bb59d",
    "resnet_wide": "15694855bbf6d191",
}
"""Digests of the committed weight files; the trainer prints them."""


def weights_file(name: str) -> Path:
    """The path of the weights of `zoo:<name>`.

    Raises:
        MissingWeights: they have not been trained yet.
    """
    path = WEIGHTS / f"{name}.safetensors"
    if not path.is_file():
        raise MissingWeights(
            f"zoo:{name}: no weights at {path}; python -m benchmark.plugins.networks.train_zoo {name} makes them"
        )
    return path
