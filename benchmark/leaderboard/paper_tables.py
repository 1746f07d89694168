"""Tables of text as Markdown and LaTeX, and the paper's Tables I to IV: values from scorecards beside the published ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark.core.markdown import markdown
from benchmark.evaluation.results import SuiteResults, title
from benchmark.evaluation.scorecard import Scorecard
from benchmark.suites.loading import load_suite, suite_names
from benchmark.suites.spec import Suite
from benchmark.suites.tasks import TASKS

REFERENCE = "resnet18"
LATEX = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "†": r"$\dagger$",
    "±": r"$\pm$", "\n": " ",
})  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """One table of text."""

    name: str
    """Stem of the file that it is written to."""
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str
    """A remark on what the values mean, which stands below the table."""

    def markdown(self) -> list[str]:
        """The lines of a heading, the table and the note."""
        return [f"## {self.caption}", "", *markdown(self.head, self.rows), self.note, ""]

    def latex(self) -> str:
        """A floating table as LaTeX, which needs the package booktabs."""
        lines = [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{self.caption.translate(LATEX)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(self.head) - 1)}}}",
            r"\toprule",
            row(self.head),
            r"\midrule",
            *map(row, self.rows),
            r"\bottomrule",
            r"\end{tabular}",
            rf"\par\smallskip\footnotesize {self.note.translate(LATEX)}",
            r"\end{table}",
        ]
        return "\n".join(lines) + "\n"


def row(cells: Iterable[str]) -> str:
    """A row of a LaTeX table."""
    return " & ".join(cell.translate(LATEX) for cell in cells) + r" \\"


def accuracy_grid(ranked: SuiteResults) -> Grid:
    """Balanced accuracy of every predictor on every label set (Tables I and II)."""
    task = TASKS[ranked.suite.task]
    predictors = list(dict.fromkeys(result.title for group in ranked.results.values() for result in group))
    rows = []
    for labels, group in ranked.results.items():
        accuracy = {result.title: result.card.metrics["balanced_accuracy"].value for result in group}
        rows.append((labels, *(percent(accuracy.get(name)) for name in predictors)))
    shown = predictors if REFERENCE in predictors else [*predictors, REFERENCE]
    rows = [(*cells, *[""] * (len(shown) - len(predictors))) for cells in rows]
    rows += [
        (f"paper: {labels}", *(f"{value}" if name == REFERENCE else "" for name in shown))
        for labels, value in task.PUBLISHED_ACCURACY.items()
    ]
    return Grid(
        f"table_{task.TABLE}",
        f"Table {task.TABLE}: balanced accuracy in % on each label set",
        ("labels", *shown),
        tuple(rows),
        "The paper's rows: accuracy of its ResNet-18 at balanced classes, on its own photographs and networks.",
    )


def percent(share: float | None) -> str:
    """A share in per cent with one decimal, or nothing where there is none."""
    return "" if share is None else f"{100 * share:.1f}"


def gains_grid(cards: Sequence[Scorecard], suite: Suite) -> Grid:
    """Performance of held-out networks after filtering by the reference trained on either task (Tables III and IV)."""
    task = TASKS[suite.task]
    own = [card for card in cards if title(card) == REFERENCE]
    cross = [card for card in cards if card.predictor == REFERENCE and title(card) != REFERENCE]
    rows = []
    for name in suite.networks.held_out:
        gains = [card.downstream[name] for card in (*own, *cross)]
        filtered = [task.formatted(gain.filtered) for gain in gains]
        rivals = [task.formatted(value) for value in (gains[0].random, gains[0].condition)] if own else []
        unfiltered = task.formatted(cards[0].downstream[name].unfiltered)
        rows.append((name, unfiltered, *filtered, *rivals))
    names = [title(card) for card in (*own, *cross)]
    others = [title(card) for card in cross if is_of_another_task(card, suite)][:1]
    if published := ([REFERENCE] if own else []) + others:
        for name, (this_task, other_task) in task.PUBLISHED_GAINS.items():
            values = dict.fromkeys(others, other_task) | {REFERENCE: this_task}
            cells = (task.formatted(values[column]) if column in published else "" for column in names)
            rows.append((f"paper: {name}", "", *cells, *([""] * 2 if own else ())))
    head = ("network", "all images", *names, *(("random", "by condition") if own else ()))
    return Grid(
        f"table_{task.GAINS_TABLE}",
        f"Table {task.GAINS_TABLE}: {task.MEASURE} of held-out networks after filtering",
        head,
        tuple(rows),
        "Random and by condition keep as much as the reference trained on this task. The paper's rows: its ResNet-18 trained "
        "on this task and on the other one; it publishes no unfiltered value.",
    )


def is_of_another_task(card: Scorecard, suite: Suite) -> bool:
    """Whether the card's predictor was trained on a suite of another task, of those suites that come with the package."""
    trained = card.trained_on
    return trained is not None and trained.suite in suite_names() and load_suite(trained.suite).task != suite.task
