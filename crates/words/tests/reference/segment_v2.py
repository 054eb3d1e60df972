"""Writes fixtures/v2.vzsg: a segment of version 2 with poses, by the layout that crates/words/src/segment/mod.rs describes.

    python segment_v2.py ../fixtures/v2.vzsg

700 images with the ids 1000, 1001, ...; codebook of 24 words. Ordinals take a byte in the list of word 3 and two in that of word 7.
"""
import struct
import sys
import zlib

IMAGES, WORDS = 700, 24
LISTS = {3: [image for image in range(200, 340) for _ in range(1 + image % 2)], 7: [0, 5, 5, 699]}


def signature(word, at):
    return (word * 0x9E3779B97F4A7C15 + at * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF


counts = [sum(ordinals.count(image) for ordinals in LISTS.values()) for image in range(IMAGES)]
table = b"".join(struct.pack("<qfI", 1000 + image, max(count, 1) ** 0.5, count) for image, count in enumerate(counts))
lists, directory, at = b"", b"", 64 + len(table)
for word, ordinals in LISTS.items():
    blocks = [ordinals[first:first + 128] for first in range(0, len(ordinals), 128)]
    width = 1 if max(block[-1] - block[0] for block in blocks) < 256 else 2
    data = b"".join(struct.pack("<Q", signature(word, i)) for i in range(len(ordinals)))
    data += b"".join(struct.pack("<I", block[0]) for block in blocks)
    data += b"".join((ordinal - block[0]).to_bytes(width, "little") for block in blocks for ordinal in block)
    data += b"".join(bytes([i % 256, word]) for i in range(len(ordinals)))
    data += bytes(-len(data) % 8)
    directory += struct.pack("<IIIIQ", word, len(ordinals), len(set(ordinals)), width, at)
    lists += data
    at += len(data)
header = b"VZSG" + struct.pack("<7I", 2, WORDS, IMAGES, len(LISTS), zlib.crc32(table + directory), zlib.crc32(lists), 1)
header += struct.pack("<3Q", sum(map(len, LISTS.values())), at, at + len(directory)) + bytes(4)
header += struct.pack("<I", zlib.crc32(header))
assert len(header) == 64
with open(sys.argv[1], "wb") as file:
    file.write(header + table + lists + directory)
