"""The parts of the README that are generated from scorecards: what a first command prints, one board, and findings.

`python -m tests.findings` writes them between their marks.
"""

from benchmark.core.markdown import markdown, number
from benchmark.evaluation.rates import read_rates
from benchmark.leaderboard.after_run import one_line, rank_among
from benchmark.leaderboard.rank import read_ranked
from benchmark.suites.results_folder import SuiteFolder
from tests.finding_records import RESULTS, card_path, read

SHOWN = ("resnet18", "gatekeeper", "energy", "ssim", "condition")
"""The predictors on the README's board."""
SUITES = (
    "imagenet-lite", "open", "coco-lite", "imagenet-mixed", "open-mixed", "coco-mixed", "glyphs", "glyphs-mixed", "glyphs-det",
)  # fmt: skip


def measured(suite, predictor):
    """The measures of a predictor on combined labels by name; empty where it was not run."""
    path = card_path(suite, predictor, "combined")
    return read(path).metrics | read(path).gains if path else {}


def share(measure):
    """A share in per cent; a dash where it is not defined."""
    return "-" if measure is None or measure.value is None else f"{round(100 * measure.value)} %"


def cell(suite, predictor):
    """AUROC with its interval, AUROC within a condition, and bits saved."""
    measures = measured(suite, predictor)
    if not measures:
        return "not run"
    within = number(measures["within_condition_auroc"].value)
    return f"{measures['auroc'].text}; {within}; {share(measures.get('bits_saved'))}"


def board():
    """The table of suites and predictors."""
    rows = [
        (suite, *(cell(suite, name) for name in SHOWN))
        for suite in SUITES
        if (RESULTS / suite / "leaderboard.md").is_file()
    ]
    return "\n".join(markdown(["suite", *SHOWN], rows))


def values(measure, predictor, suites):
    """(suite, measure) for those of the suites that have its value and interval."""
    pairs = [(suite, measured(suite, predictor).get(measure)) for suite in suites]
    return [(suite, value) for suite, value in pairs if value and value.low is not None]


def by_verdict(measure, predictor, suites):
    """A difference on several suites, as `is above 0 on open (+0.049); cannot be told from 0 on coco-lite (+0.020)`."""
    groups = {"is above 0": [], "is below 0": [], "cannot be told from 0": []}
    for suite, value in values(measure, predictor, suites):
        verdict = "is above 0" if value.low > 0 else "is below 0" if value.high < 0 else "cannot be told from 0"
        groups[verdict].append(f"{suite} ({value.value:+.3f})")
    return "; ".join(f"{verdict} on {', '.join(cells)}" for verdict, cells in groups.items() if cells) or "not run"


def from_to(measure, predictor, suites):
    """A measure where it is least and where it is greatest, as `0.53 (0.40 to 0.67) on open to ... on imagenet-mixed`."""
    ordered = sorted(values(measure, predictor, suites), key=lambda pair: pair[1].value)
    ends = dict((ordered[0], ordered[-1])) if ordered else {}
    return " up to ".join(f"{value.text} on {suite}" for suite, value in ends.items()) or "not run"


def codecs(suite):
    """Bits of each codec against JPEG at an equal share of useful images, with intervals."""
    rates = read_rates(SuiteFolder(RESULTS / suite).rates).codecs
    values = {name: codec.bd_rate.get("useful") for name, codec in rates.items()}
    cells = ", ".join(
        f"{name} {100 * value.value:+.0f} % ({100 * value.low:+.0f} to {100 * value.high:+.0f})"
        for name, value in values.items()
        if value and None not in (value.value, value.low, value.high)
    )
    return f"on {suite} {cells}"


def findings():
    """Six findings, as a list."""
    photographs, letters = SUITES[:6], SUITES[6:]
    over, within = "auroc_over_condition", "within_condition_auroc"
    of_header = [
        f"{value.text} on {suite}" for suite, value in values(within, "header", ("imagenet-lite", "imagenet-lite-256"))
    ]
    lines = [
        "**A small network that looks first**: AUROC of `gatekeeper` minus that of `condition` "
        f"{by_verdict(over, 'gatekeeper', photographs)}. On letters it {by_verdict(over, 'gatekeeper', letters)}.",
        "**The reference**: AUROC of `resnet18` minus that of `condition` "
        f"{by_verdict(over, 'resnet18', photographs)}. On letters it {by_verdict(over, 'resnet18', letters)}. "
        f"That of `mobilenet_v2`, which starts from ImageNet weights, {by_verdict(over, 'mobilenet_v2', photographs)}.",
        f"**Within one condition**, on photographs, where chance is .5: `ssim` {from_to(within, 'ssim', photographs)}; "
        f"`resnet18` {from_to(within, 'resnet18', photographs)}; `gatekeeper` {from_to(within, 'gatekeeper', photographs)}.",
        f"**Bits saved** by `gatekeeper`: {by_verdict('bits_saved', 'gatekeeper', photographs)}. On letters it "
        f"{by_verdict('bits_saved', 'gatekeeper', letters)}.",
        "**Size as a cue**: `header`, which reads JPEG quality, size and bits but no pixel, has an AUROC within a condition of "
        f"{' and of '.join(of_header)}, whose photographs all have one short side.",
        f"**Codecs**: bits against JPEG at an equal share of useful images, {codecs('imagenet-mixed')}; "
        f"{codecs('open-mixed')}; {codecs('glyphs-mixed')} (64 px, where headers are a large part of a JPEG).",
    ]
    return "\n".join(f"- {line}" for line in lines) + "\n"


def run():
    """What `run` prints of two baselines in a fresh clone, whose scores are published."""
    group = read_ranked(SuiteFolder(RESULTS / "glyphs")).results["combined"]
    cards = [read(card_path("glyphs", name, "combined")) for name in ("gatekeeper", "ssim")]
    lines = [
        "$ utilbench run gatekeeper ssim -s glyphs",
        *map(one_line, cards),
        "...",
        *(f"{card.predictor}, combined labels: {rank_among(card, group)}" for card in cards),
        "next: utilbench rank glyphs, then open results/glyphs/index.html",
    ]
    return "\n".join(["```console", *lines, "```"])


PARTS = {"run": run, "board": board, "findings": findings}


def with_parts(readme):
    """The README with the generated parts between their marks."""
    for name, make in PARTS.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = readme.partition(begin)
        readme = f"{before}{begin}\n{make().rstrip()}\n{end}{rest.partition(end)[2]}"
    return readme
