"""A small JPEG encoder for files that other encoders do not write.

Sequential Huffman coding with any sampling factors, any division of the components into scans, restart
intervals, 8- or 16-bit quantisation tables, and parts left out on request. ITU-T T.81; the tables of its
annex K are used throughout.
"""

import numpy as np
from PIL import Image

ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8))

LUMA = [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
        22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
        87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99]
CHROMA = [17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66,
          99, 99, 99, 99, 99, 99] + [99] * 32

DC_LUMA = ([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], list(range(12)))
DC_CHROMA = ([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], list(range(12)))
AC_LUMA = ([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], list(bytes.fromhex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435"
    "363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798"
    "999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4"
    "f5f6f7f8f9fa")))
AC_CHROMA = ([0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119], list(bytes.fromhex(
    "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a"
    "35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a9293949596"
    "9798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4"
    "f5f6f7f8f9fa")))


def codes(table):
    """Code and length of every symbol."""
    counts, symbols = table
    result, code, symbol = {}, 0, iter(symbols)
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            result[next(symbol)] = (code, length)
            code += 1
        code <<= 1
    return result


CODES = {"luma": (codes(DC_LUMA), codes(AC_LUMA)), "chroma": (codes(DC_CHROMA), codes(AC_CHROMA))}


class Bits:
    """Bits of one interval of a scan, stuffed and padded."""

    def __init__(self):
        self.parts = []

    def put(self, value, length):
        if length:
            self.parts.append(format(value & ((1 << length) - 1), f"0{length}b"))

    def bytes(self):
        text = "".join(self.parts)
        text += "1" * (-len(text) % 8)
        return int(text or "0", 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\x00")


def segment(marker, content):
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def transform():
    k, n = np.mgrid[0:8, 0:8]
    matrix = np.cos((2 * n + 1) * k * np.pi / 16) / 2
    matrix[0] /= np.sqrt(2)
    return matrix


DCT = transform()


def quantised(plane, table):
    """Blocks of a padded plane: rows x columns x 64, in zigzag order."""
    rows, columns = plane.shape[0] // 8, plane.shape[1] // 8
    blocks = plane.reshape(rows, 8, columns, 8).swapaxes(1, 2) - 128.0
    found = (DCT @ blocks @ DCT.T).reshape(rows, columns, 64)
    return np.rint(found / np.array(table)).astype(int)[..., ZIGZAG]


def put_number(bits, value, size):
    bits.put(value if value >= 0 else value - 1, size)


def put_block(bits, block, before, tables):
    dc, ac = tables
    difference = int(block[0]) - before
    size = abs(difference).bit_length()
    bits.put(*dc[size])
    put_number(bits, difference, size)
    run = 0
    last = max((i for i in range(64) if block[i]), default=0)
    for value in block[1 : last + 1].tolist():
        if value == 0:
            run += 1
            continue
        while run > 15:
            bits.put(*ac[0xF0])
            run -= 16
        size = abs(value).bit_length()
        bits.put(*ac[run << 4 | size])
        put_number(bits, value, size)
        run = 0
    if last < 63:
        bits.put(*ac[0])
    return int(block[0])


class Component:
    def __init__(self, image, index, factors, most, table, kind):
        self.index, self.factors, self.kind = index, factors, kind
        width, height = image.size
        h, v = factors
        self.width = -(-width * h // most[0])
        self.height = -(-height * v // most[1])
        units = (-(-width // (8 * most[0])), -(-height // (8 * most[1])))
        small = np.asarray(image.resize((self.width, self.height), Image.Resampling.BOX), dtype=float)
        padding = ((0, units[1] * v * 8 - self.height), (0, units[0] * h * 8 - self.width))
        self.blocks = quantised(np.pad(small, padding, mode="edge"), table)


def unit_blocks(components, units):
    """For every unit of a scan the blocks in it, as (component, row, column)."""
    if len(components) == 1:
        c = components[0]
        for row in range(-(-c.height // 8)):
            for column in range(-(-c.width // 8)):
                yield [(c, row, column)]
        return
    for y in range(units[1]):
        for x in range(units[0]):
            yield [
                (c, y * c.factors[1] + j, x * c.factors[0] + i)
                for c in components
                for j in range(c.factors[1])
                for i in range(c.factors[0])
            ]


def scan(components, units, restart, selectors=None):
    ids = b"".join(bytes([c.index + 1 if selectors is None else selectors[c.index],
                          0x00 if c.kind == "luma" else 0x11]) for c in components)
    result = segment(0xDA, bytes([len(components)]) + ids + bytes([0, 63, 0]))
    bits, before = Bits(), {}
    for number, unit in enumerate(unit_blocks(components, units)):
        if restart and number and number % restart == 0:
            result += bits.bytes() + bytes([0xFF, 0xD0 + (number // restart - 1) % 8])
            bits, before = Bits(), {}
        for c, row, column in unit:
            before[c] = put_block(bits, c.blocks[row, column], before.get(c, 0), CODES[c.kind])
    return result + bits.bytes()


def tables():
    result = b""
    for place, table in ((0x00, DC_LUMA), (0x10, AC_LUMA), (0x01, DC_CHROMA), (0x11, AC_CHROMA)):
        result += segment(0xC4, bytes([place]) + bytes(table[0]) + bytes(table[1]))
    return result


def scaled(table, quality):
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return [max(1, (value * scale + 50) // 100) for value in table]


def encode(planes, factors, *, scans=None, restart=0, quality=80, wide=False, huffman=True, end=True, dnl=False,
           ids=None, adobe=None, jfif=False, all_luma=False):
    """A file of `planes` (grey images of one size), each subsampled by its `factors` (h, v).

    `scans`: lists of indexes of planes; all in one if not given. `wide`: 16-bit quantisation tables.
    `huffman`: whether the (standard) tables are written. `dnl`: the height comes behind the first scan.
    """
    width, height = planes[0].size
    most = max(h for h, _ in factors), max(v for _, v in factors)
    units = -(-width // (8 * most[0])), -(-height // (8 * most[1]))
    quant = [scaled(LUMA, quality), scaled(CHROMA, quality)]
    if wide:
        quant = [[min(value + 250 * (i > 30), 1000) for i, value in enumerate(table)] for table in quant]
    else:
        quant = [[min(value, 255) for value in table] for table in quant]
    kinds = ["luma" if i == 0 or i == 3 or all_luma else "chroma" for i in range(len(planes))]
    components = [
        Component(plane, i, factors[i], most, quant[kinds[i] == "chroma"], kinds[i]) for i, plane in enumerate(planes)
    ]
    result = b"\xff\xd8"
    if jfif:
        result += segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
    if adobe is not None:
        result += segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([adobe]))
    for number, table in enumerate(quant):
        values = b"".join(table[i].to_bytes(1 + wide, "big") for i in ZIGZAG)
        result += segment(0xDB, bytes([16 * wide + number]) + values)
    ids = ids or [i + 1 for i in range(len(planes))]
    frame = b"".join(bytes([ids[c.index], 16 * c.factors[0] + c.factors[1], c.kind == "chroma"]) for c in components)
    lines = 0 if dnl else height
    result += segment(0xC1 if wide else 0xC0, b"\x08" + lines.to_bytes(2, "big") + width.to_bytes(2, "big")
                      + bytes([len(planes)]) + frame)
    if huffman:
        result += tables()
    if restart:
        result += segment(0xDD, restart.to_bytes(2, "big"))
    for number, indexes in enumerate(scans or [range(len(planes))]):
        result += scan([components[i] for i in indexes], units, restart, ids)
        if dnl and number == 0:
            result += segment(0xDC, height.to_bytes(2, "big"))
    return result + (b"\xff\xd9" if end else b"")


def ycc(image):
    return list(image.convert("YCbCr").split())
