"""The whole application on an emulator: template.yaml is deployed with `sam deploy`, the functions'
own binaries run, and everything is driven from outside, over HTTP and by uploads. Then things are made to
fail. Every call that a function makes is compared with what the template permits it.

    cargo build --workspace --bins
    .tools/aws/bin/python tests/aws/flow.py

`cargo xtask test` does both. What `sam build` would do (a folder with `bootstrap` for each function,
and a template that names it) is done here, with binaries that are built already.
"""
import argparse
import contextlib
import gzip
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import uuid

import faults
import matrix
import operating
import stacks
from account import Account
from application import BINARIES, MODEL, SAMPLE, SECRET, Application, built, check, prepared, send
from emulator import ROOT, emulator, free_port
from permissions import compare
from rie import Bootstrap
from wire import Wire

# Names and texts of the sample, which no log may hold.
PRIVATE = ["Jonas", "Mira", "Gerald", "Rutter", "Priya", "lentil", SECRET]

# A tokenizer that counts words.
TINY = json.dumps({
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
    "model": {"type": "WordLevel", "vocab": {"x": 0, "hello": 1}, "unk_token": "x"},
}).encode()


class Hub(http.server.BaseHTTPRequestHandler):
    """A model hub with one tokenizer, for those who know the secret."""

    served = []

    def do_GET(self):
        allowed = self.headers.get("Authorization") == f"Bearer {SECRET}"
        known = allowed and self.path == "/org/tiny/resolve/main/tokenizer.json"
        Hub.served.append(known)
        self.send_response(200 if known else 404)
        self.send_header("X-Repo-Commit", "abc123")
        self.send_header("Content-Length", str(len(TINY) if known else 0))
        self.end_headers()
        self.wfile.write(TINY if known else b"")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def hub():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def on_the_emulator():
    with tempfile.TemporaryDirectory() as temporary, hub() as hub_address:
        folder = pathlib.Path(temporary)
        scratch = folder / "scratch"
        scratch.mkdir()
        port = free_port()
        wire = Wire(port)
        try:
            with emulator(folder / "emulator.log", folder / "scratch", port, wire.address):
                app = Application(f"http://127.0.0.1:{port}", wire, built(folder / "built"), hub_address)
                for step in [*EVERYWHERE, *ON_THE_EMULATOR]:
                    step(app, folder, prepared(folder))
        except BaseException:
            sys.stderr.write((folder / "emulator.log").read_text()[-6000:])
            raise
        finally:
            wire.close()


def on_an_account(profile, region):
    """The same on AWS; what differs is printed, and the stack is removed in the end."""
    account = Account(profile, region)
    differs = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        try:
            account.begin()
            for step in EVERYWHERE:
                try:
                    step(account, folder, prepared(folder))
                except AssertionError as difference:
                    differs += 1
                    print(f"DIFFERS  {step.__name__}: {difference}", flush=True)
        finally:
            account.remove()
    print("left out, since only an emulator can do it: " + ", ".join(step.__name__ for step in ON_THE_EMULATOR))
    return differs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", help="drive an account of AWS with this profile instead of the emulator")
    parser.add_argument("--region", help="the account's region")
    arguments = parser.parse_args()
    if arguments.profile:
        sys.exit(1 if on_an_account(arguments.profile, arguments.region) else 0)
    on_the_emulator()


def permissions(app, folder, expected):
    wrong = compare(app, app.wire)
    assert not wrong, "\n".join(wrong)
    check(f"the template permits the functions what they did in {len(app.wire.calls)} calls, and nothing else")


def logs(app, folder, expected):
    lines = list(app.logs())
    assert any("job completed" in line for line in lines), lines
    for line in lines:
        assert not any(name in line for name in PRIVATE), line
    check("no log names anybody")


def service(app, folder, expected):
    status, _, health = app.call("GET", "/data-prep/system/health")
    assert (status, health["status"], health["s3"]) == (200, "healthy", "connected"), health
    status, _, description = app.call("GET", "/data-prep/openapi.json")
    assert status == 200 and description["openapi"].startswith("3.1")
    text = (ROOT / "template.yaml").read_text()
    for path, item in description["paths"].items():
        for method in item:
            assert f"RouteKey: {method.upper()} {path}\n" in text, path
    check("health and description; every described route is deployed")


def submissions(app, folder, expected):
    run_id = app.submit()
    job = app.completed(run_id, expected, attempts=1)
    assert [output["name"] for output in job["outputs"]] == [
        "train.jsonl", "processed.json", "raw.json", "stats.json", "report.html"]
    json.loads(app.output(run_id, "raw.json"))
    kinds = {name: app.kind(run_id, name) for name in ("train.jsonl", "report.html")}
    assert kinds["report.html"] == ("text/html; charset=utf-8", "inline") and kinds["train.jsonl"][1] == "attachment", kinds
    check("a body becomes the bytes that `resonare prepare` gives")

    with app.forwarder() as address:
        export = folder / "result.json"
        export.write_bytes(SAMPLE.read_bytes())
        for number, options in enumerate([[], ["--system-prompt=Be kind."]]):
            output = folder / f"submitted{number}"
            submit = [BINARIES / "resonare", "submit", export, f"--api={address}", f"--aws-region={app.region}",
                      f"--output-dir={output}", *options]
            done = subprocess.run(submit, env=app.environment(app.alice), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert done.returncode == 0, done.stdout
            [run] = output.iterdir()
            for name, content in prepared(folder, *options).items():
                assert (run / name).read_bytes() == content, name
    check("`resonare submit` signs its calls, sends a body or uploads, and fetches the same bytes")

    key = {"Idempotency-Key": "once"}
    assert app.submit(headers=key) == app.submit(headers=key)
    status, headers, jobs = app.call("GET", "/data-prep/jobs?limit=2&status=COMPLETED")
    assert status == 200 and list(jobs) and "rel=\"next\"" in headers["Link"], (jobs, headers)
    status, _, queue = app.call("GET", "/data-prep/system/queue")
    assert status == 200 and run_id in queue["jobs"], queue
    assert app.call("DELETE", f"/data-prep/jobs/{run_id}")[0] == 204
    assert app.call("GET", f"/data-prep/jobs/{run_id}")[0] == 404
    assert app.keys(run_id) == []
    check("a repeated request is one job; jobs are listed and deleted")


def uploads(app, folder, expected):
    size = SAMPLE.stat().st_size
    config = {"system_prompt": "Be kind. Ü", "message_delimiter": ""}
    status, _, upload = app.call("POST", "/data-prep/uploads", json.dumps({"size_bytes": size, "config": config}).encode())
    assert status == 201, upload
    [part] = upload["parts"]
    assert app.call("POST", f"/data-prep/uploads/{upload['run_id']}/complete", b"{}")[0] == 409
    assert send("PUT", part["url"], SAMPLE.read_bytes(), part["headers"])[0] == 200
    assert send("PUT", part["url"], SAMPLE.read_bytes(), part["headers"])[0] == 412
    app.completed(upload["run_id"], prepared(folder, "--system-prompt=Be kind. Ü", "--message-delimiter="))
    status, _, again = app.call("POST", f"/data-prep/uploads/{upload['run_id']}/complete", b"{}")
    assert status == 200, again
    check("a presigned upload does, and cannot be overwritten")

    status, _, upload = app.call("POST", "/data-prep/uploads", json.dumps({"size_bytes": 6_000_000_000}).encode())
    assert status == 201 and len(upload["parts"]) > 50, upload
    path = f"/data-prep/uploads/{upload['run_id']}"
    status, _, anew = app.call("GET", f"{path}/parts")
    assert status == 200 and len(anew["parts"]) == len(upload["parts"]), anew
    [first, *_] = anew["parts"]
    other = {**first["headers"], "content-length": "1000"}
    assert send("PUT", first["url"], b" " * 1000, other)[0] == 403, "the size is signed"
    assert app.call("POST", f"{path}/complete", b"{}")[0] == 409
    assert app.call("DELETE", f"/data-prep/jobs/{upload['run_id']}")[0] == 204
    assert "Uploads" not in app.s3.list_multipart_uploads(Bucket=app.bucket)
    check("an upload of several parts has addresses for all, and nothing is left of it when it is deleted")


def drops(app, folder, expected):
    metadata = {"target-name": "user501", "message-delimiter": urllib.parse.quote("Я")}
    key = "uploads/экспорт 1+2.json"
    app.s3.put_object(Bucket=app.bucket, Key=key, Body=SAMPLE.read_bytes(), Metadata=metadata)
    [record] = app.dropped(key)
    assert record["status"] == "COMPLETED" and record["config"]["message_delimiter"] == "Я", record
    stored(app, record, prepared(folder, "--target-name=user501", "--message-delimiter=Я"))
    app.s3.put_object(Bucket=app.bucket, Key="uploads/wrong.json", Body=b"[]", Metadata={"min-tokens-per-block": "many"})
    assert "min_tokens_per_block" in app.dropped("uploads/wrong.json")[0]["error_message"]
    app.s3.put_object(Bucket=app.bucket, Key="uploads/page.json", Body=b"<html>")
    assert app.dropped("uploads/page.json")[0]["status"] == "FAILED"
    check("objects under uploads/ do, with their metadata and names in Cyrillic")

    # The same export, and then as much white space as makes two parts of it.
    large = SAMPLE.read_bytes() + b" " * (6 << 20)
    export = folder / "large.json"
    export.write_bytes(large)
    key = "uploads/large.json"
    upload = app.s3.create_multipart_upload(Bucket=app.bucket, Key=key)["UploadId"]
    parts = []
    for number, part in enumerate([large[:5 << 20], large[5 << 20:]], 1):
        put = app.s3.upload_part(Bucket=app.bucket, Key=key, UploadId=upload, PartNumber=number, Body=part)
        parts.append({"PartNumber": number, "ETag": put["ETag"]})
    app.s3.complete_multipart_upload(Bucket=app.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
    [record] = app.dropped(key)
    assert record["status"] == "COMPLETED", record
    stored(app, record, prepared(folder, export=export))
    assert key not in app.keys("uploads/")
    check("so does one that was put in parts")


def stored(app, record, expected):
    for name, content in expected.items():
        found = app.s3.get_object(Bucket=app.bucket, Key=f"{record['run_id']}/data/{name}")["Body"].read()
        assert found == content, name


def tokenizers(app, folder, expected):
    for _ in range(2):
        job = app.wait(app.submit("?model_id=org%2Ftiny&min_tokens_per_block=10"))
        assert job["status"] == "COMPLETED" and job["stats"]["tokenizer"]["source"] == "hub:org/tiny@abc123", job
        # Another environment finds it in the bucket.
        app.kill("Worker")
    assert Hub.served == [True], Hub.served
    assert "tokenizers/org/tiny/tokenizer.json" in app.keys("tokenizers/")
    check("a model's tokenizer comes from the hub with the secret's token, then from the bucket")


def refusals(app, folder, expected):
    for path, body, more, expected_status in [
        ("/data-prep/process", b'{"name":"x","messages":oops}', {}, 400),
        ("/data-prep/process", b"[]", {"Content-Type": "text/plain"}, 415),
        # As API Gateway damages a compressed body that is called JSON.
        ("/data-prep/process", gzip.compress(b"[]").decode(errors="replace").encode(), {}, 415),
        ("/data-prep/process?tokenizer=%2Fetc%2Fpasswd", b"[]", {}, 422),
        ("/data-prep/process", b"[" + b" " * 4_000_000 + b"]", {}, 413),
        ("/data-prep/jobs/no-job", None, {}, 404),
        ("/data-prep/jobs?limit=0", None, {}, 422),
    ]:
        status, headers, problem = app.call("POST" if body else "GET", path, body, more)
        assert status == expected_status, (path, status, problem)
        assert headers["Content-Type"] == "application/problem+json", problem
    check("errors are problem documents")


def callers(app, folder, expected):
    run_id = app.submit()
    app.wait(run_id)
    for method, path in [("GET", ""), ("GET", "/outputs/train.jsonl"), ("DELETE", "")]:
        status, _, problem = app.call(method, f"/data-prep/jobs/{run_id}{path}", caller=app.bob)
        assert status == 404, (method, path, status, problem)
        status, _, answer = app.call(method, f"/data-prep/jobs/{run_id}{path}", signed=False)
        assert status == 403, (method, path, status, answer)
    size = json.dumps({"size_bytes": 10}).encode()
    upload = app.call("POST", "/data-prep/uploads", size)[2]["run_id"]
    for method, path in [("GET", "parts"), ("POST", "complete")]:
        assert app.call(method, f"/data-prep/uploads/{upload}/{path}", caller=app.bob)[0] == 404
    assert app.call("GET", "/data-prep/jobs", caller=app.bob)[2] == {}
    own = app.submit(caller=app.bob)
    assert list(app.call("GET", "/data-prep/jobs", caller=app.bob)[2]) == [own]
    assert app.job(run_id)["status"] == "COMPLETED"
    assert app.call("GET", f"/data-prep/jobs/{own}")[0] == 404
    assert app.call("DELETE", f"/data-prep/jobs/{upload}")[0] == 204
    status, _, answer = app.call("POST", "/data-prep/process", b"[]", signed=False)
    assert status == 403, (status, answer)
    check("the jobs of others are not there, and who does not sign is refused")


def buckets(app, folder, expected):
    """`resonare prepare` from and to a bucket."""
    s3, own = app.client("s3"), f"resonare-own-{uuid.uuid4()}"
    place = {} if app.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": app.region}}
    s3.create_bucket(Bucket=own, **place)
    s3.put_object(Bucket=own, Key="in/result.json", Body=SAMPLE.read_bytes())
    s3.put_object(Bucket=own, Key="tiny.json", Body=TINY)
    environment = dict(app.environment(), RESONARE_OUTPUT__S3_BUCKET=own, RESONARE_OUTPUT__S3_REGION=app.region)

    def run(run_id, *options, modes="local,s3", export=f"s3://{own}/in/result.json"):
        command = [BINARIES / "resonare", "prepare", export, f"--model-id={MODEL}", f"--run-id={run_id}",
                   f"--output-dir={folder}/own", *options]
        return subprocess.run(command, env=dict(environment, RESONARE_OUTPUT__MODES=modes), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def objects(run_id):
        listed = s3.list_objects_v2(Bucket=own, Prefix=f"{run_id}/").get("Contents", [])
        return {item["Key"].rsplit("/", 1)[1]: s3.get_object(Bucket=own, Key=item["Key"])["Body"].read() for item in listed}

    done = run("both")
    assert done.returncode == 0 and f"s3://{own}/both/data/:" in done.stdout, done.stdout
    found = objects("both")
    json.loads(found.pop("raw.json"))
    local = {path.name: path.read_bytes() for path in (folder / "own/both").iterdir()}
    assert found == local == expected
    without_raw = prepared(folder, "--output-raw=never")
    done = run("s3-only", "--output-raw=never", modes="s3", export=SAMPLE)
    assert done.returncode == 0 and objects("s3-only") == without_raw, done.stdout
    assert [path.name for path in (folder / "own").iterdir()] == ["both"]
    assert run("both", "--output-raw=never").returncode == 0 and objects("both") == without_raw
    done = run("both", "--target-name=Nobody")
    found = objects("both")
    assert done.returncode == 1 and json.loads(found.pop("stats.failed.json"))["error"], done.stdout
    assert found == without_raw, "outputs of an earlier run stay"
    assert run("both", "--output-raw=never").returncode == 0 and objects("both") == without_raw
    done = run("first", "--target-name=Nobody")
    assert done.returncode == 1 and sorted(objects("first")) == ["report.html", "stats.json"], done.stdout
    done = run("tiny", f"--tokenizer=s3://{own}/tiny.json", "--min-tokens-per-block=10")
    assert done.returncode == 0, done.stdout
    done = run("gone", export=f"s3://{own}/in/other.json")
    assert done.returncode == 1 and f"s3://{own}/in/other.json does not exist" in done.stdout, done.stdout
    environment["RESONARE_OUTPUT__S3_BUCKET"] = f"{own}-not"
    done = run("lost")
    assert done.returncode == 1 and "NoSuchBucket" in done.stdout, done.stdout
    assert (folder / "own/lost/train.jsonl").read_bytes() == expected["train.jsonl"]
    for item in s3.list_objects_v2(Bucket=own).get("Contents", []):
        s3.delete_object(Bucket=own, Key=item["Key"])
    s3.delete_bucket(Bucket=own)
    check("`resonare prepare` reads an object, and writes the same bytes into a bucket")


def samples(app, folder, expected):
    """Every event in events/, by the platform and under AWS's Runtime Interface Emulator."""
    answers = {
        "ingress-process": 202, "ingress-process-gzip": 202, "ingress-uploads": 201, "ingress-upload-parts": 404, "ingress-upload-complete": 404,
        "status-jobs": 200, "status-job": 404, "status-job-delete": 404, "status-output": 404, "status-queue": 200,
        "status-health": 200, "status-openapi": 200,
        "worker-one": [], "worker-several": ["00000000-0000-4000-8000-000000000002"],
        "upload-awaited": None, "upload-dropped": None, "sweeper-schedule": None,
    }
    events = {event.stem: event.read_bytes() for event in (ROOT / "events").glob("*.json")}
    assert set(events) == set(answers)

    def compared(event, answer):
        expected = answers[event]
        if isinstance(expected, int):
            assert answer["statusCode"] == expected, (event, answer)
        elif isinstance(expected, list):
            failures = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
            assert failures == expected, (event, answer)
        else:
            assert answer is None, (event, answer)

    for name, function in app.functions.items():
        own = {event: content for event, content in events.items() if event.startswith(name.lower() + "-")}
        for event, content in own.items():
            compared(event, app.invoke(name, content))
        if not app.is_emulated:
            continue
        environment = dict(function["Environment"]["Variables"], AWS_ENDPOINT_URL=app.wire.address)
        binary = folder / f"built/{name}Function/bootstrap"
        with open(folder / f"{name}.log", "wb") as log:
            bootstrap = Bootstrap(binary, environment, log)
            try:
                for event, content in own.items():
                    compared(event, bootstrap.invoke(content))
            finally:
                bootstrap.close()
        assert "panicked" not in (folder / f"{name}.log").read_text(), name
    check("every sample in events/ is understood, by the platform and under the Runtime Interface Emulator")


# What an account lets one do, and what takes an emulator: faults on the wire, a hub of its own, other stacks
# within seconds, policies that are compared with calls.
EVERYWHERE = [
    service, submissions, uploads, drops, refusals, callers, buckets, samples, matrix.put_again, matrix.room_comes, matrix.all_of_it, logs,
    *operating.EVERYWHERE,
]
ON_THE_EMULATOR = [
    tokenizers, stacks.a_table_of_version_0_1_is_taken_over, stacks.a_token_in_a_parameter, faults.all_of_them, permissions, logs,
    stacks.two_side_by_side, stacks.a_first_deployment_that_fails, *operating.ON_THE_EMULATOR,
]

if __name__ == "__main__":
    main()
