"""Makes small.vzcn, the network that ships, from an ONNX file of MobileNet v1 (Howard et al. 2017), and the values its tests compare with.

    pip install numpy onnx onnxruntime
    python make.py mobilenet_v1_0.75.onnx small.vzcn ../tests/reference/small_network.json

What comes before the classifier is kept. Batch normalisation is folded into the convolution before it. Weights of pointwise layers are rounded to whole
numbers of eight bits with a scale for each channel, the others to 16-bit floats; biases stay 32-bit. The format is described in src/shipped/file.rs. Reference values are those of ONNX Runtime with the
rounded weights, and of the last layer with the ONNX file's own.
"""

import json
import struct
import sys
import zlib

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper

FULL, DEPTHWISE, POINTWISE = 0, 1, 2
LAST = "conv_pw_13_relu"


def layers(model):
    """Name, kind, stride, weights (as they are kept) and bias of each convolution."""
    graph = model.graph
    values = {value.name: numpy_helper.to_array(value).astype(numpy.float64) for value in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    name = LAST
    found = []
    while name in made_by:
        clip = made_by[name]
        assert clip.op_type == "Clip" and values[clip.input[1]] == 0 and values[clip.input[2]] == 6
        norm = made_by[clip.input[0]]
        assert norm.op_type == "BatchNormalization"
        gain, offset, mean, variance = (values[at] for at in norm.input[1:])
        epsilon = next(a.f for a in norm.attribute if a.name == "epsilon")
        conv = made_by[norm.input[0]]
        assert conv.op_type == "Conv" and len(conv.input) == 2
        attributes = {a.name: a for a in conv.attribute}
        assert attributes["auto_pad"].s == b"SAME_UPPER"
        stride = attributes["strides"].ints[0]
        weights = values[conv.input[1]]
        scale = gain / numpy.sqrt(variance + epsilon)
        folded = weights * scale[:, None, None, None]
        if "group" in attributes and attributes["group"].i > 1:
            kind, inputs = DEPTHWISE, weights.shape[0]
            kept = folded[:, 0].transpose(1, 2, 0)
        elif weights.shape[2:] == (1, 1):
            kind, inputs = POINTWISE, weights.shape[1]
            kept = folded[:, :, 0, 0].T
        else:
            kind, inputs = FULL, weights.shape[1]
            kept = folded.transpose(2, 3, 1, 0)
        found.append((name, kind, stride, inputs, weights.shape[0], kept, offset - mean * scale))
        name = conv.input[0]
    return found[::-1]


def whole_numbers(weights):
    """Weights as whole numbers from -127 to 127, and what they are multiplied by, for each channel that comes out."""
    scale = numpy.abs(weights).max(axis=0) / 127
    scale[scale == 0] = 1
    return numpy.round(weights / scale).astype(numpy.int8), scale


def file_of(model):
    body = b""
    found = layers(model)
    for name, kind, stride, inputs, outputs, weights, bias in found:
        body += struct.pack("<BBHHB", kind, stride, inputs, outputs, len(name)) + name.encode()
        if kind == POINTWISE:
            whole, scale = whole_numbers(weights)
            body += whole.tobytes() + scale.astype("<f4").tobytes()
        else:
            body += weights.astype("<f2").tobytes()
        body += bias.astype("<f4").tobytes()
    head = b"VZCN" + struct.pack("<III", 1, len(found), zlib.crc32(body))
    return head + struct.pack("<I", zlib.crc32(head)) + body


def picture(width, height):
    """Bytes of a picture that the test makes by the same formula."""
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width), numpy.arange(3), indexing="ij")
    return ((x * x * (c + 3) // 7 + y * y * 5 // 11 + x * y // (c + 2) + 40 * c) % 256).astype(numpy.uint8)


def rounded(model):
    """The same network with the weights as they are kept, and what comes into pointwise layers in 255 steps."""
    constants = [("low", 0), ("high", 6), ("steps", 255 / 6), ("step", 6 / 255), ("half", 0.5)]
    made, values, last = [], [numpy_helper.from_array(numpy.float32(at), name) for name, at in constants], "input"
    for name, kind, stride, inputs, outputs, weights, bias in layers(model):
        kept = weights.astype(numpy.float16).astype(numpy.float32)
        if kind == DEPTHWISE:
            kept = kept.transpose(2, 0, 1)[:, None]
        elif kind == POINTWISE:
            whole, scale = whole_numbers(weights)
            kept = (whole * scale.astype(numpy.float32)).astype(numpy.float32).T[:, :, None, None]
            made += [
                onnx.helper.make_node("Mul", [last, "steps"], [name + "_s"]),
                onnx.helper.make_node("Add", [name + "_s", "half"], [name + "_h"]),
                onnx.helper.make_node("Floor", [name + "_h"], [name + "_f"]),
                onnx.helper.make_node("Mul", [name + "_f", "step"], [name + "_r"]),
            ]
            last = name + "_r"
        else:
            kept = kept.transpose(3, 2, 0, 1)
        values += [numpy_helper.from_array(numpy.ascontiguousarray(kept), name + "_w")]
        values += [numpy_helper.from_array(bias.astype(numpy.float32), name + "_b")]
        group = inputs if kind == DEPTHWISE else 1
        made += [
            onnx.helper.make_node("Conv", [last, name + "_w", name + "_b"], [name + "_c"], auto_pad="SAME_UPPER", strides=[stride] * 2, group=group),
            onnx.helper.make_node("Clip", [name + "_c", "low", "high"], [name]),
        ]
        last = name
    picture = onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, ["n", 3, "h", "w"])
    graph = onnx.helper.make_graph(made, "rounded", [picture], [], values)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)


def session_of(model, outputs):
    for name in outputs:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def references(path, model):
    outputs = ["conv_dw_2_relu", "conv_pw_5_relu", LAST]
    session = session_of(rounded(model), outputs)
    original = session_of(model, [LAST])
    cases = []
    for width, height in [(96, 64), (65, 83), (33, 1)]:
        values = picture(width, height).astype(numpy.float32) / 127.5 - 1
        maps = session.run(outputs, {"input": values.transpose(2, 0, 1)[None]})
        whole = original.run([LAST], {"input": values.transpose(2, 0, 1)[None]})[0]
        cases.append({
            "original": [round(float(v), 6) for v in whole.mean(axis=(0, 2, 3))],
            "width": width,
            "height": height,
            "maps": [
                {"name": name, "shape": list(of.shape[1:]), "mean": [round(float(v), 6) for v in of.mean(axis=(0, 2, 3))]}
                for name, of in zip(outputs, maps)
            ],
        })
    with open(path, "w") as file:
        json.dump({"made_by": "network/make.py, ONNX Runtime " + onnxruntime.__version__, "cases": cases}, file)


if __name__ == "__main__":
    source, network, reference = sys.argv[1:]
    model = onnx.load(source)
    with open(network, "wb") as file:
        file.write(file_of(model))
    references(reference, model)
