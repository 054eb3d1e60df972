"""Expected bytes of resized pictures, computed by Pillow.

    python resize.py > resize.json
"""

import json
import sys

import numpy as np
from PIL import Image


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    channels = [(x * (2 + c) + y * 4 + (x * y) // 18 + 60 * ((x // 8 + y // 8 + c) % 2)) % 256 for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


cases = []
for width, height, side in [(61, 40, 24), (40, 61, 97), (200, 30, 33)]:
    for name, kernel in [("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)]:
        longest = max(width, height)
        size = (max(1, int(width * side / longest + 0.5)), max(1, int(height * side / longest + 0.5)))
        resized = np.asarray(Image.fromarray(picture(width, height)).resize(size, kernel))
        places = np.linspace(0, resized.size - 1, 300).astype(np.int64)
        cases.append(
            {
                "width": width,
                "height": height,
                "side": side,
                "interpolation": name,
                "size": list(size),
                "places": places.tolist(),
                "values": resized.ravel()[places].tolist(),
            }
        )
json.dump({"cases": cases}, sys.stdout)
print()
