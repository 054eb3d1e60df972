"""Reference for the cosine of bags of words with tf-idf: NumPy in double precision, written to bag.json."""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(8)
WORDS, IMAGES = 15, 12
# Few words occur often, as in pictures.
likely = 1 / np.arange(1, WORDS + 1)
likely /= likely.sum()
images = [rng.choice(WORDS, int(rng.integers(2, 30)), p=likely).tolist() for _ in range(IMAGES)]
query = rng.choice(WORDS, 18, p=likely).tolist()
weights = rng.choice([1.0, 0.5, 0.25], 18).tolist()

documents = np.array([sum(word in image for image in images) for word in range(WORDS)])


def histogram(words, weights, frequency, idf):
    counts = np.zeros(WORDS)
    np.add.at(counts, words, weights)
    counts = np.sqrt(counts) if frequency == "root" else counts
    return counts * (np.log(1 + IMAGES / np.maximum(documents, 1)) if idf else 1)


cases = []
for frequency in ("plain", "root"):
    for idf in (False, True):
        own = histogram(query, weights, frequency, idf)
        rows = np.array([histogram(image, 1, frequency, idf) for image in images])
        scores = rows @ own / (np.linalg.norm(rows, axis=1) * np.linalg.norm(own))
        cases.append({"frequency": frequency, "idf": idf, "scores": scores.tolist()})

pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({
    "words": WORDS, "images": images, "query": query, "weights": weights, "cases": cases,
}))
