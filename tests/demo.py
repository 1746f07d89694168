"""The demo: both embedded suites from published outcomes to boards and pages, a numbered step after the other.

`make demo` runs it. Seconds expected are those of two cores with AVX2 and nothing beside them.
"""

import subprocess
import sys
import time
from pathlib import Path

from benchmark.evaluation.scorecard import read_card
from benchmark.suites.results_folder import SuiteFolder

SUITES = {"glyphs": (200, (7, 21, 41)), "glyphs-det": (150, (17, 107, 58))}
"""Suite -> how many of its sources are taken, and the seconds expected of its three steps."""
UNTRAINED = ("chance", "jpeg_quality", "ssim", "dct_statistics", "jpeg_statistics", "energy", "fisher")
STEPS = [
    (title, seconds, [*arguments, f"--limit={limit}"])
    for suite, (limit, expected) in SUITES.items()
    for (title, arguments), seconds in zip(
        (
            (f"labels of {limit} sources of {suite}, from published outcomes", ["label", suite]),
            ("score and judge seven predictors", ["run", *UNTRAINED, "-s", suite]),
            (
                "train, score and judge the reference, smaller: 120 steps instead of 1,200",
                ["run", "resnet18_small", "-s", suite],
            ),
        ),
        expected,
        strict=True,
    )
] + [("boards, figures and pages", 24, ["rank"])]
"""What a step does, in how many seconds, and the command."""


def finding(suite, limit):
    """What the scorecards of a suite say, in a sentence."""
    cards = [read_card(path) for path in SuiteFolder(Path("demo") / f"{suite}-limit{limit}").cards()]
    values = {card.predictor: card.metrics["auroc"].value for card in cards if card.labels == "combined"}
    quality, best = values["jpeg_quality"], max(values, key=values.get)
    if values[best] <= quality:
        return f"On {limit} sources of {suite}, nothing does better than JPEG's quality alone (AUROC {quality:.2f})."
    return (
        f"On {limit} sources of {suite}, {best} tells useful from non-useful images best (AUROC {values[best]:.2f}, "
        f"chance .50, JPEG's quality alone {quality:.2f})."
    )


def main():
    """Run all steps into demo/; stops at the first that fails."""
    total = sum(seconds for _, seconds, _ in STEPS)
    print(f"Demo: {len(STEPS)} steps, about {total / 60:.0f} minutes on two cores; results go to demo/", flush=True)
    begin, left = time.perf_counter(), total
    for number, (title, expected, arguments) in enumerate(STEPS, start=1):
        print(f"\n[{number}/{len(STEPS)}] {title}; about {expected} s, {left} s left in all", flush=True)
        print(f"    utilbench {' '.join(arguments)} --results demo", flush=True)
        start = time.perf_counter()
        output = subprocess.DEVNULL if arguments == ["rank"] else None
        done = subprocess.run([sys.executable, "-m", "benchmark", *arguments, "--results", "demo"], stdout=output)
        if done.returncode:
            sys.exit(f"step {number} failed")
        left -= expected
        print(f"[{number}/{len(STEPS)}] done in {time.perf_counter() - start:.0f} s", flush=True)
    seconds = time.perf_counter() - begin
    print(f"\nDone in {seconds:.0f} s. {' '.join(finding(suite, limit) for suite, (limit, _) in SUITES.items())}")
    print("Open demo/index.html in a browser, or read demo/boards.md and demo/*/leaderboard.md.")


if __name__ == "__main__":
    main()
