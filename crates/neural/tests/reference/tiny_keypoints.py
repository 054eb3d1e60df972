"""Small networks with the inputs and outputs of XFeat, for tests that have no weights.

    python tiny_keypoints.py

writes tiny_keypoints.onnx, whose keypoints are the brightest pixels of their cells and whose descriptors are random projections
of 8 x 8 pixels, and tiny_keypoints_60.onnx, which has 60 logits where 65 belong. Needs numpy and onnx.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CELL = 8


def conv(name, weights):
    tensor = numpy_helper.from_array(weights.astype(np.float32), f"{name}_weights")
    node = helper.make_node("Conv", ["grey", f"{name}_weights"], [name], kernel_shape=[CELL, CELL], strides=[CELL, CELL])
    return node, tensor


def write(path, logits):
    pixels = CELL * CELL
    # The logit of a pixel is how far it is above the mean of its cell; that of none is 0.
    peaks = np.zeros((logits, 1, CELL, CELL))
    for i in range(min(logits, pixels)):
        peaks[i] -= 1 / pixels
        peaks[i, 0, i // CELL, i % CELL] += 1
    random = np.random.default_rng(1).normal(size=(pixels, 1, CELL, CELL))
    parts = [
        conv("keypoints", 12 * peaks),
        conv("features", random - random.mean(axis=(2, 3), keepdims=True)),
        conv("mean", np.full((1, 1, CELL, CELL), 1 / pixels)),
    ]
    nodes = [helper.make_node("ReduceMean", ["input"], ["grey"], axes=[1], keepdims=1)]
    nodes += [node for node, _ in parts] + [helper.make_node("Sigmoid", ["mean"], ["reliability"])]
    value = lambda name, planes, height, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", planes, height, width])
    graph = helper.make_graph(
        nodes,
        "tiny_keypoints",
        [value("input", 3, "height", "width")],
        [value("features", 64, "h8", "w8"), value("keypoints", logits, "h8", "w8"), value("reliability", 1, "h8", "w8")],
        [tensor for _, tensor in parts],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


if __name__ == "__main__":
    folder = Path(__file__).parent
    write(folder / "tiny_keypoints.onnx", 65)
    write(folder / "tiny_keypoints_60.onnx", 60)
