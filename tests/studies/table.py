"""Tables of studies, printed row by row as they come and then written to results/studies."""

from pathlib import Path

from benchmark.core.files import write_text
from benchmark.core.markdown import markdown

FOLDER = Path("results/studies")


def write_table(name, head, rows, text=""):
    """Print each row, and write `<name>.md`: the text, if any, and the table.

    Args:
        name: name of the file without its ending.
        head: titles of the columns.
        rows: iterable of rows, each a list of texts.
        text: what the table tells.
    """
    shown = []
    for row in rows:
        print(*row, sep=" | ", flush=True)
        shown.append(row)
    write_text(FOLDER / f"{name}.md", "\n".join([*([text, ""] if text else []), *markdown(head, shown)]))
