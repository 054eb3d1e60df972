"""SURF in float64, written from the paper (Bay, Ess, Tuytelaars & Van Gool, CVIU 2008).

Writes surf_points.json (blobs of texture.pgm and shapes.pgm: x, y, scale, determinant, whether bright) and
surf_patches.json (descriptors of drawn patches) beside itself. Filters are convolved as whole kernels here, not summed by
an integral image, and wavelets are read by the overlap of pixels with their boxes. Needs numpy, scipy and
opencv-contrib-python-headless (to read pictures).
"""

import json
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import maximum_filter
from scipy.signal import fftconvolve

from patches import patch

HERE = Path(__file__).parent


def kernels(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lobe, half = size // 3, size // 2
    xx = np.zeros((size, size))
    rows = slice(half - lobe + 1, half + lobe)
    for part, weight in enumerate((1.0, -2.0, 1.0)):
        xx[rows, part * lobe : (part + 1) * lobe] = weight
    xy = np.zeros((size, size))
    near, far = slice(half - lobe, half), slice(half + 1, half + 1 + lobe)
    xy[near, near] = xy[far, far] = -1.0
    xy[near, far] = xy[far, near] = 1.0
    return xx / size**2, xx.T / size**2, xy / size**2


def determinant(picture: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Determinant and trace; nothing where the filter does not fit."""
    parts = []
    for kernel in kernels(size):
        whole = np.full(picture.shape, np.nan)
        if min(picture.shape) >= size:
            half = size // 2
            inner = fftconvolve(picture, kernel[::-1, ::-1], mode="valid")
            whole[half : half + inner.shape[0], half : half + inner.shape[1]] = inner
        parts.append(whole)
    xx, yy, xy = parts
    return xx * yy - (0.9 * xy) ** 2, xx + yy


def quadratic(cube: np.ndarray) -> tuple[np.ndarray, float]:
    """Offset (scale, row, column) and height of the extremum of the quadratic through 27 samples."""
    middle = cube[1, 1, 1]
    gradient, hessian = np.zeros(3), np.zeros((3, 3))
    unit = np.eye(3, dtype=int)
    at = lambda offset: cube[tuple(1 + offset)]
    for i in range(3):
        gradient[i] = (at(unit[i]) - at(-unit[i])) / 2
        for j in range(3):
            if i == j:
                hessian[i, i] = at(unit[i]) + at(-unit[i]) - 2 * middle
            else:
                plus, minus = unit[i] + unit[j], unit[i] - unit[j]
                hessian[i, j] = (at(plus) + at(-plus) - at(minus) - at(-minus)) / 4
    offset = -np.linalg.solve(hessian, gradient)
    return offset, middle + 0.5 * gradient @ offset


def points(picture: np.ndarray, threshold: float, octaves: int, layers: int) -> list:
    picture = picture.astype(np.float64) / 255.0
    found = []
    for octave in range(octaves):
        step = 2**octave
        sizes = [3 * (2 ** (octave + 1) * (i + 1) + 1) for i in range(layers + 2)]
        maps = [determinant(picture, size) for size in sizes]
        stack = np.stack([m[0][::step, ::step] for m in maps])
        for layer in range(1, layers + 1):
            cube = stack[layer - 1 : layer + 2]
            known = np.isfinite(cube).all(axis=0)
            filled = np.where(np.isfinite(cube), cube, -np.inf)
            peak = (filled[1] == maximum_filter(filled, size=3, mode="constant", cval=-np.inf)[1]) & (filled[1] > threshold)
            for row, column in zip(*np.nonzero(peak)):
                around = (slice(row - 1, row + 2), slice(column - 1, column + 2))
                if min(row, column) < 1 or known[around].shape != (3, 3) or not known[around].all():
                    continue
                offset, height = quadratic(cube[(slice(None), *around)])
                if np.abs(offset).max() > 0.5:
                    continue
                size = sizes[layer] + offset[0] * (sizes[layer] - sizes[layer - 1])
                bright = maps[layer][1][row * step, column * step] < 0
                x, y = (column + offset[2]) * step, (row + offset[1]) * step
                found.append([round(x, 4), round(y, 4), round(1.2 * size / 9, 5), float(f"{height:.6g}"), int(bright)])
    return found


def overlaps(side: int, edges: np.ndarray) -> np.ndarray:
    """How much of every pixel lies between each pair of edges, as shares of what lies inside the patch."""
    pixels = np.arange(side)
    low, high = np.clip(edges, 0, side).T
    inside = np.minimum(high[:, None], pixels + 1) - np.maximum(low[:, None], pixels)
    return np.clip(inside, 0, None) / (high - low)[:, None]


def descriptor(values: np.ndarray, extended: bool) -> np.ndarray:
    side = len(values)
    scale = side / 22.0
    centres = side / 2 + scale * (np.arange(20) + 0.5 - 10)
    whole = overlaps(side, np.stack([centres - scale, centres + scale], 1))
    first = overlaps(side, np.stack([centres - scale, centres], 1))
    second = overlaps(side, np.stack([centres, centres + scale], 1))
    place = np.arange(20) + 0.5 - 10
    weight = np.exp(-(place[:, None] ** 2 + place[None, :] ** 2) / (2 * 3.3**2))
    dx = weight * (whole @ values @ second.T - whole @ values @ first.T)
    dy = weight * (second @ values @ whole.T - first @ values @ whole.T)
    numbers = []
    for row in range(4):
        for column in range(4):
            cell = (slice(5 * row, 5 * row + 5), slice(5 * column, 5 * column + 5))
            x, y = dx[cell], dy[cell]
            if extended:
                for value, other in ((x, y), (y, x)):
                    # What is only rounding counts as zero.
                    low, high = value[other <= -1e-9], value[other > -1e-9]
                    numbers += [low.sum(), high.sum(), np.abs(low).sum(), np.abs(high).sum()]
            else:
                numbers += [x.sum(), y.sum(), np.abs(x).sum(), np.abs(y).sum()]
    numbers = np.array(numbers)
    return numbers / np.linalg.norm(numbers)


def direction(values: np.ndarray) -> float:
    side = len(values)
    scale = side / 22.0
    place = np.arange(-6, 7)
    centres = side / 2 + scale * place
    whole = overlaps(side, np.stack([centres - 2 * scale, centres + 2 * scale], 1))
    first = overlaps(side, np.stack([centres - 2 * scale, centres], 1))
    second = overlaps(side, np.stack([centres, centres + 2 * scale], 1))
    square = place[:, None] ** 2 + place[None, :] ** 2
    weight = np.exp(-square / 8.0)[square <= 36]
    dx = weight * (whole @ values @ second.T - whole @ values @ first.T)[square <= 36]
    dy = weight * (second @ values @ whole.T - first @ values @ whole.T)[square <= 36]
    angles = np.arctan2(dy, dx)
    sums = []
    for start in angles:
        inside = np.mod(angles - start, 2 * np.pi) < np.pi / 3
        sums.append((dx[inside].sum(), dy[inside].sum()))
    x, y = max(sums, key=lambda s: s[0] ** 2 + s[1] ** 2)
    return float(np.mod(np.arctan2(y, x), 2 * np.pi))


def write(name: str, value: object) -> None:
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main() -> None:
    pictures = {name: cv2.imread(str(HERE / f"{name}.pgm"), cv2.IMREAD_GRAYSCALE) for name in ("texture", "shapes")}
    blobs = [
        {"picture": name, "threshold": t, "octaves": o, "layers": n, "points": points(picture, t, o, n)}
        for name, picture in pictures.items()
        for t, o, n in ((4e-4, 4, 2), (1e-4, 3, 4))
    ]
    write("surf_points.json", blobs)
    numbers = lambda values, extended: [round(v, 7) for v in descriptor(values, extended).tolist()]
    rows = [
        {
            "side": side,
            "seed": seed,
            "direction": round(direction(drawn), 6),
            "surf": numbers(drawn, False),
            "extended": numbers(drawn, True),
        }
        for side, seed in ((22, 3), (32, 4), (41, 5), (9, 6))
        for drawn in [patch(side, seed)]
    ]
    write("surf_patches.json", rows)


if __name__ == "__main__":
    main()
