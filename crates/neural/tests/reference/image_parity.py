"""Expected outputs of the image models, computed by ONNX Runtime in Python.

    python image_parity.py MODELS > image_parity.json

MODELS is the folder with mobilenet_v1_0.75.onnx and squeezenet1_1_fp16.onnx. Pictures are made by a
formula in whole numbers, so that every reader has the same bytes. Needs numpy, onnx, onnxruntime.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

SAMPLES = 400


def picture(width, height, seed):
    """Height x width x 3 bytes: ramps, a product pattern and a coarse checkerboard."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    channels = []
    for c in range(3):
        value = x * (2 + c) + y * (3 + seed) + (x * y) // (17 + seed) + 60 * ((x // 32 + y // 32 + c) % 2)
        channels.append(value % 256)
    return np.stack(channels, axis=-1).astype(np.uint8)


def run(path, outputs, tensor):
    model = onnx.load(path)
    declared = {value.name for value in model.graph.output}
    for name in outputs:
        if name not in declared:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(outputs, {session.get_inputs()[0].name: tensor})


def digest(array):
    """Evenly taken samples and two sums of an array."""
    flat = array.astype(np.float64).ravel()
    places = np.linspace(0, flat.size - 1, min(SAMPLES, flat.size)).astype(np.int64)
    return {
        "shape": list(array.shape),
        "places": places.tolist(),
        "values": [round(float(v), 7) for v in flat[places]],
        "mean": float(flat.mean()),
        "mean_square": float((flat**2).mean()),
    }


def keras(pixels):
    return (pixels.astype(np.float32) / np.float32(127.5) - 1).transpose(2, 0, 1)[None]


def caffe(pixels):
    mean = np.array([104, 117, 123], np.float32)
    values = pixels[:, :, ::-1].astype(np.float32) - mean
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None]).astype(np.float16)


def main():
    models = Path(sys.argv[1])
    cases = []
    for width, height in [(160, 160), (224, 224), (320, 256)]:
        outputs = ["conv_pw_13_relu", "pool", "probabilities"]
        found = run(models / "mobilenet_v1_0.75.onnx", outputs, keras(picture(width, height, 1)))
        for name, array in zip(outputs, found):
            case = {"model": "mobilenet_v1_0.75.onnx", "preset": "keras", "output": name}
            cases.append({**case, "width": width, "height": height, "seed": 1, **digest(array)})
    for seed in range(1, 4):
        outputs = ["softmaxout_1"]
        found = run(models / "squeezenet1_1_fp16.onnx", outputs, caffe(picture(224, 224, seed)))
        for name, array in zip(outputs, found):
            case = {"model": "squeezenet1_1_fp16.onnx", "preset": "caffe", "output": name}
            cases.append({**case, "width": 224, "height": 224, "seed": seed, **digest(array)})
    json.dump({"onnxruntime": onnxruntime.__version__, "cases": cases}, sys.stdout)
    print()


main()
