"""Repeatability and matching score of all detectors on the sequences of Mikolajczyk et al. (IJCV 2005), beside OpenCV's.

    python run.py --vizsla-bin PATH --data DIR [--json OUT] [--budget N] [--size normalised|own] [--plots DIR] [--local-model FILE]

`PATH` is the example `repeatability` of `vizsla-retrieval`. XFeat is measured where `models/xfeat_backbone.onnx` lies in the data, or with
`--local-model`. The peers' features are computed here and judged by the same program:
one file an image, of x, y, scale, angle, u, v (f32) and 128 bytes each. Peers: SIFT, ORB, FAST and MSER, and from contrib
`HarrisLaplaceFeatureDetector`; all with OpenCV's SIFT as RootSIFT. FAST, MSER and Harris-Laplace give no directions there and are
described upright. The strongest by response are kept, of MSER, which has none, the largest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

# Sequence, what changes, and by how much from the first image to the others.
SEQUENCES = {
    "graf": ("viewpoint angle", [20, 30, 40, 50, 60]),
    "wall": ("viewpoint angle", [20, 30, 40, 50, 60]),
    "boat": ("scale change", [1.12, 1.38, 1.9, 2.35, 2.8]),
    "bark": ("scale change", [1.2, 1.8, 2.5, 3, 4]),
    "bikes": ("increasing blur", [2, 3, 4, 5, 6]),
    "trees": ("increasing blur", [2, 3, 4, 5, 6]),
    "leuven": ("decreasing light", [2, 3, 4, 5, 6]),
    "ubc": ("JPEG compression %", [60, 80, 90, 95, 98]),
}


def root(descriptors):
    shares = descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9)
    return np.clip(np.round(512 * np.sqrt(shares)), 0, 255).astype(np.uint8)


def strongest(keypoints, budget):
    order = sorted(range(len(keypoints)), key=lambda i: (-keypoints[i].response, i))
    return [keypoints[i] for i in order[: budget or None]]


def described(image, keypoints, shift=0.0, shapes=None):
    """Rows of the file of an image. OpenCV drops no keypoint of those it describes with `compute`."""
    for number, keypoint in enumerate(keypoints):
        keypoint.class_id = number
    kept, descriptors = cv2.SIFT_create().compute(image, keypoints)
    shapes = shapes or {}
    floats = np.array(
        [
            [k.pt[0] - shift, k.pt[1] - shift, k.size / 2, np.radians(max(k.angle, 0)), *shapes.get(k.class_id, (0, 0))]
            for k in kept
        ],
        "<f4",
    ).reshape(-1, 6)
    if descriptors is None:
        descriptors = np.zeros((0, 128), np.float32)
    return np.hstack([floats.view(np.uint8), root(descriptors)])


def sift(image, budget):
    # The enlarged first octave of OpenCV is off by a quarter of a pixel.
    return described(image, strongest(cv2.SIFT_create().detect(image, None), budget), 0.25)


def orb(image, budget):
    keypoints = cv2.ORB_create(budget or 10**6).detect(image, None)
    # SIFT keeps the octave in the number that ORB keeps its level in.
    keypoints = [cv2.KeyPoint(*k.pt, k.size / 6, k.angle, k.response) for k in keypoints]
    return described(image, strongest(keypoints, budget))


def fast(image, budget):
    keypoints = cv2.FastFeatureDetector_create().detect(image, None)
    keypoints = [cv2.KeyPoint(*k.pt, 31 / 6, 0, k.response) for k in keypoints]
    return described(image, strongest(keypoints, budget))


def harris_laplace(image, budget):
    peer = cv2.xfeatures2d.HarrisLaplaceFeatureDetector_create()
    return described(image, strongest(peer.detect(image), budget))


def mser(image, budget):
    regions, _ = cv2.MSER_create().detectRegions(image)
    regions = sorted(regions, key=lambda r: -len(r))[: budget or None]
    keypoints, shapes = [], {}
    for region in regions:
        points = region.astype(np.float64)
        covariance = np.cov(points.T, bias=True) + np.eye(2) / 12
        values, axes = np.linalg.eigh(covariance)
        logarithm = axes @ np.diag(0.5 * np.log(values)) @ axes.T
        shapes[len(keypoints)] = (0.5 * (logarithm[0, 0] - logarithm[1, 1]), logarithm[0, 1])
        scale = float(np.prod(values) ** 0.25)
        keypoints.append(cv2.KeyPoint(*map(float, points.mean(axis=0)), 2 * scale, 0))
    return described(image, keypoints, 0.0, shapes)


PEERS = {
    "opencv_sift": sift,
    "opencv_harris_laplace": harris_laplace,
    "opencv_mser": mser,
    "opencv_fast": fast,
    "opencv_orb": orb,
}


def write_peers(data: Path, out: Path, budget: int) -> None:
    for name, peer in PEERS.items():
        for sequence in SEQUENCES:
            folder = out / name / sequence
            folder.mkdir(parents=True, exist_ok=True)
            for n in range(1, 7):
                image = cv2.imread(str(data / sequence / f"img{n}.png"), cv2.IMREAD_GRAYSCALE)
                peer(image, budget).tofile(folder / f"{n}.bin")


def mean(values):
    return sum(values) / len(values)


def table(rows) -> str:
    """Means of the five pairs of a sequence, repeatability / matching score in percent."""
    names = list(dict.fromkeys(row["detector"] for row in rows))
    lines = [f"| detector | {' | '.join(SEQUENCES)} | mean | ms an image |", "|" + "---|" * (len(SEQUENCES) + 3)]
    for name in names:
        own = {row["sequence"]: row for row in rows if row["detector"] == name}
        means = [(mean(own[s]["repeatability"]), mean(own[s]["matching"])) for s in SEQUENCES]
        cells = [f"{100 * r:.1f} / {100 * m:.1f}" for r, m in means]
        cells.append(f"{100 * mean([r for r, _ in means]):.1f} / {100 * mean([m for _, m in means]):.1f}")
        times = [own[s]["ms"] for s in SEQUENCES]
        cells.append("–" if None in times else f"{mean(times):.0f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(rows, folder: Path) -> None:
    """Two pictures in the form of the paper: a curve for each detector over the amount of change."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "vizsla", "font.size": 8})
    from matplotlib import pyplot

    names = list(dict.fromkeys(row["detector"] for row in rows))
    colours = pyplot.get_cmap("tab20").colors
    folder.mkdir(parents=True, exist_ok=True)
    for measure, title in [("repeatability", "repeatability %"), ("matching", "matching score %")]:
        figure, axes = pyplot.subplots(2, 4, figsize=(13, 6.4), layout="constrained")
        for axis, (sequence, (change, amounts)) in zip(axes.flat, SEQUENCES.items()):
            for number, name in enumerate(names):
                row = next(r for r in rows if (r["detector"], r["sequence"]) == (name, sequence))
                peer = name.startswith("opencv")
                axis.plot(
                    amounts,
                    [100 * value for value in row[measure]],
                    color=colours[number % len(colours)],
                    linestyle="--" if peer else "-",
                    marker="x" if peer else "o",
                    markersize=3,
                    linewidth=1,
                    label=name,
                )
            axis.set(title=sequence, xlabel=change, ylabel=title, ylim=(0, 100))
            axis.grid(alpha=0.3)
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=8, frameon=False)
        figure.savefig(folder / f"{measure}.svg", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vizsla-bin", required=True, help="the example `repeatability`")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds oxford_affine")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--budget", type=int, default=1000, help="features an image, 0 for all")
    parser.add_argument("--size", choices=["normalised", "own"], default="normalised")
    parser.add_argument("--plots", type=Path, default=Path("benches/detectors"), help="folder for the two plots")
    parser.add_argument("--local-model", type=Path, help="the network of XFeat")
    arguments = parser.parse_args()
    data = arguments.data / "oxford_affine"
    with tempfile.TemporaryDirectory() as folder:
        peers, figures = Path(folder) / "peers", Path(folder) / "figures.json"
        write_peers(data, peers, arguments.budget)
        command = [arguments.vizsla_bin, data, "--budget", str(arguments.budget), "--peers", peers, "--json", figures]
        model = arguments.local_model or arguments.data / "models/xfeat_backbone.onnx"
        command += ["--local-model", model] if model.is_file() else []
        subprocess.check_call(command + (["--size", "own"] if arguments.size == "own" else []))
        rows = json.loads(figures.read_text())
    print("\n" + table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))
    if arguments.size == "normalised":
        plot(rows, arguments.plots)


if __name__ == "__main__":
    main()
