"""What the results of all suites say, in a few sentences that are generated from scorecards."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.evaluation.card_parts import Measure
from benchmark.evaluation.rates import ANCHOR, USEFUL, Rates
from benchmark.evaluation.results import SuiteResults, title
from benchmark.evaluation.scorecard import Scorecard
from benchmark.suites.spec import COMBINED


def sentences(ranked: Sequence[SuiteResults]) -> list[str]:
    """Findings on whole suites that have ranked predictors: over the condition, within a condition, and codecs."""
    whole = [results for results in ranked if not results.suite.limit]
    chosen = (over_the_condition(whole), within_conditions(whole), of_codecs(whole))
    return [sentence for sentence in chosen if sentence]


def ranked_cards(results: SuiteResults) -> list[Scorecard]:
    """The cards of the combined labels that boards rank, best AUROC first."""
    return [card for card in results.cards(COMBINED) if card.is_ranked]


def value_of(measure: Measure) -> float:
    """A value to compare, lower than all others where it is undefined."""
    return -1.0 if measure.value is None else measure.value


def over_the_condition(ranked: Sequence[SuiteResults]) -> str:
    """On how many suites the first predictor of the board has a higher AUROC than the rival that knows the condition alone."""
    firsts = [(results, cards[0]) for results in ranked if (cards := ranked_cards(results))]
    if not firsts:
        return ""
    certain = [entry for entry in firsts if (entry[1].metrics["auroc_over_condition"].low or 0.0) > 0]
    asked = (
        "the first predictor of the board tells useful images from non-useful ones better than compression strength alone does "
        "(95 % interval of the difference of AUROC above 0, not corrected for the choice of the first)"
    )
    if not certain:
        return f"On none of {len(firsts)} suites {asked}."
    results, card = max(certain, key=lambda entry: value_of(entry[1].metrics["auroc_over_condition"]))
    difference = card.metrics["auroc_over_condition"].text
    return (
        f"On {len(certain)} of {len(firsts)} suites {asked}; most on {results.suite.name}: {title(card)}, {difference}."
    )


def within_conditions(ranked: Sequence[SuiteResults]) -> str:
    """How well the best predictor of each suite, and SSIM, tell images of one condition apart."""
    name, best, fidelity = "within_condition_auroc", [], []
    for results in ranked:
        cards = [card for card in ranked_cards(results) if card.metrics[name].value is not None]
        best += [(results, max(cards, key=lambda card: value_of(card.metrics[name])))] if cards else []
        fidelity += [value_of(card.metrics[name]) for card in cards if card.predictor == "ssim"]
    if not best:
        return ""
    values = sorted(value_of(card.metrics[name]) for _, card in best)
    results, card = max(best, key=lambda entry: value_of(entry[1].metrics[name]))
    ssim = f" SSIM, which measures fidelity, has {min(fidelity):.2f} to {max(fidelity):.2f}." if fidelity else ""
    return (
        f"Among images that are compressed alike, where chance is .5, the best predictor of each of {len(best)} suites has an "
        f"AUROC of {values[0]:.2f} to {values[-1]:.2f}; most on {results.suite.name}: {title(card)}, "
        f"{card.metrics[name].text}.{ssim}"
    )


def of_codecs(ranked: Sequence[SuiteResults]) -> str:
    """Bits of codecs against JPEG at an equal share of useful images, on the suite with the most codecs, of these the last."""
    suites = [(results.suite.name, results.rates) for results in ranked if results.rates]
    if not suites:
        return ""
    name, rates = max(reversed(suites), key=lambda entry: len(entry[1].codecs))
    shown = ", ".join(differences(rates))
    return f"Bits at an equal share of useful images, against {ANCHOR}, on {name}: {shown}." if shown else ""


def differences(rates: Rates) -> list[str]:
    """The difference of bits of each codec that has one, with its interval."""
    values = {codec: curves.bd_rate.get(USEFUL) for codec, curves in rates.codecs.items()}
    return [
        f"{codec} {100 * value.value:+.0f} % ({100 * value.low:+.0f} to {100 * value.high:+.0f})"
        for codec, value in values.items()
        if value and value.value is not None and value.low is not None and value.high is not None
    ]
