"""The reference with the paper's recipe: SGD at a constant learning rate of 1e-4.

The paper gives no number of epochs, batch size or initialisation; here as many steps and images as `resnet18`.
"""

from baselines._network_training import Recipe, SquareClassifier
from benchmark import Variant


class ResNet18Paper(Variant):
    """ResNet-18 with the paper's learning rate. No-reference, trained on the suite's labels."""

    def __init__(self, context):
        super().__init__(context, SquareClassifier(context, Recipe(optimiser="sgd", rate=1e-4, one_cycle=False)))
