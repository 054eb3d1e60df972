"""Features of OpenCV for `repeatability --peers`: one file an image, of x, y, scale, angle, u, v (f32) and 128 bytes each.

    python benches/detectors/peers.py ../shared/data/oxford_affine OUT --budget 1000

Needs opencv-contrib-python-headless in place of opencv-python-headless. Peers: `SIFT`, and from contrib
`HarrisLaplaceFeatureDetector`, which gives no directions and is described upright; both with OpenCV's SIFT as RootSIFT. The
strongest by response are kept.
"""
import argparse
from pathlib import Path

import cv2
import numpy as np

SEQUENCES = "graf wall boat bark bikes trees leuven ubc".split()


def root(descriptors):
    shares = descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9)
    return np.clip(np.round(512 * np.sqrt(shares)), 0, 255).astype(np.uint8)


def strongest(keypoints, budget):
    order = sorted(range(len(keypoints)), key=lambda i: (-keypoints[i].response, i))
    return [keypoints[i] for i in order[: budget or None]]


def sift(image, budget):
    peer = cv2.SIFT_create()
    keypoints = strongest(peer.detect(image, None), budget)
    # The enlarged first octave of OpenCV is off by a quarter of a pixel.
    return *peer.compute(image, keypoints), 0.25


def harris_laplace(image, budget):
    peer = cv2.xfeatures2d.HarrisLaplaceFeatureDetector_create()
    keypoints = strongest(peer.detect(image), budget)
    return *cv2.SIFT_create().compute(image, keypoints), 0.0


def rows(keypoints, descriptors, shift):
    floats = np.array(
        [[k.pt[0] - shift, k.pt[1] - shift, k.size / 2, np.radians(max(k.angle, 0)), 0, 0] for k in keypoints], "<f4"
    ).reshape(-1, 6)
    if descriptors is None:
        descriptors = np.zeros((0, 128), np.float32)
    return np.hstack([floats.view(np.uint8), root(descriptors)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--budget", type=int, default=1000)
    arguments = parser.parse_args()
    for name, peer in {"opencv_sift": sift, "opencv_harris_laplace": harris_laplace}.items():
        for sequence in SEQUENCES:
            folder = arguments.out / name / sequence
            folder.mkdir(parents=True, exist_ok=True)
            for n in range(1, 7):
                image = cv2.imread(str(arguments.data / sequence / f"img{n}.png"), cv2.IMREAD_GRAYSCALE)
                rows(*peer(image, arguments.budget)).tofile(folder / f"{n}.bin")


main()
