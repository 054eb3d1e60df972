"""Reference regions for MSER: those of OpenCV.

Writes mser.json (texture.pgm and shapes.pgm) and mser_graf.json (the photograph) beside itself. A region is given by
whether it is dark, one of its pixels, its threshold and its area, from which its pixels follow.

Needs numpy and opencv-contrib-python-headless; VIZSLA_DATA names the directory with the photographs.
"""

import json
import os
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent


def regions(picture: np.ndarray, delta: int, largest: int, diversity: float = 0.0) -> dict:
    finder = cv2.MSER_create(delta, 60, largest, 0.25, diversity)
    # OpenCV leaves out the pixels along the border.
    found, _ = finder.detectRegions(cv2.copyMakeBorder(picture, 1, 1, 1, 1, cv2.BORDER_REPLICATE))
    rows = []
    for points in found:
        x, y = points[:, 0] - 1, points[:, 1] - 1
        inside = np.zeros(picture.shape, np.uint8)
        inside[y, x] = 1
        around = cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))) - inside
        values, border = picture[y, x], picture[around == 1]
        dark = int(values.max()) < int(border.min())
        assert dark or int(values.min()) > int(border.max())
        level = values.max() if dark else values.min()
        rows.append([int(dark), int(x[0]), int(y[0]), int(level), len(points)])
    return {"opencv": cv2.__version__, "delta": delta, "max_area": largest, "diversity": diversity, "regions": sorted(rows)}


def write(name: str, value: object) -> None:
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main() -> None:
    read = lambda path: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    drawn = {name: regions(read(HERE / f"{name}.pgm"), 5, 14400) for name in ("texture", "shapes")}
    drawn["shapes_2"] = regions(read(HERE / "shapes.pgm"), 2, 2000)
    write("mser.json", drawn)
    photograph = read(Path(os.environ["VIZSLA_DATA"]) / "oxford_affine" / "graf" / "img1.png")
    write("mser_graf.json", regions(photograph, 5, 14400))


if __name__ == "__main__":
    main()
