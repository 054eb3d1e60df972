"""Small models with random weights for the tests, and what ONNX Runtime answers.

    python tiny_models.py FOLDER > tiny_models.json

Needs numpy, onnx and onnxruntime. FOLDER takes the models: crates/neural/tests/models.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

FOLDER = Path(sys.argv[1])
RANDOM = np.random.default_rng(7)


def weight(name, *shape):
    values = RANDOM.normal(0, 0.4, shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def image(name="image", batch="batch"):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 3, "height", "width"])


def vector(name, length):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", length])


def save(name, nodes, weights, output, opset=17, **kwargs):
    graph = helper.make_graph(nodes, name, [image()], [output], weights)
    imports = [helper.make_opsetid("", opset)]
    if kwargs.pop("foreign", False):
        imports.append(helper.make_opsetid("example", 1))
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    onnx.save(model, FOLDER / f"{name}.onnx", **kwargs)


def classifier():
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["c1"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c2"], ["features"]),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["code"]),
        helper.make_node("Gemm", ["code", "w3"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"]),
    ]
    weights = [weight("w1", 8, 3, 3, 3), weight("w2", 16, 8, 3, 3), weight("w3", 16, 10)]
    return nodes, weights


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    nodes, weights = classifier()
    save("classifier", nodes, weights, vector("probabilities", 10))
    save("external", nodes, weights, vector("probabilities", 10),
         save_as_external_data=True, location="external.onnx.data", size_threshold=64)
    quantize_dynamic(FOLDER / "classifier.onnx", FOLDER / "classifier_int8.onnx",
                     weight_type=QuantType.QUInt8)
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Log", ["flat"], ["log"]),
    ]
    save("logarithm", nodes, [], vector("log", 3))
    foreign = helper.make_node("Kaleidoscope", ["image"], ["turned"], domain="example")
    save("foreign_operator", [foreign], [], image("turned"), foreign=True)

    tensor = ((np.arange(2 * 3 * 20 * 28) * 37 % 101) / 50 - 1).astype(np.float32)
    tensor = tensor.reshape(2, 3, 20, 28)
    answers = {}
    for name in ["classifier", "classifier_int8"]:
        model = onnx.load(FOLDER / f"{name}.onnx")
        model.graph.output.append(onnx.ValueInfoProto(name="features"))
        session = onnxruntime.InferenceSession(model.SerializeToString())
        outputs = session.run(["features", "probabilities"], {"image": tensor})
        answers[name] = [[round(float(v), 6) for v in output.ravel()] for output in outputs]
    json.dump(answers, sys.stdout)
    print()


main()
