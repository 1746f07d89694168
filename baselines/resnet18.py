"""The paper's reference: a ResNet-18 with two classes, cross-entropy (paper, section V).

The paper trains it by SGD at a rate of 1e-4 and gives neither steps, batch nor initialisation; `resnet18_paper` does that. From
scratch, on the few images of a small suite, SGD hardly starts to learn in the time that a CPU affords, so this default recipe
is another: AdamW, one-cycle rate to 2e-3, batches of 32, 1,200 steps or as many as show each example 40 times, whichever is
less, in bf16 where the device is faster in it and else in float32. It starts from ImageNet weights where they are at hand, else
from scratch; the notes say which, and the precision.

What compression does is fine and lies on a grid of 8 px, so images are never resized: the network sees a square cut out on that
grid, at random in training, in the middle when it scores. It sees brightness only; in training, squares are mirrored,
transposed and changed in gain and brightness, since a suite has few photographs.

`resnet18_soft` is the same network as a regressor of the continuous utility (paper, Eq. 2).
"""

from baselines._network_training import Recipe, SquareClassifier
from benchmark import Variant


class ResNet18(Variant):
    """ResNet-18, logit of useful minus logit of non-useful. No-reference, trained on the suite's labels."""

    def __init__(self, context):
        super().__init__(context, SquareClassifier(context, Recipe()))
