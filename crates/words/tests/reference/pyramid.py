"""Reference for bags of words, VLAD and Fisher vectors over spatial pyramids: NumPy in double precision, written to pyramid.json.

It reads the vocabularies that the test `write_vocabularies` of tests/pyramid.rs writes beside it.
"""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
rng = np.random.default_rng(2)
descriptors = (rng.integers(0, 16, (60, 128)) * rng.integers(0, 10, (60, 128))).astype(np.uint8)
places = rng.uniform(0, 1, (60, 2)).astype(np.float32)


def unit(x):
    length = np.linalg.norm(x)
    return x / length if length > 0 else x


def read(name):
    """Descriptors as the vocabulary sees them, and its numbers."""
    data = (HERE / f"{name}.vzag").read_bytes()
    _, projection, length = (int(x) for x in np.frombuffer(data, "<u4", 3, 8))
    first = data[28:28 + projection]
    inputs, outputs = (int(x) for x in np.frombuffer(first, "<u4", 2, 8))
    numbers = np.frombuffer(first, "<f4", offset=28).astype(np.float64)
    mean, matrix = numbers[:inputs], numbers[inputs:].reshape(outputs, inputs)
    rows = np.array([unit(d) for d in descriptors.astype(np.float64)])
    return (rows - mean) @ matrix.T, data[28 + projection:], outputs


def bag(name):
    rows, vocabulary, outputs = read(name)
    nearest = int(np.frombuffer(vocabulary, "<u4", 1)[0])
    sigma = float(np.frombuffer(vocabulary, "<f4", 1, 4)[0])
    numbers = np.frombuffer(vocabulary, "<f4", offset=8).astype(np.float64)
    count = len(numbers) // (outputs + 1)
    idf, centres = numbers[:count], numbers[count:].reshape(count, outputs)

    def vector(rows):
        sums = np.zeros(count)
        for row in rows:
            distances = ((centres - row) ** 2).sum(1)
            order = np.argsort(distances, kind="stable")[:nearest]
            shares = np.exp(-distances[order] / (2 * sigma**2))
            sums[order] += shares / shares.sum()
        return np.sqrt(sums * idf)

    return rows, vector


def vlad(name):
    intra = name == "vlad_intra"
    rows, vocabulary, outputs = read(name)
    centres = np.frombuffer(vocabulary, "<f4").astype(np.float64).reshape(-1, outputs)

    def vector(rows):
        sums = np.zeros_like(centres)
        for row in rows:
            word = ((centres - row) ** 2).sum(1).argmin()
            sums[word] += row - centres[word]
        if intra:
            return unit(np.concatenate([unit(s) for s in sums]))
        return unit((np.sign(sums) * np.sqrt(np.abs(sums))).ravel())

    return rows, vector


def fisher(name):
    rows, vocabulary, outputs = read(name)
    numbers = np.frombuffer(vocabulary, "<f4", offset=24).astype(np.float64)
    count = len(numbers) // (2 * outputs + 1)
    w, rest = numbers[:count], numbers[count:].reshape(2, count, outputs)
    mean, variance = rest

    def vector(rows):
        if not len(rows):
            return np.zeros(2 * count * outputs)
        z = (rows[:, None] - mean) / np.sqrt(variance)
        log = np.log(w) - 0.5 * (np.log(2 * np.pi * variance).sum(1) + (z**2).sum(2))
        gamma = np.exp(log - log.max(1, keepdims=True))
        gamma /= gamma.sum(1, keepdims=True)
        first = (gamma[..., None] * z).sum(0) / (len(rows) * np.sqrt(w)[:, None])
        second = (gamma[..., None] * (z**2 - 1)).sum(0) / (len(rows) * np.sqrt(2 * w)[:, None])
        out = np.concatenate([first.ravel(), second.ravel()])
        return unit(np.sign(out) * np.sqrt(np.abs(out)))

    return rows, vector


def pyramid(rows, vector, levels, weights):
    out = []
    for (columns, grid_rows), weight in zip(levels, np.array(weights) / sum(weights)):
        column = np.minimum((places[:, 0] * np.float32(columns)).astype(int), columns - 1)
        row = np.minimum((places[:, 1] * np.float32(grid_rows)).astype(int), grid_rows - 1)
        cells = [vector(rows[(row == y) & (column == x)]) for y in range(grid_rows) for x in range(columns)]
        out.append(np.sqrt(weight) * unit(np.concatenate(cells)))
    return unit(np.concatenate(out))


cases = []
for name, make in (("bow", bag), ("soft", bag), ("vlad", vlad), ("vlad_intra", vlad), ("fisher", fisher)):
    rows, vector = make(name)
    cases.append({"vocabulary": name, "pyramid": None, "vector": unit(vector(rows)).round(8).tolist()})
    for text, levels, weights in (
        ("1x1+2x2", [(1, 1), (2, 2)], [0.5, 0.5]),
        ("1x1*1+1x3*3", [(1, 1), (1, 3)], [1, 3]),
    ):
        found = pyramid(rows, vector, levels, weights)
        cases.append({"vocabulary": name, "pyramid": text, "vector": found.round(8).tolist()})

(HERE / "pyramid.json").write_text(json.dumps({
    "descriptors": [d.tobytes().hex() for d in descriptors],
    "places": places.astype(float).round(9).tolist(),
    "cases": cases,
}))
