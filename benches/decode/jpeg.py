"""JPEG: odd files that are valid, and damaged ones.

A kind is a function that takes a random generator, the sources and a count, and yields pairs: the bytes of a
file, and the name of the source that it shows (None when it is none of them). `KINDS` lists them all.
"""

import io
import itertools
import pathlib
import sys

import imagecodecs
import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cases" / "jpeg"))
import writer  # noqa: E402

FACTORS = [
    [(1, 1), (1, 1), (1, 1)], [(2, 1), (1, 1), (1, 1)], [(1, 2), (1, 1), (1, 1)], [(2, 2), (1, 1), (1, 1)],
    [(4, 1), (1, 1), (1, 1)], [(1, 4), (1, 1), (1, 1)], [(4, 2), (1, 1), (1, 1)], [(3, 1), (1, 1), (1, 1)],
    [(1, 3), (1, 1), (1, 1)], [(2, 2), (2, 1), (2, 1)], [(2, 2), (1, 2), (1, 2)], [(1, 1), (2, 2), (2, 2)],
    [(1, 1), (2, 1), (2, 1)], [(1, 2), (2, 1), (1, 1)], [(2, 1), (1, 2), (1, 1)], [(2, 2), (2, 2), (1, 1)],
    [(4, 4), (1, 1), (1, 1)], [(4, 4), (2, 2), (4, 1)], [(3, 2), (1, 1), (1, 1)], [(3, 1), (2, 1), (1, 1)],
    [(2, 2), (2, 2), (2, 2)], [(1, 3), (1, 2), (1, 1)],
]
SCANS = [None, [[0], [1], [2]], [[0], [1, 2]], [[0, 1], [2]], [[2], [1], [0]]]


def photographs():
    folder = ROOT / "crates" / "cli" / "assets" / "photos"
    for number, path in enumerate(sorted(folder.glob("*.jpg"))):
        width = 72 + 13 * (number % 7)
        height = 60 + 11 * (number % 5)
        yield path.stem, Image.open(path).convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def sources():
    """Undamaged files of every make, as name and bytes."""
    found = {}
    for number, (name, image) in enumerate(photographs()):
        quality = (60, 75, 85, 92)[number % 4]
        found[f"{name}-420"] = saved(image, quality=quality, subsampling=2)
        found[f"{name}-444"] = saved(image, quality=quality, subsampling=0)
        found[f"{name}-progressive"] = saved(image, quality=quality, progressive=True)
        found[f"{name}-restarts"] = saved(image, quality=quality, restart_marker_blocks=5)
        found[f"{name}-gray"] = saved(image.convert("L"), quality=quality)
        planes = writer.ycc(image)
        found[f"{name}-scans"] = writer.encode(planes, FACTORS[number % 4], scans=SCANS[1 + number % 4])
        found[f"{name}-odd"] = writer.encode(planes, FACTORS[4 + number % 18], restart=(0, 3)[number % 2])
    for path in sorted((ROOT / "tests" / "cases" / "jpeg").glob("arithmetic*.jpg")):
        found[path.stem] = path.read_bytes()
    return found


# ---- odd and valid ----


def samplings(random, _, count):
    planes = [writer.ycc(image) for _, image in photographs()]
    every = list(itertools.product(FACTORS, SCANS, (0, 1, 4)))
    random.shuffle(every)
    for factors, scans, restart in itertools.islice(itertools.cycle(every), count):
        quality = random.choice((30, 60, 80, 95))
        yield writer.encode(random.choice(planes), factors, scans=scans, restart=restart, quality=quality), None


def small(random, _, count):
    """Sides from one pixel on."""
    for _ in range(count):
        width, height = random.randint(1, 40), random.randint(1, 40)
        _, image = random.choice(list(photographs()))
        planes = writer.ycc(image.resize((width, height)))
        yield writer.encode(planes, random.choice(FACTORS), scans=random.choice(SCANS)), None


def colours(random, _, count):
    """RGB, CMYK and YCCK by Adobe's word, by the components' names, or by nobody's."""
    pictures = list(photographs())
    for _ in range(count):
        _, image = random.choice(pictures)
        mode = random.choice(("RGB", "YCbCr", "CMYK", "L"))
        planes = list(image.convert(mode).split())
        factors = [(1, 1)] * len(planes)
        if random.random() < 0.3 and mode != "L":
            factors = [(2, 2)] + [(1, 1)] * (len(planes) - 1)
        ids = random.choice((None, list(b"RGBK")[: len(planes)], list(b"CMYK")[: len(planes)], [0, 1, 2, 3]))
        yield writer.encode(
            planes, factors, ids=ids and ids[: len(planes)], adobe=random.choice((None, 0, 1, 2, 7)),
            jfif=random.random() < 0.3, all_luma=mode in ("RGB", "CMYK"),
        ), None


def progressive(random, _, count):
    pictures = list(photographs())
    for _ in range(count):
        _, image = random.choice(pictures)
        image = random.choice((image, image.convert("L"), image.convert("CMYK")))
        options = {"restart_marker_blocks": random.choice((1, 7))} if random.random() < 0.3 else {}
        yield saved(image, quality=random.randint(5, 98), progressive=True,
                    subsampling=random.choice((0, 1, 2)), **options), None


def tables(random, _, count):
    """16-bit quantisation tables, no Huffman tables, an extended frame."""
    pictures = [writer.ycc(image) for _, image in photographs()]
    for _ in range(count):
        planes = random.choice(pictures)
        yield writer.encode(planes, random.choice(FACTORS[:4]), wide=random.random() < 0.5,
                            huffman=random.random() < 0.5, quality=random.choice((10, 50, 90))), None


def deep(random, _, count):
    """12 bits a sample, and lossless coding."""
    pictures = list(photographs())
    for number in range(count):
        pixels = np.asarray(random.choice(pictures)[1])
        if number % 2:
            yield imagecodecs.jpeg8_encode(pixels, lossless=True), None
        else:
            yield imagecodecs.jpeg8_encode(pixels.astype(np.uint16) * 16, level=85, bitspersample=12), None


def heights_behind(random, _, count):
    """A height of zero in the header, and the right one behind the scan."""
    pictures = [writer.ycc(image) for _, image in photographs()]
    for _ in range(count):
        yield writer.encode(random.choice(pictures), random.choice(FACTORS[:4]), dnl=True), None


def without_end(random, files, count):
    for _ in range(count):
        name, data = pick(random, files)
        yield data[:-2], name


def with_tail(random, files, count):
    """Several files in one, and rubbish behind the end."""
    for _ in range(count):
        name, data = pick(random, files)
        other = pick(random, files)[1]
        tail = random.choice((other, random.randbytes(300), bytes(100), b"\xff" * 9, b"\xff\xd8", b"\xff\xd9"))
        yield data + tail, name


def filled(random, files, count):
    """Bytes of 0xFF before markers, and comments and unknown segments between them."""
    for _ in range(count):
        name, data = pick(random, files)
        parts = pieces(data)
        for _ in range(random.randint(1, 3)):
            extra = random.choice((b"\xff" * random.randint(1, 5), writer.segment(0xFE, random.randbytes(40)),
                                   writer.segment(0xE5, random.randbytes(90))))
            parts.insert(random.randint(1, len(parts) - 2), (None, extra))
        yield b"".join(part for _, part in parts), name


# ---- damaged ----


def pick(random, files):
    name = random.choice(list(files))
    return name, files[name]


def pieces(data):
    """A file cut at its markers, scans with the data that follow: pairs of marker and bytes."""
    result, at = [(0xD8, data[:2])], 2
    while at + 3 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        end = at + 2 if marker == 0xD9 else at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:
            while end + 1 < len(data) and not (data[end] == 0xFF and data[end + 1] not in (0, *range(0xD0, 0xD8))):
                end += 1
        result.append((marker, data[at:end]))
        at = end
    result.append((0xD9, data[at:]))
    return result


def first_data(data):
    """Where the data of the first scan begin."""
    at = 0
    for marker, part in pieces(data):
        if marker == 0xDA:
            return at + 2 + int.from_bytes(part[2:4], "big")
        at += len(part)
    return at


def one_bit(random, files, count):
    """One bit of the coded data."""
    for _ in range(count):
        name, data = pick(random, files)
        yield flipped(random, data, first_data(data), 1), name


def many_bits(random, files, count):
    for _ in range(count):
        name, data = pick(random, files)
        yield flipped(random, data, first_data(data), random.randint(2, 40)), name


def header_bits(random, files, count):
    """One or two bits in front of the coded data."""
    for _ in range(count):
        name, data = pick(random, files)
        result = bytearray(data)
        for _ in range(random.randint(1, 2)):
            result[random.randrange(2, first_data(data))] ^= 1 << random.randrange(8)
        yield bytes(result), name


def flipped(random, data, start, bits):
    result = bytearray(data)
    for _ in range(bits):
        result[random.randrange(start, len(data) - 2)] ^= 1 << random.randrange(8)
    return bytes(result)


def overwritten(random, files, count):
    """A run of bytes replaced: a bad sector, a failed transfer."""
    for _ in range(count):
        name, data = pick(random, files)
        start = random.randrange(first_data(data), len(data) - 2)
        length = min(random.choice((1, 4, 16, 64, 256)), len(data) - 2 - start)
        run = random.choice((bytes(length), random.randbytes(length), b"\xff" * length))
        yield data[:start] + run + data[start + length :], name


def bytes_lost(random, files, count):
    """A run of bytes left out, or there twice."""
    for _ in range(count):
        name, data = pick(random, files)
        start = random.randrange(first_data(data), len(data) - 2)
        length = random.choice((1, 2, 7, 64, 500))
        if random.random() < 0.5:
            yield data[:start] + data[min(start + length, len(data) - 2) :], name
        else:
            yield data[: start + length] + data[start:], name


def cut(random, files, count):
    for _ in range(count):
        name, data = pick(random, files)
        yield data[: random.randrange(4, len(data) - 2)], name


def cut_and_closed(random, files, count):
    """Cut, with an end marker put behind."""
    for _ in range(count):
        name, data = pick(random, files)
        yield data[: random.randrange(first_data(data), len(data) - 2)] + b"\xff\xd9", name


def cut_a_little(random, files, count):
    """The last bytes of the data are missing, with and without an end marker."""
    for _ in range(count):
        name, data = pick(random, files)
        yield data[: -2 - random.randint(1, 20)] + random.choice((b"", b"\xff\xd9")), name


def segments_dropped(random, files, count):
    for _ in range(count):
        name, data = pick(random, files)
        parts = pieces(data)
        for _ in range(random.randint(1, 2)):
            del parts[random.randrange(1, len(parts) - 1)]
        yield b"".join(part for _, part in parts), name


def segments_doubled(random, files, count):
    for _ in range(count):
        name, data = pick(random, files)
        parts = pieces(data)
        at = random.randrange(1, len(parts) - 1)
        parts.insert(random.randrange(1, len(parts)), parts[at])
        yield b"".join(part for _, part in parts), name


def segments_reordered(random, files, count):
    for _ in range(count):
        name, data = pick(random, files)
        parts = pieces(data)
        middle = parts[1:-1]
        if random.random() < 0.5:
            random.shuffle(middle)
        else:
            a, b = random.randrange(len(middle)), random.randrange(len(middle))
            middle[a], middle[b] = middle[b], middle[a]
        yield b"".join(part for _, part in [parts[0], *middle, parts[-1]]), name


def scans_dropped(random, files, count):
    several = {name: data for name, data in files.items() if name.endswith(("progressive", "scans"))}
    for _ in range(count):
        name, data = pick(random, several)
        parts = pieces(data)
        scans = [i for i, (marker, _) in enumerate(parts) if marker == 0xDA]
        for at in sorted(random.sample(scans, random.randint(1, max(1, len(scans) - 1))), reverse=True):
            del parts[at]
        yield b"".join(part for _, part in parts), name


def stray_markers(random, files, count):
    """Markers inside the coded data."""
    for _ in range(count):
        name, data = pick(random, files)
        result = bytearray(data)
        for _ in range(random.choice((1, 1, 1, 3))):
            at = random.randrange(first_data(data), len(data) - 2)
            marker = bytes([0xFF, random.choice((0xD0, 0xD3, 0xD7, 0xD8, 0xD9, 0xDA, 0xDD, 0xE0, 0xFE, 0x01, 0xC4,
                                                 random.randrange(1, 255)))])
            if random.random() < 0.5:
                result[at : at + 2] = marker
            else:
                result[at:at] = marker
        yield bytes(result), name


def restarts_broken(random, files, count):
    """Restart markers lost, doubled, out of order; the interval changed."""
    with_restarts = {name: data for name, data in files.items() if b"\xff\xdd\x00\x04" in data}
    for _ in range(count):
        name, data = pick(random, with_restarts)
        result = bytearray(data)
        start = first_data(data)
        marks = [i for i in range(start, len(data) - 2) if data[i] == 0xFF and 0xD0 <= data[i + 1] <= 0xD7]
        for _ in range(random.randint(1, 3)):
            at = random.choice(marks) if marks else start
            what = random.randrange(5)
            if what == 0:
                del result[at : at + 2]
            elif what == 1:
                result[at:at] = result[at : at + 2]
            elif what == 2:
                result[at + 1] = 0xD0 + random.randrange(8)
            elif what == 3:
                del result[at : at + random.randint(10, 60)]
            else:
                place = data.index(b"\xff\xdd\x00\x04")
                result[place + 4 : place + 6] = random.choice((0, 1, 2, 4, 500)).to_bytes(2, "big")
            marks = [mark for mark in marks if mark < at]
            if not marks:
                break
        yield bytes(result), name


def arithmetic_damaged(random, files, count):
    """Every kind of damage to the data of arithmetic files."""
    few = {name: data for name, data in files.items() if name.startswith("arithmetic")}
    kinds = (one_bit, many_bits, overwritten, bytes_lost, cut, cut_and_closed, cut_a_little, stray_markers)
    for _ in range(count):
        yield from random.choice(kinds)(random, few, 1)


def rubbish_between(random, files, count):
    """Bytes that belong to nothing in front of a marker."""
    for _ in range(count):
        name, data = pick(random, files)
        parts = pieces(data)
        length = random.choice((1, 3, 30, 400))
        rubbish = random.choice((bytes(length), bytes(b % 255 for b in random.randbytes(length))))
        parts.insert(random.randrange(1, len(parts)), (None, rubbish))
        yield b"".join(part for _, part in parts), name


KINDS = [
    (samplings, 660), (small, 200), (colours, 200), (progressive, 150), (tables, 150), (deep, 40),
    (heights_behind, 20), (without_end, 150), (with_tail, 150), (filled, 150),
    (one_bit, 600), (many_bits, 400), (header_bits, 600), (overwritten, 400), (bytes_lost, 300),
    (cut, 200), (cut_and_closed, 250), (cut_a_little, 200), (segments_dropped, 250), (segments_doubled, 200),
    (segments_reordered, 200), (scans_dropped, 200), (stray_markers, 400), (restarts_broken, 250),
    (arithmetic_damaged, 200), (rubbish_between, 200),
]


# ---- peers ----


def pillow(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return np.asarray(image.convert("RGB"))


def turbo(data):
    pixels = imagecodecs.jpeg8_decode(data)
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 4).astype(np.uint8)
    if pixels.ndim == 2:
        return np.stack([pixels] * 3, -1)
    if pixels.shape[-1] == 4:
        inks = pixels.astype(np.uint32)
        return ((inks[..., :3] * inks[..., 3:] + 127) // 255).astype(np.uint8)
    return pixels


PEERS = [("Pillow", pillow), ("libjpeg-turbo", turbo)]

# Undamaged files of some megapixels for the times: name and bytes.


def large():
    tiles = [image.resize((500, 375), Image.Resampling.LANCZOS) for _, image in photographs_large()]
    sheet = Image.new("RGB", (4000, 3000))
    for number in range(64):
        sheet.paste(tiles[number % len(tiles)], (number % 8 * 500, number // 8 * 375))
    yield "4:2:0", saved(sheet, quality=88, subsampling=2)
    yield "4:4:4", saved(sheet, quality=88, subsampling=0)
    yield "grey", saved(sheet.convert("L"), quality=88)
    yield "progressive 4:2:0", saved(sheet, quality=88, subsampling=2, progressive=True)


def photographs_large():
    for path in sorted((ROOT / "crates" / "cli" / "assets" / "photos").glob("*.jpg")):
        yield path.stem, Image.open(path).convert("RGB")
