"""One-to-one matching beside OpenCV's BFMatcher and FAISS: ratio test and mutual nearest, one thread.

Two sets of RootSIFT descriptors of photographs of oxford_affine (bytes to Vizsla, the same numbers as floats to the
peers; OpenCV is also given bytes). All must return the same pairs, up to ties. OpenCV and FAISS need a search in
each direction; the cheapest way there is taken: two neighbours forward, one backward. Every round asks all in
turn; the medians over rounds are reported.
"""
import argparse
import json
import os
import struct
import subprocess
import time

import cv2
import faiss
import numpy as np


def descriptors(path, count):
    image = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    _, d = cv2.SIFT_create(contrastThreshold=0.01).detectAndCompute(image, None)
    d = np.sqrt(d / np.maximum(d.sum(1, keepdims=True), 1e-9)) * 512
    return np.clip(np.round(d), 0, 255).astype(np.uint8)[:count]


def kept(nearest, first, second, back, ratio):
    rows = np.arange(len(nearest))
    keep = (first < ratio * ratio * second) & (back[nearest] == rows)
    return list(zip(rows[keep].tolist(), nearest[keep].tolist()))


def with_faiss(a, b, ratio):
    distances, forward = faiss.knn(a, b, 2)
    _, back = faiss.knn(b, a, 1)
    return kept(forward[:, 0], distances[:, 0], distances[:, 1], back[:, 0], ratio)


def with_opencv(a, b, ratio):
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    forward = matcher.knnMatch(a, b, 2)
    back = np.array([m.trainIdx for m in matcher.match(b, a)])
    near = np.array([m[0].trainIdx for m in forward])
    first = np.array([m[0].distance for m in forward]) ** 2
    second = np.array([m[1].distance for m in forward]) ** 2
    return kept(near, first, second, back, ratio)


class Vizsla:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, a, b, ratio):
        head = struct.pack("<IIIf", len(a), len(b), 1, ratio)
        self.process.stdin.write(head + a.tobytes() + b.tobytes())
        self.process.stdin.flush()
        nanoseconds, count = struct.unpack("<dI", self.process.stdout.read(12))
        pairs = np.frombuffer(self.process.stdout.read(8 * count), "<u4").reshape(-1, 2)
        return [tuple(p) for p in pairs.tolist()], nanoseconds / 1e6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vizsla-bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--json")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    faiss.omp_set_num_threads(1)
    folder = os.path.join(args.data, "oxford_affine", "wall")
    images = sorted(f for f in os.listdir(folder) if f.lower().endswith((".png", ".ppm", ".pgm", ".jpg")))
    a, b = (descriptors(os.path.join(folder, f), args.count) for f in images[:2])
    fa, fb = a.astype(np.float32), b.astype(np.float32)
    vizsla = Vizsla(args.vizsla_bin)
    calls = {"FAISS": lambda: with_faiss(fa, fb, 0.8), "OpenCV BFMatcher, f32": lambda: with_opencv(fa, fb, 0.8),
             "OpenCV BFMatcher, u8": lambda: with_opencv(a, b, 0.8)}
    times, pairs = {"vizsla": []}, {}
    for name in calls:
        times[name] = []
    for _ in range(args.rounds):
        pairs["vizsla"], ms = vizsla(a, b, 0.8)
        times["vizsla"].append(ms)
        for name, call in calls.items():
            start = time.perf_counter()
            pairs[name] = call()
            times[name].append((time.perf_counter() - start) * 1e3)
    rows = []
    own = float(np.median(times["vizsla"]))
    for name, values in times.items():
        common = len(set(pairs[name]) & set(pairs["vizsla"]))
        rows.append({"name": name, "ms_median": float(np.median(values)), "ms_min": float(np.min(values)),
                     "matches": len(pairs[name]), "same_as_vizsla": common, "ratio": float(np.median(values)) / own})
        print(f"{name:24} {rows[-1]['ms_median']:8.2f} ms (min {rows[-1]['ms_min']:.2f}), {len(pairs[name])} matches,"
              f" {common} the same, {rows[-1]['ratio']:.1f}x")
    print(f"{len(a)} x {len(b)} descriptors")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
