"""Random damage to texts, bytes and trees of values."""

import copy
import json
import re

TOML_VALUES = (
    "-1", "0", "2", "nan", "inf", "1e400", "1e-400", "99999999999999999999", "-0.0", "true", '""', '" "', '"a\\u0000b"',
    '"a\\nb"', '"\\u202e"', '"../up"', '"é"', f'"{"x" * 300}"', "[]", "[[1]]", "[1, 2, 1]", '["a", 1]', "{}", "{a = 1}",
    "1979-05-27", "0x7fff_ffff_ffff_ffff", '"zoo:vgg"', '["zoo:vgg"]', '"jpeg"', '"glyphs"', "'''\n'''", "0.3", "50",
)  # fmt: skip
JSON_VALUES = (
    None, True, False, 0, -1, 7, 0.5, -0.0, 1e308, float("nan"), float("inf"), 10**20, "", " ", "x" * 300, "a\nb", "a\0b",
    "\u202e", "\ud800", "1", "../up", [], [[]], [None], [1, 1], {}, {"a": 1}, {"": None},
)  # fmt: skip
CHARACTERS = "\0\n\r\t\"'#=[]{}.,\\\u202e\ufeff\u2028é🦊0x-"


def damaged_text(draw, text, values=TOML_VALUES):
    """A text with one to three random changes, most of which keep its grammar."""
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        lines = text.split("\n")
        number = draw.randrange(len(lines))
        kind = draw.randrange(10)
        if kind < 5:
            fields = [position for position, line in enumerate(lines) if re.match(r"\w+ = ", line)]
            number = draw.choice(fields) if fields else number
            lines[number] = f"{lines[number].partition(' = ')[0]} = {draw.choice(values)}"
        elif kind == 5:
            lines.pop(number)
        elif kind == 6:
            lines.insert(draw.randrange(len(lines)), lines[number])
        elif kind == 7:
            lines[number] = lines[number].replace(
                *draw.choice([("a", "e"), ("e", "a"), (" = ", "s = "), ("[", "[["), ("o", "O")]), 1
            )
        else:
            line, position = lines[number], draw.randint(0, len(lines[number]))
            lines[number] = line[:position] + draw.choice(CHARACTERS) + line[position + draw.randint(0, 1) :]
        text = "\n".join(lines)
    return text


def damaged_bytes(draw, data):
    """Bytes with a bit flipped, or a part cut off, emptied, exchanged, doubled or appended."""
    if not data:
        return b"\0"
    position = draw.randrange(len(data))
    other = draw.randrange(len(data))
    first, last = min(position, other), max(position, other) + 1
    flipped = bytearray(data)
    flipped[position] ^= 1 << draw.randrange(8)
    return draw.choice([
        bytes(flipped), bytes(flipped), bytes(flipped), data[:position], data[position + 1 :], data[:first] + data[last:],
        data[:first] + bytes(last - first) + data[last:], data[:first] + data[first:last][::-1] + data[last:],
        data + data, data + b"\0", data[:first] + draw.randbytes(min(16, last - first)) + data[first + min(16, last - first) :],
    ])  # fmt: skip


def damaged_tree(draw, tree):
    """A JSON tree with one value replaced, removed, doubled or added."""
    tree = copy.deepcopy(tree)
    node, key = draw.choice(list(places(tree)))
    kind = draw.randrange(8)
    if kind == 0:
        node.pop(key)
    elif kind == 1 and isinstance(node, list):
        node.append(copy.deepcopy(node[key]))
    elif kind == 1:
        node[f"{key}s"] = draw.choice(JSON_VALUES)
    elif kind == 2 and isinstance(node[key], int | float) and not isinstance(node[key], bool):
        node[key] = draw.choice([float(node[key]), -node[key], node[key] + 1, str(node[key]), node[key] * 1.0001])
    else:
        node[key] = draw.choice(JSON_VALUES)
    return tree


def places(tree):
    """All places of a tree as the pair of a list or dictionary and its index or key."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from places(tree[key])


def dumped(tree):
    """A tree as JSON, in which NaN and lone surrogates are as Python writes them."""
    return json.dumps(tree, indent=1)
