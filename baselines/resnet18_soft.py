"""The reference as a regressor: ResNet-18 on the continuous utility (paper, Eq. 2) of all images, unlabelled ones included."""

from baselines._network_training import Recipe, SquareClassifier
from benchmark import Variant


class ResNet18Soft(Variant):
    """ResNet-18 that regresses the utility. No-reference, trained on the suite's utilities."""

    target = "utility"

    def __init__(self, context):
        super().__init__(context, SquareClassifier(context, Recipe(target="utility")))
