"""SIFT of Vizsla beside OpenCV's `SIFT_create()`: speed, repeatability, matching score.

    python run.py --vizsla-bin PATH [--data DIR] [--json OUT] [--repeat N] [--quick]

Speed: both systems take the same images in turns, each in its own process, and medians are compared. Wall time and
processor time are both taken: on a shared machine the second is the fairer one. One thread: images one after the
other, `cv2.setNumThreads(1)`. Two threads: Vizsla hands whole images to its threads; OpenCV is measured both with its
own threads inside an image and with two Python threads over the images (it releases the interpreter's lock).

Quality: `quality.py`, on all images of all sequences with the same budget for both, taken by strength.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

import quality

TIMED = ["graf", "wall", "leuven", "bark", "boat"]
BUDGETS = [2000, 0]
SHIFT = 0.25  # OpenCV's enlarged first octave is off by a quarter of a pixel


def vizsla_times(binary: str, files: list[str], budget: int, threads: int) -> dict:
    command = [binary, "--budget", str(budget), "--threads", str(threads), "--plain", *files]
    return json.loads(subprocess.check_output(command))


def opencv_times(files: list[str], budget: int, threads: int, over_images: bool) -> tuple[float, float]:
    """Wall and processor time over all images, ms."""
    cv2.setNumThreads(1 if over_images else threads)
    images = [cv2.imread(f, cv2.IMREAD_GRAYSCALE) for f in files]
    sift = cv2.SIFT_create(budget)
    sift.detectAndCompute(images[0], None)
    wall, cpu = time.perf_counter(), time.process_time()
    if over_images and threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda image: cv2.SIFT_create(budget).detectAndCompute(image, None), images))
    else:
        for image in images:
            sift.detectAndCompute(image, None)
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


def in_own_process(files: list[str], budget: int, threads: int, over_images: bool) -> tuple[float, float]:
    command = [sys.executable, __file__, "--opencv", json.dumps([files, budget, threads, over_images])]
    return tuple(json.loads(subprocess.check_output(command)))


def speed(binary: str, files: list[str], budget: int, repeat: int) -> dict:
    taken: dict[str, list[float]] = {}
    stages: dict[str, list[float]] = {}
    megapixels = 1.0

    def note(name: str, value: float) -> None:
        taken.setdefault(name, []).append(value)

    for _ in range(repeat):
        ours = vizsla_times(binary, files, budget, 1)
        megapixels = ours["megapixels"]
        note("vizsla_1_wall", ours["wall_ms"][0])
        if ours["cpu_ms"]:
            note("vizsla_1_cpu", ours["cpu_ms"][0])
        for stage, value in ours["stage_ms"].items():
            stages.setdefault(stage, []).append(value)
        wall, cpu = in_own_process(files, budget, 1, False)
        note("opencv_1_wall", wall)
        note("opencv_1_cpu", cpu)
        note("vizsla_2_wall", vizsla_times(binary, files, budget, 2)["wall_ms"][0])
        note("opencv_2_wall", in_own_process(files, budget, 2, False)[0])
        note("opencv_2_over_images_wall", in_own_process(files, budget, 2, True)[0])
    median = {name: statistics.median(values) / megapixels for name, values in taken.items()}
    return {
        "ms_per_megapixel": median,
        "spread": {name: [min(v) / megapixels, max(v) / megapixels] for name, v in taken.items()},
        "stages_ms_per_megapixel": {n: statistics.median(v) / megapixels for n, v in stages.items()},
        "features": ours["features"],
        "megapixels": megapixels,
    }


def load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    data = path.read_bytes()
    (count,) = struct.unpack_from("<I", data)
    keypoints = np.frombuffer(data, "<f4", 5 * count, 4).reshape(count, 5)
    descriptors = np.frombuffer(data, np.uint8, 128 * count, 4 + 20 * count).reshape(count, 128)
    return keypoints, descriptors


def vizsla_features(binary: str, files: list[str], options: list[str]) -> list:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.check_call([binary, *options, "--dump", folder, *files])
        return [load(Path(folder) / f"{n}.bin") for n in range(len(files))]


def opencv_features(file: str, budget: int) -> tuple[np.ndarray, np.ndarray]:
    keypoints, descriptors = cv2.SIFT_create(budget).detectAndCompute(cv2.imread(file, cv2.IMREAD_GRAYSCALE), None)
    rows = [(k.pt[0] - SHIFT, k.pt[1] - SHIFT, k.size / 2, np.deg2rad(k.angle), k.response) for k in keypoints]
    rows = np.array(rows, np.float32)
    order = np.argsort(-rows[:, 4], kind="stable")[: budget or None]
    return rows[order], descriptors[order]


def root(features: tuple) -> tuple:
    keypoints, descriptors = features
    values = descriptors.astype(np.float32)
    values /= np.maximum(values.sum(1, keepdims=True), 1e-9)
    return keypoints, np.round(512 * np.sqrt(values))


def mean(scores: list[dict], name: str) -> float:
    return float(np.mean([s[name] for s in scores]))


def judge(binary: str, folder: Path, budget: int) -> dict:
    files = [str(folder / f"img{n}.png") for n in range(1, 7)]
    theirs = [opencv_features(f, budget) for f in files]
    size = ["--budget", str(budget)]
    sets = {
        "vizsla": vizsla_features(binary, files, [*size, "--strongest", "--plain"]),
        "vizsla_root": vizsla_features(binary, files, [*size, "--strongest"]),
        "vizsla_root_spread": vizsla_features(binary, files, size),
        "opencv": theirs,
        "opencv_root": [root(f) for f in theirs],
    }
    result = {}
    for name, features in sets.items():
        scores = quality.score_sequence(folder, features)
        result[name] = {key: mean(scores, key) for key in ("repeatability", "matching_score", "precision")}
    return result


def table(report: dict) -> None:
    for name, entry in report["speed"].items():
        times = entry["ms_per_megapixel"]
        print(f"\n{name}: ms per megapixel, {entry['features']} features in {entry['megapixels']:.2f} megapixels")
        for key, value in times.items():
            print(f"  {key:28s} {value:8.1f}")
        print(f"  ratio, one thread: wall {times['opencv_1_wall'] / times['vizsla_1_wall']:.2f}", end="")
        print(f", processor {times['opencv_1_cpu'] / times['vizsla_1_cpu']:.2f}" if "vizsla_1_cpu" in times else "")
        best = min(times["opencv_2_wall"], times["opencv_2_over_images_wall"])
        print(f"  ratio, two threads: wall {best / times['vizsla_2_wall']:.2f}")
    if report["quality"]:
        print("\nsequence   " + "  ".join(f"{n:>24s}" for n in next(iter(report["quality"].values()))))
        for sequence, sets in report["quality"].items():
            cells = [f"{s['repeatability']:.3f} / {s['matching_score']:.3f}" for s in sets.values()]
            print(f"{sequence:10s} " + "  ".join(f"{c:>24s}" for c in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vizsla-bin")
    parser.add_argument("--data", default=os.environ.get("VIZSLA_DATA", "../shared/data"))
    parser.add_argument("--json")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one repetition, no quality")
    parser.add_argument("--opencv", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.opencv:
        print(json.dumps(opencv_times(*json.loads(arguments.opencv))))
        return
    folder = Path(arguments.data) / "oxford_affine"
    if not folder.is_dir():
        print(f"skipped: {folder} is not there (set VIZSLA_DATA)")
        return
    files = [str(folder / name / "img1.png") for name in TIMED]
    repeat = 1 if arguments.quick else arguments.repeat
    report = {"opencv": cv2.__version__, "speed": {}, "quality": {}}
    for budget in BUDGETS:
        report["speed"][f"budget {budget or 'unlimited'}"] = speed(arguments.vizsla_bin, files, budget, repeat)
    if not arguments.quick:
        for sequence in sorted(p for p in folder.iterdir() if p.is_dir()):
            report["quality"][sequence.name] = judge(arguments.vizsla_bin, sequence, 2000)
        sets = next(iter(report["quality"].values()))
        report["quality"]["mean"] = {
            name: {key: float(np.mean([q[name][key] for q in report["quality"].values()])) for key in sets[name]}
            for name in sets
        }
    table(report)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
