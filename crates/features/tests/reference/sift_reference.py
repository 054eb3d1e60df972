"""Makes the reference values of `tests/sift_reference.rs` with OpenCV 5's SIFT.

Run with `VIZSLA_DATA` naming the data folder. Writes beside itself
- `texture.pgm`, a generated picture: noise of a linear congruential generator at six scales,
- `texture.json` and `graf.json`: OpenCV's keypoints and the descriptors of every eighth one on that picture and on
  the first picture of the `graf` sequence (numbers only; the photograph stays where it is).

Coordinates are OpenCV's; its enlarged first octave shifts them by a quarter of a pixel, which the test takes off.
"""

import json
import os
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent


def noise(width: int, height: int, state: int) -> tuple[np.ndarray, int]:
    values = np.empty(width * height, np.float32)
    for i in range(len(values)):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = state / 2**32 - 0.5
    return values.reshape(height, width), state


def texture(width: int = 200, height: int = 150) -> np.ndarray:
    total, state = np.zeros((height, width), np.float32), 1
    for octave in range(6):
        layer, state = noise(width >> octave, height >> octave, state)
        layer = cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
        total += layer * 1.5**octave
    total = (total - total.min()) / (total.max() - total.min())
    return np.round(255 * total).astype(np.uint8)


def reference(image: np.ndarray) -> dict:
    keypoints, descriptors = cv2.SIFT_create().detectAndCompute(image, None)
    return {
        "opencv": cv2.__version__,
        "keypoints": [
            [round(k.pt[0], 2), round(k.pt[1], 2), round(k.size / 2, 3), round(k.angle, 1)] for k in keypoints
        ],
        "descriptor_step": 8,
        "descriptors": [d.astype(np.uint8).tobytes().hex() for d in descriptors[::8]],
    }


def main() -> None:
    picture = texture()
    cv2.imwrite(str(HERE / "texture.pgm"), picture)
    (HERE / "texture.json").write_text(json.dumps(reference(picture), separators=(",", ":")) + "\n")
    graf = Path(os.environ["VIZSLA_DATA"]) / "oxford_affine" / "graf" / "img1.png"
    picture = cv2.imread(str(graf), cv2.IMREAD_GRAYSCALE)
    (HERE / "graf.json").write_text(json.dumps(reference(picture), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
