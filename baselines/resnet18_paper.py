"""The reference with the paper's recipe: SGD at a constant learning rate of 1e-4.

The paper gives no number of epochs, batch size or initialisation; here as many steps and images as `resnet18`.
"""

from baselines.resnet18 import Recipe, ResNet18
from benchmark import Variant


class ResNet18Paper(Variant):
    """ResNet-18 with the paper's learning rate. No-reference, trained on the suite's labels."""

    def __init__(self, context):
        super().__init__(context, ResNet18(context, Recipe(optimiser="sgd", rate=1e-4, one_cycle=False)))
