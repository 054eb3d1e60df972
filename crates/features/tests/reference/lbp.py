"""Reference codes of local binary patterns: those of scikit-image.

Writes lbp.json beside itself: codes of the pixels around which the circle fits, and the same as numbers of ones where
the pattern is uniform, points + 1 where not. Needs numpy and scikit-image.
"""

import json
import math
from pathlib import Path

from skimage.feature import local_binary_pattern

from patches import patch

HERE = Path(__file__).parent


def main() -> None:
    drawn = patch(41, 7)
    result = []
    for points, radius in ((8, 1.0), (6, 2.0), (8, 2.0)):
        reach = math.ceil(radius)
        inner = lambda codes: codes[reach:-reach, reach:-reach].astype(int).ravel().tolist()
        codes = inner(local_binary_pattern(drawn, points, radius, "default"))
        uniform = inner(local_binary_pattern(drawn, points, radius, "uniform"))
        result.append({"points": points, "radius": radius, "codes": codes, "uniform": uniform})
    (HERE / "lbp.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
