"""The parts of the README that are generated from scorecards: what a first command prints, one board, and four findings.

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


def listed(measure, predictor, suites):
    """A measure of a predictor on several suites, as `imagenet-lite .960, open .953`."""
    cells = [(suite, measured(suite, predictor).get(measure)) for suite in suites]
    return ", ".join(f"{suite} {value.text}" for suite, value in cells if value and value.value is not None)


def codecs(suite):
    """Bits of each codec against JPEG at an equal share of useful images, with intervals."""
    rates = read_rates(SuiteFolder(RESULTS / suite).rates).codecs
    values = {name: codec.bd_rate.get("useful") for name, codec in rates.items()}
    return ", ".join(
        f"{name} {100 * value.value:+.0f} % ({100 * value.low:+.0f} to {100 * value.high:+.0f})"
        for name, value in values.items()
        if value and None not in (value.value, value.low, value.high)
    )


def findings():
    """Four findings, as a list."""
    photographs, letters = SUITES[:6], SUITES[6:8]
    over, within = "auroc_over_condition", "within_condition_auroc"
    first = f"AUROC minus that of the condition alone: gatekeeper {listed(over, 'gatekeeper', photographs)}"
    reference = listed(over, "resnet18", photographs)
    lines = [
        f"**A small network that looks first**, on photographs. {first}"
        f"{f'; resnet18 {reference}' if reference else ''}. On letters: {listed(over, 'gatekeeper', letters)}.",
        "**Within one condition**, where compression level is no cue and chance is .5: ssim "
        f"{listed(within, 'ssim', photographs)}; gatekeeper {listed(within, 'gatekeeper', photographs)}.",
        "**Size as a cue.** Within a condition `header`, which knows an image's size and bits alone, has "
        f"{listed(within, 'header', ('imagenet-lite', 'imagenet-lite-256'))}; there all photographs have one short side.",
        "**Codecs.** Bits against JPEG at an equal share of useful images, on photographs: "
        f"{codecs('imagenet-mixed')}; on letters: {codecs('glyphs-mixed')}.",
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
