"""Images per second of networks beside ONNX Runtime and PyTorch in Python.

ResNet-50, ViT-B/16 and MobileNetV3-Large of torchvision with random weights are exported to ONNX once. Every program
keeps its model loaded and is asked in turn, a few runs at a time, batch 1, so that whatever else the machine does
falls on all of them alike; medians over all runs are reported, and ratios come from the medians of single rounds.
Outputs are compared first. Processor time is given as well, where the system tells it (Linux): with one thread it says on a busy
machine what time on the clock says on an idle one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIDE = 224
NETWORKS = {"ResNet-50": "resnet50", "ViT-B/16": "vit_b_16", "MobileNetV3-Large": "mobilenet_v3_large"}


def export(name, folder):
    import torch
    import torchvision

    torch.manual_seed(1)
    network = getattr(torchvision.models, name)(weights=None).eval()
    # ViT's last layer begins with zeros, which would make every answer agree.
    if name == "vit_b_16":
        torch.nn.init.normal_(network.heads.head.weight, std=0.02)
    path = folder / f"{name}.onnx"
    example = torch.zeros(1, 3, SIDE, SIDE)
    torch.onnx.export(network, (example,), path, input_names=["image"], output_names=["scores"],
                      opset_version=17, dynamo=False)
    return network, path


class Vizsla:
    """The program under test, one process for a runtime and a number of threads."""

    def __init__(self, program, runtime, threads, model, image, library):
        folder = Path(tempfile.mkdtemp())
        image.tofile(folder / "input")
        environment = dict(os.environ, ORT_DYLIB_PATH=library)
        command = [program, runtime, str(threads), str(model), str(folder / "input"), str(folder / "output")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment)
        self.title = self.process.stdout.readline().strip()
        self.output = np.fromfile(folder / "output", "<f4")

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __call__(self, runs):
        self.process.stdin.write(f"{runs}\n")
        self.process.stdin.flush()
        return [int(t) / 1e6 for t in self.process.stdout.readline().split()]


class InProcess:
    def cpu(self):
        return time.process_time()


class OnnxRuntime(InProcess):
    def __init__(self, threads, model, image):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.image = image
        self.output = self.session.run(None, {"image": image})[0].ravel()

    def __call__(self, runs):
        return timed(lambda: self.session.run(None, {"image": self.image}), runs)


class Torch(InProcess):
    def __init__(self, threads, network, image):
        import torch

        self.torch = torch
        self.threads = threads
        self.network = network
        self.image = torch.from_numpy(image)
        with torch.inference_mode():
            self.output = network(self.image).numpy().ravel()

    def __call__(self, runs):
        self.torch.set_num_threads(self.threads)
        with self.torch.inference_mode():
            return timed(lambda: self.network(self.image), runs)


def timed(call, runs):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def library():
    import onnxruntime

    folder = Path(onnxruntime.__file__).parent / "capi"
    names = [p for p in sorted(folder.iterdir()) if p.name.startswith(("libonnxruntime.", "onnxruntime.dll"))]
    return str(names[-1])


def measure(args, title, network, model, threads):
    image = np.random.default_rng(3).normal(0, 1, (1, 3, SIDE, SIDE)).astype(np.float32)
    programs = {
        "Vizsla, ort": Vizsla(args.vizsla_bin, "ort", threads, model, image, library()),
        "ONNX Runtime, Python": OnnxRuntime(threads, model, image),
        "Vizsla, rten": Vizsla(args.vizsla_bin, "rten", threads, model, image, library()),
        "PyTorch": Torch(threads, network, image),
    }
    expected = programs["ONNX Runtime, Python"].output
    scale = np.abs(expected).max()
    for key, program in programs.items():
        difference = float(np.abs(program.output - expected).max() / scale)
        assert difference < 1e-3, f"{key}: {difference}"
    all_times = {key: [] for key in programs}
    medians = {key: [] for key in programs}
    busy = {key: [] for key in programs}
    for _ in range(args.rounds):
        for key, program in programs.items():
            program(1)
            before = program.cpu()
            times = program(args.runs)
            busy[key].append((program.cpu() - before) * 1e3 / args.runs)
            all_times[key] += times
            medians[key].append(float(np.median(times)))
    peer = np.array(medians["ONNX Runtime, Python"])
    rows = []
    for key in programs:
        ratio = float(np.median(np.array(medians[key]) / peer))
        rows.append({"network": title, "threads": threads, "program": key, "ms": float(np.median(all_times[key])),
                     "shortest_ms": float(np.min(all_times[key])), "cpu_ms": float(np.median(busy[key])),
                     "ratio": ratio})
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vizsla-bin", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--json")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    rows = []
    print("| network | threads | program | images/s | median, ms | shortest, ms | processor, ms | × ONNX Runtime, Python |")
    print("|---|---|---|---|---|---|---|---|")
    for title in args.networks:
        network, model = export(NETWORKS[title], folder)
        for threads in args.threads:
            for row in measure(args, title, network, model, threads):
                rows.append(row)
                print(f"| {row['network']} | {row['threads']} | {row['program']} | {1e3 / row['ms']:.1f} "
                      f"| {row['ms']:.1f} | {row['shortest_ms']:.1f} | {row['cpu_ms']:.1f} | {row['ratio']:.2f} |")
                sys.stdout.flush()
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")


main()
