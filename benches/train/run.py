"""One training step beside PyTorch on the processor, with the same threads and the same weights.

A head (768 to 512 to 256, batch 256) and MobileNet v1 0.75 with SPoC (32 images of 160 px, statistics of batch norm
frozen), triplets with squared distances, AdamW. The gradients of the first step are compared before anything is
measured. Both programs keep their state and are asked in turn, a few steps at a time, so that whatever else the machine
does falls on both; the ratio is the median over rounds of the ratio of each round's medians.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]


class Head(torch.nn.Module):
    shape = (256, 768)

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(768, 512), torch.nn.ReLU(), torch.nn.Linear(512, 256))

    def forward(self, x):
        return F.normalize(self.layers(x), dim=1)

    def stored(self):
        return list(self.parameters())


class Layer(torch.nn.Module):
    """A convolution with Keras' padding, batch norm with frozen statistics, ReLU6."""

    def __init__(self, before, after, kernel, stride, groups):
        super().__init__()
        self.stride, self.kernel = stride, kernel
        self.conv = torch.nn.Conv2d(before, after, kernel, stride, groups=groups, bias=False)
        self.norm = torch.nn.BatchNorm2d(after, eps=1e-3)
        # Weights and statistics under which signals neither vanish nor grow.
        torch.nn.init.kaiming_normal_(self.conv.weight)
        self.norm.running_mean.uniform_(-0.1, 0.1)
        self.norm.running_var.uniform_(0.7, 1.3)

    def forward(self, x):
        if self.kernel == 3:
            x = F.pad(x, (0, 1, 0, 1) if self.stride == 2 else (1, 1, 1, 1))
        return F.relu6(self.norm(self.conv(x)))

    def stored(self):
        norm = self.norm
        return [self.conv.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var]


class MobileNet(torch.nn.Module):
    shape = (32, 3, 160, 160)

    def __init__(self, alpha=0.75):
        super().__init__()
        channels = int(32 * alpha)
        layers = [Layer(3, channels, 3, 2, 1)]
        for width, stride in BLOCKS:
            width = int(width * alpha)
            layers += [Layer(channels, channels, 3, stride, channels), Layer(channels, width, 1, 1, 1)]
            channels = width
        self.layers = torch.nn.Sequential(*layers)

    def forward(self, x):
        return F.normalize(self.layers(x).mean((2, 3)), dim=1)

    def stored(self):
        return [tensor for layer in self.layers for tensor in layer.stored()]


class Torch:
    def __init__(self, network, data, threads):
        self.network, self.data, self.threads = network.eval(), torch.from_numpy(data), threads
        self.parameters = [p for p in network.parameters()]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=1e-3, weight_decay=1e-4)
        rows = torch.arange(len(data))
        self.positive, self.negative = (rows + 1) % len(data), (rows + 2) % len(data)
        self.gradient = None

    def step(self):
        self.optimiser.zero_grad(set_to_none=True)
        x = self.network(self.data)
        near = (x - x[self.positive]).square().sum(1)
        far = (x - x[self.negative]).square().sum(1)
        loss = F.relu(near - far + 0.3).mean()
        loss.backward()
        if self.gradient is None:
            self.gradient = [loss.item(), np.concatenate([p.grad.numpy().ravel() for p in self.parameters])]
        self.optimiser.step()

    def __call__(self, steps):
        torch.set_num_threads(self.threads)
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            self.step()
            times.append((time.perf_counter() - start) * 1e3)
        return times

    def cpu(self):
        return time.process_time()


class Vizsla:
    def __init__(self, program, name, threads, folder):
        command = [program, name, str(threads), str(folder / "input"), str(folder / "output")]
        environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.title = self.process.stdout.readline().strip()
        written = np.fromfile(folder / "output", "<f4")
        self.gradient = [float(written[0]), written[1:]]

    def __call__(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return [int(t) / 1e6 for t in self.process.stdout.readline().split()]

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(args, name, kind, threads):
    torch.manual_seed(1)
    torch.set_num_threads(threads)
    network = kind()
    data = np.random.default_rng(2).normal(0, 1, kind.shape).astype(np.float32)
    folder = Path(tempfile.mkdtemp())
    data.tofile(folder / "input")
    stored = [tensor.detach().numpy().ravel() for tensor in network.stored()]
    np.concatenate(stored).astype(np.float32).tofile(folder / "input.weights")
    programs = {"Vizsla": Vizsla(args.vizsla_bin, name, threads, folder), "PyTorch": Torch(network, data, threads)}
    programs["PyTorch"](1)
    ours, theirs = programs["Vizsla"].gradient, programs["PyTorch"].gradient
    difference = float(np.linalg.norm(ours[1] - theirs[1]) / np.linalg.norm(theirs[1]))
    assert abs(ours[0] - theirs[0]) < 1e-4 * max(1.0, abs(theirs[0])), (ours[0], theirs[0])
    assert difference < 5e-3, difference
    times, medians, busy = {k: [] for k in programs}, {k: [] for k in programs}, {k: [] for k in programs}
    for _ in range(args.rounds):
        for key, program in programs.items():
            program(1)
            before = program.cpu()
            found = program(args.steps)
            busy[key].append((program.cpu() - before) * 1e3 / args.steps)
            times[key] += found
            medians[key].append(float(np.median(found)))
    ratio = float(np.median(np.array(medians["Vizsla"]) / np.array(medians["PyTorch"])))
    return [{"step": name, "threads": threads, "program": key, "ms": float(np.median(times[key])),
             "shortest_ms": float(np.min(times[key])), "cpu_ms": float(np.median(busy[key])),
             "ratio": ratio if key == "Vizsla" else 1.0, "gradient_difference": difference} for key in programs]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vizsla-bin", required=True)
    parser.add_argument("--json")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    rows = []
    print("| step | threads | program | median, ms | shortest, ms | processor, ms | × PyTorch |")
    print("|---|---|---|---|---|---|---|")
    for name, kind in (("head", Head), ("mobilenet", MobileNet)):
        for threads in args.threads:
            for row in measure(args, name, kind, threads):
                rows.append(row)
                print(f"| {row['step']} | {threads} | {row['program']} | {row['ms']:.1f} | {row['shortest_ms']:.1f} | "
                      f"{row['cpu_ms']:.1f} | {row['ratio']:.2f} |", flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
