"""TIFF: every variety that libtiff and tifffile write, whole and damaged.

A kind is a function that takes a random generator, the sources and a count, and yields pairs: the bytes of a
file, and the name of the source that it shows (None when it is none of them). `KINDS` lists them all.
"""

import io
import itertools
import struct

import numpy as np
import tifffile
from PIL import Image, TiffImagePlugin

from jpeg import photographs, photographs_large

COMPRESSIONS = [None, "lzw", "adobe_deflate", "packbits", "zstd"]


def written(data, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, data, metadata=None, software=False, **options)
    return out.getvalue()


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, "TIFF", **options)
    return out.getvalue()


def colour(rgb, random):
    """Options and samples of one variety in colour."""
    planar = random.random() < 0.3
    extra = random.choice([None, None, "unspecified", "unassalpha"])
    data, options = rgb, {"photometric": "rgb"}
    if extra:
        fourth = np.full(rgb.shape[:2] + (1,), 255, np.uint8)
        if extra == "unspecified":
            fourth = np.arange(fourth.size).reshape(fourth.shape).astype(np.uint8)
        data, options["extrasamples"] = np.dstack([rgb, fourth]), [extra]
    if random.random() < 0.3:
        data = data.astype(np.uint16) * 257
    if planar:
        data, options["planarconfig"] = np.ascontiguousarray(np.moveaxis(data, 2, 0)), "separate"
    return data, options


def grey(rgb, random):
    data = np.asarray(Image.fromarray(rgb).convert("L"))
    options = {"photometric": random.choice(["minisblack", "miniswhite"])}
    if random.random() < 0.4:
        data = data.astype(np.uint16) * 257
    return data, options


def variety(rgb, random):
    data, options = random.choice([colour, colour, grey])(rgb, random)
    options["compression"] = random.choice(COMPRESSIONS)
    if options["compression"] in ("lzw", "adobe_deflate", "zstd"):
        options["predictor"] = random.choice([None, 2])
    if random.random() < 0.4:
        options["tile"] = (16 * random.randint(1, 4), 16 * random.randint(1, 4))
    else:
        options["rowsperstrip"] = random.randint(1, data.shape[-2] + 9)
    options["byteorder"] = random.choice("<>")
    options["bigtiff"] = random.random() < 0.2
    return written(data, **options)


def of_libtiff(image, random):
    """What Pillow has libtiff write: facsimile, palettes, JPEG, inks."""
    kind = random.choice(["1", "P", "jpeg", "CMYK", "L", "LA", "RGBA"])
    if kind == "1":
        info = TiffImagePlugin.ImageFileDirectory_v2()
        compression = random.choice(["group3", "group4", "tiff_ccitt"])
        if compression == "group3":
            info[292] = random.choice([0, 1, 4, 5])
        return saved(image.convert("1"), compression=compression, tiffinfo=info)
    if kind == "P":
        return saved(image.quantize(random.choice([2, 16, 200])), compression=random.choice(["raw", "tiff_lzw", "packbits"]))
    if kind == "jpeg":
        return saved(random.choice([image, image.convert("L")]), compression="jpeg", quality=90)
    image = image.convert(kind)
    if kind in ("LA", "RGBA"):
        image.putalpha(255)
    return saved(image, compression=random.choice(["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"]))


def sources():
    """Undamaged files of many makes, as name and bytes."""
    import random as module
    random = module.Random("sources of TIFF")
    found = {}
    for name, image in photographs():
        for number in range(6):
            found[f"{name}-{number}"] = variety(np.asarray(image), random)
            found[f"{name}-libtiff-{number}"] = of_libtiff(image, random)
    return found


def varieties(random, _, count):
    pictures = [image for _, image in photographs()]
    for _ in range(count):
        width, height = random.randint(1, 90), random.randint(1, 90)
        image = random.choice(pictures).resize((width, height))
        if random.random() < 0.6:
            yield variety(np.asarray(image), random), None
        else:
            yield of_libtiff(image, random), None


def whole(_, files, count):
    for name, data in itertools.islice(itertools.cycle(files.items()), count):
        yield data, name


def cut(random, files, count):
    for name, data in itertools.islice(itertools.cycle(files.items()), count):
        yield data[:random.randint(8, len(data) - 1)], name


def overwritten_tags(random, files, count):
    """Bytes of the first directory, which says what the rest means."""
    for name, data in itertools.islice(itertools.cycle(files.items()), count):
        order = "<" if data[:2] == b"II" else ">"
        wide = data[2:4] in (b"+\0", b"\0+")
        start = struct.unpack(order + ("Q" if wide else "I"), data[8:16] if wide else data[4:8])[0]
        changed = bytearray(data)
        at = min(start + random.randint(0, 150), len(data) - 1)
        changed[at] = random.randint(0, 255)
        yield bytes(changed), name


KINDS = [(whole, 400), (varieties, 800), (cut, 300), (overwritten_tags, 600)]


def listed(data):
    """The tags of the first directory."""
    order = "<" if data[:2] == b"II" else ">"
    wide = data[2:4] in (b"+\0", b"\0+")
    start = struct.unpack_from(order + ("Q" if wide else "I"), data, 8 if wide else 4)[0]
    count = struct.unpack_from(order + ("Q" if wide else "H"), data, start)[0]
    entries, size = start + (8 if wide else 2), 20 if wide else 12
    count = min(count, max(0, len(data) - entries) // size)
    return {struct.unpack_from(order + "H", data, entries + at * size)[0] for at in range(count)}


# What says how samples lie and what they mean: planes and further samples.
MEANING = {284, 338}


def pillow(data):
    image = Image.open(io.BytesIO(data))
    tags = image.tag_v2
    if any(tag not in tags for tag in MEANING & listed(data)):
        raise ValueError("Pillow reads no tag behind one whose values lie outside of the file")
    if tags.get(284) == 2 and tags.get(258, (8,))[0] == 16 and tags.get(259, 1) == 1:
        raise ValueError("Pillow takes the first half of planes of 16 bits for all of them")
    image.load()
    if image.mode.startswith("I;16"):
        # Pillow cuts these off at 255 when it converts them, and does not turn them over where white is zero.
        grey = ((np.asarray(image).astype(int) + 128) // 257).astype(np.uint8)
        grey = 255 - grey if tags.get(262, 0) == 0 else grey
        return np.stack([grey] * 3, -1)
    if "A" in image.mode:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    return np.asarray(image.convert("RGB"))


PEERS = [("Pillow", pillow)]


def large():
    tiles = [image.resize((500, 375)) for _, image in photographs_large()]
    sheet = Image.new("RGB", (4000, 3000))
    for number in range(64):
        sheet.paste(tiles[number % len(tiles)], (number % 8 * 500, number // 8 * 375))
    yield "uncompressed", saved(sheet)
    yield "LZW, predictor", written(np.asarray(sheet), photometric="rgb", compression="lzw", predictor=2, rowsperstrip=64)
    yield "Deflate, grey", written(np.asarray(sheet.convert("L")), photometric="minisblack", compression="adobe_deflate", rowsperstrip=64)
    yield "Group 4", saved(sheet.convert("1"), compression="group4")
