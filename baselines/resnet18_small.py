"""The reference for a quick look: a tenth of the steps, on squares of 64 px. A minute or two on two cores.

It shows that training works from end to end. It is not the reference: its scores say little about what `resnet18` reaches.
"""

from baselines._network_training import Recipe, SquareClassifier
from benchmark import Variant


class ResNet18Small(Variant):
    """ResNet-18 trained for a quick look, 120 steps. No-reference, trained on the suite's labels."""

    def __init__(self, context):
        super().__init__(context, SquareClassifier(context, Recipe(steps=120, crop=64)))
