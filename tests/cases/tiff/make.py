#!/usr/bin/env python3
"""Makes the TIFF files of this folder, one for each variety, and `expected.json`.

Every file shows the same small picture. `expected.json` has the 8 x 8 grey thumbnail (box filter) that each must
give, computed from the picture itself and compared here with what Pillow reads from the file, and for files that are
not read the words that the reason must have. Needs pillow, numpy, tifffile and imagecodecs from PyPI.

    python3 tests/cases/tiff/make.py
"""

import io
import json
import os
import struct

import numpy
import tifffile
from PIL import Image, ImageCms, TiffImagePlugin

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, HEIGHT = 44, 30
EXPECTED = {}


def picture():
    """Ramps, a disc and some edges: RGB, 8 bits."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    rgb = numpy.stack([x * 255 // (WIDTH - 1), y * 255 // (HEIGHT - 1), (x * 5 + y * 3) % 256], axis=2)
    rgb[(x - 30) ** 2 + (y - 12) ** 2 < 60] = [250, 240, 20]
    rgb[20:26, 5:20] = [10, 20, 200]
    return rgb.astype(numpy.uint8)


RGB = picture()
GREY = numpy.asarray(Image.fromarray(RGB).convert("L"))
BILEVEL = ((GREY > 120) * 255).astype(numpy.uint8)


def thumbnail(grey):
    return list(Image.fromarray(grey.astype(numpy.uint8)).resize((8, 8), Image.BOX).tobytes())


def luma(rgb):
    return numpy.asarray(Image.fromarray(rgb).convert("L"))


def expect(name, grey, pages=1, pillow=True, tolerance=3):
    """Notes what a file must look like, and makes sure that Pillow sees the same."""
    EXPECTED[name] = {"size": [WIDTH, HEIGHT], "pages": pages, "grey8": thumbnail(grey)}
    if pillow:
        with Image.open(os.path.join(HERE, name)) as image:
            try:
                image.load()
            except OSError as error:
                raise AssertionError(f"{name}: {error}")
            if image.mode == "LAB":
                image = ImageCms.applyTransform(image, ImageCms.buildTransform(
                    ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"))
            seen = thumbnail(numpy.asarray(image.convert("RGB").convert("L")))
        difference = numpy.abs(numpy.subtract(seen, EXPECTED[name]["grey8"], dtype=int)).mean()
        assert difference < tolerance, (name, difference)


def refuse(name, words):
    EXPECTED[name] = {"refused": words}


def plain(name, data, grey=None, pillow=True, pages=1, **options):
    """One picture by tifffile."""
    options.setdefault("metadata", None)
    tifffile.imwrite(os.path.join(HERE, name), data, software=False, **options)
    expect(name, luma(RGB) if grey is None else grey, pillow=pillow, pages=pages)


def by_pillow(name, image, grey, **options):
    image.save(os.path.join(HERE, name), **options)
    expect(name, grey)


def raw(name, tags, strips, big_endian=False, behind=b""):
    """A file from its tags (number: (type, values)) and strips. What `behind` holds begins at byte 8."""
    order = ">" if big_endian else "<"
    body = behind
    offsets = []
    for strip in strips:
        offsets.append(8 + len(body))
        body += strip + b"\0" * (len(strip) % 2)
    body += b"\0" * (len(body) % 2)
    tags = dict(tags)
    tags[273] = (4, offsets)
    tags[279] = (4, [len(strip) for strip in strips])
    entries, tail = b"", b""
    start = 8 + len(body)
    tail_at = start + 2 + 12 * len(tags) + 4
    form = {1: "B", 2: "s", 3: "H", 4: "I", 5: "II", 7: "B"}
    for number in sorted(tags):
        kind, values = tags[number]
        value = b"".join(struct.pack(order + form[kind], *(v if isinstance(v, tuple) else (v,))) for v in values)
        entries += struct.pack(order + "HHI", number, kind, len(values))
        if len(value) <= 4:
            entries += value.ljust(4, b"\0")
        else:
            entries += struct.pack(order + "I", tail_at + len(tail))
            tail += value + b"\0" * (len(value) % 2)
    head = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(order + "I", start)
    directory = struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0" + tail
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(head + body + directory)


def tags(bits, photometric, compression=1, samples=1, rows=HEIGHT, **more):
    base = {256: (3, [WIDTH]), 257: (3, [HEIGHT]), 258: (3, bits), 259: (3, [compression]), 262: (3, [photometric]),
            277: (3, [samples]), 278: (3, [rows])}
    base.update({int(key[1:]): value for key, value in more.items()})
    return base


def old_lzw(data):
    """LZW as it was before TIFF 6.0: the least significant bit first, codes grow one later."""
    out, held, count = bytearray(), 0, 0
    table, width = {}, 9

    def put(code):
        nonlocal held, count
        held |= code << count
        count += width
        while count >= 8:
            out.append(held & 255)
            held >>= 8
            count -= 8

    put(256)
    word = b""
    table = {bytes([value]): value for value in range(256)}
    following = 258
    for value in data:
        longer = word + bytes([value])
        if longer in table:
            word = longer
            continue
        put(table[word])
        table[longer] = following
        following += 1
        if following > (1 << width) and width < 12:
            width += 1
        if following >= 4094:
            put(256)
            table = {bytes([v]): v for v in range(256)}
            following, width = 258, 9
        word = bytes([value])
    put(table[word])
    put(257)
    if count:
        out.append(held & 255)
    return bytes(out)


def subsampled(rgb, columns, lines):
    """Blocks of YCbCr, row by row: the lumas of a block, then its two differences."""
    ycc = numpy.asarray(Image.fromarray(rgb).convert("YCbCr")).astype(int)
    height, width = -(-HEIGHT // lines) * lines, -(-WIDTH // columns) * columns
    ycc = numpy.pad(ycc, ((0, height - HEIGHT), (0, width - WIDTH), (0, 0)), mode="edge")
    out = bytearray()
    for y in range(0, height, lines):
        for x in range(0, width, columns):
            block = ycc[y:y + lines, x:x + columns]
            out += bytes(block[..., 0].ravel().tolist())
            out += bytes([round(block[..., 1].mean()), round(block[..., 2].mean())])
    return bytes(out)


def jpeg_parts(rgb, quality=92, subsampling=2):
    """The tables and the coded data of a JPEG."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality, subsampling=subsampling)
    data = stream.getvalue()
    quantisation, dc, ac, at = {}, {}, {}, 2
    while data[at + 1] != 0xDA:
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2:at + 4])[0]
        body = data[at + 4:at + 2 + length]
        while marker == 0xDB and body:
            quantisation[body[0] & 15] = body[1:65]
            body = body[65:]
        while marker == 0xC4 and body:
            values = 17 + sum(body[1:17])
            (ac if body[0] >> 4 else dc)[body[0] & 15] = body[1:values]
            body = body[values:]
        at += 2 + length
    length = struct.unpack(">H", data[at + 2:at + 4])[0]
    return data, quantisation, dc, ac, data[at + 2 + length:-2]


def grey_files():
    wide = GREY.astype(numpy.uint16) * 257
    for bits in (2, 4):
        small = (GREY >> (8 - bits)).astype(numpy.uint8)
        row = -(-WIDTH * bits // 8)
        packed = bytearray()
        for line in small:
            digits = "".join(format(value, f"0{bits}b") for value in line).ljust(8 * row, "0")
            packed += int(digits, 2).to_bytes(row, "big")
        raw(f"grey_{bits}_bits.tif", tags([bits], 1), [bytes(packed)])
        expect(f"grey_{bits}_bits.tif", small.astype(int) * 255 // ((1 << bits) - 1))
    threes = b"".join((int(value) * 65793).to_bytes(3, "little") for value in GREY.ravel())
    raw("grey_24_bits.tif", tags([24], 1), [threes])
    expect("grey_24_bits.tif", GREY, pillow=False)
    plain("grey_12_bits.tif", (wide >> 4), GREY, bitspersample=12, photometric="minisblack", pillow=False)
    plain("grey_16_bits_big_endian.tif", wide, GREY, byteorder=">", pillow=False, compression="lzw", predictor=2)
    plain("grey_32_bits.tif", GREY.astype(numpy.uint32), GREY, compression="adobe_deflate", predictor=2)
    plain("grey_32_bits_full.tif", GREY.astype(numpy.uint32) * 16843009, GREY, compression="lzw", pillow=False)
    plain("grey_signed_16.tif", GREY.astype(numpy.int16), GREY, compression="adobe_deflate", pillow=False)
    for bits in (16, 32, 64):
        unit = (GREY / 255).astype(f"float{bits}")
        plain(f"grey_float_{bits}.tif", unit, GREY, compression="adobe_deflate", predictor=3, pillow=False)
    plain("grey_float_255.tif", GREY.astype(numpy.float32), GREY, compression="lzw", byteorder=">", pillow=False)
    plain("grey_white_is_zero.tif", 255 - GREY, GREY, photometric="miniswhite", compression="packbits")
    plain("grey_alpha.tif", numpy.dstack([GREY, numpy.full_like(GREY, 255)]), GREY, extrasamples=["unassalpha"],
          photometric="minisblack", planarconfig="contig", compression="lzw")
    plain("grey_fill_order.tif", GREY, GREY, compression="packbits")
    raw("grey_fill_order.tif", tags([8], 1, f266=(3, [2])), [bytes(int(f"{v:08b}"[::-1], 2) for v in GREY.tobytes())])
    expect("grey_fill_order.tif", GREY)


def colour_files():
    alpha = numpy.full((HEIGHT, WIDTH, 1), 255, numpy.uint8)
    rubbish = (numpy.arange(HEIGHT * WIDTH) * 37 % 256).astype(numpy.uint8).reshape(HEIGHT, WIDTH, 1)
    wide = RGB.astype(numpy.uint16) * 257
    for name, compression in [("lzw", "lzw"), ("deflate", "adobe_deflate"), ("zstd", "zstd")]:
        plain(f"rgbx_unspecified_predictor_{name}.tif", numpy.dstack([RGB, rubbish]), extrasamples=["unspecified"],
              compression=compression, predictor=2, photometric="rgb", rowsperstrip=7)
    plain("rgba_associated.tif", numpy.dstack([RGB // 2, alpha // 2 + 1]), luma(RGB // 2 + 127), photometric="rgb",
          extrasamples=["assocalpha"], compression="lzw", pillow=False)
    plain("rgba_unassociated.tif", numpy.dstack([RGB, alpha]), photometric="rgb", extrasamples=["unassalpha"],
          compression="lzw")
    plain("rgb_planar_tiled.tif", numpy.moveaxis(RGB, 2, 0), photometric="rgb", planarconfig="separate",
          tile=(16, 16), compression="lzw", predictor=2)
    plain("rgb_tiled_big.tif", RGB, photometric="rgb", tile=(16, 32), compression="adobe_deflate", bigtiff=True)
    plain("rgb_16_planar.tif", numpy.moveaxis(wide, 2, 0), photometric="rgb", planarconfig="separate", byteorder=">",
          compression="packbits", rowsperstrip=11, pillow=False)
    plain("rgb_float.tif", (RGB / 255).astype(numpy.float32), photometric="rgb", compression="adobe_deflate",
          predictor=3, pillow=False)
    cmyk = numpy.asarray(Image.fromarray(RGB).convert("CMYK"))
    plain("cmyk.tif", cmyk, photometric="separated", compression="lzw")
    raw("rgb_old_lzw.tif", tags([8, 8, 8], 2, 5, 3, rows=10), [old_lzw(RGB[y:y + 10].tobytes()) for y in (0, 10, 20)])
    expect("rgb_old_lzw.tif", luma(RGB))
    palette = Image.fromarray(RGB).quantize(16)
    grey = luma(numpy.asarray(palette.convert("RGB")))
    by_pillow("palette.tif", palette, grey, compression="packbits")
    indices = numpy.asarray(palette)
    packed = bytes(int(high) << 4 | int(low) for high, low in indices.reshape(-1, 2))
    colours = numpy.array(palette.getpalette()[:48]).reshape(16, 3).T.ravel() * 257
    raw("palette_4_bits.tif", tags([4], 3, f320=(3, colours.tolist())), [packed], big_endian=True)
    expect("palette_4_bits.tif", grey)
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = numpy.asarray(ImageCms.applyTransform(Image.fromarray(RGB), transform))
    # Pillow gives a and b as signed numbers.
    raw("lab_cie.tif", tags([8, 8, 8], 8, 1, 3), [lab.tobytes()])
    offset = lab.copy()
    offset[..., 1:] ^= 128
    raw("lab_icc.tif", tags([8, 8, 8], 9, 1, 3), [offset.tobytes()])
    expect("lab_icc.tif", luma(RGB), pillow=False)
    expect("lab_cie.tif", luma(RGB), tolerance=4)
    for columns, lines in [(1, 1), (2, 1), (2, 2), (4, 2)]:
        data = subsampled(RGB, columns, lines)
        name = f"ycc_{columns}{lines}.tif"
        raw(name, tags([8, 8, 8], 6, 1, 3, f530=(3, [columns, lines])), [data])
        # Pillow takes shared differences for missing bytes.
        expect(name, luma(RGB), pillow=(columns, lines) == (1, 1))


def jpeg_files():
    for name, sampling in [("444", 0), ("422", 1), ("420", 2)]:
        strips = [jpeg_parts(RGB[y:y + 16], subsampling=sampling)[0] for y in (0, 16)]
        shared = [1, 1] if sampling == 0 else [2, sampling]
        name = f"jpeg_ycc_{name}.tif"
        raw(name, tags([8, 8, 8], 6, 7, 3, rows=16, f530=(3, shared)), strips)
        expect(name, luma(RGB))
    plain("jpeg_rgb.tif", RGB, photometric="rgb", compression="jpeg", compressionargs={"level": 92}, rowsperstrip=16)
    plain("jpeg_grey.tif", GREY, GREY, photometric="minisblack", compression="jpeg", compressionargs={"level": 92})
    by_pillow("jpeg_tables.tif", Image.fromarray(RGB), luma(RGB), compression="jpeg", quality=92)
    plain("webp.tif", RGB, pillow=False, compression="webp", photometric="rgb", compressionargs={"level": 95})
    data, quantisation, dc, ac, coded = jpeg_parts(RGB)
    raw("old_jpeg_whole.tif", tags([8, 8, 8], 6, 6, 3, f530=(3, [2, 2]), f512=(3, [1]), f513=(4, [8]),
                                   f514=(4, [len(data)])), [data], behind=data)
    expect("old_jpeg_whole.tif", luma(RGB), pillow=False)
    # A JPEG without data beside two strips of it: its sides are those of the picture, not of a strip.
    halves = [jpeg_parts(RGB[y:y + 16]) for y in (0, 16)]
    head = data[:len(data) - 2 - len(coded)]
    raw("old_jpeg_header.tif", tags([8, 8, 8], 6, 6, 3, rows=16, f530=(3, [2, 2]), f512=(3, [1]), f513=(4, [8]),
                                    f514=(4, [len(head)])), [half[4] for half in halves], behind=head + b"\0" * (len(head) % 2))
    expect("old_jpeg_header.tif", luma(RGB), pillow=False)
    tables, places = b"", {}
    for number, found in [(519, quantisation), (520, dc), (521, ac)]:
        places[number] = []
        for component in range(3):
            places[number].append(8 + len(tables))
            tables += found[min(component, 1)]
    tables += b"\0" * (len(tables) % 2)
    raw("old_jpeg_tables.tif", tags([8, 8, 8], 6, 6, 3, f530=(3, [2, 2]), f512=(3, [1]), f519=(4, places[519]),
                                    f520=(4, places[520]), f521=(4, places[521])), [coded], behind=tables)
    expect("old_jpeg_tables.tif", luma(RGB), pillow=False)


def fax_files():
    bilevel = Image.fromarray(BILEVEL).convert("1", dither=Image.NONE)
    by_pillow("fax_runs.tif", bilevel, BILEVEL, compression="tiff_ccitt")
    by_pillow("fax_group4.tif", bilevel, BILEVEL, compression="group4")
    for name, options in [("1d", 0), ("2d", 1), ("2d_filled", 5)]:
        info = TiffImagePlugin.ImageFileDirectory_v2()
        info[292] = options
        by_pillow(f"fax_group3_{name}.tif", bilevel, BILEVEL, compression="group3", tiffinfo=info)
    # Runs of every length, in both colours.
    rows = numpy.zeros((90, 2700), numpy.uint8)
    start = 1
    for index, row in enumerate(rows):
        at = 0
        for turn in range(60):
            length = (start * 13 + turn * (7 + index) + (index % 9) * 300 * (turn == 1)) % 64 + (turn == 1) * index * 28
            row[at:at + length] = 255 * (turn % 2)
            at += length
            start += 1
    page = Image.fromarray(rows).convert("1", dither=Image.NONE)
    for name, compression in [("group3", "group3"), ("group4", "group4")]:
        page.save(os.path.join(HERE, f"fax_lengths_{name}.tif"), compression=compression)
        EXPECTED[f"fax_lengths_{name}.tif"] = {"size": [2700, 90], "pages": 1, "grey8": thumbnail(rows)}
    packed = numpy.packbits(BILEVEL > 0, axis=1).tobytes()
    raw("bilevel_fill_order.tif", tags([1], 1, f266=(3, [2])), [bytes(int(f"{v:08b}"[::-1], 2) for v in packed)])
    expect("bilevel_fill_order.tif", BILEVEL)


def page_files():
    with tifffile.TiffWriter(os.path.join(HERE, "three_pages.tif")) as writer:
        for page in (GREY, 255 - GREY, GREY // 2):
            writer.write(page, compression="lzw", metadata=None, software=False)
    expect("three_pages.tif", GREY, pages=3)
    with tifffile.TiffWriter(os.path.join(HERE, "page_and_smaller_copy.tif")) as writer:
        writer.write(GREY, compression="lzw", metadata=None, software=False)
        writer.write(GREY[::2, ::2], compression="lzw", metadata=None, subfiletype=1, software=False)
    expect("page_and_smaller_copy.tif", GREY)


def files_that_are_not_read():
    tifffile.imwrite(os.path.join(HERE, "not_read_lzma.tif"), GREY, compression="lzma", metadata=None)
    refuse("not_read_lzma.tif", "34925, LZMA")
    tifffile.imwrite(os.path.join(HERE, "not_read_lerc.tif"), GREY, compression="lerc", metadata=None)
    refuse("not_read_lerc.tif", "34887, LERC")
    tifffile.imwrite(os.path.join(HERE, "not_read_jpeg2000.tif"), GREY, compression="jpeg2000", metadata=None)
    refuse("not_read_jpeg2000.tif", "JPEG 2000")
    raw("not_read_complex.tif", tags([64], 1, f339=(3, [6])), [b"\0" * (8 * WIDTH * HEIGHT // 16)])
    refuse("not_read_complex.tif", "complex numbers")
    raw("not_read_sensor.tif", tags([8], 32803), [GREY.tobytes()])
    refuse("not_read_sensor.tif", "32803, raw data of a sensor")
    raw("not_read_565.tif", tags([5, 6, 5], 2, samples=3), [b"\0" * (2 * WIDTH * HEIGHT)])
    refuse("not_read_565.tif", "samples of 5, 6, 5 bits")


if __name__ == "__main__":
    for make in (grey_files, colour_files, jpeg_files, fax_files, page_files, files_that_are_not_read):
        make()
    with open(os.path.join(HERE, "expected.json"), "w") as file:
        json.dump(EXPECTED, file, indent=None, separators=(",", ":"), sort_keys=True)
        file.write("\n")
    print(len(EXPECTED), "files")
