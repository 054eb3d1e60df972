"""Makes the small images of this folder and what OpenCV reads from them.

Run with Python, numpy, Pillow and opencv-python-headless 5.0; writes files of a few kB each and
`expected.json`: per file all its grey and colour values as OpenCV reads them.
"""

import json
import pathlib

import cv2
import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
W, H = 23, 19  # not multiples of 8


def picture():
    y, x = np.mgrid[0:H, 0:W].astype(np.float64)
    r = 127 + 100 * np.sin(x / 7) * np.cos(y / 9)
    g = 255 * x / (W - 1)
    b = 255 * y / (H - 1)
    image = np.stack([r, g, b], -1)
    image[10:20, 12:30] = (220, 40, 60)
    return image.round().clip(0, 255).astype(np.uint8)


def expected(name):
    gray = cv2.imread(str(HERE / name), cv2.IMREAD_GRAYSCALE)
    color = cv2.imread(str(HERE / name), cv2.IMREAD_COLOR_RGB)
    return {"gray": gray.flatten().tolist(), "rgb": color.flatten().tolist(), "width": gray.shape[1]}


def main():
    rgb = picture()
    image = Image.fromarray(rgb)
    image.save(HERE / "baseline_420.jpg", quality=85, subsampling=2)
    image.save(HERE / "progressive_444.jpg", quality=85, subsampling=0, progressive=True)
    image.convert("L").save(HERE / "gray.jpg", quality=85)
    image.convert("CMYK").save(HERE / "cmyk.jpg", quality=90)
    image.save(HERE / "lossless.webp", lossless=True)
    image.save(HERE / "plain.tif", compression="tiff_lzw")
    image.save(HERE / "plain.bmp")
    image.save(HERE / "plain.ppm")
    image.quantize(64).save(HERE / "palette.gif")
    image.quantize(64).save(HERE / "palette.png")
    deep = rgb.astype(np.uint16) * 257
    cv2.imwrite(str(HERE / "deep.png"), deep[..., ::-1])
    result = {}
    for path in sorted(HERE.iterdir()):
        if path.suffix not in (".py", ".json"):
            result[path.name] = expected(path.name)
    (HERE / "expected.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


main()
