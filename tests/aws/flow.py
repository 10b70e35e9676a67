"""The whole application on an emulator: template.yaml is deployed with `sam deploy`, the functions'
own binaries run, and everything is driven from outside, over HTTP and by uploads.

    cargo build --workspace --bins
    .tools/aws/bin/python tests/aws/flow.py

`cargo xtask test` does both. What `sam build` would do (a folder with `bootstrap` for each function,
and a template that names it) is done here, with binaries that are built already.
"""
import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools/aws/bin"
BINARIES = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
SAMPLE = ROOT / "sample/result.json"
REGION = "us-east-1"
STACK = "flow"
# Names and texts of the sample, which no log may hold.
PRIVATE = ["Jonas", "Mira", "Gerald", "Rutter", "Priya"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def emulator(folder):
    port = free_port()
    environment = dict(
        os.environ,
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        LOCALSTACK_HOSTNAME=f"127.0.0.1:{port}",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LAMBDA_EXECUTOR="local",
    )
    with open(folder / "emulator.log", "wb") as log:
        process = subprocess.Popen([TOOLS / "ministack"], env=environment, stdout=log, stderr=log)
        try:
            for _ in range(300):
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def built(folder):
    """The folder that `sam build` makes."""
    template = (ROOT / "template.yaml").read_text().replace("    CodeUri: .\n", "")
    pattern = r"(  (\w+)Function:\n    Type: AWS::Serverless::Function\n)    Metadata:\n((?:      .*\n)+?)    Properties:\n"
    names = []

    def function(match):
        name, binary = match.group(2), re.search(r"Binary: (\w+)", match.group(3)).group(1)
        names.append(name)
        place = folder / f"{name}Function"
        place.mkdir()
        shutil.copy(BINARIES / binary, place / "bootstrap")
        subprocess.run(["strip", place / "bootstrap"], check=True)
        return f"{match.group(1)}    Properties:\n      CodeUri: {name}Function\n"

    (folder / "template.yaml").write_text(re.sub(pattern, function, template))
    assert len(names) == 5, names
    return folder


class Application:
    def __init__(self, endpoint, folder):
        self.endpoint = endpoint
        settings = dict(
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_DEFAULT_REGION=REGION,
            AWS_ENDPOINT_URL=endpoint,
            SAM_CLI_TELEMETRY="0",
        )
        deploy = [
            TOOLS / "sam", "deploy", "--template", "template.yaml", "--stack-name", STACK,
            "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset",
            "--parameter-overrides", "Tokenizer=o200k_base",
        ]
        done = subprocess.run(deploy, cwd=built(folder), env=dict(os.environ, **settings), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout
        session = boto3.Session("test", "test", region_name=REGION)
        self.client = lambda service: session.client(service, endpoint_url=endpoint)
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self.host = urllib.parse.urlparse(outputs["ApiUrl"]).netloc
        self.bucket = outputs["BucketName"]
        self.s3 = self.client("s3")

    def call(self, method, path, body=None, headers=None):
        """A signed call; status, headers and JSON."""
        headers = dict(headers or {}, Host=self.host)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        request = AWSRequest(method, self.endpoint + path, data=body, headers=headers)
        SigV4Auth(Credentials("test", "test"), "execute-api", REGION).add_auth(request)
        return send(method, self.endpoint + path, body, dict(request.headers))

    def submit(self, query="", **more):
        status, _, accepted = self.call("POST", "/data-prep/process" + query, SAMPLE.read_bytes(), **more)
        assert status == 202, accepted
        assert accepted["message"] == "Job accepted and enqueued"
        return accepted["run_id"]

    def wait(self, run_id):
        for _ in range(300):
            status, _, job = self.call("GET", f"/data-prep/jobs/{run_id}")
            assert status == 200, job
            if job["status"] in ("COMPLETED", "FAILED"):
                return job
            time.sleep(0.2)
        raise AssertionError(job)

    def output(self, run_id, name):
        path = f"/data-prep/jobs/{run_id}/outputs/{name}"
        status, headers, _ = self.call("GET", path)
        assert status == 307
        status, _, answer = self.call("GET", path + "?redirect=false")
        assert status == 200 and urllib.parse.urlparse(answer["url"]).path == urllib.parse.urlparse(headers["Location"]).path
        with urllib.request.urlopen(answer["url"]) as response:
            return response.read()

    def keys(self, prefix=""):
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])]

    def dropped(self, key):
        """The job that an object became, which its payload's disappearance announces."""
        table = self.client("dynamodb")
        name = next(name for name in table.list_tables()["TableNames"] if name.startswith(STACK))
        for _ in range(300):
            for item in table.scan(TableName=name)["Items"]:
                record = json.loads(item["record"]["S"]) if "record" in item else {"payload": {"key": None}}
                if record["payload"]["key"] == key and record["status"] in ("COMPLETED", "FAILED"):
                    return record
            time.sleep(0.2)
        raise AssertionError(f"{key} became no job")

    def logs(self):
        logs = self.client("logs")
        for group in logs.describe_log_groups()["logGroups"]:
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
                yield event["message"]


class Quiet(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def send(method, url, body=None, headers=None):
    opener = urllib.request.build_opener(Quiet)
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with opener.open(request, timeout=60) as response:
            status, headers, text = response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        status, headers, text = error.code, error.headers, error.read()
    return status, headers, json.loads(text) if text.startswith(b"{") else text


@contextlib.contextmanager
def forwarder(app):
    """The API at an address of its own: the emulator tells APIs apart by their names."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def forward(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
            assert self.headers["Authorization"].startswith("AWS4-HMAC-SHA256 "), self.headers
            headers = dict(self.headers, Host=app.host)
            status, headers, answer = send(self.command, app.endpoint + self.path, body, headers)
            answer = json.dumps(answer).encode() if isinstance(answer, dict) else answer
            self.send_response(status)
            self.send_header("Content-Type", headers["Content-Type"] or "")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = forward

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def prepared(folder, *options):
    """What `resonare prepare` makes of the sample."""
    run = [BINARIES / "resonare", "prepare", SAMPLE, "--tokenizer=o200k_base", "--output-raw=s3",
           "--run-id=prepared", f"--output-dir={folder}", *options]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    return {name: (folder / "prepared" / name).read_bytes() for name in ["train.jsonl", "processed.json", "stats.json"]}


def check(name):
    print("ok", name, flush=True)


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "built").mkdir()
        try:
            with emulator(folder) as endpoint:
                drive(Application(endpoint, folder / "built"), folder)
        except BaseException:
            sys.stderr.write((folder / "emulator.log").read_text()[-4000:])
            raise


def drive(app, folder):
    status, _, health = app.call("GET", "/data-prep/system/health")
    assert (status, health["status"], health["s3"]) == (200, "healthy", "connected"), health
    status, _, description = app.call("GET", "/data-prep/openapi.json")
    assert status == 200 and description["openapi"].startswith("3.1")
    for path, item in description["paths"].items():
        for method in item:
            text = (ROOT / "template.yaml").read_text()
            assert f"RouteKey: {method.upper()} {path}\n" in text, path
    check("health and description; every described route is deployed")

    expected = prepared(folder)
    run_id = app.submit()
    job = app.wait(run_id)
    assert job["status"] == "COMPLETED" and job["attempts"] == 1, job
    assert [output["name"] for output in job["outputs"]] == ["train.jsonl", "processed.json", "raw.json", "stats.json"]
    for name, content in expected.items():
        assert app.output(run_id, name) == content, name
    json.loads(app.output(run_id, "raw.json"))
    assert app.keys(f"{run_id}/payload") == []
    check("a body becomes the bytes that `resonare prepare` gives")

    size = SAMPLE.stat().st_size
    config = {"system_prompt": "Be kind. Ü", "message_delimiter": ""}
    status, _, upload = app.call("POST", "/data-prep/uploads", json.dumps({"size_bytes": size, "config": config}).encode())
    assert status == 201, upload
    [part] = upload["parts"]
    assert send("PUT", part["url"], SAMPLE.read_bytes(), part["headers"])[0] == 200
    assert send("PUT", part["url"], SAMPLE.read_bytes(), part["headers"])[0] == 412
    assert app.wait(upload["run_id"])["status"] == "COMPLETED"
    expected = prepared(folder, "--system-prompt=Be kind. Ü", "--message-delimiter=")
    for name, content in expected.items():
        assert app.output(upload["run_id"], name) == content, name
    status, _, again = app.call("POST", f"/data-prep/uploads/{upload['run_id']}/complete", b"{}")
    assert status == 200, again
    check("a presigned upload does, and cannot be overwritten")

    with forwarder(app) as address:
        export = folder / "result.json"
        export.write_bytes(SAMPLE.read_bytes())
        for number, options in enumerate([[], ["--system-prompt=Be kind."]]):
            output = folder / f"submitted{number}"
            submit = [BINARIES / "resonare", "submit", export, f"--api={address}", f"--aws-region={REGION}",
                      f"--output-dir={output}", *options]
            keys = dict(os.environ, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
            done = subprocess.run(submit, env=keys, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert done.returncode == 0, done.stdout
            [run] = output.iterdir()
            for name, content in prepared(folder, *options).items():
                assert (run / name).read_bytes() == content, name
    check("`resonare submit` signs its calls, sends a body or uploads, and fetches the same bytes")

    metadata = {"target-name": "user501", "message-delimiter": urllib.parse.quote("Я")}
    key = "uploads/экспорт 1+2.json"
    app.s3.put_object(Bucket=app.bucket, Key=key, Body=SAMPLE.read_bytes(), Metadata=metadata)
    record = app.dropped(key)
    assert record["status"] == "COMPLETED" and record["config"]["message_delimiter"] == "Я", record
    expected = prepared(folder, "--target-name=user501", "--message-delimiter=Я")
    for name, content in expected.items():
        stored = app.s3.get_object(Bucket=app.bucket, Key=f"{record['run_id']}/data/{name}")["Body"].read()
        assert stored == content, name
    app.s3.put_object(Bucket=app.bucket, Key="uploads/wrong.json", Body=b"[]", Metadata={"min-tokens-per-block": "many"})
    assert "min_tokens_per_block" in app.dropped("uploads/wrong.json")["error_message"]
    app.s3.put_object(Bucket=app.bucket, Key="uploads/page.json", Body=b"<html>")
    assert app.dropped("uploads/page.json")["status"] == "FAILED"
    check("objects under uploads/ do, with their metadata and names in Cyrillic")

    for path, body, more, expected_status in [
        ("/data-prep/process", b'{"name":"x","messages":oops}', {}, 400),
        ("/data-prep/process", b"[]", {"Content-Type": "text/plain"}, 415),
        ("/data-prep/process?tokenizer=/etc/passwd", b"[]", {}, 422),
        ("/data-prep/process", b"[" + b" " * 4_000_000 + b"]", {}, 413),
        ("/data-prep/jobs/no-job", None, {}, 404),
        ("/data-prep/jobs?limit=0", None, {}, 422),
    ]:
        status, headers, problem = app.call("POST" if body else "GET", path, body, more)
        assert status == expected_status, (path, status, problem)
        assert headers["Content-Type"] == "application/problem+json", problem
    key = {"Idempotency-Key": "once"}
    assert app.submit(headers=key) == app.submit(headers=key)
    check("errors are problem documents; a repeated request is one job")

    status, headers, jobs = app.call("GET", "/data-prep/jobs?limit=2&status=COMPLETED")
    assert status == 200 and list(jobs) and "rel=\"next\"" in headers["Link"], (jobs, headers)
    status, _, queue = app.call("GET", "/data-prep/system/queue")
    assert status == 200 and run_id in queue["jobs"], queue
    assert app.call("DELETE", f"/data-prep/jobs/{run_id}")[0] == 204
    assert app.call("GET", f"/data-prep/jobs/{run_id}")[0] == 404
    assert app.keys(run_id) == []
    check("jobs are listed and deleted")

    answers = {
        "ingress-process": 202, "ingress-uploads": 201, "ingress-upload-parts": 404, "ingress-upload-complete": 404,
        "status-jobs": 200, "status-job": 404, "status-job-delete": 404, "status-output": 404, "status-queue": 200,
        "status-health": 200, "status-openapi": 200,
        "worker-one": [], "worker-several": ["00000000-0000-4000-8000-000000000002"],
        "upload-awaited": None, "upload-dropped": None, "sweeper-schedule": None,
    }
    events = sorted((ROOT / "events").glob("*.json"))
    assert {event.stem for event in events} == set(answers)
    functions = app.client("lambda").list_functions()["Functions"]
    for event in events:
        name = event.stem.split("-")[0].capitalize() + "Function"
        function = next(item["FunctionName"] for item in functions if name in item["FunctionName"])
        invoked = app.client("lambda").invoke(FunctionName=function, Payload=event.read_bytes())
        answer = json.loads(invoked["Payload"].read() or b"null")
        assert "FunctionError" not in invoked, (event, answer)
        expected_answer = answers[event.stem]
        if isinstance(expected_answer, int):
            assert answer["statusCode"] == expected_answer, (event, answer)
        elif isinstance(expected_answer, list):
            failures = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
            assert failures == expected_answer, (event, answer)
    check("every sample in events/ is understood")

    lines = list(app.logs())
    assert any("is finished" in line for line in lines), lines
    for line in lines:
        assert not any(name in line for name in PRIVATE), line
    check("no log names anybody")


if __name__ == "__main__":
    main()
