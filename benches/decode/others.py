"""PNG, WebP, GIF and BMP: what Pillow writes, whole and damaged.

A kind is a function that takes a random generator, the sources and a count, and yields pairs: the bytes of a
file, and the name of the source that it shows (None when it is none of them). `KINDS` lists them all.
"""

import io
import itertools

import numpy as np
from PIL import Image

from jpeg import photographs, photographs_large


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def sources():
    """Undamaged files, as name and bytes."""
    found = {}
    for number, (name, image) in enumerate(photographs()):
        clear = image.convert("RGBA")
        clear.putalpha(image.convert("L"))
        found[f"{name}.png"] = saved(image, "PNG")
        found[f"{name}-alpha.png"] = saved(clear, "PNG")
        found[f"{name}-palette.png"] = saved(image.quantize(16), "PNG")
        found[f"{name}-grey.png"] = saved(image.convert("L"), "PNG")
        found[f"{name}-bilevel.png"] = saved(image.convert("1"), "PNG")
        found[f"{name}.webp"] = saved(image, "WEBP", quality=60 + number)
        found[f"{name}-lossless.webp"] = saved(clear, "WEBP", lossless=True, exact=True)
        found[f"{name}-alpha.webp"] = saved(clear, "WEBP", quality=80)
        found[f"{name}.gif"] = saved(image, "GIF", interlace=number % 2)
        found[f"{name}.bmp"] = saved(image, "BMP")
        found[f"{name}-palette.bmp"] = saved(image.quantize(16), "BMP")
    return found


def whole(_, files, count):
    for name, data in itertools.islice(itertools.cycle(files.items()), count):
        yield data, name


def cut(random, files, count):
    for name, data in itertools.islice(itertools.cycle(files.items()), count):
        yield data[:random.randint(12, len(data) - 1)], name


def bits_of_the_header(random, files, count):
    """Not of GIFs: what lies outside of the only frame is white here, the paper, and black in Pillow."""
    some = {name: data for name, data in files.items() if not name.endswith(".gif")}
    for name, data in itertools.islice(itertools.cycle(some.items()), count):
        changed = bytearray(data)
        changed[random.randint(0, min(60, len(data) - 1))] ^= 1 << random.randint(0, 7)
        yield bytes(changed), name


KINDS = [(whole, 300), (cut, 300), (bits_of_the_header, 300)]


def pillow(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    if "A" in image.mode or "transparency" in image.info:
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
    yield "PNG", saved(sheet, "PNG")
    yield "WebP", saved(sheet, "WEBP", quality=85)
    yield "GIF", saved(sheet, "GIF")
    yield "BMP", saved(sheet, "BMP")
