"""Digests of bytes and texts: the names of what depends on them, and the seeds of what is drawn for them."""

from __future__ import annotations

import hashlib


def digest(*parts: bytes | memoryview | str) -> str:
    """BLAKE2b digest of the parts, each preceded by its length, as 16 hexadecimal digits.

    Examples:
        >>> digest("glyphs", "7")
        'ef5bd6412602aa1a'
        >>> digest("ab", "c") == digest("a", "bc")
        False
    """
    state = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()
