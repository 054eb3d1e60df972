"""Reference for weak geometric consistency, soft assignment: NumPy in double precision, written to weak_geometry.json."""

import json
import pathlib

import numpy as np
from codebook_file import FIXTURES, read

rng = np.random.default_rng(5)
WORDS, IMAGES, QUERY = 12, 14, 40
THRESHOLD, SIGMA = 24, 16.0


def features(count):
    return {
        "word": rng.integers(0, WORDS, count).tolist(),
        # Few bits differ, so that many pairs are near.
        "signature": [int(x) for x in rng.integers(0, 1 << 30, count)],
        "angle": rng.integers(0, 256, count).tolist(),
        "scale": rng.integers(20, 90, count).tolist(),
    }


query = features(QUERY)
images = [features(int(rng.integers(3, 30))) for _ in range(IMAGES)]
# Some images show the query turned and enlarged.
for image, turn, zoom in ((2, 64, 16), (5, 3, -1), (9, 130, -20)):
    for name in ("word", "signature"):
        images[image][name] = list(query[name][:20])
    jitter = rng.integers(-4, 5, 20)
    images[image]["angle"] = [(a + turn + int(j)) % 256 for a, j in zip(query["angle"], jitter)]
    images[image]["scale"] = [max(0, s + zoom + int(j) // 2) for s, j in zip(query["scale"], jitter)]

documents = [sum(word in image["word"] for image in images) for word in range(WORDS)]
idf2 = np.log(1 + IMAGES / np.maximum(documents, 1)) ** 2


def votes(burst):
    """(image, worth, angle bin, scale bin), of features without a pose (the last five) bins are None."""
    out = []
    for q in range(QUERY):
        word, own = query["word"][q], []
        for number, image in enumerate(images):
            here = []
            for f in range(len(image["word"])):
                h = (query["signature"][q] ^ image["signature"][f]).bit_count()
                if image["word"][f] != word or h > THRESHOLD:
                    continue
                worth = np.exp(-(h / SIGMA) ** 2) * idf2[word]
                turn = (image["angle"][f] - query["angle"][q] + 4) % 256 // 8
                zoom = (image["scale"][f] - query["scale"][q] + 2) // 4 + 16
                bins = (turn, min(max(zoom, 0), 31)) if q < QUERY - 5 else None
                # Postings come by signature, then by pose.
                here.append(((image["signature"][f], image["angle"][f], image["scale"][f]), worth, bins))
            here.sort(key=lambda vote: vote[0])
            if here and burst != "ignore":
                here = [max(here, key=lambda vote: vote[1])]
            own += [(number, worth, bins) for _, worth, bins in here]
        total = sum(worth for _, worth, _ in own)
        factor = 1 / np.sqrt(total) if burst == "intra_and_inter" and own else 1
        out += [(number, worth * factor, bins) for number, worth, bins in own]
    return out


def prior(distance, deviation):
    return 0.5 + 0.5 * np.exp(-0.5 * (distance / deviation) ** 2)


bins = np.arange(32)
ANGLES = {
    "any": np.ones(32),
    "upright": prior(np.minimum(bins, 32 - bins), 15 / 360 * 32),
    "quarters": prior(np.minimum(bins % 8, 8 - bins % 8), 15 / 360 * 32),
}
SCALES = {"any": np.ones(32), "same": prior(bins - 16, 4)}


def scores(burst, rotation, scale):
    angles, scales, anywhere = np.zeros((IMAGES, 32)), np.zeros((IMAGES, 32)), np.zeros(IMAGES)
    for image, worth, where in votes(burst):
        if where is None:
            anywhere[image] += worth
        else:
            angles[image, where[0]] += worth
            scales[image, where[1]] += worth
    angles = (np.roll(angles, 1, 1) + angles + np.roll(angles, -1, 1)) * ANGLES[rotation]
    padded = np.pad(scales, ((0, 0), (1, 1)))
    scales = (padded[:, :-2] + scales + padded[:, 2:]) * SCALES[scale]
    lengths = np.sqrt([len(image["word"]) for image in images])
    return ((anywhere + np.minimum(angles.max(1), scales.max(1))) / lengths).tolist()


cases = [
    {"burstiness": burst, "rotation": rotation, "scale": scale, "scores": scores(burst, rotation, scale)}
    for burst in ("ignore", "intra", "intra_and_inter")
    for rotation in ANGLES
    for scale in SCALES
]

# Soft assignment over the words of the fixture.
_, words = read(FIXTURES / "v1.vzcb")
descriptors = np.clip(words[rng.integers(0, 24, 6)] + rng.normal(0, 12, (6, 128)).round(), 0, 255).astype(int)
soft = []
for descriptor in descriptors:
    distances = ((words - descriptor) ** 2).sum(1)
    order = np.argsort(distances, kind="stable")[:4]
    shares = np.exp(-distances[order] / (2 * 79.0**2))
    soft.append({"words": order.tolist(), "shares": (shares / shares.sum()).tolist()})

pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({
    "words": WORDS, "threshold": THRESHOLD, "sigma": SIGMA, "posed": QUERY - 5,
    "query": query, "images": images, "cases": cases,
    "descriptors": [bytes(d.tolist()).hex() for d in descriptors], "soft_sigma": 79.0, "soft": soft,
}))
