"""Small networks as exporters declare them, and networks that were made to do harm.

    pip install numpy onnx onnxruntime
    python make.py

Writes the files beside itself. The first kind are one small encoder with random weights behind every sort of input and
output; `expected.json` holds what ONNX Runtime gives for the picture of `picture()`. The second kind, in `hostile/`, are
valid enough to be read, and ask for all memory, never end, nest without bound, or point at files of others.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
RANDOM = np.random.default_rng(12)
F32, U8, I8, F16, F64, I64 = (
    TensorProto.FLOAT,
    TensorProto.UINT8,
    TensorProto.INT8,
    TensorProto.FLOAT16,
    TensorProto.DOUBLE,
    TensorProto.INT64,
)
ANSWERS = {}


def weight(name, *shape):
    return numpy_helper.from_array(RANDOM.normal(0, 0.4, shape).astype(np.float32), name)


WEIGHTS = [weight("w1", 4, 3, 3, 3), weight("w2", 8, 4, 3, 3)]


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def encoder(start="x"):
    """Two convolutions and their mean: batch x 8."""
    conv = {"strides": [2, 2], "pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
    return [
        helper.make_node("Conv", [start, "w1"], ["c1"], **conv),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], **conv),
        helper.make_node("Relu", ["c2"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["vector"]),
    ]


def save(name, nodes, inputs, outputs, weights=WEIGHTS, check=True, opset=13):
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model.producer_name = ""
    if check and not name.startswith("hostile"):
        onnx.checker.check_model(model)
    path = HERE / f"{name}.onnx"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def picture(width, height):
    """The same as in the tests: height x width x 3 bytes."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((x * (2 + c) + y * 3 + (x * y) // 17 + 60 * ((x // 32 + y // 32 + c) % 2)) % 256).astype(np.uint8)


def expect(name, output, width, height, layout="NCHW", kind="float32", batch=1):
    image = picture(width, height)
    if kind == "uint8":
        data = image
    elif kind == "int8":
        data = (image.astype(np.int16) - 128).astype(np.int8)
    else:
        data = (image.astype(np.float32) / 127.5 - 1).astype(kind)
    if "C" in layout[:2]:
        data = data.transpose(2, 0, 1)
    if layout.startswith("N"):
        data = np.stack([data] * batch)
    session = onnxruntime.InferenceSession((HERE / f"{name}.onnx").read_bytes())
    fed = {i.name: data for i in session.get_inputs() if "x" in i.name}
    for other in session.get_inputs():
        if other.name not in fed:
            fed[other.name] = np.array([[1, 2]], np.int64)
    found = session.run([output], fed)[0]
    found = found[:1] if layout.startswith("N") and found.ndim > 1 else found
    ANSWERS[f"{name}/{output}"] = {
        "width": width,
        "height": height,
        "shape": list(found.shape),
        "values": [round(float(v), 6) for v in np.asarray(found, np.float64).ravel()],
    }


def declared():
    vector = [value("vector", F32, ["N", 8])]
    turn = [helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2])]
    back = [helper.make_node("Transpose", ["map"], ["b"], perm=[0, 2, 3, 1]), helper.make_node("Relu", ["b"], ["last"])]
    cast = [helper.make_node("Cast", ["x"], ["f"], to=F32)]
    half = [helper.make_node("Mul", ["x", "one"], ["h"]), helper.make_node("Cast", ["h"], ["f"], to=F32)]

    save("nhwc_free", turn + encoder("t"), [value("x", F32, [None, None, None, 3])], vector)
    expect("nhwc_free", "vector", 20, 12, "NHWC")
    save("nhwc_unnamed", turn + encoder("t"), [value("x", F32, [None] * 4)], vector)
    expect("nhwc_unnamed", "vector", 20, 12, "NHWC")
    save("nhwc_map", turn + encoder("t") + back, [value("x", F32, ["N", "H", "W", 3])],
         [value("last", F32, ["N", None, None, 8])])
    expect("nhwc_map", "last", 20, 12, "NHWC")
    save("nchw_unnamed", encoder(), [value("x", F32, [None] * 4)], vector)
    expect("nchw_unnamed", "vector", 20, 12)
    save("noshape", encoder(), [value("x", F32, None)], [value("vector", F32, None)], check=False)
    expect("noshape", "vector", 20, 12)

    # Nothing behind the input tells the order: here it is in the names, or nowhere.
    mean = [helper.make_node("ReduceMean", ["x"], ["m"], axes=[1, 2, 3], keepdims=1),
            helper.make_node("Flatten", ["m"], ["flat"]), helper.make_node("Gemm", ["flat", "w"], ["vector"])]
    row = [weight("w", 1, 8)]
    save("names_only", mean, [value("x", F32, ["batch", "height", "width", "channels"])], vector, row)
    expect("names_only", "vector", 20, 12, "NHWC")
    save("undecidable", mean, [value("x", F32, [None] * 4)], vector, row)
    # A product with three numbers at the end: it runs in one order only.
    dense = [helper.make_node("MatMul", ["x", "w3"], ["d"]), helper.make_node("ReduceMean", ["d"], ["vector"], axes=[1, 2], keepdims=0)]
    save("dense_last", dense, [value("x", F32, [None] * 4)], vector, [weight("w3", 3, 8)])
    expect("dense_last", "vector", 20, 12, "NHWC")

    save("uint8_nchw", cast + encoder("f"), [value("x", U8, ["N", 3, 16, 16])], vector)
    expect("uint8_nchw", "vector", 16, 16, kind="uint8")
    save("uint8_nhwc", cast + [helper.make_node("Transpose", ["f"], ["t"], perm=[0, 3, 1, 2])] + encoder("t"),
         [value("x", U8, ["N", None, None, 3])], vector)
    expect("uint8_nhwc", "vector", 20, 12, "NHWC", "uint8")
    save("int8_nchw", cast + encoder("f"), [value("x", I8, ["N", 3, None, None])], vector)
    expect("int8_nchw", "vector", 20, 12, kind="int8")
    save("float16", half + encoder("f"), [value("x", F16, ["N", 3, None, None])], vector,
         WEIGHTS + [numpy_helper.from_array(np.array([1], np.float16), "one")])
    expect("float16", "vector", 20, 12, kind="float16")
    save("float64", half + encoder("f"), [value("x", F64, ["N", 3, None, None])], vector,
         WEIGHTS + [numpy_helper.from_array(np.array([1], np.float64), "one")])
    expect("float64", "vector", 20, 12, kind="float64")

    save("batch4", encoder(), [value("x", F32, [4, 3, 16, 16])], [value("vector", F32, [4, 8])])
    expect("batch4", "vector", 16, 16, batch=4)
    shape = numpy_helper.from_array(np.array([1, 8], np.int64), "one_row")
    save("one_in_truth", encoder() + [helper.make_node("Reshape", ["vector", "one_row"], ["row"])],
         [value("x", F32, ["N", 3, None, None])], [value("row", F32, ["N", 8])], WEIGHTS + [shape])
    expect("one_in_truth", "row", 20, 12)
    squeeze = [helper.make_node("Squeeze", ["vector", "axis"], ["v1"])]
    axis = numpy_helper.from_array(np.array([0], np.int64), "axis")
    save("out1d", encoder() + squeeze, [value("x", F32, [1, 3, 16, 16])], [value("v1", F32, [8])], WEIGHTS + [axis])
    expect("out1d", "v1", 16, 16)
    save("no_batch", [helper.make_node("Unsqueeze", ["x", "axis"], ["u"])] + encoder("u") + squeeze,
         [value("x", F32, [3, None, None])], [value("v1", F32, [8])], WEIGHTS + [axis])
    expect("no_batch", "v1", 20, 12, "CHW")
    save("wide", encoder(), [value("x", F32, ["N", 3, 16, 32])], vector)
    expect("wide", "vector", 32, 16)
    save("grey", [helper.make_node("GlobalAveragePool", ["x"], ["m"])], [value("x", F32, ["N", 1, 16, 16])],
         [value("m", F32, ["N", 1, 1, 1])], [])
    # Free sides by its declaration, 16 wide and 12 high in truth.
    save("four_by_three", [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("Gemm", ["flat", "w"], ["vector"])],
         [value("x", F32, ["N", 3, "height", "width"])], vector, [weight("w", 576, 2)])

    text = [
        helper.make_node("Gather", ["table", "ids"], ["tokens"]),
        helper.make_node("ReduceMean", ["tokens"], ["text_embeds"], axes=[1], keepdims=0),
        helper.make_node("Transpose", ["text_embeds"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["vector", "turned"], ["logits"]),
    ]
    save("pair", text[:2] + encoder() + text[2:],
         [value("ids", I64, ["N", "L"]), value("x", F32, ["N", 3, "H", "W"])],
         [value("logits", F32, ["N", "M"]), value("text_embeds", F32, ["M", 8]), value("vector", F32, ["N", 8])],
         WEIGHTS + [weight("table", 40, 8)])
    expect("pair", "vector", 20, 12)
    # Both halves meet at once: no output is made from the pictures alone.
    fused = encoder() + text[:2] + [helper.make_node("Add", ["vector", "text_embeds"], ["both"])]
    save("fused", fused, [value("ids", I64, ["N", "L"]), value("x", F32, ["N", 3, "H", "W"])],
         [value("both", F32, ["N", 8])], WEIGHTS + [weight("table", 40, 8)])


def external(name, location):
    tensor = weight("w1", 4, 3, 3, 3)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in [("location", location), ("offset", "0"), ("length", "432")]:
        tensor.external_data.add(key=key, value=text)
    save(f"hostile/{name}", encoder(), [value("x", F32, ["N", 3, None, None])], [value("vector", F32, ["N", 8])],
         [tensor, WEIGHTS[1]], check=False)


def hostile():
    x, y = [value("x", F32, ["n", 3, 224, 224])], [value("y", F32, None)]

    def constant(name, numbers):
        return numpy_helper.from_array(np.array(numbers, np.int64), name)

    add = [helper.make_node("Add", ["x", "b"], ["y"])]
    save("hostile/constant_of_shape", [helper.make_node("ConstantOfShape", ["s"], ["b"])] + add, x, y,
         [constant("s", [1 << 20, 1 << 20])])
    save("hostile/expand", [helper.make_node("Expand", ["x", "s"], ["y"])], x, y, [constant("s", [1 << 30, 3, 224, 224])])
    save("hostile/tile", [helper.make_node("Tile", ["x", "s"], ["y"])], x, y, [constant("s", [1 << 20, 1 << 10, 1, 1])])
    numbers = [constant("from", 0), constant("to", 1 << 45), constant("step", 1)]
    save("hostile/range", [helper.make_node("Range", ["from", "to", "step"], ["r"]), helper.make_node("Cast", ["r"], ["b"], to=F32)] + add,
         x, y, numbers)
    # It doubles forty times.
    doubling = [helper.make_node("Concat", [f"v{i}", f"v{i}"], [f"v{i + 1}"], axis=0) for i in range(40)]
    save("hostile/doubling", [helper.make_node("Identity", ["x"], ["v0"])] + doubling + [helper.make_node("Identity", ["v40"], ["y"])], x, y, [])

    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["again"]), helper.make_node("Identity", ["v"], ["w"])],
        "body",
        [value("i", I64, []), value("go", TensorProto.BOOL, []), value("v", F32, None)],
        [value("again", TensorProto.BOOL, []), value("w", F32, None)],
    )
    start = [constant("most", np.iinfo(np.int64).max), numpy_helper.from_array(np.array(True), "start")]
    save("hostile/endless_loop", [helper.make_node("Loop", ["most", "start", "x"], ["y"], body=body)], x, y, start)
    # A chain of products whose work, not its memory, has no end: 512 x 512 matrices a million times.
    square = [helper.make_node("MatMul", [f"m{i}", f"m{i}"], [f"m{i + 1}"]) for i in range(60)]
    long = [helper.make_node("ConstantOfShape", ["s"], ["m0"])] + square + [helper.make_node("ReduceMean", ["m60"], ["b"])] + add
    save("hostile/long_work", long, x, y, [constant("s", [6000, 6000])])

    inner = helper.make_graph([helper.make_node("Identity", ["x"], ["o"])], "g", [], [value("o", F32, None)])
    for _ in range(22):
        node = helper.make_node("If", ["c"], ["o"], then_branch=inner, else_branch=helper.make_graph(
            [helper.make_node("Identity", ["x"], ["o"])], "g", [], [value("o", F32, None)]))
        inner = helper.make_graph([node], "g", [], [value("o", F32, None)])
    node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    save("hostile/deep_graphs", [node], x, y, [numpy_helper.from_array(np.array(True), "c")], check=False)

    def tensor(dims):
        return TensorProto(name="b", data_type=F32, dims=dims, raw_data=b"\0" * 16)

    save("hostile/negative_dims", add, x, y, [tensor([-2, -2])], check=False)
    save("hostile/overflowing_dims", add, x, y, [tensor([1 << 32, 1 << 32, 4])], check=False)
    save("hostile/short_weights", add, x, y, [tensor([1000])], check=False)
    external("outside", "../../../../../../etc/passwd")
    external("absolute", "/etc/passwd")
    external("beside", "beside.data")


def main():
    declared()
    hostile()
    text = json.dumps(ANSWERS, indent=None, separators=(",", ":")).replace('},"', '},\n"')
    (HERE / "expected.json").write_text(text + "\n")


main()
