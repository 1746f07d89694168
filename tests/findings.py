"""Findings: what the committed scorecards say of the paper's claims and of ours, with intervals and the sources it would take.

    python -m tests.findings        # writes results/README.md, the README's board and findings, and findings.json

Values are read from the scorecards; intervals are stored with a digest of the scorecards that they are of, so that text and
scorecards cannot differ unnoticed (`tests/test_findings.py`).
"""

import json

from scipy.stats import norm

from benchmark.core.markdown import markdown
from benchmark.evaluation.rates import read_rates
from benchmark.metrics import bootstrap
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import SuiteFolder
from tests.finding_records import RESULTS, Finding, Term
from tests.readme_parts import with_parts
from tests.tracked import ROOT

FILE, INTERVALS, README = RESULTS / "README.md", RESULTS / "findings.json", ROOT / "README.md"
VERDICTS = ("confirmed", "refuted", "cannot tell")
JPEG = ("imagenet-lite", "open", "coco-lite", "glyphs", "glyphs-det")
MIXED = ("imagenet-mixed", "open-mixed", "coco-mixed", "glyphs-mixed")
EVERY = (*JPEG, *MIXED)
QUALITY = {
    "ssim": "SSIM", "iqa-psnr": "PSNR", "iqa-ms_ssim": "MS-SSIM", "iqa-vif_p": "VIF", "iqa-gmsd": "GMSD",
}  # fmt: skip
"""Stem of each measure of quality for people -> its name."""
OF_LABELS = ("glyphs", "imagenet-lite", "glyphs-det", "coco-lite")
CROSS = {"glyphs": "glyphs-det", "glyphs-det": "glyphs", "imagenet-lite": "coco-lite", "coco-lite": "imagenet-lite"}
PRIMARY = {
    "auroc": "AUROC", "within_condition_auroc": "within condition", "area": "gain area", "bits_saved": "bits saved",
}  # fmt: skip
MARGIN = 0.05
"""How far below another predictor's a gain area may lie that is called as good."""
HEAD = f"""# Findings

Generated from the scorecards by `python -m tests.findings`. A difference is paired: both predictors, or label sets, are
measured on the same resamples of the test sources, and its 95 % interval holds the chance of test sources, validation sources
and seeds, given the training sources. *Confirmed* and *refuted* mean that the interval lies above or below 0, or, where a
predictor is only claimed to be as good, above or below -{MARGIN}. Of {{count}} such verdicts about {{false}} would be wrong if
there were nothing to find. *One seed*: the reference was trained once, so that another training may say otherwise. The sources
that it would take are those with which a test would find a difference of this size in four of five trials; where few trainings
differ much, more seeds would tell sooner.

Combined labels leave out what networks disagree on, so that being easier is partly their construction. The photographs of
`imagenet-*` are probably ImageNet training images, which the gatekeeper's probe has seen; those of `open` and `open-mixed` are
not.
"""


def minus(suite, first, second, measure, title, *, margin=0.0):
    """A measure of one predictor minus that of another."""
    about = f"{title}: {first} minus {second}"
    return Finding(suite, about, (Term(first, measure), Term(second, measure, -1.0)), margin=margin)


def combined_minus_single(suite, predictor):
    """Balanced accuracy on combined labels minus its mean on those of single networks."""
    networks, name = load_suite(suite).networks.labelling, "balanced_accuracy"
    singles = [Term(predictor, name, -1 / len(networks), network) for network in networks]
    return Finding(
        suite,
        f"{predictor}: balanced accuracy, combined minus mean of single networks",
        (Term(predictor, name), *singles),
    )


def gatekeeper_over(rival):
    """The gatekeeper against a rival in the four primary measures, on all conditions and on unseen kinds."""
    findings = []
    for suite in EVERY:
        for name, title in PRIMARY.items():
            for kind in [""] if suite in JPEG else ["", " on unseen kinds"]:
                if rival == "condition" and name == "within_condition_auroc":
                    about = f"{title}{kind}: gatekeeper minus .5"
                    findings.append(Finding(suite, about, (Term("gatekeeper", name + kind),), -0.5))
                else:
                    findings.append(minus(suite, "gatekeeper", rival, name + kind, title + kind))
    return findings


def claims():
    """Claim -> the findings that it is judged by, the paper's four first."""
    over = "auroc_over_condition"
    return {
        "Paper 1. Labels that several networks agree on are easier to predict than those of one (Tables I and II)": [
            combined_minus_single(suite, name) for suite in OF_LABELS for name in ("resnet18", "header")
        ],
        "Paper 2. SSIM, energy and Fisher information do not capture utility as a trained predictor does (Fig. 1)": [
            minus(suite, "resnet18", rival, "auroc", "AUROC")
            for suite in EVERY
            for rival in ("ssim", "energy", "fisher")
        ],
        "Paper 3. What the reference keeps is recognised better by networks that were not involved (Fig. 2)": [
            Finding(suite, about, (Term("resnet18", name),))
            for suite in EVERY
            for name, about in (("gain", "gain"), ("over_condition", "gain minus that of the best conditions"))
        ],
        "Paper 4. A predictor that was trained on the other task does as well (Tables III and IV)": [
            minus(suite, f"resnet18@{other}.combined", "resnet18", "area", "gain area", margin=MARGIN)
            for suite, other in CROSS.items()
        ],
        "Ours 1. The reference knows more than the condition": [
            Finding(suite, f"AUROC{kind}: resnet18 minus condition", (Term("resnet18", over + kind),))
            for suite in EVERY
            for kind in ("", " on unseen kinds")
        ],
        "Ours 2. A small network that looks first knows more than the condition": gatekeeper_over("condition"),
        "Ours 3. The gatekeeper knows more than the reference": gatekeeper_over("resnet18"),
        "Ours 4. Predictors that were trained on other photographs know more than the condition": [
            Finding(suite, f"AUROC: {name} from {other} minus condition", (Term(f"{name}@{other}.combined", over),))
            for suite, other in (("open", "imagenet-lite"), ("imagenet-lite", "open"))
            for name in ("gatekeeper", "resnet18", "header")
        ],
        "Ours 5. A MobileNetV2 that starts from ImageNet weights does better than a ResNet-18 that does not": [
            minus(suite, "mobilenet_v2", "resnet18", "auroc", "AUROC") for suite in EVERY if "glyphs" not in suite
        ],
        "Ours 6. Size and bits alone tell images of one condition apart": [
            Finding(suite, "header within a condition, minus .5", (Term("header", "within_condition_auroc"),), -0.5)
            for suite in ("imagenet-lite", "imagenet-lite-256", "coco-lite")
        ],
        "Ours 7. A measure of quality for people, which sees the original, knows more than the condition": [
            Finding(suite, f"AUROC: {title} minus condition", (Term(stem, over),))
            for suite in EVERY
            for stem, title in QUALITY.items()
        ],
    }


def codecs():
    """The table of BD-rates at equal share of useful images."""
    rows = []
    for suite in MIXED:
        file = SuiteFolder(RESULTS / suite).rates
        for name, codec in read_rates(file).codecs.items() if file.is_file() else ():
            measure = codec.bd_rate.get("useful")
            if measure and measure.value is not None:
                ends = "" if measure.low is None else f" ({100 * measure.low:.1f} to {100 * measure.high:.1f})"
                rows.append((suite, name, f"{100 * measure.value:.1f} %{ends}"))
    head = ["suite", "codec", "bits against JPEG at an equal share of useful images (95 %)"]
    note = (
        "A codec whose curve and JPEG's have less than half of their range of useful images in common has no row. Images "
        "of `glyphs-mixed` have 64 px, where headers are a large part of a JPEG, so that its rows say little of photographs."
    )
    return ["## Codecs", "", note, "", *markdown(head, rows)] if rows else []


def holm_note(findings, stored):
    """How many of these differences stay significant if all are one family (Holm, normal p values)."""
    errors = [error for *_, error in stored]
    ps = [
        2 * float(norm.sf(abs(finding.value) / error)) if error else 1.0
        for finding, error in zip(findings, errors, strict=True)
    ]
    significant = [finding.value for finding, p in zip(findings, bootstrap.holm(ps), strict=True) if p < 0.05]
    above = sum(value > 0 for value in significant)
    return (
        f"After Holm's correction over these {len(findings)} comparisons, {above} are significantly above 0 and "
        f"{len(significant) - above} below."
    )


def judged(intervals):
    """Claim -> its findings, and the rows of their table, with stored intervals by key.

    Raises:
        KeyError: an interval is not stored, or is of other scorecards.
    """
    groups = {claim: [finding for finding in findings if finding.exists] for claim, findings in claims().items()}
    stored = {claim: [intervals[finding.key] for finding in findings] for claim, findings in groups.items()}
    return {
        claim: (
            findings,
            stored[claim],
            [finding.row(*ends) for finding, ends in zip(findings, stored[claim], strict=True)],
        )
        for claim, findings in groups.items()
    }


def text(intervals):
    """The page, with stored intervals by key; raises KeyError as `judged` does."""
    groups = judged(intervals)
    count = sum(len(rows) for *_, rows in groups.values())
    lines = [HEAD.format(count=count, false=round(0.05 * count)), *summary(groups)]
    head = ["suite", "measure", "value (95 %)", "test sources", "verdict", "sources it would take"]
    for claim, (findings, stored, rows) in groups.items():
        lines += [f"## {claim}", "", *(markdown(head, rows) if rows else ["Not run.", ""])]
        lines += [holm_note(findings, stored), ""] if claim.startswith(("Ours 2", "Ours 3")) and rows else []
    return "\n".join([*lines, *codecs()]).rstrip() + "\n"


def summary(groups):
    """How many findings confirm and refute each claim, as a table."""
    rows = []
    for claim, (*_, cells) in groups.items():
        verdicts = [row[4].partition(",")[0] for row in cells]
        rows.append((claim, *(str(verdicts.count(verdict)) if verdicts else "not run" for verdict in VERDICTS)))
    return markdown(["claim", *VERDICTS], rows)


def main():
    """Compute the intervals that are missing, and write the page, the intervals and the README's summary."""
    before = json.loads(INTERVALS.read_text()) if INTERVALS.is_file() else {}
    findings = [finding for group in claims().values() for finding in group if finding.exists]
    keys = {finding.key: finding for finding in findings}
    intervals = {key: before.get(key) or finding.computed() for key, finding in sorted(keys.items())}
    INTERVALS.write_text(json.dumps(intervals, indent=0) + "\n")
    FILE.write_text(text(intervals))
    README.write_text(with_parts(README.read_text()))
    print(f"wrote {FILE.relative_to(ROOT)} with {len(findings)} findings")


if __name__ == "__main__":
    main()
