"""How much memory the worker should have: the real worker beside a native S3 server, with a network and a share of
the processors as a function of that size has.

    cargo build --release --package resonare-worker && cargo build --workspace --bins
    cargo install s3s-fs --version 0.14.1 --locked --features=binary --root .tools/s3s
    .tools/aws/bin/python tests/aws/memory.py EXPORT... [--memory=512,1024,3008] [--rate=80] [--raw=s3,never]

A function of 1,769 MB has one processor, others their share; each direction of its network is held to `--rate` MB/s.
The ratio is of the time until the last byte was sent: afterwards the server joins the parts of the outputs, by copying them.
The dollars are of all of it.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import tempfile
import threading
import time

import boto3
from botocore.config import Config

from application import BINARIES, Application, built
from emulator import REGION, ROOT, emulator, free_port, listening
from rie import Bootstrap
from wire import Wire

SERVER = ROOT / ".tools/s3s/bin/s3s-fs"
WORKER = BINARIES.parent / "release/worker"
GROUPS = pathlib.Path("/sys/fs/cgroup/cpu")
ONE_PROCESSOR_MB = 1769
# How many seconds' worth of bytes the network passes on at once after it was idle.
BURST = 0.005
# Dollars for a GB-second, us-east-1, November 2026.
PRICES = {"x86_64": 0.0000166667, "arm64": 0.0000133334}


class Pipe:
    """A network between a function and S3: each direction has a rate of its own."""

    def __init__(self, port, bytes_per_second):
        self.port, self.rate = port, bytes_per_second
        self.free_at, self.lock = [0.0, 0.0], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.bytes, self.last_sent = [0, 0], 0.0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.port))
            for direction, (source, target) in enumerate([(client, server), (server, client)]):
                threading.Thread(target=self.pass_on, args=(direction, source, target), daemon=True).start()

    def pass_on(self, direction, source, target):
        # Copying the bytes in Python would take as much processor time as the worker does.
        outlet, inlet = os.pipe()
        try:
            while count := os.splice(source.fileno(), inlet, 64 << 10):
                with self.lock:
                    # Without bursts, whoever wakes up late would lose that time.
                    begins = max(time.monotonic() - BURST, self.free_at[direction])
                    self.free_at[direction] = begins + count / self.rate
                    self.bytes[direction] += count
                # A pause that is shorter than a burst is made together with the next one.
                if (early := self.free_at[direction] - time.monotonic()) > BURST:
                    time.sleep(early)
                if direction == 0:
                    self.last_sent = time.monotonic()
                while count:
                    count -= os.splice(outlet, target.fileno(), count)
        except OSError:
            pass
        os.close(outlet)
        os.close(inlet)
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def share(pid, memory_mb):
    """Gives a process the share of the processors that a function of this size has."""
    group = GROUPS / f"resonare-{pid}"
    group.mkdir()
    (group / "cpu.cfs_period_us").write_text("20000")
    (group / "cpu.cfs_quota_us").write_text(str(int(20000 * memory_mb / ONE_PROCESSOR_MB)))
    (group / "cgroup.procs").write_text(str(pid))
    return group


def bootstrap_of(parent):
    children = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True).stdout.split()
    return int(children[0])


def run(app, pipe, scratch, arguments):
    """One job with one size; seconds, those until the last byte was sent, peak memory in MiB, bytes of both directions."""
    memory_mb, key, size, etag, raw = arguments
    with app.no_workers():
        run_id = app.submit("?min_tokens_per_block=300")
        [message] = app.sqs.receive_message(QueueUrl=app.queue, VisibilityTimeout=900, WaitTimeSeconds=10)["Messages"]
    with app.changed(run_id) as record:
        record["payload"] = {"key": key, "version": f'"{etag}"', "size_bytes": size}
        record["config"]["output.raw"], record["config"]["keep_input"] = raw, True
    event = {"Records": [{"messageId": "m", "receiptHandle": message["ReceiptHandle"], "body": message["Body"]}]}
    environment = dict(app.functions["Worker"]["Environment"]["Variables"], AWS_ENDPOINT_URL=app.endpoint,
                       AWS_ENDPOINT_URL_S3=pipe.address, TMPDIR=str(scratch))
    with open(scratch / "worker.log", "wb") as log:
        bootstrap = Bootstrap(WORKER, environment, log)
        try:
            # The first call starts the function: one that does nothing.
            bootstrap.invoke(b'{"Records": []}')
            pid = bootstrap_of(bootstrap.process.pid)
            group = share(pid, memory_mb)
            pipe.bytes = [0, 0]
            begun = time.monotonic()
            answer = bootstrap.invoke(json.dumps(event).encode())
            seconds, moving = time.monotonic() - begun, pipe.last_sent - begun
            peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024
        finally:
            bootstrap.close()
            time.sleep(0.2)
            group.rmdir()
    assert answer["batchItemFailures"] == [], answer
    record = app.record(run_id)
    assert record["status"] == "COMPLETED", record
    return seconds, moving, peak, pipe.bytes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("exports", nargs="+", type=pathlib.Path)
    parser.add_argument("--memory", default="512,768,1024,1280,1769,3008")
    parser.add_argument("--rate", type=float, default=80.0)
    parser.add_argument("--raw", default="s3,never")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    print("| export | raw.json | memory, MB | seconds | until all is sent | transfer alone | ratio | peak, MiB | $ a GB, x86_64 | $ a GB, arm64 |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as temporary:
        folder = pathlib.Path(temporary)
        (folder / "scratch").mkdir()
        port, s3_port = free_port(), free_port()
        wire = Wire(port)
        with emulator(folder / "emulator.log", folder / "scratch", port, wire.address):
            app = Application(f"http://127.0.0.1:{port}", wire, built(folder / "built"), "http://127.0.0.1:9", "KeepInput=true")
            objects = folder / "objects"
            (objects / app.bucket).mkdir(parents=True)
            server = subprocess.Popen([SERVER, "--host=127.0.0.1", f"--port={s3_port}", "--access-key=test", "--secret-key=test", objects],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                listening(s3_port)
                pipe = Pipe(s3_port, arguments.rate * 1e6)
                s3 = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{s3_port}", region_name=REGION, aws_access_key_id="test",
                                  aws_secret_access_key="test", config=Config(s3={"addressing_style": "path"}))
                for export in arguments.exports:
                    key, size = f"uploads/{hashlib.sha256(export.name.encode()).hexdigest()}", export.stat().st_size
                    with open(export, "rb") as file:
                        etag = s3.put_object(Bucket=app.bucket, Key=key, Body=file)["ETag"].strip('"')
                    for raw in arguments.raw.split(","):
                        for memory_mb in map(int, arguments.memory.split(",")):
                            runs = [run(app, pipe, folder / "scratch", (memory_mb, key, size, etag, raw)) for _ in range(arguments.runs)]
                            all_seconds, all_moving, peaks, moved = zip(*runs)
                            seconds, moving, peak = statistics.median(all_seconds), statistics.median(all_moving), max(peaks)
                            alone = max(moved[0]) / (arguments.rate * 1e6)
                            cost = {name: seconds * memory_mb / 1024 * price / (size / 1e9) for name, price in PRICES.items()}
                            print(f"| {export.name} | {raw} | {memory_mb} | {seconds:.2f} | {moving:.2f} | {alone:.2f} | {moving / alone:.2f} | {peak:.0f} | "
                                  f"{cost['x86_64']:.6f} | {cost['arm64']:.6f} |", flush=True)
            finally:
                server.kill()
                server.wait()
        wire.close()


if __name__ == "__main__":
    main()
