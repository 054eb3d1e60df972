"""Least-squares fits of plane transforms by numpy and OpenCV, for tests/fit.rs.

    python3 fit.py > fit.json

Similarity: Umeyama's closed form by singular values. Affine: numpy's least squares. Homography: OpenCV's
findHomography with method 0 (all points), which ends with Levenberg-Marquardt on the transfer error.
"""
import json

import cv2
import numpy as np


def umeyama(a, b):
    ca, cb = a.mean(0), b.mean(0)
    covariance = (b - cb).T @ (a - ca) / len(a)
    u, d, vt = np.linalg.svd(covariance)
    sign = np.diag([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ sign @ vt
    scale = np.trace(np.diag(d) @ sign) / ((a - ca) ** 2).sum(1).mean()
    h = np.eye(3)
    h[:2, :2] = scale * rotation
    h[:2, 2] = cb - scale * rotation @ ca
    return h


def affine(a, b):
    solution, *_ = np.linalg.lstsq(np.c_[a, np.ones(len(a))], b, rcond=None)
    return np.vstack([solution.T, [0, 0, 1]])


def main():
    rng = np.random.default_rng(5)
    cases = []
    for count, noise in [(4, 0.0), (6, 1.0), (12, 0.5), (40, 2.0), (100, 1.0)]:
        truth = np.array([[0.9, -0.25, 40], [0.2, 1.05, -15], [2e-4, -1e-4, 1]])
        a = rng.uniform(0, 1, (count, 2)) * [800, 600]
        p = np.c_[a, np.ones(count)] @ truth.T
        b = p[:, :2] / p[:, 2:] + rng.normal(0, 1, (count, 2)) * noise
        h, _ = cv2.findHomography(a, b, 0)
        cases.append({"from": a.tolist(), "to": b.tolist(), "similarity": umeyama(a, b).tolist(),
                      "affine": affine(a, b).tolist(), "homography": h.tolist()})
    print(json.dumps({"opencv": cv2.__version__, "numpy": np.__version__, "cases": cases}, indent=None))


if __name__ == "__main__":
    main()
