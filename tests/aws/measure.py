"""Figures of the functions as `sam build` makes them, on the emulator.

    sam build
    .tools/aws/bin/python tests/aws/measure.py starts
    .tools/aws/bin/python tests/aws/measure.py upload path/to/result.json [--limit-mib=256]

`starts` prints a table of sizes and cold starts, measured under AWS's Runtime Interface Emulator.
`upload` sends an export by a signed address and shows what the worker needed for it, under a limit of memory
where this machine lets one set it.
"""
import argparse
import pathlib
import re
import statistics
import subprocess
import tempfile
import json
import time
import zipfile

from application import Application
from emulator import ROOT, bootstraps, emulator, free_port
from rie import Bootstrap
from wire import Wire, until

BUILT = ROOT / ".aws-sam/build"
GROUPS = pathlib.Path("/sys/fs/cgroup/memory")


def starts(app, folder, arguments):
    print("| function | size, MB | zipped, MB | initialization, ms | first call, ms | next call, ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    events = {"Ingress": "ingress-process", "Upload": "upload-awaited", "Worker": "worker-one", "Status": "status-job",
              "Sweeper": "sweeper-schedule"}
    for name, function in app.functions.items():
        configuration = app.client("lambda").get_function_configuration(FunctionName=function["FunctionName"])
        environment = dict(configuration["Environment"]["Variables"], AWS_ENDPOINT_URL=app.endpoint)
        binary = BUILT / f"{name}Function/bootstrap"
        event = (ROOT / f"events/{events[name]}.json").read_bytes()
        figures = []
        for number in range(arguments.runs):
            log = folder / f"{name}{number}.log"
            with open(log, "wb") as out:
                bootstrap = Bootstrap(binary, environment, out)
                try:
                    bootstrap.invoke(event)
                    bootstrap.invoke(event)
                finally:
                    bootstrap.close()
            figures.append(durations(log.read_text()))
        sizes = [binary.stat().st_size / 1e6, zipped(binary, folder) / 1e6]
        initialization, first, second = (statistics.median(column) for column in zip(*figures))
        print(f"| {name.lower()} | {sizes[0]:.1f} | {sizes[1]:.1f} | {initialization:.0f} | {first:.0f} | {second:.0f} |", flush=True)


def durations(log):
    """What the emulator says of a start and of each call. (In its lines REPORT, the first call includes the start.)"""
    start = re.findall(r"INIT REPORT\(durationMs: ([\d.]+)\)", log)
    calls = re.findall(r"INVOKE RTDONE\(.*duration: ([\d.]+)ms\)", log)
    assert (len(start), len(calls)) == (1, 2), log
    return [float(figure) for figure in start + calls]


def zipped(binary, folder):
    """The bytes of a function's package."""
    package = folder / f"{binary.parent.name}.zip"
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(binary, "bootstrap")
    return package.stat().st_size


def limited(pid, mib):
    """Puts a process under a limit; whether this machine lets one."""
    group = GROUPS / f"resonare-{pid}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(mib << 20))
        (group / "cgroup.procs").write_text(str(pid))
    except OSError:
        return False
    return True


def upload(app, folder, arguments):
    export = pathlib.Path(arguments.export)
    size = export.stat().st_size
    answer = app.call("POST", "/data-prep/uploads", json.dumps({"size_bytes": size}).encode())[2]
    [part] = answer["parts"]
    headers = [f"-H{name}: {value}" for name, value in part["headers"].items()]
    subprocess.run(["curl", "-sSf", "-T", export, *headers, part["url"]], check=True)
    name = app.functions["Worker"]["FunctionName"]
    pid = until(lambda: next(bootstraps(name), None), 60)
    under_limit = limited(pid, arguments.limit_mib)
    started, peak = time.monotonic(), 0
    while True:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        peak = max(peak, int(re.search(r"VmHWM:\s+(\d+)", status).group(1)))
        job = app.job(answer["run_id"])
        if job["status"] in ("COMPLETED", "FAILED"):
            break
        time.sleep(0.2)
    print(f"{size / 1e6:.0f} MB: {job['status']}, attempts {job['attempts']}, {time.monotonic() - started:.1f} s, "
          f"peak of the worker {peak / 1024:.0f} MiB" + (f", limit {arguments.limit_mib} MiB" if under_limit else ""))
    print(job.get("error_message") or "", {name: job["stats"][name] for name in ("num_blocks", "num_chats") if job["stats"]})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["starts", "upload"])
    parser.add_argument("export", nargs="?")
    parser.add_argument("--limit-mib", type=int, default=256)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tokenizer", default="o200k_base")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "scratch").mkdir()
        port = free_port()
        wire = Wire(port)
        with emulator(folder / "emulator.log", folder / "scratch", port, wire.address):
            app = Application(f"http://127.0.0.1:{port}", wire, BUILT, "https://huggingface.co", f"Tokenizer={arguments.tokenizer}")
            {"starts": starts, "upload": upload}[arguments.what](app, folder, arguments)
        wire.close()


if __name__ == "__main__":
    main()
