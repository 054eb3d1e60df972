"""What the peers make of the descriptors that `aggregate_bench` wrote, and how long they take."""

from types import SimpleNamespace

import cv2
import faiss
import numpy as np
from asmk.inverted_file import IVF
from asmk.kernel import ASMKKernel
from sklearn.mixture import GaussianMixture


def compare(folder, timed, threads):
    """Figures of all peers: name, peer, time, and how far its result is from ours."""
    faiss.omp_set_num_threads(threads)
    cv2.setNumThreads(threads)
    read = lambda name, kind: np.fromfile(folder / name, kind)
    descriptors = read("descriptors.u8", np.uint8).reshape(-1, 128)
    counts, queries = read("counts.u32", "<u4"), read("queries.u32", "<u4")
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(int)
    pictures = [descriptors[a:b] for a, b in zip(starts, starts[1:])]
    figures = clustering(folder, descriptors, timed) + match_kernel(folder, pictures, queries, timed)
    for name, make in (("vlad", vlad), ("fisher", fisher), ("bow", bag_of_words)):
        peer, describe = make(folder)
        took, found = timed(lambda: [describe(picture) for picture in pictures], len(pictures))
        own = np.fromfile(folder / f"{name}.f32", "<f4").reshape(len(pictures), -1)
        same = (np.array(found) * own).sum(1)
        figures.append({"name": name, "peer": peer, "peer_us": took,
                        "agreement": f"cosine {same.min():.6f} or more"})
    return figures


def clustering(folder, descriptors, timed):
    """k-means of FAISS beside all of ours: mean squared distance of a descriptor to the word it is given."""
    figures, peer = [], None
    for name in ("flat", "cells", "approximate", "hierarchical"):
        words = np.fromfile(folder / f"{name}.u8", np.uint8).reshape(-1, 128).astype(np.float32)
        given = np.fromfile(folder / f"{name}.u32", "<u4")
        rows = descriptors[:len(given)].astype(np.float32)
        own = ((rows - words[given]) ** 2).sum(1).mean()
        if peer is None:
            kmeans = faiss.Kmeans(128, len(words), niter=10, seed=1, max_points_per_centroid=1 << 30,
                                  min_points_per_centroid=1)
            took, _ = timed.once(lambda: kmeans.train(rows), len(rows))
            peer = took, kmeans.index.search(rows, 1)[0].mean()
        figures.append({"name": name, "peer": "FAISS k-means", "peer_us": peer[0],
                        "agreement": f"mean squared distance {own:.0f}, FAISS {peer[1]:.0f}"})
    return figures


def match_kernel(folder, pictures, queries, timed):
    data = (folder / "codebook.vzcb").read_bytes()
    words = int(np.frombuffer(data, "<u4", 1, 8)[0])
    rotation = np.frombuffer(data, np.int8, 128 * 128, 32).reshape(128, 128)[:64].astype(np.float32)
    rows = np.frombuffer(data[-words * 128:], np.uint8).reshape(-1, 128).astype(np.float32)
    # The peer gets rotated descriptors of 64 dimensions; turning them is not timed.
    turned = [p.astype(np.float32) @ rotation.T for p in pictures]
    kernel = ASMKKernel(SimpleNamespace(centroids=rows @ rotation.T), binary=True)
    index = faiss.IndexFlatL2(128)
    index.add(rows)

    def aggregate():
        return [kernel.aggregate_image(t, index.search(p.astype(np.float32), 1)[1])
                for p, t in zip(pictures, turned)]

    took, found = timed(aggregate, len(pictures))
    figures = [{"name": "asmk_aggregate", "peer": "asmk + FAISS flat", "peer_us": took,
                "agreement": f"{sum(len(ids) for _, ids in found)} words"}]

    def fill():
        ivf = IVF.initialize_empty(codebook_size=words, use_idf=False)
        numbers = np.concatenate([np.full(len(ids), i) for i, (_, ids) in enumerate(found)])
        ivf.add(np.concatenate([c for c, _ in found]), np.concatenate([ids for _, ids in found]), numbers)
        return ivf

    took, ivf = timed(fill, len(pictures))
    figures.append({"name": "asmk_index", "peer": "asmk", "peer_us": took, "agreement": "in memory, vizsla on disk"})
    similar = lambda *a: kernel.similarity(*a, alpha=3.0, similarity_threshold=0.0)
    asked = []
    for query in queries:
        half = pictures[query][::2]
        asked.append(kernel.aggregate_image(turned[query][::2], index.search(half.astype(np.float32), 1)[1]))
    took, ranked = timed(lambda: [ivf.search(*a, similarity_func=similar, topk=len(pictures)) for a in asked], len(asked))
    own = np.fromfile(folder / "scores.f32", "<f4").reshape(len(asked), -1)
    theirs = np.zeros_like(own)
    for row, (ranks, scores) in zip(theirs, ranked):
        row[ranks] = scores
    # Words found through cells may differ from the nearest one in a hundred.
    figures.append({"name": "asmk_search", "peer": "asmk", "peer_us": took,
                    "agreement": f"scores differ by {np.abs(theirs - own).max():.4f} at most, "
                                 f"{np.mean(theirs.argmax(1) == own.argmax(1)):.3f} of the first are the same"})
    return figures


def vocabulary(folder, name):
    """The projection and the rest of an aggregator file."""
    data = (folder / f"{name}.vzag").read_bytes()
    length = int(np.frombuffer(data, "<u4", 1, 12)[0])
    projection = data[28:28 + length]
    inputs, outputs = (int(x) for x in np.frombuffer(projection, "<u4", 2, 8))
    numbers = np.frombuffer(projection, "<f4", offset=28)
    mean, matrix = numbers[:inputs], numbers[inputs:].reshape(outputs, inputs)

    def reduced(picture):
        rows = picture.astype(np.float32)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return (rows - mean) @ matrix.T

    return reduced, data[28 + length:], outputs


def unit(x):
    return x / max(np.linalg.norm(x), 1e-12)


def vlad(folder):
    reduced, rest, outputs = vocabulary(folder, "vlad")
    centres = np.frombuffer(rest, "<f4").reshape(-1, outputs)
    index = faiss.IndexFlatL2(outputs)
    index.add(centres)

    def describe(picture):
        rows = reduced(picture)
        nearest = index.search(rows, 1)[1][:, 0]
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, rows - centres[nearest])
        return unit((np.sign(sums) * np.sqrt(np.abs(sums))).ravel())

    return "FAISS flat + NumPy", describe


def fisher(folder):
    reduced, rest, outputs = vocabulary(folder, "fisher")
    numbers = np.frombuffer(rest, "<f4", offset=24).astype(np.float64)
    count = len(numbers) // (2 * outputs + 1)
    weights, (means, variances) = numbers[:count], numbers[count:].reshape(2, count, outputs)
    mixture = GaussianMixture(count, covariance_type="diag")
    mixture.weights_, mixture.means_, mixture.covariances_ = weights, means, variances
    mixture.precisions_cholesky_ = 1 / np.sqrt(variances)

    def describe(picture):
        rows = reduced(picture).astype(np.float64)
        shares = mixture.predict_proba(rows)
        mass, first, second = shares.sum(0)[:, None], shares.T @ rows, shares.T @ rows**2
        by_mean = (first - mass * means) / np.sqrt(variances) / np.sqrt(weights)[:, None]
        by_deviation = (second - 2 * means * first + mass * (means**2 - variances)) / variances
        by_deviation /= np.sqrt(2 * weights)[:, None]
        sums = np.concatenate([by_mean.ravel(), by_deviation.ravel()]) / len(rows)
        return unit(np.sign(sums) * np.sqrt(np.abs(sums)))

    return "scikit-learn + NumPy", describe


def bag_of_words(folder):
    reduced, rest, outputs = vocabulary(folder, "bow")
    numbers = np.frombuffer(rest, "<f4", offset=8)
    count = len(numbers) // (outputs + 1)
    idf, centres = numbers[:count], np.ascontiguousarray(numbers[count:].reshape(count, outputs))
    matcher = cv2.BFMatcher(cv2.NORM_L2)

    def describe(picture):
        rows = np.ascontiguousarray(reduced(picture), dtype=np.float32)
        nearest = [match.trainIdx for match in matcher.match(rows, centres)]
        return unit(np.sqrt(np.bincount(nearest, minlength=count) * idf))

    return "OpenCV brute force + NumPy", describe
