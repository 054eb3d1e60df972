"""`vizsla serve` under load: throughput and times of searches at 1, 8 and 64 clients, alone, beside an ingest and beside a
hostile client.

    python run.py --vizsla PATH_TO_BINARY --data DIR [--collection FOLDER.vizsla] [--requests N] [--json FILE]
                  [--only plain,ingest,hostile]

Run by `cargo xtask bench server`. Without --collection, one of smvs with the distractors of Flickr8k and the MIT scenes is
made under the folder of the binary (`target/bench/`) and used again by later runs. The server works on a copy of the collection,
listens on loopback, and is stopped at the end. Requests are bounded; a client that is told 503 waits for as long as it is
told and goes on.
"""

import argparse
import http.client
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import Counter
from pathlib import Path

CLIENTS = [1, 8, 64]
GALLERY = ["smvs_dvd/reference", "flickr8k", "mit_split"]
QUERIES = ["smvs_dvd/canon", "smvs_dvd/e63"]
ENDINGS = {".jpg", ".jpeg", ".png"}


class Server:
    """A server of its own process on a free port."""

    def __init__(self, vizsla, collection, root, uploads, workers):
        command = [vizsla, "serve", f"photos={collection}", "--listen", "127.0.0.1:0", "--ingest-root", root]
        command += ["--upload-dir", uploads]
        if workers:
            command += ["--workers", str(workers)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"http://([^/ ]+)/", line)
        if not found:
            sys.exit(f"the server did not say where it listens, but: {line!r}")
        self.address = found.group(1)

    def connect(self):
        return http.client.HTTPConnection(self.address, timeout=120)

    def ask(self, method, path, body=None, kind="application/json"):
        connection = self.connect()
        headers = {"Content-Type": kind} if body is not None else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def memory(self):
        """Resident memory now and at its highest, MiB; nothing where the system does not tell."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return {}
        wanted = {"VmRSS": "now", "VmHWM": "peak"}
        found = {wanted[k]: int(v) / 1024 for k, v in re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", status)}
        return found

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "killed after 30 s"


def pictures(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in ENDINGS)


def made_collection(options):
    """The collection of smvs with distractors, made once."""
    place = options.vizsla.resolve().parent.parent / "bench" / "server.vizsla"
    if not (place / "catalog.db").is_file():
        folders = [options.data / name for name in GALLERY if (options.data / name).is_dir()]
        print(f"making {place} of {', '.join(map(str, folders))}", flush=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        command = [options.vizsla, "index", *folders, "--into", place]
        if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            sys.exit(f"the collection could not be made: {place}")
    return place


def stored_images(server):
    """Numbers of up to 200 images, spread over the collection."""
    _, data = server.ask("GET", "/v1/collections/photos/images?limit=1")
    total = json.loads(data)["total"]
    numbers = []
    for page in range(10):
        offset = page * max(total // 10, 1)
        _, data = server.ask("GET", f"/v1/collections/photos/images?limit=20&offset={offset}")
        numbers += [image["image"] for image in json.loads(data)["images"]]
    return total, sorted(set(numbers))


class Load:
    """Requests shared by clients, with their times."""

    def __init__(self, server, clients, requests, make):
        self.server, self.make = server, make
        self.left = requests
        self.lock = threading.Lock()
        self.times, self.statuses = [], Counter()
        self.threads = [threading.Thread(target=self.client, args=(n,)) for n in range(clients)]

    def take(self):
        with self.lock:
            self.left -= 1
            return self.left >= 0

    def client(self, number):
        draw = random.Random(number)
        connection = self.server.connect()
        while self.take():
            path, body, kind = self.make(draw)
            begun = time.perf_counter()
            try:
                connection.request("POST", path, body, {"Content-Type": kind})
                answer = connection.getresponse()
                data = answer.read()
                status, wait = answer.status, answer.getheader("Retry-After")
                # A collection that finds nothing measures nothing.
                if status == 200 and data.startswith(b'{"hits":[]'):
                    status = "empty"
            except (OSError, http.client.HTTPException) as error:
                status, wait = type(error).__name__, None
                connection.close()
                connection = self.server.connect()
            spent = time.perf_counter() - begun
            with self.lock:
                self.statuses[status] += 1
                if status == 200:
                    self.times.append(spent)
            if wait:
                time.sleep(float(wait))
        connection.close()

    def run(self):
        begun = time.perf_counter()
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        return time.perf_counter() - begun


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


class Ingest:
    """An ingest that goes on until it is stopped: copies of pictures whose bytes differ."""

    def __init__(self, server, root, sources):
        self.server, self.root, self.sources = server, root, sources
        self.going, self.taken, self.failed, self.serial = True, 0, [], 0
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def fill(self, folder):
        folder.mkdir()
        for source in random.Random(self.serial).sample(self.sources, min(60, len(self.sources))):
            self.serial += 1
            # What follows the end of a picture is not looked at, but makes it another file.
            data = source.read_bytes() + f"copy {self.serial}".encode()
            (folder / f"{self.serial:06}{source.suffix.lower()}").write_bytes(data)

    def work(self):
        while self.going:
            folder = self.root / f"more-{self.serial}"
            self.fill(folder)
            body = json.dumps({"folder": folder.name})
            status, data = self.server.ask("POST", "/v1/collections/photos/ingest", body)
            if status != 202:
                self.failed.append(status)
                time.sleep(1)
                continue
            job = json.loads(data)["job"]
            while True:
                time.sleep(0.2)
                view = json.loads(self.server.ask("GET", f"/v1/jobs/{job}")[1])
                if view["state"] not in ("queued", "running"):
                    break
                if not self.going:
                    self.server.ask("DELETE", f"/v1/jobs/{job}")
            if view["state"] == "failed":
                self.failed.append(view.get("error"))
                # One that cannot take anything in is asked once.
                return
            self.taken += (view.get("report") or {}).get("added", 0)

    def stop(self):
        self.going = False
        self.thread.join()


HOSTILE = "127.0.0.2"  # on Linux all of 127.0.0.0/8 is this machine; the hostile client is a peer of its own
PLACES = 40  # slow bodies that it keeps open


class Hostile:
    """A client that sends expensive conditions, bodies drop by drop, and uploads that will be refused.

    It works with a thread for each kind and as many open connections as it likes, and never waits for what it is told."""

    def __init__(self, server, payloads):
        self.server, self.payloads = server, payloads
        self.host, port = server.address.rsplit(":", 1)
        self.port = int(port)
        self.going, self.lock, self.answers = True, threading.Lock(), Counter()
        kinds = [self.conditions, self.conditions, self.conditions, self.conditions, self.slow, self.uploads, self.uploads]
        self.threads = [threading.Thread(target=kind, args=(n,)) for n, kind in enumerate(kinds)]
        for thread in self.threads:
            thread.start()

    def open(self):
        source = (HOSTILE, 0) if sys.platform == "linux" else None
        return socket.create_connection((self.host, self.port), timeout=60, source_address=source)

    def count(self, kind, status):
        with self.lock:
            self.answers[f"{kind} {status}"] += 1

    def ask(self, kind, method, path, body=None, content="application/json"):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.sock = self.open()
            connection.request(method, path, body, {"Content-Type": content} if body is not None else {})
            answer = connection.getresponse()
            data = answer.read()
            self.count(kind, answer.status)
            return answer.status, data
        except (OSError, http.client.HTTPException) as error:
            self.count(kind, type(error).__name__)
            return None, b""
        finally:
            connection.close()

    def conditions(self, seed):
        """Conditions of very many tests, in listings, facets and searches."""
        draw = random.Random(seed)
        while self.going:
            tests = " and ".join(f"width != {draw.randrange(10**6)}" for _ in range(1000))
            words = " or ".join(f"camera like '%{draw.randrange(10**6)}%'" for _ in range(300))
            where = draw.choice([tests, words, f"not ({words}) and {tests}"])
            kind = draw.randrange(3)
            if kind == 0:
                path = "/v1/collections/photos/images?" + urllib.parse.urlencode({"where": where})
                self.ask("condition", "GET", path)
            elif kind == 1:
                path = "/v1/collections/photos/facets?" + urllib.parse.urlencode({"where": where})
                self.ask("condition", "GET", path)
            else:
                question = {"parts": [{"image": 1}], "where": where, "limit": 200}
                self.ask("condition", "POST", "/v1/collections/photos/search", json.dumps(question))

    def slow(self, _):
        """Bodies that are announced as the largest there may be and come a byte at a time, and half heads."""
        head = (
            b"POST /v1/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: 33554432\r\n\r\n"
        )
        held = []
        while self.going:
            while self.going and len(held) < PLACES:
                try:
                    one = self.open()
                    one.setblocking(False)
                    one.send(head if len(held) % 2 else head[:60])
                    held.append(one)
                except OSError as error:
                    self.count("slow", type(error).__name__)
                    time.sleep(0.05)
            still = []
            for one in held:
                try:
                    one.send(b"x")
                    still.append(one)
                except OSError:
                    self.count("slow", "cut off")
                    one.close()
            held = still
            time.sleep(0.2)
        for one in held:
            one.close()

    def uploads(self, seed):
        """Uploads into the collection, more than can wait; those that are accepted are cancelled."""
        draw = random.Random(seed)
        head = b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n'
        serial = 0
        while self.going:
            serial += 1
            picture = draw.choice(self.payloads) + f"hostile {seed} {serial}".encode()
            body = head + picture + b"\r\n--frontier--\r\n"
            kind = "multipart/form-data; boundary=frontier"
            status, data = self.ask("upload", "POST", "/v1/collections/photos/ingest", body, kind)
            if status == 202:
                self.ask("cancel", "DELETE", f"/v1/jobs/{json.loads(data)['job']}")

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join()


def measure(server, options, questions, beside, counts=CLIENTS):
    rows = []
    for name, make in questions.items():
        for clients in counts:
            requests = max(options.requests, 2 * clients)
            load = Load(server, clients, requests, make)
            seconds = load.run()
            done = len(load.times)
            others = {str(status): n for status, n in sorted(load.statuses.items(), key=str) if status != 200}
            rows.append(
                {
                    "search": name,
                    "beside": beside,
                    "clients": clients,
                    "requests": requests,
                    "good": done,
                    "per_s": done / seconds,
                    "p50_ms": 1000 * statistics.median(load.times) if done else None,
                    "p99_ms": 1000 * percentile(load.times, 0.99) if done else None,
                    "others": others,
                }
            )
            row = rows[-1]
            told = ", ".join(f"{status}: {n}" for status, n in others.items()) or "–"
            p50, p99 = (f"{row[k]:.0f}" if done else "–" for k in ("p50_ms", "p99_ms"))
            print(f"| {name} | {beside} | {clients} | {requests} | {row['per_s']:.1f} | {p50} | {p99} | {told} |", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vizsla", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--collection", type=Path, help="a collection to serve instead of making one")
    parser.add_argument("--queries", type=Path, help="a folder of pictures to send; left out, those of smvs")
    parser.add_argument("--requests", type=int, default=200, help="requests of each row")
    parser.add_argument("--workers", type=int, help="as --workers of the server")
    parser.add_argument("--only", default="plain,ingest,hostile", help="which parts are measured; plain is needed by the others")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    collection = options.collection or made_collection(options)
    folders = [options.queries] if options.queries else [options.data / name for name in QUERIES]
    sent = [path for folder in folders for path in pictures(folder)][:200]
    if not sent:
        sys.exit(f"no pictures to send in {', '.join(map(str, folders))}")
    payloads = [path.read_bytes() for path in sent]

    parts = set(options.only.split(","))
    with tempfile.TemporaryDirectory(prefix="vizsla-load-") as passing:
        passing = Path(passing)
        copy, root, uploads = passing / "photos.vizsla", passing / "root", passing / "uploads"
        shutil.copytree(collection, copy)
        root.mkdir()
        server = Server(options.vizsla, copy, root, uploads, options.workers)
        try:
            figures = load(server, options, parts, root, sent, payloads)
        finally:
            ended = server.stop()
        left = [path for path in uploads.rglob("*") if path.is_file()]
        print(f"the server ended with {ended}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    bad = sorted({status for row in figures["rows"] for status in row["others"]} - {"503"})
    taken = figures["hostile"].get("taken_in", 0)
    if len(left) != taken:
        sys.exit(f"{len(left)} uploaded files are left, and {taken} are in the collection")
    if bad or figures["failed_jobs"] or ended != 0:
        sys.exit(f"errors other than 503: {bad}, failed jobs: {figures['failed_jobs']}, exit code {ended}")


def load(server, options, parts, root, sent, payloads):
    """All rows, printed as they are measured."""
    total, numbers = stored_images(server)
    before = server.memory()
    kind = "multipart/form-data; boundary=frontier"

    def stored(draw):
        question = {"parts": [{"image": draw.choice(numbers)}], "limit": 10}
        return "/v1/collections/photos/search", json.dumps(question), "application/json"

    def upload(draw):
        question = json.dumps({"parts": [{"upload": "picture"}], "limit": 10}).encode()
        head = b'--frontier\r\nContent-Disposition: form-data; name="query"\r\n\r\n' + question
        file = b'\r\n--frontier\r\nContent-Disposition: form-data; name="picture"; filename="q"\r\n\r\n'
        return "/v1/collections/photos/search", head + file + draw.choice(payloads) + b"\r\n--frontier--\r\n", kind

    questions = {"stored image": stored, "upload": upload}
    print(f"{total} images, {os.cpu_count()} cores\n")
    print("| search by | beside | clients | requests | searches/s | p50 ms | p99 ms | other answers |")
    print("|---|---|---|---|---|---|---|---|")
    rows, memory, failed, taken, hostile = [], {"start": before}, [], 0, {}
    if "plain" in parts:
        rows += measure(server, options, questions, "nothing", CLIENTS if "ingest" in parts else CLIENTS[-1:])
        memory["searches"] = server.memory()
    if "ingest" in parts:
        ingest = Ingest(server, root, sent)
        try:
            rows += measure(server, options, questions, "an ingest")
        finally:
            ingest.stop()
        memory["ingest"], failed, taken = server.memory(), ingest.failed, ingest.taken
    if "hostile" in parts:
        hostile = beside_a_hostile(server, options, questions, payloads, rows)
        memory["hostile"] = server.memory()
    print(f"\ntaken in beside: {taken} images; failures of jobs: {failed or 'none'}")
    for name, figures in memory.items():
        if figures:
            print(f"resident memory after {name}: {figures['now']:.0f} MiB, peak so far {figures['peak']:.0f} MiB")
    return {
        "images": total,
        "cores": os.cpu_count(),
        "rows": rows,
        "taken_in": taken,
        "failed_jobs": failed,
        "memory_mib": memory,
        "hostile": hostile,
    }


def beside_a_hostile(server, options, questions, payloads, rows):
    """The rows of most clients once more beside a hostile client, and how much longer they take."""
    known = json.loads(server.ask("GET", "/v1/collections/photos")[1])["images"]
    hostile = Hostile(server, payloads)
    try:
        time.sleep(1)
        disturbed = measure(server, options, questions, "a hostile client", CLIENTS[-1:])
    finally:
        hostile.stop()
    # Jobs that it began and could not cancel come to their end.
    while any(job["state"] in ("queued", "running") for job in json.loads(server.ask("GET", "/v1/jobs")[1])["jobs"]):
        time.sleep(0.2)
    entered = json.loads(server.ask("GET", "/v1/collections/photos")[1])["images"] - known
    told = {kind: n for kind, n in sorted(hostile.answers.items())}
    print(f"\nthe hostile client was told: {told}; {entered} of its uploads entered before it cancelled them")
    slower = {}
    for row in disturbed:
        calm = [r for r in rows if r["search"] == row["search"] and r["clients"] == row["clients"] and r["beside"] == "nothing"]
        if calm and calm[0]["p99_ms"] and row["p99_ms"]:
            slower[row["search"]] = {k: row[f"{k}_ms"] / calm[0][f"{k}_ms"] for k in ("p50", "p99")}
            ratio = slower[row["search"]]
            print(f"{row['search']}: p50 × {ratio['p50']:.2f}, p99 × {ratio['p99']:.2f} beside it (aim: p99 at most × 2)")
    rows += disturbed
    return {"told": told, "slower": slower, "taken_in": entered}


if __name__ == "__main__":
    main()
