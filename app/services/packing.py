"""A page as gzip, of which only a part is compressed.

Where what a page keeps secret and what a stranger can put into its address are compressed together, the length of the answer tells,
guess by guess, what the secret is (https://www.breachattack.com). So that part is stored as it is.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952: deflate, no name, no time, unknown system
_LEVEL: Final = 5


def gzipped(before: bytes, middle: bytes, after: bytes) -> bytes:
    """All three as one gzip file: `middle` compressed, the others as they are."""
    whole = before + middle + after
    parts = (_piece(before, 0, last=False), _piece(middle, _LEVEL, last=False), _piece(after, 0, last=True))
    return b"".join((_HEAD, *parts, struct.pack("<II", zlib.crc32(whole), len(whole) & 0xFFFFFFFF)))


def _piece(content: bytes, level: int, *, last: bool) -> bytes:
    """Deflated by itself; ends at a whole byte, so that another piece can follow."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflate.compress(content) + deflate.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)
