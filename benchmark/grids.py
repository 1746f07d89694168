"""Grids: tables of text as Markdown and LaTeX, and the paper's Tables I to IV from scorecards, ours beside the published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.markdown import markdown
from benchmark.scorecard import Cards, Scorecard, title
from benchmark.tasks import TASKS

REFERENCE = "resnet18"
LATEX = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "†": r"$\dagger$",
    "±": r"$\pm$", "\n": " ",
})  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """One table."""

    name: str
    """Of its files."""
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str
    """What a reader must know."""

    def markdown(self) -> list[str]:
        """Heading, table and note."""
        return [f"## {self.caption}", "", *markdown(self.head, self.rows), self.note, ""]

    def latex(self) -> str:
        """A floating table that needs the package booktabs."""
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


def accuracy_grid(cards: Cards, suite: dict[str, Any]) -> Grid:
    """Balanced accuracy of every predictor on every label set (Tables I and II)."""
    task = TASKS[suite["task"]]
    predictors = list(dict.fromkeys(title(card) for some in cards.values() for card in some))
    rows = []
    for labels, some in cards.items():
        found = {title(card): card["metrics"]["balanced_accuracy"]["value"] for card in some}
        rows.append((labels, *(f"{100 * found[name]:.1f}" if name in found else "" for name in predictors)))
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


def gains_grid(cards: Sequence[Scorecard], suite: dict[str, Any]) -> Grid:
    """What held-out networks reach by the reference, trained on this task and on the other (Tables III and IV)."""
    task = TASKS[suite["task"]]
    own = [card for card in cards if title(card) == REFERENCE]
    cross = [card for card in cards if card["predictor"] == REFERENCE and title(card) != REFERENCE]
    rows = []
    for name in suite["networks"]["held_out"]:
        gains = [card["downstream"][name] for card in (*own, *cross)]
        told = [task.told(one["filtered"]) for one in gains]
        rivals = [task.told(gains[0][key]) for key in ("random", "quality")] if own else []
        unfiltered = task.told(cards[0]["downstream"][name]["unfiltered"])
        rows.append((name, unfiltered, *told, *rivals))
    names = [title(card) for card in (*own, *cross)]
    blank = [""] * (len(names) + (2 if own else 0) - 2)
    if len(names) > 1:
        rows += [(f"paper: {name}", "", *map(task.told, both), *blank) for name, both in task.PUBLISHED_GAINS.items()]
    head = ("network", "all images", *names, *(("random", "by quality") if own else ()))
    return Grid(
        f"table_{task.GAINS_TABLE}",
        f"Table {task.GAINS_TABLE}: {task.MEASURE} of held-out networks after filtering",
        head,
        tuple(rows),
        "Random and by quality keep as much as the reference trained on this task. The paper's rows: its ResNet-18 trained on "
        "this task and on the other one; it publishes no unfiltered value.",
    )
