"""Makes the JPEG files of this folder from a photograph of this repository, and what Pillow reads of them.

Run with Python, numpy, Pillow 13 and imagecodecs; the arithmetic files need `cjpeg` of libjpeg-turbo. Writes
files of a few kB and `expected.json`: per file the size and the means of an 8 x 8 raster in grey and in
colour, or what must be refused and a word of the reason.
"""

import io
import json
import pathlib
import random
import subprocess

import imagecodecs
import numpy as np
from PIL import Image

import writer

HERE = pathlib.Path(__file__).resolve().parent
PHOTOGRAPHS = HERE.parents[2] / "crates" / "cli" / "assets" / "photos"

FULL = [(1, 1), (1, 1), (1, 1)]
HALF = [(2, 2), (1, 1), (1, 1)]
WIDE = [(2, 1), (1, 1), (1, 1)]
TALL = [(1, 2), (1, 1), (1, 1)]


def photograph():
    return Image.open(PHOTOGRAPHS / "astronaut.jpg").convert("RGB").resize((93, 77), Image.Resampling.LANCZOS)


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80, **options)
    return out.getvalue()


def arithmetic(image, *options):
    out = io.BytesIO()
    image.save(out, "PPM")
    command = ["cjpeg", "-quality", "80", "-arithmetic", *options]
    return subprocess.run(command, input=out.getvalue(), capture_output=True, check=True).stdout


def whole(image):
    """Files that show the photograph."""
    planes = writer.ycc(image)
    each = [[0], [1], [2]]
    yield "one_scan_each_444", writer.encode(planes, FULL, scans=each)
    yield "one_scan_each_420", writer.encode(planes, HALF, scans=each)
    yield "one_scan_each_422", writer.encode(planes, WIDE, scans=each)
    yield "one_scan_each_440", writer.encode(planes, TALL, scans=each)
    yield "one_scan_each_backwards", writer.encode(planes, HALF, scans=[[2], [1], [0]])
    yield "two_scans_420", writer.encode(planes, HALF, scans=[[0], [1, 2]])
    yield "two_scans_440", writer.encode(planes, TALL, scans=[[0, 1], [2]])
    yield "one_scan_each_restarts", writer.encode(planes, HALF, scans=each, restart=4)
    yield "sampling_411", writer.encode(planes, [(4, 1), (1, 1), (1, 1)])
    yield "sampling_1x4", writer.encode(planes, [(1, 4), (1, 1), (1, 1)], scans=[[0], [1, 2]])
    yield "sampling_3x1", writer.encode(planes, [(3, 1), (1, 1), (1, 1)])
    yield "sampling_4x2_restarts", writer.encode(planes, [(4, 2), (1, 1), (1, 1)], restart=2)
    yield "sampling_4x4", writer.encode(planes, [(4, 4), (1, 1), (1, 1)], scans=each)
    yield "larger_chroma", writer.encode(planes, [(1, 1), (2, 2), (2, 2)])
    yield "wide_and_tall_chroma", writer.encode(planes, [(2, 2), (2, 1), (1, 2)])
    yield "sixteen_bit_tables", writer.encode(planes, HALF, wide=True)
    yield "without_huffman_tables", writer.encode(planes, WIDE, huffman=False)
    yield "without_end", writer.encode(planes, HALF, end=False)
    yield "rgb_by_name", writer.encode(list(image.split()), FULL, ids=list(b"RGB"), all_luma=True)
    yield "rgb_by_adobe", writer.encode(list(image.split()), FULL, adobe=0, all_luma=True)
    yield "ycck", writer.encode([*planes, Image.new("L", image.size, 255)], [(2, 2), (1, 1), (1, 1), (2, 2)], adobe=2)
    yield "progressive_restarts", saved(image, progressive=True, restart_marker_blocks=3)
    yield "arithmetic", arithmetic(image)
    yield "arithmetic_progressive", arithmetic(image, "-progressive", "-restart", "3B")
    baseline = saved(image)
    yield "two_pictures", baseline + saved(image.rotate(180))
    scan = baseline.index(b"\xff\xda")
    yield "fill_bytes", baseline[:scan] + b"\xff\xff\xff" + baseline[scan:]
    damaged = bytearray(saved(image, restart_marker_blocks=6))
    damaged[len(damaged) * 7 // 8] ^= 0x10
    yield "one_bit", bytes(damaged)


def refused(image):
    """Files that are to be refused, with a word of the reason."""
    planes = writer.ycc(image)
    baseline = saved(image, subsampling=0)
    data = baseline.index(b"\xff\xda") + 14
    half = data + (len(baseline) - data) // 2
    yield "stray_end", baseline[:half] + b"\xff\xd9" + baseline[half:], "no data for"
    yield "stray_comment", baseline[:half] + b"\xff\xfe\x00\x02" + baseline[half:], "no data for"
    yield "cut", baseline[:half], "end before"
    yield "cut_and_closed", baseline[:half] + b"\xff\xd9", "no data for"
    coded = arithmetic(image, "-sample", "1x1")
    yield "cut_arithmetic", coded[: len(coded) * 2 // 3] + b"\xff\xd9", "no data for"
    yield "chroma_dropped", drop_scan(writer.encode(planes, FULL, scans=[[0], [1], [2]]), 2), "colour component 3"
    yield "cut_between_scans", drop_scan(writer.encode(planes, FULL, scans=[[0], [1, 2]], end=False), 1), "end before"
    yield "height_behind", writer.encode(planes, HALF, dnl=True), "DNL"
    yield "uneven_sampling", writer.encode(planes, [(3, 1), (2, 1), (1, 1)]), "do not divide"
    pixels = np.asarray(image)
    yield "lossless", imagecodecs.jpeg8_encode(pixels[:24, :24].copy(), lossless=True), "lossless"
    yield "twelve_bits", imagecodecs.jpeg8_encode(pixels.astype(np.uint16) * 16, level=80, bitspersample=12), "12 bits"
    generator = random.Random(1)
    noise = [Image.frombytes("L", image.size, generator.randbytes(93 * 77)) for _ in range(2)]
    yield "two_components", writer.encode(noise, FULL[:2], quality=10), "2 components"


def drop_scan(data, number):
    parts = data.split(b"\xff\xda")
    kept = parts[: number + 1] + parts[number + 2 :]
    result = b"\xff\xda".join(kept)
    return result if not data.endswith(b"\xff\xd9") or result.endswith(b"\xff\xd9") else result + b"\xff\xd9"


def shares(size):
    """Row by row the share of each of `size` samples in the mean of one of 8 cells."""
    edges = np.arange(9) * size / 8
    at = np.arange(size)
    inside = np.minimum(edges[1:, None], at + 1) - np.maximum(edges[:-1, None], at)
    return inside.clip(0) * 8 / size


def thumbnail(image):
    pixels = np.atleast_3d(np.asarray(image, dtype=float))
    means = np.einsum("yi,xj,ijc->yxc", shares(image.height), shares(image.width), pixels)
    return means.round(1).flatten().tolist()


def expected(data):
    if not data.endswith(b"\xff\xd9"):
        data += b"\xff\xd9"  # Pillow wants an end
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return {"size": image.size, "gray": thumbnail(image.convert("L")), "rgb": thumbnail(image)}


def main():
    image = photograph()
    result = {}
    for name, data in whole(image):
        (HERE / f"{name}.jpg").write_bytes(data)
        result[name] = expected(data)
    for name, data, reason in refused(image):
        (HERE / f"{name}.jpg").write_bytes(data)
        result[name] = {"refused": reason}
    (HERE / "expected.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


main()
