"""Examples under the help of each verb. All are commands that a test parses."""

from __future__ import annotations

EXAMPLES = {
    "list": """
utilbench list                                        suites, codecs, predictors, networks, and what is on this disk
utilbench list --json
""",
    "label": """
utilbench label glyphs                                published outcomes are used; nothing is run
utilbench label glyphs --limit 20 --anew --results mine   run the networks on twenty sources
utilbench label imagenet --engine ray --address auto  on a cluster
""",
    "run": """
utilbench run ssim gatekeeper -s glyphs               two baselines
utilbench run my/predictor.py -s glyphs --limit 50    a quick look at your own
utilbench run resnet18 -s glyphs -l all --seeds 1     also on each labelling network's own labels
utilbench run header -s open --train-on imagenet-lite
""",
    "check": """
utilbench check my/predictor.py                       before its first run
""",
    "compare": """
utilbench compare gatekeeper ssim -s glyphs           differences in each measure, with intervals
utilbench compare --codec jpeg,webp -s glyphs-mixed   bits at equal utility
""",
    "verify": """
utilbench verify glyphs                               does this machine give the recorded pixels and outcomes?
utilbench verify glyphs --recompute                   do the stored scores give the scorecards?
utilbench verify submissions/mine                     is a submission complete and right?
""",
    "score": """
utilbench score gatekeeper photos/ -s imagenet-lite
utilbench score ssim small.jpg --reference large.png
utilbench score header photos/ --keep-fraction 0.5 --json
""",
    "advise": """
utilbench advise photos/ --network timm:tf_efficientnet_lite0
utilbench advise photos/ --network onnx:yolox_nano --codec webp:90/75/60,avif --keep 0.98 --report report.html
utilbench advise photos/ --network onnx:yolox_nano --resize 1,0.75,0.5 --write small/
""",
    "suite": """
utilbench suite init photos/ --network timm:tf_efficientnet_lite0 --network onnx:mobilenet_v1_075_quant -o mine.toml
utilbench suite levels mine.toml                      levels at which from few to nearly all decisions change
""",
    "rank": """
utilbench rank                                        all suites that have results, and the index of the pages
utilbench rank glyphs --figure 2a                     one figure
""",
    "export": """
utilbench export glyphs -o shards/                    images, labels and utilities as Parquet
utilbench export resnet18_small -s glyphs -o small.onnx
""",
    "app": """
utilbench app --network onnx:yolox_nano
""",
}
"""Verb -> commands, each with what it does where its name and options do not say it."""


def examples(verb: str) -> str:
    """The section of examples at the end of a verb's help."""
    return "Examples:\n" + "".join(f"  {line}\n" for line in EXAMPLES[verb].strip().splitlines()) + "\n"
