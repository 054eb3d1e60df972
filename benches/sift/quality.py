"""Repeatability and matching score of keypoints on the Oxford affine sequences.

The same code judges both systems. A feature set is a pair (keypoints, descriptors) of float32 arrays: keypoints are
rows of x, y, scale, angle, response; coordinates count from the centre of the top-left pixel.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

POSITION = 1.5  # px in the second image: largest distance of a repeated keypoint
SCALE = 1.25  # largest ratio of the scales of a repeated keypoint
MATCH = 3.0  # px in the second image: largest error of a correct match
PAIRS = range(2, 7)


def homography(folder: Path, second: int) -> np.ndarray:
    return np.loadtxt(folder / f"H1to{second}p")


def project(matrix: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Projected points and the local change of scale (square root of the Jacobian's determinant)."""
    homogeneous = np.c_[points.astype(np.float64), np.ones(len(points))] @ matrix.T
    w = homogeneous[:, 2]
    scale = np.sqrt(np.abs(np.linalg.det(matrix) / w**3))
    return homogeneous[:, :2] / w[:, None], scale


def inside(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    x, y = points[:, 0], points[:, 1]
    return (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)


def repeated(points, scales, others, other_scales) -> int:
    """One-to-one pairs within the tolerances, nearest pairs first."""
    pairs = []
    for start in range(0, len(points), 512):
        block = points[start : start + 512]
        distance = np.linalg.norm(block[:, None] - others[None], axis=2)
        ratio = np.abs(np.log(scales[start : start + 512, None] / other_scales[None]))
        rows, columns = np.nonzero((distance < POSITION) & (ratio < np.log(SCALE)))
        pairs += zip(distance[rows, columns], rows + start, columns)
    used_a, used_b = set(), set()
    for _, a, b in sorted(pairs):
        if a not in used_a and b not in used_b:
            used_a.add(a)
            used_b.add(b)
    return len(used_a)


def score_pair(first, second, matrix, size_first, size_second) -> dict:
    """Repeatability and matching score, both over the smaller number of features in the common part."""
    (ka, da), (kb, db) = first, second
    projected, growth = project(matrix, ka[:, :2])
    back, _ = project(np.linalg.inv(matrix), kb[:, :2])
    in_a, in_b = inside(projected, size_second), inside(back, size_first)
    projected, growth, ka, da = projected[in_a], growth[in_a], ka[in_a], da[in_a]
    kb, db = kb[in_b], db[in_b]
    smaller = min(len(ka), len(kb))
    if smaller == 0:
        return {"features": 0, "repeatability": 0.0, "matching_score": 0.0, "precision": 0.0}
    pairs = repeated(projected, ka[:, 2] * growth, kb[:, :2], kb[:, 2])
    matches = cv2.BFMatcher(cv2.NORM_L2, crossCheck=True).match(
        np.ascontiguousarray(da, np.float32), np.ascontiguousarray(db, np.float32)
    )
    a = np.array([m.queryIdx for m in matches])
    b = np.array([m.trainIdx for m in matches])
    correct = int((np.linalg.norm(projected[a] - kb[b, :2], axis=1) < MATCH).sum())
    return {
        "features": smaller,
        "repeatability": pairs / smaller,
        "matching_score": correct / smaller,
        "precision": correct / max(1, len(matches)),
    }


def score_sequence(folder: Path, features: list) -> list[dict]:
    """Scores of image 1 against images 2 to 6; `features` holds the six feature sets."""
    sizes = [cv2.imread(str(folder / f"img{n}.png"), cv2.IMREAD_GRAYSCALE).shape for n in range(1, 7)]
    return [
        score_pair(features[0], features[n - 1], homography(folder, n), sizes[0], sizes[n - 1])
        for n in PAIRS
    ]
