"""Shapes of features as matrices, and the affine maps that pairs of them propose, by numpy, for geometry/correspondence.rs.

    python3 shape.py > shape.json

A shape is the exponential of [[u, v], [v, -u]], here by eigenvalues. A feature is scale * shape * rotation; a pair proposes the second
times the inverse of the first, and turns as the rotation nearest to that, here by singular values.
"""
import json

import numpy as np


def exponential(u, v):
    values, vectors = np.linalg.eigh([[u, v], [v, -u]])
    return vectors @ np.diag(np.exp(values)) @ vectors.T


def linear(frame):
    scale, angle, u, v = frame
    rotation = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return scale * exponential(u, v) @ rotation


def main():
    rng = np.random.default_rng(11)
    cases = []
    for stretch in [0.0, 1e-7, 0.05, 0.3, 0.8, 1.3]:
        for _ in range(3):
            frames = []
            for _ in range(2):
                u, v = np.float32(rng.uniform(-stretch, stretch, 2))
                frames.append([rng.uniform(1, 20), rng.uniform(0, 2 * np.pi), float(u), float(v)])
            local = linear(frames[1]) @ np.linalg.inv(linear(frames[0]))
            a, _, b = np.linalg.svd(local)
            rotation = a @ b
            cases.append({
                "from": frames[0],
                "to": frames[1],
                "shape": exponential(*frames[1][2:]).tolist(),
                "local": local.tolist(),
                "turn": float(np.arctan2(rotation[1, 0], rotation[0, 0])),
            })
    print(json.dumps(cases, indent=1))


main()
