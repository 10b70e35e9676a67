"""What each operation costs, with few jobs and with many: calls, units of DynamoDB, requests of S3 and SQS.

    cargo build --workspace --bins
    .tools/aws/bin/python tests/aws/costs.py [--jobs=100,10000,100000]

Units are computed from the bytes of the calls, as DynamoDB charges them; an emulator's own figures are not used.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
"""
import argparse
import collections
import json
import math
import pathlib
import tempfile
import threading
import time
import uuid

from application import SAMPLE, Application, built, place_of_due
from emulator import emulator, free_port
from wire import Wire, until

# Dollars, us-east-1, November 2026.
PRICES = {"read units": 0.125e-6, "write units": 0.625e-6, "S3 writes and lists": 5e-6, "S3 reads": 0.4e-6, "SQS": 0.4e-6}
# Far away, so that no sweep looks at them.
LATER = "2036-01-01T00:00:00Z"
INDEXES = {"by-owner": ["owner", "created"], "by-status": ["owner_status", "created"], "by-due": ["lane", "due"]}


def size(value):
    """Bytes of an item or of a value in it.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
    [(kind, inner)] = value.items() if len(value) == 1 and next(iter(value)) in "SNBM" + "BOOL" else [("item", value)]
    if kind == "item":
        return sum(len(name.encode()) + size(part) for name, part in value.items())
    if kind == "N":
        return len(inner) // 2 + 2
    return 1 if kind == "BOOL" else len(inner.encode())


def index_entries(item):
    """Where the indexes have an item, as they hold it: its keys alone."""
    return {name: {key: item[key] for key in [*keys, "pk"]} for name, keys in INDEXES.items() if item and all(key in item for key in keys)}


class Meter:
    """Counts what the calls of the functions cost. It knows the items as they are."""

    def __init__(self, app):
        self.app, self.items, self.position = app, {}, len(app.wire.calls)
        self.refresh()

    def refresh(self):
        pages = self.app.client("dynamodb").get_paginator("scan").paginate(TableName=self.app.table)
        self.items = {item["pk"]["S"]: item for page in pages for item in page["Items"]}
        self.position = len(self.app.wire.calls)

    def spent(self):
        """Since it was asked last."""
        calls = self.app.wire.calls[self.position:]
        self.position = len(self.app.wire.calls)
        total = collections.Counter()
        for call, status in calls:
            total["calls"] += 1
            if call.service == "dynamodb":
                self.dynamodb(call, status, total)
            elif call.service == "sqs":
                total["SQS"] += 1
            elif call.service == "s3":
                self.s3(call, total)
        return total

    @staticmethod
    def s3(call, total):
        if call.method == "DELETE" or (call.method == "POST" and "delete" in call.query):
            return
        is_list = call.method == "GET" and (not call.key or "uploadId" in call.query)
        total["S3 writes and lists" if call.method in ("PUT", "POST") or is_list else "S3 reads"] += 1

    def dynamodb(self, call, status, total):
        body, answer = json.loads(call.body), json.loads(call.answer or b"{}")
        kind = call.operation
        if kind == "GetItem":
            total["read units"] += read_units(size(answer.get("Item", {"pk": {"S": ""}})), body.get("ConsistentRead"))
        elif kind == "BatchGetItem":
            for items in answer.get("Responses", {}).values():
                total["read units"] += sum(read_units(size(item), False) for item in items)
        elif kind == "Query":
            total["read units"] += read_units(sum(size(item) for item in answer.get("Items", [])), False)
        elif kind == "TransactWriteItems":
            for item in body["TransactItems"]:
                [(write, what)] = item.items()
                self.write(write, what, status == 200, total, 2)
        else:
            self.write(kind.removesuffix("Item"), body, status == 200, total, 1)

    def write(self, kind, what, happens, total, factor):
        key = what["Item"]["pk"]["S"] if kind == "Put" else what["Key"]["pk"]["S"]
        before = self.items.get(key, {})
        after = {"Put": lambda: what["Item"], "Delete": lambda: {}, "Update": lambda: {**what["Key"], **before}}[kind]()
        if kind == "Update" and happens:
            found = self.app.client("dynamodb").get_item(TableName=self.app.table, Key=what["Key"])
            after = found.get("Item", {})
        total["write units"] += factor * max(1, math.ceil(max(size(before), size(after)) / 1024))
        if not happens:
            return
        old, new = index_entries(before), index_entries(after)
        for name in INDEXES:
            if old.get(name) != new.get(name):
                total["write units"] += (name in old) + (name in new)
        self.items[key] = after


def read_units(bytes_read, consistent):
    return max(1, math.ceil(bytes_read / 4096)) * (1 if consistent else 0.5)


def fill(app, count, owners):
    """Puts unfinished jobs into the table: copies of a queued one."""
    with app.no_workers():
        run_id = app.submit()
        record = app.record(run_id)
        app.call("DELETE", f"/data-prep/jobs/{run_id}")
    record["due_at"] = LATER
    table = app.session.resource("dynamodb", endpoint_url=app.endpoint).Table(app.table)
    with table.batch_writer() as batch:
        for number in range(count):
            record["run_id"] = str(uuid.uuid4())
            record["owner"] = owners(number)
            pk = f"job#{record['run_id']}"
            created = f"{1_600_000_000_000_000 + number:020}_{record['run_id']}"
            batch.put_item(Item=dict(
                pk=pk, revision=record["revision"], record=json.dumps(record), owner=record["owner"], created=created,
                owner_status=f"{record['owner']}#QUEUED", lane=str(number % 8), due=place_of_due(LATER, pk), ttl=2_000_000_000,
            ))


def operations(app, meter):
    """Each operation, and what it cost."""
    with app.no_workers():
        run_id = app.submit()
        yield "submit", meter.spent()
        app.call("GET", f"/data-prep/jobs/{run_id}")
        yield "poll a queued job", meter.spent()
        app.call("GET", "/data-prep/jobs?limit=50")
        yield "list 50 jobs", meter.spent()
        app.call("GET", "/data-prep/jobs?limit=50&status=QUEUED")
        yield "list 50 of one status", meter.spent()
        app.call("GET", "/data-prep/system/queue")
        yield "look at the queue", meter.spent()
        doomed = app.submit()
        meter.spent()
        app.call("DELETE", f"/data-prep/jobs/{doomed}")
        yield "delete a queued job", meter.spent()
    until(lambda: app.record(run_id)["status"] == "COMPLETED" and not app.keys(f"{run_id}/payload"), 60)
    time.sleep(0.5)
    yield "claim, work and commit", meter.spent()
    app.call("GET", f"/data-prep/jobs/{run_id}")
    yield "poll a completed job", meter.spent()
    go_on = threading.Event()
    held = app.wire.fault(app.by("Worker", "s3", "GET", key="payload"), before=go_on.wait)
    long = app.submit()
    until(lambda: held.met, 30)
    time.sleep(1)
    meter.spent()
    # A lease is extended when a quarter of its minute is over.
    time.sleep(15)
    yield "extend a lease", meter.spent()
    go_on.set()
    until(lambda: app.record(long)["status"] == "COMPLETED", 30)
    time.sleep(0.5)
    meter.spent()
    app.deliver(run_id)
    time.sleep(1)
    yield "a second delivery", meter.spent()
    app.sweep()
    yield "a sweep with nothing due", meter.spent()
    app.age(run_id, 8 * 24 * 3600)
    meter.refresh()
    app.sweep()
    yield "expire one job (a sweep)", meter.spent()


def hundred_due(app, meter):
    """A sweep with a hundred jobs due."""
    queued = [pk for pk, item in meter.items.items() if item.get("owner_status", {}).get("S", "").endswith("#QUEUED")][:100]
    for pk in queued:
        app.age(pk.removeprefix("job#"), 20 * 365 * 24 * 3600)
    meter.refresh()
    begun = time.monotonic()
    app.sweep()
    return meter.spent(), time.monotonic() - begun


def table(columns):
    """A row for each operation, a column for each number of jobs."""
    names = list(columns)
    print("| operation | " + " | ".join(names) + " | dollars per 1,000 |")
    print("|---|" + "---|" * (len(names) + 1))
    for operation in columns[names[0]]:
        cells = [costs(columns[name][operation]) for name in names]
        dollars = 1000 * sum(PRICES.get(kind, 0) * number for kind, number in columns[names[-1]][operation].items())
        print(f"| {operation} | " + " | ".join(cells) + f" | {dollars:.4f} |")


def costs(total):
    return (f"{total['calls']} calls: {total['read units']:g} R, {total['write units']:g} W, "
            f"{total['S3 writes and lists']}+{total['S3 reads']} S3, {total['SQS']} SQS")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", default="100,10000,100000")
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.jobs.split(",")]
    columns, sweeps = {}, {}
    for owners in ("one owner", "many owners"):
        for count in counts:
            with tempfile.TemporaryDirectory() as temporary:
                folder = pathlib.Path(temporary)
                (folder / "scratch").mkdir()
                port = free_port()
                wire = Wire(port)
                with emulator(folder / "emulator.log", folder / "scratch", port, wire.address):
                    app = Application(f"http://127.0.0.1:{port}", wire, built(folder / "built"), "http://127.0.0.1:9",
                                      "MaxActiveJobs=10000000")
                    # No other sweep comes before the one that is measured.
                    scheduler = app.client("scheduler")
                    for schedule in scheduler.list_schedules()["Schedules"]:
                        scheduler.delete_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])
                    own = f"iam:{app.account}:{app.ids[app.alice]}"
                    fill(app, count, (lambda number: own) if owners == "one owner" else lambda number: f"iam:1:{number}")
                    meter = Meter(app)
                    columns[f"{count} of {owners}"] = dict(operations(app, meter))
                    meter.refresh()
                    sweeps[f"{count} of {owners}"] = hundred_due(app, meter)
                wire.close()
                print(f"{count} of {owners}: measured", flush=True)
    table(columns)
    for name, (total, seconds) in sweeps.items():
        print(f"a sweep with 100 due among {name}: {costs(total)}, {seconds:.1f} s")


if __name__ == "__main__":
    main()
