"""Every way in, every state, and what can happen to a job there: its owner deletes it, its time is over, its event
or its message comes again. Nothing is left of a job that is gone, and nothing else changes."""
import contextlib
import json
import threading
import time
import urllib.parse
import uuid

from application import SAMPLE, check, send
from wire import until

# Longer than jobs are kept, than leases and than everything else.
AGES = 8 * 24 * 3600

# A configuration with which a job fails.
NOBODY = {"target_name": "Nobody"}


class Job:
    """A job that came in some way."""

    def __init__(self, app, way, config):
        self.app, self.way, self.config = app, way, config
        self.key = self.name = f"matrix-{uuid.uuid4()}"
        self.run_id = self.event = None
        getattr(self, f"begin_{way}")()

    def begin_body(self):
        query = "?" + urllib.parse.urlencode(self.config) if self.config else ""
        self.event = lambda: self.app.submit(query, headers={"Idempotency-Key": self.name})

    def begin_upload(self, size=SAMPLE.stat().st_size):
        body = json.dumps({"size_bytes": size, "config": self.config}).encode()
        status, _, self.upload = self.app.call("POST", "/data-prep/uploads", body)
        assert status == 201, self.upload
        self.run_id, self.key = self.upload["run_id"], f"uploads/{self.upload['run_id']}/payload"

    def begin_multipart(self):
        # Five gigabytes make several parts; then they are announced to be fewer bytes, which a test can send.
        self.begin_upload(6_000_000_000)
        with self.app.changed(self.run_id) as record:
            record["payload"]["size_bytes"] = SAMPLE.stat().st_size
        status, _, self.upload = self.app.call("GET", f"/data-prep/uploads/{self.run_id}/parts")
        assert status == 200 and self.upload["complete_url"], self.upload

    def begin_drop(self):
        self.key = f"uploads/{self.name}.json"

    def arrive(self):
        """The payload comes; from now on its event can come again."""
        if self.way == "body":
            self.run_id = self.event()
            self.key = f"{self.run_id}/payload"
            return self
        if self.way == "drop":
            metadata = {name.replace("_", "-"): urllib.parse.quote(value) for name, value in self.config.items()}
            # As other tools do.
            metadata["mtime"] = "1700000000.5"
            self.app.s3.put_object(Bucket=self.app.bucket, Key=self.key, Body=SAMPLE.read_bytes(), Metadata=metadata)
        else:
            [part] = self.upload["parts"]
            status, _, answer = send("PUT", part["url"], SAMPLE.read_bytes(), part["headers"])
            assert status == 200, answer
        event = None
        if self.way == "multipart":
            status, _, answer = self.app.call("POST", f"/data-prep/uploads/{self.run_id}/complete", b"{}")
            assert status == 200, answer
        event = self.app.object_created(self.key)
        self.event = lambda: self.app.invoke("Upload", event)
        self.event()
        if self.way == "drop":
            self.run_id = next(record["run_id"] for record in self.app.records() if record["payload"]["key"] == self.key)
        return self

    def status(self):
        status, _, job = self.app.call("GET", f"/data-prep/jobs/{self.run_id}")
        return job["status"] if status == 200 else None

    # --- What has to be so in the end ---

    def is_gone(self):
        """Nothing is left of it, neither what its owner sees nor what they don't."""
        until(lambda: self.status() is None, 10, f"{self} is there")

        def nothing_left():
            # What is left of a record waits for a worker that may be at it.
            self.app.age_if_there(self.run_id, AGES)
            self.app.sweep()
            return not self.app.keys(f"{self.run_id}/") and not self.app.keys(self.key) and not self.app.record(self.run_id)

        until(nothing_left, 20, f"something is left of {self}")

    def is_whole(self, expected):
        record = until(lambda: self.finished(), 60, f"{self} does not end")
        assert (record["status"], record["attempts"]) == ("COMPLETED", 1), record
        for name, content in expected.items():
            assert self.app.output(self.run_id, name) == content, (self, name)
        until(lambda: not self.app.keys(self.key), 20, f"the payload of {self} is left")

    def has_failed(self):
        record = until(lambda: self.finished(), 60, f"{self} does not end")
        assert (record["status"], record["attempts"]) == ("FAILED", 1), record
        # What somebody put may be the only copy.
        until(lambda: bool(self.app.keys(self.key)) == (self.way == "drop"), 20, f"the payload of {self}")

    def finished(self):
        record = self.app.record(self.run_id)
        return record if record and record["status"] in ("COMPLETED", "FAILED") else None

    def __repr__(self):
        return f"the {self.way} {self.run_id}"


class Matrix:
    def __init__(self, app, expected):
        self.app, self.expected, self.outcomes = app, expected, {}

    def jobs(self, state, ways, actions, config=None):
        """A job for each way and action, and the note of how it ended."""
        for way in ways:
            for action in actions:
                yield action, Job(self.app, way, dict(config or {})), (way, state, action)

    def note(self, case, outcome):
        self.outcomes[case] = outcome

    def act(self, action, job):
        if action == "delete":
            status, _, answer = self.app.call("DELETE", f"/data-prep/jobs/{job.run_id}")
            assert status == 204, (job, status, answer)
        elif action == "expire":
            self.app.age(job.run_id, AGES)
            self.app.sweep()
        elif action == "event":
            job.event()
        else:
            self.app.deliver(job.run_id)

    def awaiting(self):
        for action, job, case in self.jobs("awaiting", ["upload", "multipart"], ["delete", "expire", "message"]):
            self.act(action, job)
            if action == "message":
                time.sleep(1)
                assert job.status() == "AWAITING_UPLOAD"
                job.arrive().is_whole(self.expected)
                self.note(case, "waits, then whole")
            else:
                job.is_gone()
                self.note(case, "gone")

    def queued(self):
        with self.app.no_workers():
            cases = list(self.jobs("queued", WAYS, ACTIONS))
            for action, job, _ in cases:
                job.arrive()
                assert job.status() == "QUEUED", job
                self.act(action, job)
                if action in ("event", "message"):
                    assert job.status() == "QUEUED", job
        for action, job, case in cases:
            if action in ("delete", "expire"):
                job.is_gone()
                self.note(case, "gone")
            else:
                job.is_whole(self.expected)
                self.note(case, "once, whole")

    def running(self):
        for action, job, case in self.jobs("running", WAYS, ACTIONS):
            go_on = threading.Event()
            reading = self.app.by("Worker", "s3", "GET", key="payload" if job.way != "drop" else job.key)
            held = self.app.wire.fault(reading, before=go_on.wait)
            try:
                job.arrive()
                until(lambda: held.met and job.status() == "RUNNING", 30, f"{job} does not run")
                self.act(action, job)
            finally:
                go_on.set()
            if action in ("delete", "expire"):
                time.sleep(0.5)
                job.is_gone()
                self.note(case, "gone")
            else:
                job.is_whole(self.expected)
                self.note(case, "once, whole")
            self.app.wire.clear()

    def finished(self, state, config, as_it_was):
        cases = list(self.jobs(state, WAYS, ACTIONS, config))
        for _, job, _ in cases:
            as_it_was(job.arrive())
        for action, job, case in cases:
            before = self.app.objects(job.run_id)
            self.act(action, job)
            if action in ("delete", "expire"):
                job.is_gone()
                self.note(case, "gone")
            else:
                time.sleep(0.3)
                as_it_was(job)
                assert self.app.objects(job.run_id) == before, job
                self.note(case, "as it was")
                self.app.call("DELETE", f"/data-prep/jobs/{job.run_id}")

    def expired(self):
        """Its time is over, but the sweeper has not come yet."""
        cases = list(self.jobs("expired", WAYS, ["delete", "event", "message"]))
        for _, job, _ in cases:
            job.arrive().is_whole(self.expected)
        for action, job, case in cases:
            self.app.age(job.run_id, AGES)
            known = {record["run_id"] for record in self.app.records()}
            if action == "delete":
                assert self.app.call("DELETE", f"/data-prep/jobs/{job.run_id}")[0] == 404, job
            else:
                self.act(action, job)
                time.sleep(0.3)
            assert {record["run_id"] for record in self.app.records()} <= known, job
            assert job.status() is None, job
            job.is_gone()
            self.note(case, "not shown, then gone")


WAYS = ["body", "upload", "multipart", "drop"]
ACTIONS = ["delete", "expire", "event", "message"]


def all_of_it(app, folder, expected):
    matrix = Matrix(app, expected)
    before = app.counters(app.alice)
    # Events are made by the test, so that it has them to repeat.
    with app.no_notifications():
        matrix.awaiting()
        matrix.queued()
        if app.is_emulated:
            matrix.running()
        matrix.finished("completed", {}, lambda job: job.is_whole(expected))
        matrix.finished("failed", NOBODY, lambda job: job.has_failed())
        matrix.expired()
    assert app.counters(app.alice) == before, "the owner's counters"
    for state in dict.fromkeys(state for _, state, _ in matrix.outcomes):
        for way in WAYS:
            row = {action: outcome for (w, s, action), outcome in matrix.outcomes.items() if (w, s) == (way, state)}
            if row:
                print(f"     {state:9} {way:9} " + "; ".join(f"{action}: {outcome}" for action, outcome in row.items()), flush=True)
    check(f"{len(matrix.outcomes)} cases of a way in, a state and what can happen there")


def room_comes(app, folder, expected):
    """What somebody puts while they have as many jobs as they may waits until they have room."""
    size = json.dumps({"size_bytes": 10}).encode()
    uploads = []
    with contextlib.suppress(StopIteration):
        while True:
            status, _, upload = app.call("POST", "/data-prep/uploads", size, caller=app.bob)
            if status == 429:
                break
            assert status == 201, upload
            uploads.append(upload["run_id"])
    assert len(uploads) > 5
    with app.no_notifications():
        key = "uploads/at the limit.json"
        app.s3.put_object(Bucket=app.bucket, Key=key, Body=SAMPLE.read_bytes())
        event = app.object_created(key, app.bob)
        for _ in range(2):
            app.invoke("Upload", event)
        [record] = [record for record in app.records() if record["payload"]["key"] == key]
        assert record["status"] == "QUEUED" and "waiting: " in record["error_message"], record
        assert key in app.keys("uploads/")
        assert app.call("DELETE", f"/data-prep/jobs/{uploads.pop()}", caller=app.bob)[0] == 204
        app.age(record["run_id"], 600)
        app.sweep()
        done = until(lambda: app.finished_record(record["run_id"]), 30, "it was not taken")
        assert done["status"] == "COMPLETED" and done["error_message"] is None, done
    for run_id in [*uploads, record["run_id"]]:
        assert app.call("DELETE", f"/data-prep/jobs/{run_id}", caller=app.bob)[0] == 204
    assert app.counters(app.bob)["active"] == 0
    check("an object that comes at the limit waits for room, also when its event comes again")


def put_again(app, folder, expected):
    """What is put again with its metadata corrected is another job, which the end of the first one does not touch."""
    key = "uploads/put again.json"
    put = lambda **metadata: app.s3.put_object(Bucket=app.bucket, Key=key, Body=SAMPLE.read_bytes(), Metadata=metadata)
    with app.no_notifications():
        put(**{"min-tokens-per-block": "many"})
        app.invoke("Upload", app.object_created(key))
        [first] = [record for record in app.records() if record["payload"]["key"] == key]
        assert first["status"] == "FAILED" and "upload it again" in first["error_message"], first
        # S3 tells times to the second.
        time.sleep(1.5)
        with app.no_workers():
            put()
            app.invoke("Upload", app.object_created(key))
            [second] = [r for r in app.records() if r["payload"]["key"] == key and r["run_id"] != first["run_id"]]
            assert app.call("DELETE", f"/data-prep/jobs/{first['run_id']}")[0] == 204
            assert key in app.keys("uploads/"), "the end of the first job took the second one's payload"
        app.completed(second["run_id"], expected, attempts=1)
        until(lambda: key not in app.keys("uploads/"), 20, "the payload is left")
    check("an object that is put again with its metadata corrected is another job's")
