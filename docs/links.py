"""For `make docs`: what differs between a page here and on the site; on a forge pages are read as they are.

Pictures outside docs/ are embedded, links to other files there lead to `repo_url` or are left out, and what the commands of a
block need stands in its first line.
"""

import base64
import re
from pathlib import Path

KINDS = {".png": "image/png", ".jpg": "image/jpeg"}
NEEDS = re.compile(r"^( *)```sh needs=(\S+)$", re.MULTILINE)
OUTSIDE = re.compile(r"(!?)\[([^\]]*)\]\(\.\./([^)]+)\)")


def on_page_markdown(markdown, *, page, config, files):
    """Replace what leads out of docs/, and the needs of commands."""
    root = Path(config.config_file_path).parent

    def inside(match):
        is_picture, text, path = match.groups()
        if is_picture:
            data = base64.b64encode((root / path).read_bytes()).decode()
            return f"![{text}](data:{KINDS[Path(path).suffix]};base64,{data})"
        return f"[{text}]({config.repo_url.rstrip('/')}/blob/HEAD/{path})" if config.repo_url else text

    return OUTSIDE.sub(inside, NEEDS.sub(r"\1```sh\n\1# needs \2", markdown))
