"""Responses, patches, moments and shapes of the covariant detectors in float64, by NumPy and SciPy, for covariant.rs's tests.

    python3 covariant.py > covariant.json

The image is texture.pgm. Blurs are by FFT on the mirrored image, once for all and exact; derivatives are the central differences
that the detectors use, and beside them those of the Gaussian itself, which differ by what the differences leave out. Patches are
of the image blurred with the covariance of the ellipse, read by a spline of fifth degree.
"""
import json
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

ASSUMED = 0.5
ALPHA = 0.06


def read_pgm(path):
    data = path.read_bytes()
    fields, at = [], 0
    while len(fields) < 4:
        end = at
        while not data[end : end + 1].isspace():
            end += 1
        fields.append(data[at:end])
        at = end + 1
    width, height = int(fields[1]), int(fields[2])
    return np.frombuffer(data[at:], np.uint8).reshape(height, width).astype(np.float64)


def blurred(image, covariance):
    """The image under a Gaussian of this covariance (x, y), mirrored without repeating the border."""
    height, width = image.shape
    tile = np.block([[image, image[:, -2:0:-1]], [image[-2:0:-1], image[-2:0:-1, -2:0:-1]]])
    wy = 2 * np.pi * np.fft.fftfreq(tile.shape[0])[:, None]
    wx = 2 * np.pi * np.fft.fftfreq(tile.shape[1])[None, :]
    (cxx, cxy), (_, cyy) = covariance
    gain = np.exp(-0.5 * (cxx * wx * wx + 2 * cxy * wx * wy + cyy * wy * wy))
    return np.fft.ifft2(np.fft.fft2(tile) * gain).real[:height, :width]


def round_blur(image, sigma):
    return blurred(image, np.eye(2) * (sigma**2 - ASSUMED**2))


def differences(plane):
    dx, dy = np.zeros_like(plane), np.zeros_like(plane)
    dx[:, 1:-1] = 0.5 * (plane[:, 2:] - plane[:, :-2])
    dy[1:-1] = 0.5 * (plane[2:] - plane[:-2])
    xx, yy, xy = np.zeros_like(plane), np.zeros_like(plane), np.zeros_like(plane)
    xx[:, 1:-1] = plane[:, 2:] + plane[:, :-2] - 2 * plane[:, 1:-1]
    yy[1:-1] = plane[2:] + plane[:-2] - 2 * plane[1:-1]
    xy[1:-1, 1:-1] = 0.25 * (plane[2:, 2:] - plane[2:, :-2] - plane[:-2, 2:] + plane[:-2, :-2])
    return dx, dy, xx, xy, yy


def responses(image, rng):
    rows = []
    for sigma in [1.6, 2.0158737, 3.2, 4.5254834]:
        plane = round_blur(image, sigma)
        dx, dy, xx, xy, yy = differences(plane / 255)
        hessian = sigma**4 * (xx * yy - xy * xy)
        laplacian = sigma**2 * (xx + yy)
        coarse = sigma * np.sqrt(2)
        a, b, c = (gaussian_filter(sigma**2 * p, coarse, truncate=6) for p in (dx * dx, dx * dy, dy * dy))
        harris = a * c - b * b - ALPHA * (a + c) ** 2
        # The Gaussian's own derivatives.
        rest = np.sqrt(sigma**2 - ASSUMED**2)
        order = lambda o: gaussian_filter(image / 255, rest, order=o, truncate=6, mode="mirror")
        gxx, gxy, gyy = order((0, 2)), order((1, 1)), order((2, 0))
        # Points where there is something to compare.
        strong = np.argwhere((np.abs(hessian) > 2e-4) & (np.abs(laplacian) > 0.02) & (np.abs(harris) > 1e-6))
        border = 24
        inside = [(y, x) for y, x in strong if min(x, y, image.shape[1] - 1 - x, image.shape[0] - 1 - y) >= border]
        for i in sorted(rng.choice(len(inside), 12, replace=False)):
            y, x = map(int, inside[i])
            rows.append({
                "sigma": sigma, "x": x, "y": y,
                "hessian": hessian[y, x], "laplacian": laplacian[y, x], "harris": harris[y, x],
                "smooth_hessian": sigma**4 * (gxx * gyy - gxy**2)[y, x],
                "smooth_laplacian": sigma**2 * (gxx + gyy)[y, x],
            })
    return rows


def shape_matrix(u, v):
    values, vectors = np.linalg.eigh([[u, v], [v, -u]])
    return vectors @ np.diag(np.exp(values)) @ vectors.T


def shape_of(matrix):
    values, vectors = np.linalg.eigh(matrix)
    logs = np.log(values) - np.log(values).mean()
    log = vectors @ np.diag(logs) @ vectors.T
    return np.array([log[0, 0], log[0, 1]])


def patch(image, x, y, scale, angle, shape, side, sigma, blur):
    s = shape_matrix(*shape)
    size = scale / sigma
    plane = blurred(image, (blur * size) ** 2 * s @ s - ASSUMED**2 * np.eye(2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    steps = np.arange(side) - (side - 1) / 2
    grid = np.stack(np.meshgrid(steps, steps), axis=-1) @ (size * s @ turn).T + [x, y]
    return map_coordinates(plane, [grid[..., 1], grid[..., 0]], order=5, mode="mirror")


# Side, pixels for a scale, blur in pixels; and the window.
LAYOUT = (23, 1.2, 0.4)
WINDOW = 3.2


def moments(values):
    count = len(values) - 1
    steps = np.arange(count) - (count - 1) / 2
    weight = np.exp(-0.5 * (steps / WINDOW) ** 2)
    weight = np.outer(weight, weight)
    # Between the two halves of four pixels.
    across, down = np.diff(values, axis=1), np.diff(values, axis=0)
    dx = 0.5 * (across[1:] + across[:-1])
    dy = 0.5 * (down[:, 1:] + down[:, :-1])
    off = (weight * dx * dy).sum()
    return np.array([[(weight * dx * dx).sum(), off], [off, (weight * dy * dy).sum()]])


def adapted(image, x, y, scale):
    """The fixed point of the shape, iterated until nothing changes; None for edges."""
    shape = np.zeros(2)
    for _ in range(200):
        try:
            m = moments(patch(image, x, y, scale, 0.0, shape, *LAYOUT))
        except np.linalg.LinAlgError:
            return None
        s = shape_matrix(*shape)
        following = 0.5 * shape_of(s @ np.linalg.inv(m) @ s)
        if np.exp(2 * np.hypot(*following)) > 6:
            return None
        if np.abs(following - shape).max() < 1e-6:
            return following
        shape = following
    return None


def main():
    image = read_pgm(Path(__file__).with_name("texture.pgm"))
    rng = np.random.default_rng(3)
    rows = responses(image, rng)
    height, width = image.shape
    patches = []
    for level in [0.8 * 2 ** (1 / 3)] * 2:
        for stretch in [0.0, 0.2, 0.4]:
            turn = rng.uniform(0, 2 * np.pi)
            shape = np.round([stretch * np.cos(turn), stretch * np.sin(turn)], 4)
            # The short axis has the blur of a level, so that nothing is lost by taking the nearest.
            scale = 3 * level * np.exp(np.hypot(*shape))
            x, y = rng.uniform(0.4, 0.6) * width, rng.uniform(0.4, 0.6) * height
            angle = rng.uniform(0, 2 * np.pi)
            values = patch(image, x, y, scale, angle, shape, *LAYOUT)
            m = moments(values)
            patches.append({
                "x": x, "y": y, "scale": scale, "angle": angle, "u": shape[0], "v": shape[1],
                # The middle; beyond it the patch leaves the image, which goes on differently here.
                "values": np.round(values[5:18:3, 5:18:3], 3).ravel().tolist(),
                "moments": [m[0, 0], m[0, 1], m[1, 1]],
            })
    shapes = []
    while len(shapes) < 15:
        x, y = rng.uniform(0.35, 0.65) * width, rng.uniform(0.35, 0.65) * height
        # Below, the short axis would be finer than the image is read.
        scale = float(rng.uniform(4.0, 5.5))
        shape = adapted(image, x, y, scale)
        if shape is not None:
            shapes.append({"x": x, "y": y, "scale": scale, "u": shape[0], "v": shape[1]})
    print(json.dumps({"responses": rows, "patches": patches, "shapes": shapes}, indent=0))


main()
