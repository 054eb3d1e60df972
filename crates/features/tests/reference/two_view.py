"""Two-view geometry from minimal samples and by least squares in float64, for tests/two_view.rs.

    python3 two_view.py > two_view.json

Seven points: null space by NumPy's singular vectors, roots of the cubic by NumPy, and OpenCV's FM_7POINT. Four points: OpenCV's
getPerspectiveTransform. Affine matches: singular vectors of the linear systems of Barath and Hajder (2017) and Barath, Toth
and Hajder (2017). Least squares: PoseLib's refinement of the Sampson error. Bounds: SciPy's binomial tail.
"""
import json

import cv2
import numpy as np
import poselib
from scipy import stats

SHAPE_WEIGHT = 0.1


def centred(points):
    shift = points.mean(0)
    scale = np.sqrt(2) / np.linalg.norm(points - shift, axis=1).mean()
    return np.array([[scale, 0, -scale * shift[0]], [0, scale, -scale * shift[1]], [0, 0, 1]])


def homogeneous(points):
    return np.c_[points, np.ones(len(points))]


def signed(m):
    m = m / np.linalg.norm(m)
    return m * np.sign(m.flat[np.abs(m).argmax()])


def rank_two(f):
    u, s, vt = np.linalg.svd(f)
    return u @ np.diag([s[0], s[1], 0]) @ vt


def seven_points(a, b):
    t, s = centred(a), centred(b)
    p, q = homogeneous(a) @ t.T, homogeneous(b) @ s.T
    rows = np.einsum("ni,nj->nij", q, p).reshape(7, 9)
    first, second = np.linalg.svd(rows)[2][-2:].reshape(2, 3, 3)
    values = [np.linalg.det(first + x * (second - first)) for x in (-1.0, 0.0, 1.0, 2.0)]
    roots = np.roots(np.polyfit([-1.0, 0.0, 1.0, 2.0], values, 3))
    found = []
    for root in roots[np.abs(roots.imag) < 1e-9].real:
        f = s.T @ (first + root * (second - first)) @ t
        epipole = np.linalg.svd(f)[0][:, 2]
        sides = [(f @ x) @ np.cross(epipole, y) for x, y in zip(homogeneous(a), homogeneous(b))]
        found.append({"matrix": signed(f).tolist(), "oriented": bool(np.ptp(np.sign(sides)) == 0)})
    return found


def camera(rng):
    k = np.array([[800.0, 0, 400], [0, 800, 300], [0, 0, 1]])
    rotation, _ = cv2.Rodrigues(rng.normal(0, 0.15, 3))
    move = rng.normal(0, 0.5, 3)
    return k, rotation, move


def scene(rng, count, noise):
    k, rotation, move = camera(rng)
    a = rng.uniform(0, 1, (count, 2)) * [800, 600]
    x = homogeneous(a) @ np.linalg.inv(k).T * rng.uniform(4, 9, (count, 1))
    p = (x @ rotation.T + move) @ k.T
    b = p[:, :2] / p[:, 2:]
    cross = np.array([[0, -move[2], move[1]], [move[2], 0, -move[0]], [-move[1], move[0], 0]])
    f = np.linalg.inv(k).T @ cross @ rotation @ np.linalg.inv(k)
    return f, a + rng.normal(0, noise, (count, 2)), b + rng.normal(0, noise, (count, 2))


def frame_of(linear):
    """Scale, turn and shape of a linear map of a unit circle, the shape as it is stored in single precision."""
    scale = np.sqrt(np.linalg.det(linear))
    u, s, vt = np.linalg.svd(linear / scale)
    turn = u @ vt
    logarithm = u @ np.diag(np.log(s)) @ u.T
    p, q = np.float32(logarithm[0, 0]), np.float32(logarithm[0, 1])
    return {"scale": scale, "angle": np.arctan2(turn[1, 0], turn[0, 0]), "u": float(p), "v": float(q)}


def linear_of(frame):
    u, v = frame["u"], frame["v"]
    length = np.hypot(u, v)
    slope = np.sinh(length) / length if length > 1e-9 else 1.0
    shape = np.array([[np.cosh(length) + slope * u, slope * v], [slope * v, np.cosh(length) - slope * u]])
    c, s = np.cos(frame["angle"]), np.sin(frame["angle"])
    return frame["scale"] * shape @ np.array([[c, -s], [s, c]])


def homography_of_affine(a, b, maps):
    t, s = centred(a), centred(b)
    rows = []
    for x, y, m in zip(homogeneous(a) @ t.T, homogeneous(b) @ s.T, maps):
        m = m * s[0, 0] / t[0, 0]
        for i in range(2):
            row = np.zeros((3, 3))
            row[i], row[2] = x, -y[i] * x
            rows.append(row.ravel())
        for i in range(2):
            for j in range(2):
                row = np.zeros((3, 3))
                row[i, j] = 1
                row[2] = -m[i, j] * x
                row[2, j] -= y[i]
                rows.append(SHAPE_WEIGHT * row.ravel())
    h = np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3)
    h = np.linalg.inv(s) @ h @ t
    return h / h[2, 2]


def fundamental_of_affine(a, b, maps):
    t, s = centred(a), centred(b)
    rows = []
    for x, y, m in zip(homogeneous(a) @ t.T, homogeneous(b) @ s.T, maps):
        m = m * s[0, 0] / t[0, 0]
        rows.append(np.outer(y, x).ravel())
        for j in range(2):
            # Derivative of y' F x along coordinate j of the first point.
            moved_x, moved_y = np.eye(3)[j], np.r_[m[:, j], 0]
            rows.append(SHAPE_WEIGHT * (np.outer(y, moved_x) + np.outer(moved_y, x)).ravel())
    f = np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3)
    return signed(s.T @ rank_two(f) @ t)


def sampson(f, a, b):
    p, q = homogeneous(a), homogeneous(b)
    line, other = p @ f.T, q @ f
    return (q * line).sum(1) ** 2 / ((line[:, :2] ** 2).sum(1) + (other[:, :2] ** 2).sum(1))


def symmetric(f, a, b):
    p, q = homogeneous(a), homogeneous(b)
    line, other = p @ f.T, q @ f
    return (q * line).sum(1) ** 2 * (1 / (line[:, :2] ** 2).sum(1) + 1 / (other[:, :2] ** 2).sum(1))


def surface_map(rng, k, rotation, move, x):
    """A point on a slanted surface, where the second camera sees it, and the linear map between the neighbourhoods."""
    ray = np.linalg.inv(k) @ np.r_[x, 1]
    depth, normal = rng.uniform(4, 9), np.r_[rng.normal(0, 0.4, 2), -1]
    h = k @ (rotation + np.outer(move, normal) / (normal @ ray * depth)) @ np.linalg.inv(k)
    p = h @ np.r_[x, 1]
    y = p[:2] / p[2]
    return y, (h[:2, :2] - np.outer(y, h[2, :2])) / p[2]


def affine_cases(rng):
    plane, depth = [], []
    truth = np.array([[0.9, -0.25, 40], [0.2, 1.05, -15], [2e-4, -1e-4, 1]])
    for noise in (0.0, 0.0, 0.05, 0.05):
        a = rng.uniform(0, 1, (2, 2)) * [800, 600]
        p = homogeneous(a) @ truth.T
        b = p[:, :2] / p[:, 2:]
        maps = [(truth[:2, :2] - np.outer(y, truth[2, :2])) / w[2] for y, w in zip(b, p)]
        frames = [frame_of(m + rng.normal(0, noise, (2, 2))) for m in maps]
        h = homography_of_affine(a, b, [linear_of(f) for f in frames])
        plane.append({"from": a.tolist(), "to": b.tolist(), "frames": frames, "matrix": h.tolist()})
    for noise in (0.0, 0.0, 0.02, 0.02):
        k, rotation, move = camera(rng)
        a = rng.uniform(0.1, 0.9, (3, 2)) * [800, 600]
        seen = [surface_map(rng, k, rotation, move, x) for x in a]
        b = np.array([y for y, _ in seen])
        frames = [frame_of(m + rng.normal(0, noise, (2, 2))) for _, m in seen]
        f = fundamental_of_affine(a, b, [linear_of(frame) for frame in frames])
        depth.append({"from": a.tolist(), "to": b.tolist(), "frames": frames, "matrix": f.tolist()})
    return plane, depth


def main():
    rng = np.random.default_rng(11)
    seven = []
    for noise in (0.0, 0.0, 0.5, 0.5, 0.5, 2.0, 2.0, 2.0):
        f, a, b = scene(rng, 7, noise)
        stacked, _ = cv2.findFundamentalMat(a, b, cv2.FM_7POINT)
        opencv = [signed(m).tolist() for m in stacked.reshape(-1, 3, 3)]
        seven.append({"from": a.tolist(), "to": b.tolist(), "solutions": seven_points(a, b), "opencv": opencv})
    four = []
    for _ in range(4):
        a = np.array([[0, 0], [800, 0], [800, 600], [0, 600]]) + rng.uniform(-150, 150, (4, 2))
        b = a + rng.uniform(-80, 80, (4, 2))
        h = cv2.getPerspectiveTransform(a.astype(np.float32), b.astype(np.float32))
        a, b = a.astype(np.float32).astype(float), b.astype(np.float32).astype(float)
        four.append({"from": a.tolist(), "to": b.tolist(), "matrix": h.tolist()})
    fits = []
    for count, noise in ((8, 0.3), (20, 0.5), (60, 1.0)):
        f, a, b = scene(rng, count, noise)
        refined, _ = poselib.refine_fundamental(a, b, f, {"loss_type": "TRIVIAL", "max_iterations": 200})
        refined = signed(refined)
        fits.append({"from": a.tolist(), "to": b.tolist(), "matrix": refined.tolist(),
                     "sampson": sampson(refined, a, b).tolist(), "symmetric": symmetric(refined, a, b).tolist()})
    plane, depth = affine_cases(rng)
    bounds = []
    for n, k, sample, models, p in ((100, 20, 7, 3, 0.05), (500, 60, 4, 1, 1e-3), (2000, 300, 7, 3, 0.1), (50, 12, 2, 1, 0.01)):
        tail = stats.binom.logsf(k - sample - 1, n - sample, p) / np.log(10)
        choose = np.log10(float(__import__("math").comb(n, sample)))
        bounds.append({"tried": n, "inliers": k, "sample": sample, "models": models, "probability": p,
                       "log10": choose + tail + np.log10(models)})
    print(json.dumps({"numpy": np.__version__, "opencv": cv2.__version__, "poselib": poselib.__version__, "seven": seven,
                      "four": four, "fits": fits, "plane": plane, "depth": depth, "bounds": bounds}))


if __name__ == "__main__":
    main()
