"""Reference corners: FAST-9 and one level of ORB, as OpenCV finds them.

Writes corners.json beside itself: FAST corners as x, y, score one after another, ORB keypoints as x, y, angle in degrees,
response.

Needs numpy and opencv-contrib-python-headless; VIZSLA_DATA names the directory with the photographs.
"""

import json
import os
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent


def fast(picture: np.ndarray, threshold: int) -> dict:
    finder = cv2.FastFeatureDetector_create(threshold, True, cv2.FAST_FEATURE_DETECTOR_TYPE_9_16)
    found = finder.detect(picture)
    flat = [int(v) for k in found for v in (k.pt[0], k.pt[1], k.response)]
    return {"threshold": threshold, "corners": flat}


def orb(picture: np.ndarray) -> list:
    finder = cv2.ORB_create(nfeatures=10**6, nlevels=1, edgeThreshold=16, fastThreshold=20)
    return [[int(k.pt[0]), int(k.pt[1]), round(k.angle, 2), float(f"{k.response:.7g}")] for k in finder.detect(picture)]


def main() -> None:
    read = lambda path: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    photograph = read(Path(os.environ["VIZSLA_DATA"]) / "oxford_affine" / "graf" / "img1.png")
    pictures = {"texture": read(HERE / "texture.pgm"), "shapes": read(HERE / "shapes.pgm")}
    result = {
        "opencv": cv2.__version__,
        "fast": {name: [fast(picture, t) for t in (0, 5, 20, 60)] for name, picture in pictures.items()},
        "fast_graf": fast(photograph, 20),
        "orb": {name: orb(picture) for name, picture in pictures.items()},
    }
    (HERE / "corners.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
