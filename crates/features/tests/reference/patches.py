"""The patches that descriptors are compared on, by the same formula as in the crate's tests."""

import numpy as np


def patch(side: int, seed: int) -> np.ndarray:
    state, phase = seed, seed % 97
    wave = lambda p: abs((p + phase) % 40 - 20)
    values = []
    for i in range(side * side):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        x, y = i % side, i // side
        edge = 60 if 3 * x + phase > 2 * y + 40 else 0
        values.append(4 * wave(3 * x + y) + 3 * wave(2 * y - x) + edge + (state >> 27))
    # As the crate holds them: grey values over 255 in single precision.
    return (np.array(values, np.float32) / np.float32(255)).astype(np.float64).reshape(side, side)
