"""Random command lines: wrong usage ends with 2, what cannot be done with 1, each in one line; never a traceback."""

import re
import shutil

from tests.hammer.command import USAGE, faults_of_refusal, run
from tests.hammer.report import Try
from tests.test_bad_arguments import ARGUMENTS

ODD = (
    "", " ", ".", "..", "/", "-", "--", "a\nb", "\x1b[31m", "\u202e", "é", "🦊", "x" * 300, "9" * 400, "-1", "0", "nan",
    "0.5", "small", "SMALL", "small.toml", "results", "/dev/null", "/dev/zero", "/nowhere", "combined", "zoo:resnet",
    "zoo-resnet", "zoo:vgg", "all", "cpu", "cuda:9", "chance", "jpeg_quality", "iqa:ms_ssim", "iqa:none", "none:none", "a*b?",
    "~", "~nobody", "$HOME", "%s", "{}", "{0.__class__}", "s3://", "nowhere://x", "\udcff",
)  # fmt: skip
POSITIONAL = {
    "list": 0, "label": 1, "run": 1, "check": 1, "compare": 2, "verify": 1, "score": 2, "rank": 1, "export": 1,
}  # fmt: skip
QUICK = [verb for verb in POSITIONAL if verb not in ("list", "check")]
OPTIONS = {
    "label": ("--limit", "--precision", "--device", "--anew"),
    "run": ("--limit", "--device", "--seeds", "-l", "--train-on"),
    "check": ("--device", "--json"),
    "compare": ("-l", "--json"),
    "verify": ("--device", "--run", "--recompute", "--json"),
    "score": ("-l", "--reference", "--json", "--keep-accuracy", "--keep-fraction", "--keep-bits"),
    "rank": ("--limit", "--figure"),
    "export": ("--limit", "-l", "-o"),
    "list": ("--json",),
}
FLAGS = {"--anew", "--json", "--run", "--recompute"}
VALUES = {
    "--limit": ("0", "1", "20", "60", "79", "80", "81"), "--seeds": ("0", "1", "2"), "--figure": ("1", "2a", "gains", "cost"),
    "-l": ("combined", "zoo:resnet", "all"), "--precision": ("bf16", "float32"), "--device": ("cpu",), "-o": ("output",),
    "--keep-accuracy": ("0.9", "1"), "--keep-fraction": ("0.5", "1e-300"), "--keep-bits": ("1", "1e300"),
}  # fmt: skip


def arguments(ground, draw):
    """A command line of a verb with random values, most of them possible, of the small suite's results."""
    line = draw.choice(list(ARGUMENTS)).split() if draw.random() < 0.1 else random_line(ground, draw)
    if any("\0" in part for part in line):
        return []
    folder = ground.copy("judged")
    ended = run(line, folder)
    status = 2 if any(USAGE.match(refusal) for refusal in ended.refusals) else 1
    faults = [] if ended.status == 0 else faults_of_refusal(ended, statuses=(status,))
    shutil.rmtree(folder)
    return [Try(f"{line!r}", faults)]


def random_line(ground, draw):
    """A verb, its arguments and options; each is odd with a probability of a fifth."""

    def value(*usual):
        return draw.choice(ODD) if draw.random() < 0.2 or not usual else draw.choice(usual)

    verb = draw.choice(list(POSITIONAL)) if draw.random() < 0.1 else draw.choice(QUICK)
    usual = {
        "run": ("chance", "jpeg_quality", ground.own), "check": ("chance", "jpeg_quality"),
        "compare": ("jpeg_quality", "dct_statistics"), "rank": ("small", ground.suite),
    }.get(verb, (ground.suite,))  # fmt: skip
    line = [verb, *(value(*usual) for _ in range(POSITIONAL[verb]))]
    if verb == "score":
        line[1:] = [value("jpeg_quality", "dct_statistics"), value(str(ground.inputs / "photographs"), ground.suite)]
    if verb in ("run", "compare", "score"):
        line += ["-s", value(ground.suite)]
    if verb == "export":
        line += ["-o", value("output")]
    for option in draw.sample(OPTIONS[verb], draw.randint(0, min(2, len(OPTIONS[verb])))):
        line += [option] if option in FLAGS else [option, value(*VALUES.get(option, ()))]
    if draw.random() < 0.2:
        line += [draw.choice(["--data", "--networks", "--results"]), value("results")]
    else:
        line += ["--results", "results"]
    if draw.random() < 0.05:
        line.insert(draw.randrange(len(line)), draw.choice(ODD))
    return [part for part in line if not re.fullmatch(r"glyphs|imagenet|coco", part)]
