"""All committed results, made by the commands of the package, a step after the other; `make results` runs it.

    python -m tests.make_results --dry-run      # the steps, those that are done, and the hours that are left
    python -m tests.make_results                # makes what is missing; can be stopped and started again

A step that is done stands in results/times.csv with its seconds, and is made again only when a suite or the code of a predictor
has changed since. It needs UTILBENCH_DATA, UTILBENCH_NETWORKS and the weights of MobileNetV2 (`make mobilenet-weights`).
"""

import argparse
import csv
import datetime
import functools
import platform
import subprocess
import sys
import time
from pathlib import Path

from benchmark.core.devices import cores
from benchmark.core.digests import digest
from benchmark.evaluation.informed_rivals import rival_code
from benchmark.evaluation.scorecard import FORMAT
from benchmark.plugins.predictors.discovery import find_predictor
from benchmark.plugins.predictors.informed import INFORMED
from benchmark.suites.loading import load_suite

LOG = Path(__file__).parents[1] / "results" / "times.csv"
COLUMNS = ("command", "key", "seconds", "processor", "cores", "date")
TWINS = ("imagenet-lite-plain", "coco-lite-text")
SUITES = (
    "glyphs", "glyphs-mixed", "imagenet-lite", "glyphs-det", "coco-lite", "open", "imagenet-mixed", "open-mixed", "coco-mixed",
    *TWINS, "imagenet-lite-256",
)  # fmt: skip
RIVALS = ["condition", "condition_and_class", "ceiling", "chance"]
CHEAP = ["bits_per_pixel", "header", "ssim", "dct_statistics", "energy", "fisher", "gatekeeper"]
JPEG_ALONE = ["jpeg_quality", "jpeg_statistics"]
OF_ONE_NETWORK = ["chance", "bits_per_pixel", "header", "ssim", "energy", "fisher", "gatekeeper"]
"""Quick predictors that are judged by the labels of single networks, too."""
QUALITY = ["iqa:psnr", "iqa:ms_ssim", "iqa:vif_p", "iqa:gmsd"]
QUICK_QUALITY = ["iqa:psnr", "iqa:gmsd"]
"""Measures of image quality on mixed suites: the other two take .25 s an image, five hours of one core for all of them."""
NETWORKS = ("resnet18", "resnet18_soft", "resnet18_paper", "mobilenet_v2")
PREDICTORS = {*RIVALS, *CHEAP, *JPEG_ALONE, *QUALITY, *NETWORKS}
OF_QUALITY = ("imagenet-lite", "coco-lite", "open", "imagenet-mixed", "open-mixed", "coco-mixed")
"""Suites on which measures of image quality are predictors, too."""
FIVE_SEEDS = ("glyphs", "imagenet-lite", "coco-lite", "imagenet-mixed", "coco-mixed", "open-mixed")
"""Suites on whose combined labels the reference is trained with five seeds; with one on those of ONE_SEED."""
ONE_SEED = ("glyphs-mixed", "glyphs-det", "open", *TWINS)
OF_LABELS = ("glyphs", "glyphs-det", "imagenet-lite", "coco-lite")
"""Suites with boards of single networks' labels (the paper's Tables I and II)."""
PHOTOGRAPHS = ("imagenet-lite", "coco-lite", "imagenet-mixed", "open-mixed", "coco-mixed")
"""Suites on which MobileNetV2 is fine-tuned."""
PAPER = ("glyphs", "imagenet-lite")
"""Suites on which the reference is trained with the paper's recipe, too."""
CROSS = (
    ("glyphs-det", "glyphs"),
    ("glyphs", "glyphs-det"),
    ("coco-lite", "imagenet-lite"),
    ("imagenet-lite", "coco-lite"),
)
"""Suites, and those of the other task that the reference is trained on (Tables III and IV)."""
ELSEWHERE = (("open", "imagenet-lite"), ("imagenet-lite", "open"))
"""Suites, and those of other photographs that predictors are trained on."""
LABELLING = {
    "imagenet-mixed": 50,
    "open-mixed": 25,
    "coco-mixed": 45,
    "glyphs-mixed": 8,
    "imagenet-lite": 5,
    "coco-lite": 4,
}
"""Minutes of `label` on two cores with AVX2, where they are more than two."""
QUALITY_MINUTES = {"imagenet-lite": 35, "coco-lite": 15, "open": 15}
"""Minutes of measures of image quality, where they are not six."""
SCORING = {"imagenet-mixed": 45, "open-mixed": 20, "coco-mixed": 40, "coco-lite": 15, "imagenet-lite": 15}
"""Minutes of all quick predictors, where they are more than four."""


def quick(suite):
    """The rivals and the predictors that train in seconds, if at all."""
    detection = suite.startswith(("coco", "glyphs-det"))
    rivals = [name for name in RIVALS if not detection or name != "condition_and_class"]
    return [*rivals, *CHEAP, *([] if suite.endswith("-mixed") else JPEG_ALONE)]


def training(suite, count):
    """Minutes of so many trainings of a network, and its scoring."""
    return count * (6 if suite.startswith("glyphs") else 10)


def one_seed(predictor, suite):
    """The step that trains a predictor with one seed."""
    return training(suite, 1), ["run", predictor, "-s", suite, "--seeds", "1"]


def steps():
    """Minutes on two cores with AVX2, and the arguments of the command, in the order in which they are made."""
    made = []
    for suite in SUITES:
        made += [
            (LABELLING.get(suite, 2), ["label", suite]),
            (SCORING.get(suite, 4), ["run", *quick(suite), "-s", suite]),
        ]
    for suite in OF_QUALITY:
        measures = QUICK_QUALITY if suite.endswith("-mixed") else QUALITY
        made.append((QUALITY_MINUTES.get(suite, 6), ["run", *measures, "-s", suite]))
    made += [(SCORING.get(suite, 4), ["run", *OF_ONE_NETWORK, "-s", suite, "-l", "all"]) for suite in OF_LABELS]
    made += [(4, ["run", "gatekeeper", "header", "-s", suite, "--train-on", other]) for suite, other in ELSEWHERE]
    made += [one_seed("resnet18", suite) for suite in (*FIVE_SEEDS, *ONE_SEED)]
    made += [
        (3, ["run", "resnet18", "-s", suite, "--train-on", other, "--seeds", "1"])
        for suite, other in (*CROSS, *ELSEWHERE)
    ]
    made += [one_seed("mobilenet_v2", suite) for suite in PHOTOGRAPHS]
    made += [(training(suite, 3), ["run", "resnet18", "-s", suite, "-l", "all", "--seeds", "1"]) for suite in OF_LABELS]
    made += [one_seed("resnet18_soft", suite) for suite in ("imagenet-lite", "coco-lite")]
    made += [one_seed("resnet18_paper", suite) for suite in PAPER]
    made += [  # a seed a step, since scores of seeds that were run before are kept
        (training(suite, 1), ["run", "resnet18", "-s", suite, "--seeds", str(count)])
        for count in range(2, 6)
        for suite in FIVE_SEEDS
    ]
    return [*made, (3, ["rank"])]


def key(arguments):
    """Digest of the suites and of the predictors' code that a command depends on; empty for `rank`, which is never done."""
    suites = [name for name in arguments if name in SUITES]
    codes = [code_of(name) for name in arguments if name in PREDICTORS]
    return digest(str(FORMAT), *(load_suite(name).choices() for name in suites), *codes) if suites else ""


@functools.cache
def code_of(name):
    """Digest of the code of a predictor or informed rival."""
    return rival_code(INFORMED[name]) if name in INFORMED else find_predictor(name)[2]


def done_steps():
    """(command, key) -> seconds of the steps that were made."""
    if not LOG.is_file():
        return {}
    with LOG.open(newline="") as file:
        return {(row["command"], row["key"]): float(row["seconds"]) for row in csv.DictReader(file)}


def record(command, step, seconds):
    """Append a step to the log."""
    is_new = not LOG.is_file()
    with LOG.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(COLUMNS)
        writer.writerow([command, step, f"{seconds:.0f}", processor(), cores(), datetime.date.today().isoformat()])


def processor():
    """The name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def print_plan(planned, log):
    """Print all steps, with the minutes that each took or will take."""
    for minutes, command, _, own in planned:
        seconds = log.get((command, own))
        print(
            f"about   {minutes:6.1f}" if seconds is None else f"done in {seconds / 60:6.1f}",
            f"min  utilbench {command}",
        )
    spent = [log[command, own] / 3600 for _, command, _, own in planned if (command, own) in log]
    left = [minutes / 60 for minutes, command, _, own in planned if (command, own) not in log]
    print(
        f"{len(spent)} of {len(planned)} steps are done, in {sum(spent):.1f} hours; about {sum(left):.1f} hours are left"
    )


def main():
    """Print the plan, and make what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dry-run", action="store_true", help="print the steps and the hours, and make nothing")
    parser.add_argument("--until", type=float, metavar="MINUTES", help="start no step after so many minutes")
    chosen = parser.parse_args()
    planned = [(minutes, " ".join(arguments), arguments, key(arguments)) for minutes, arguments in steps()]
    log, begin = done_steps(), time.perf_counter()
    print_plan(planned, log)
    for _, command, arguments, own in planned:
        if chosen.dry_run or (command, own) in log:
            continue
        if chosen.until and time.perf_counter() - begin > 60 * chosen.until:
            sys.exit("stopped; the next call goes on")
        print(f"utilbench {command}", flush=True)
        start = time.perf_counter()
        if subprocess.run([sys.executable, "-m", "benchmark", *arguments]).returncode:
            sys.exit(f"failed: utilbench {command}")
        if own:
            record(command, own, time.perf_counter() - start)


if __name__ == "__main__":
    main()
