"""Vectors of fastText models as the `fasttext` package gives them.

    pip install fasttext
    python word_vectors.py ../../../../../shared/data/word_vectors

Trains two tiny models on sentences of its own making (`tiny_skipgram.bin`, `tiny_supervised.bin`), unless
they are there already, and writes
`word_vectors.json`: for these and for the models of the folder given, words in and out of the vocabulary
with the first components and the norm of their vectors.
"""

import json
import random
import struct
import sys
import tempfile
from pathlib import Path

import fasttext
import numpy

HERE = Path(__file__).parent
NOUNS = "dog cat bird horse café naïve Москва лошадь 写真 猫 été straße 🐎 </s> x".split()
VERBS = "runs jumps sleeps eats бежит 走る".split()
PLACES = "street field river snow 海".split()
PROBES = {
    "tiny_skipgram.bin": NOUNS + ["dogs", "cafés", "наМоскве", "写真家", "🐎🐎", "y", "é", "", "unknownword", "<", "</s"],
    "tiny_supervised.bin": NOUNS + ["dogs", "cafés", "写真家", "unknownword"],
    "crime-and-punishment.bin": ["и", "не", "на", "Раскольников", "старуха", "топор", "ё", "axe", "日本", ""],
    "lee_fasttext_new.bin": ["the", "to", "government", "night", "nights", "rejection", "unseen-word", "é", "a"],
    "non_ascii_fasttext.bin": ["ji", "který", "který2", "jen", "podle", "žluťoučký", "日本"],
    "pang_lee_polarity_fasttext.bin": ["the", ".", "film", "</s>", "tarantinoesque"],
}


def sentences(seed, labels):
    chance = random.Random(seed)
    for _ in range(2000):
        noun = chance.choice([n for n in NOUNS if n != "</s>"])
        text = f"{noun} {chance.choice(VERBS)} {chance.choice(PLACES)}"
        yield f"__label__{'animal' if len(noun) % 2 else 'other'} {text}" if labels else text


def attempt(learn, file, options):
    """Version 0.9.3 sometimes begins with memory that it has not cleared, and then meets NaN or huge values."""
    for _ in range(100):
        try:
            model = learn(file, **options)
        except RuntimeError:
            continue
        if max(numpy.abs(model.get_word_vector(word)).max() for word in NOUNS) < 10:
            return model
    raise RuntimeError("training never went well")


def train(name, labels, **options):
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write("\n".join(sentences(7, labels)) + "\n")
        file.flush()
        learn = fasttext.train_supervised if labels else fasttext.train_unsupervised
        options = dict(dim=6, epoch=5, thread=1, verbose=0, minCount=1) | options
        model = attempt(learn, file.name, options)
    model.save_model(str(HERE / name))


def renewed(path, target):
    """A model from before the magic number in the form of version 11, which the package can read."""
    old = path.read_bytes()
    at = 56
    entries = struct.unpack_from("<i", old, at)[0]
    at += 20
    new = struct.pack("<ii", 793712314, 11) + old[:at] + struct.pack("<q", -1)
    start = at
    for _ in range(entries):
        at = old.index(0, at) + 10
    new += old[start:at]
    for _ in range(2):
        rows, columns = struct.unpack_from("<qq", old, at)
        end = at + 16 + 4 * rows * columns
        new += bytes([0]) + old[at:end]
        at = end
    assert at == len(old)
    target.write_bytes(new)
    return fasttext.load_model(str(target))


def described(path):
    with tempfile.TemporaryDirectory() as folder:
        old = path.name == "non_ascii_fasttext.bin"
        model = renewed(path, Path(folder) / "m.bin") if old else fasttext.load_model(str(path))
    rows = []
    for word in PROBES[path.name]:
        vector = model.get_word_vector(word)
        rows.append(
            {
                "word": word,
                "known": model.get_word_id(word) >= 0,
                "first": [float(x) for x in vector[:6]],
                "norm": float(numpy.linalg.norm(vector.astype(numpy.float64))),
            }
        )
    return {"dimension": model.get_dimension(), "words": len(model.get_words(on_unicode_error="replace")), "vectors": rows}




if __name__ == "__main__":
    if not (HERE / "tiny_skipgram.bin").exists():
        train("tiny_skipgram.bin", False, minn=2, maxn=4, bucket=150, t=1.0, lr=0.02, neg=2)
    if not (HERE / "tiny_supervised.bin").exists():
        train("tiny_supervised.bin", True, minn=2, maxn=3, bucket=100, wordNgrams=2, lr=0.01)
    folder = Path(sys.argv[1])
    result = {}
    for name in PROBES:
        path = HERE / name if name.startswith("tiny") else folder / name
        result[name] = described(path)
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":")).replace('{"word"', '\n{"word"')
    (HERE / "word_vectors.json").write_text(text + "\n", encoding="utf-8")
