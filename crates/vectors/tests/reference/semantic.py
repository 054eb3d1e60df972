"""Reference for the encoders of semantic hashing, in float64 by NumPy, written to semantic.json: dense layers with logistic and
rectified units, the code where the last logistic unit is at 0.5 or above."""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(21)


def case(sizes, activations, count):
    rows = rng.normal(size=(count, sizes[0])).astype(np.float32)
    layers = []
    for before, units in zip(sizes, sizes[1:]):
        scale = 2 / np.sqrt(before)
        layers.append(((rng.normal(size=(units, before)) * scale).astype(np.float32),
                       (rng.normal(size=units) * 0.5).astype(np.float32)))
    values = rows.astype(np.float64)
    for (weights, bias), activation in zip(layers, activations):
        sums = values @ weights.astype(np.float64).T + bias.astype(np.float64)
        values = 1 / (1 + np.exp(-sums)) if activation == "logistic" else np.maximum(sums, 0)
    # Rows in which no unit is so near to 0.5 that single precision may tell another story.
    clear = (np.abs(values - 0.5) > 1e-5).all(1)
    return {"rows": [float(x) for x in rows[clear].ravel()], "input": sizes[0],
            "layers": [{"weights": [float(x) for x in w.ravel()], "bias": [float(x) for x in b], "activation": a}
                       for (w, b), a in zip(layers, activations)],
            "codes": ["".join("1" if bit else "0" for bit in row) for row in values[clear] >= 0.5]}


pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps([
    case([7, 5], ["logistic"], 40),
    case([9, 14, 70], ["relu", "logistic"], 40),
    case([12, 20, 10, 33], ["logistic", "relu", "logistic"], 40),
]))
