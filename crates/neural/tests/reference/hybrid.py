"""Two fully connected layers (hybrid.onnx) and what they give for projected vectors, computed by NumPy (hybrid.json)."""

import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(2)
w1, b1 = rng.normal(size=(4, 5)).astype(np.float32), rng.normal(size=5).astype(np.float32)
w2, b2 = rng.normal(size=(5, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
graph = helper.make_graph(
    [
        helper.make_node("Gemm", ["rows", "w1", "b1"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("Gemm", ["active", "w2", "b2"], ["codes"]),
    ],
    "hybrid",
    [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 4])],
    [helper.make_tensor_value_info("codes", TensorProto.FLOAT, ["n", 3])],
    [numpy_helper.from_array(a, n) for n, a in [("w1", w1), ("b1", b1), ("w2", w2), ("b2", b2)]],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
here = pathlib.Path(__file__)
onnx.save(model, here.with_suffix(".onnx"))

x = rng.normal(size=(3, 4)).astype(np.float32)
unit = lambda a: a / np.linalg.norm(a, axis=1, keepdims=True)
codes = unit(np.maximum(unit(x) @ w1 + b1, 0) @ w2 + b2)
here.with_suffix(".json").write_text(json.dumps({"vectors": x.tolist(), "codes": codes.tolist()}))
