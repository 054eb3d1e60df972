"""A drawn picture for the references of detectors: ellipses, polygons and stripes of many sizes and tones, blurred and noisy.

Writes shapes.pgm beside itself, 240 x 160. Needs numpy and opencv-contrib-python-headless.
"""

from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent


def shapes() -> np.ndarray:
    random = np.random.default_rng(14)
    ramp = np.linspace(90, 150, 240)[None, :] + np.linspace(-20, 20, 160)[:, None]
    picture = ramp.astype(np.uint8).copy()
    for _ in range(45):
        centre = tuple(int(v) for v in random.integers((0, 0), (240, 160)))
        axes = tuple(int(v) for v in random.integers(3, 22, 2))
        tone = int(random.integers(0, 256))
        if random.random() < 0.5:
            cv2.ellipse(picture, centre, axes, float(random.uniform(0, 180)), 0, 360, tone, -1, cv2.LINE_AA)
        else:
            turn = random.uniform(0, np.pi)
            corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * axes
            turned = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + centre
            cv2.fillPoly(picture, [np.round(turned).astype(np.int32)], tone, cv2.LINE_AA)
    blurred = cv2.GaussianBlur(picture.astype(np.float64), (0, 0), 0.8)
    return np.clip(np.round(blurred + random.normal(0, 2, picture.shape)), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    cv2.imwrite(str(HERE / "shapes.pgm"), shapes())
