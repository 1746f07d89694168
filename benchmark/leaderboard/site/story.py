"""What the results of all suites say, in a few sentences that are generated from scorecards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmark.evaluation.card_parts import Measure
from benchmark.evaluation.rates import USEFUL
from benchmark.evaluation.results import SuiteResults
from benchmark.evaluation.scorecard import Scorecard
from benchmark.suites.spec import COMBINED


def sentences(ranked: Sequence[SuiteResults]) -> list[str]:
    """Findings on the suites that have ranked predictors: over the condition, within a condition, and codecs."""
    chosen = (over_the_condition(ranked), within_conditions(ranked), of_codecs(ranked))
    return [sentence for sentence in chosen if sentence]


def ranked_cards(results: SuiteResults) -> list[Scorecard]:
    """The cards of the combined labels that boards rank, best AUROC first."""
    return [card for card in results.cards(COMBINED) if card.is_ranked]


def best_by(ranked: Sequence[SuiteResults], measure: str) -> list[tuple[SuiteResults, Scorecard, Measure]]:
    """For each suite with ranked predictors, the card with the highest value of a measure, and the measure."""
    best = []
    for results in ranked:
        cards = [card for card in ranked_cards(results) if card.metrics[measure].value is not None]
        if cards:
            card = max(cards, key=lambda card: card.metrics[measure].value or 0.0)
            best.append((results, card, card.metrics[measure]))
    return best


def over_the_condition(ranked: Sequence[SuiteResults]) -> str:
    """On how many suites the first predictor beats the rival that knows the condition alone."""
    firsts = best_by(ranked, "auroc_over_condition")
    if not firsts:
        return ""
    certain = [entry for entry in firsts if (entry[2].low or 0.0) > 0]
    results, card, measure = max(certain or firsts, key=lambda entry: entry[2].value or 0.0)
    return (
        f"On {len(certain)} of {len(firsts)} suites a predictor tells useful images from non-useful ones better than "
        f"compression strength alone does (95 % interval above 0); the most on {results.suite.name}: {card.predictor}, "
        f"AUROC {measure.text} higher."
    )


def within_conditions(ranked: Sequence[SuiteResults]) -> str:
    """How well the best predictor and SSIM tell images of one condition apart."""
    best = best_by(ranked, "within_condition_auroc")
    if not best:
        return ""
    pairs = ", ".join(f"{results.suite.name} {card.predictor} {measure.text}" for results, card, measure in best[:3])
    fidelity = [
        card.metrics["within_condition_auroc"].value
        for results in ranked
        for card in ranked_cards(results)
        if card.predictor == "ssim"
    ]
    values = sorted(value for value in fidelity if value is not None)
    ssim = f" SSIM, which measures fidelity, has {values[0]:.2f} to {values[-1]:.2f} over all suites." if values else ""
    return f"Among images that are compressed alike, where chance is .5, the best have: {pairs}.{ssim}"


def of_codecs(ranked: Sequence[SuiteResults]) -> str:
    """Bits of codecs against the first one at an equal share of useful images, on the suite with the most codecs."""
    with_codecs = [results for results in ranked if results.rates and len(results.rates.codecs) > 1]
    if not with_codecs:
        return ""
    most: Callable[[SuiteResults], int] = lambda results: len(results.rates.codecs if results.rates else ())  # noqa: E731
    last = max(reversed(with_codecs), key=most)
    assert last.rates is not None
    values = {name: codec.bd_rate.get(USEFUL) for name, codec in last.rates.codecs.items()}
    shown = ", ".join(
        f"{name} {100 * value.value:+.0f} % ({100 * value.low:+.0f} to {100 * value.high:+.0f})"
        for name, value in values.items()
        if value and value.value is not None and value.low is not None and value.high is not None
    )
    first = next(iter(values))
    return f"Bits at an equal share of useful images, against {first}, on {last.suite.name}: {shown}." if shown else ""
