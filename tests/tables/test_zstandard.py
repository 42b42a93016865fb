"""Frames of Zstandard, made by hand: which files are whole (RFC 8878, section 3.1)."""

import io

import pytest

from deltaloop.tables.zstandard import _is_whole

RAW, RLE, RESERVED = 0, 1, 3


def block(content, *, last, kind=RAW, size=None):
    size = len(content) if size is None else size
    return (last | kind << 1 | size << 3).to_bytes(3, "little") + content


def frame(*blocks, flags=0, header=b"w", checksum=b""):
    """A header of a window alone, if there are no flags."""
    return b"\x28\xb5\x2f\xfd" + bytes([flags]) + header + b"".join(blocks) + checksum


ONE = block(b"abc", last=True)
TWO = block(b"ab", last=False), block(b"cde", last=True)
SKIPPED = b"\x5a\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"xyz"
WHOLE = {
    "one block": frame(ONE),
    "two blocks": frame(*TWO),
    "an empty block": frame(block(b"", last=True)),
    "one byte many times": frame(block(b"a", last=False, kind=RLE, size=500), ONE),
    "single segment": frame(ONE, flags=0x20, header=b"\3"),
    "content of 2 bytes": frame(ONE, flags=0x40, header=b"w" + bytes(2)),
    "content of 4 bytes": frame(ONE, flags=0xA0, header=bytes(4)),
    "content of 8 bytes": frame(ONE, flags=0xC0, header=b"w" + bytes(8)),
    "dictionary of 1 byte": frame(ONE, flags=1, header=b"wd"),
    "dictionary of 2 bytes": frame(ONE, flags=2, header=b"wdd"),
    "dictionary of 4 bytes": frame(ONE, flags=3, header=b"wdddd"),
    "checksum": frame(ONE, flags=4, checksum=b"crc4"),
    "skipped first": SKIPPED + frame(ONE),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_frames_are_whole_and_none_of_their_beginnings_is(name):
    content = WHOLE[name]
    assert _is_whole(io.BytesIO(content))
    assert _is_whole(io.BytesIO(content + SKIPPED + content))
    for n in range(len(content)):
        assert not _is_whole(io.BytesIO(content[:n])), n
        if n:
            assert not _is_whole(io.BytesIO(frame(ONE) + content[:n])) or content[:n] == SKIPPED


@pytest.mark.parametrize(
    "content",
    [
        b"", SKIPPED, b"plain text", b"\x4a" + SKIPPED[1:] + frame(ONE),
        frame(block(b"abc", last=True, kind=RESERVED)), frame(ONE) + b"more",
    ],
)  # fmt: skip
def test_what_is_no_frame_is_not_whole(content):
    assert not _is_whole(io.BytesIO(content))
