"""The application as it is deployed, from outside: by HTTP, by S3, and as its operator sees it."""
import contextlib
import datetime
import hashlib
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from emulator import REGION, ROOT, TOOLS, bootstraps
from permissions import access_key
from wire import until

BINARIES = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
SAMPLE = ROOT / "sample/result.json"
STACK = "flow"
MODEL = "gpt-4o"
# Put down for the hub's token; no log may hold it.
SECRET = "hf_secret_token_of_the_test"


def built(folder):
    """The folder that `sam build` makes, with binaries that are built already."""
    template = (ROOT / "template.yaml").read_text().replace("    CodeUri: .\n", "")
    pattern = r"(  (\w+)Function:\n    Type: AWS::Serverless::Function\n)    Metadata:\n((?:      .*\n)+?)    Properties:\n"
    names = []

    def function(match):
        name, binary = match.group(2), re.search(r"Binary: (\w+)", match.group(3)).group(1)
        names.append(name)
        place = folder / f"{name}Function"
        place.mkdir(parents=True)
        shutil.copy(BINARIES / binary, place / "bootstrap")
        subprocess.run(["strip", place / "bootstrap"], check=True)
        return f"{match.group(1)}    Properties:\n      CodeUri: {name}Function\n"

    (folder / "template.yaml").write_text(re.sub(pattern, function, template))
    assert len(names) == 5, names
    return folder


def moment(text):
    """A time as records have it."""
    return datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", text).replace("Z", "+00:00"))


def place_of_due(due_at, key):
    """Where the index of what is due has an item."""
    since = moment(due_at) - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return f"{since // datetime.timedelta(microseconds=1):020}_{key}"


class Quiet(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def send(method, url, body=None, headers=None):
    """Status, headers and answer, as JSON if it is an object."""
    opener = urllib.request.build_opener(Quiet)
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with opener.open(request, timeout=120) as response:
            status, headers, text = response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        status, headers, text = error.code, error.headers, error.read()
    return status, headers, json.loads(text) if text.startswith(b"{") else text


class Application:
    """The application on the emulator. What only an emulator can do, it can do here."""

    is_emulated = True

    def __init__(self, endpoint, wire, folder, hub, *parameters, stack=STACK):
        """Deploys what is built in a folder."""
        self.endpoint, self.wire, self.stack, self.region = endpoint, wire, stack, REGION
        self.session = boto3.Session("test", "test", region_name=REGION)
        secret = self.client("secretsmanager").create_secret(Name=f"hub-{uuid.uuid4()}", SecretString=SECRET)["ARN"]
        self.deploy(folder, f"AllowedModels={MODEL},org/tiny", f"HfEndpoint={hub}", f"HfTokenArn={secret}", *parameters)
        urls = self.sqs.list_queues()["QueueUrls"]
        self.queue_arns = [self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
                           for url in urls]
        # The bucket takes calls by TLS alone.
        self.s3 = self.session.client("s3", endpoint_url=wire.address)
        self.own_keys = {"test", None, self.alice.access_key, self.bob.access_key}

    def deploy(self, folder, *parameters):
        """Deploys, and looks at what was deployed."""
        deploy = [
            TOOLS / "sam", "deploy", "--template", "template.yaml", "--stack-name", self.stack,
            "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset",
            "--parameter-overrides", f"ModelId={MODEL}", "MaxActiveJobs=30", "MaxBytesPerDay=5000000000000", *parameters,
        ]
        done = subprocess.run(deploy, cwd=folder, env=dict(self.environment(), SAM_CLI_TELEMETRY="0"), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, done.stdout
        formation = self.client("cloudformation")
        [deployed] = formation.describe_stacks(StackName=self.stack)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in deployed["Outputs"]}
        self.api_url = outputs["ApiUrl"]
        self.host = urllib.parse.urlparse(self.api_url).netloc
        self.bucket, self.table, self.queue = outputs["BucketName"], outputs["TableName"], outputs["QueueUrl"]
        self.functions = {}
        for name in ["Ingress", "Upload", "Worker", "Status", "Sweeper"]:
            detail = formation.describe_stack_resource(StackName=self.stack, LogicalResourceId=f"{name}Function")
            function = detail["StackResourceDetail"]["PhysicalResourceId"]
            self.functions[name] = self.client("lambda").get_function(FunctionName=function)["Configuration"]
        self.sqs = self.client("sqs")
        self.account = self.client("sts").get_caller_identity()["Account"]
        # The ids by which IAM knows callers.
        self.ids = {}
        self.alice, self.bob = self.user("alice"), self.user("bob")

    def client(self, service):
        return self.session.client(service, endpoint_url=self.endpoint)

    def environment(self, caller=None):
        """The environment of a program that is run as a caller, or as the operator."""
        keys = dict(AWS_ACCESS_KEY_ID=caller.access_key, AWS_SECRET_ACCESS_KEY=caller.secret_key) if caller else dict(
            AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
        return dict(os.environ, AWS_DEFAULT_REGION=REGION, AWS_REGION=REGION, AWS_ENDPOINT_URL=self.endpoint, **keys)

    def url(self, path):
        """Where a route is; its API is told by the header Host."""
        return self.endpoint + path

    def user(self, name):
        """Somebody who may call the API, and nothing else."""
        name = f"{name}-{self.stack}-{uuid.uuid4().hex[:8]}"
        iam = self.client("iam")
        user_id = iam.create_user(UserName=name)["User"]["UserId"]
        allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        self.ids[credentials] = user_id
        return credentials

    # --- As a caller ---

    def call(self, method, path, body=None, headers=None, caller=None, signed=True):
        headers = dict(headers or {}, Host=self.host)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        request = AWSRequest(method, f"https://{self.host}{path}", data=body, headers=headers)
        if signed:
            SigV4Auth(caller or self.alice, "execute-api", self.region).add_auth(request)
        return send(method, self.url(path), body, dict(request.headers))

    def submit(self, query="", body=None, **more):
        status, _, accepted = self.call("POST", "/data-prep/process" + query, body or SAMPLE.read_bytes(), **more)
        assert status == 202, (status, accepted)
        assert accepted["message"] == "Job accepted and enqueued"
        return accepted["run_id"]

    def job(self, run_id):
        status, _, job = self.call("GET", f"/data-prep/jobs/{run_id}")
        assert status == 200, (status, job)
        return job

    def wait(self, run_id, seconds=90):
        def finished():
            job = self.job(run_id)
            return job if job["status"] in ("COMPLETED", "FAILED") else None

        try:
            return until(finished, seconds)
        except AssertionError:
            raise AssertionError(self.job(run_id)) from None

    def output(self, run_id, name):
        path = f"/data-prep/jobs/{run_id}/outputs/{name}"
        status, headers, _ = self.call("GET", path)
        assert status == 307, status
        status, _, answer = self.call("GET", path + "?redirect=false")
        assert status == 200 and urllib.parse.urlparse(answer["url"]).path == urllib.parse.urlparse(headers["Location"]).path
        with urllib.request.urlopen(answer["url"]) as response:
            return response.read()

    def kind(self, run_id, name):
        """What a browser is told that an output is, and whether it is to show it or to save it."""
        url = self.call("GET", f"/data-prep/jobs/{run_id}/outputs/{name}?redirect=false")[2]["url"]
        with urllib.request.urlopen(url) as response:
            return response.headers["Content-Type"], response.headers["Content-Disposition"]

    def completed(self, run_id, expected, attempts=None):
        """Waits for a job, which must have these outputs, whole, and leave nothing of its payload."""
        job = self.wait(run_id)
        assert job["status"] == "COMPLETED", job
        assert attempts is None or job["attempts"] == attempts, job
        for name, content in expected.items():
            assert self.output(run_id, name) == content, name
        # It goes after the commit; where a worker died between the two, with the next delivery.
        until(lambda: not self.keys(f"{run_id}/payload"), 30, f"the payload of {run_id} is left")
        return job

    @contextlib.contextmanager
    def forwarder(self):
        """The API at an address of its own: the emulator tells APIs apart by their names."""
        app = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
                assert self.headers["Authorization"].startswith("AWS4-HMAC-SHA256 "), self.headers
                # Signed for this address; the emulator is told what it is an address of.
                kept = {name: self.headers[name] for name in ("Content-Type", "Content-Encoding") if name in self.headers}
                status, headers, answer = app.call(self.command, self.path, body, kept)
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

    # --- As the operator ---

    def keys(self, prefix=""):
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])]

    def objects(self, prefix):
        """What is stored, with what tells one write from another."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return {item["Key"]: (item["ETag"], item["LastModified"]) for item in listed}

    def records(self):
        items = self.client("dynamodb").scan(TableName=self.table)["Items"]
        return [json.loads(item["record"]["S"]) for item in items if "record" in item]

    def record(self, run_id):
        return next((record for record in self.records() if record["run_id"] == run_id), None)

    def age(self, run_id, seconds):
        """So much time passes for a job."""
        table = self.client("dynamodb")
        key = {"pk": {"S": f"job#{run_id}"}}
        item = table.get_item(TableName=self.table, Key=key)["Item"]

        def earlier(value):
            if isinstance(value, dict):
                return {name: shifted(part) if name.endswith("_at") else earlier(part) for name, part in value.items()}
            return value

        def shifted(value):
            if value is None:
                return None
            return (moment(value) - datetime.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")

        record = earlier(json.loads(item["record"]["S"]))
        item["record"]["S"] = json.dumps(record)
        item["due"]["S"] = place_of_due(record.get("due_at") or record["expires_at"], item["pk"]["S"])
        table.put_item(TableName=self.table, Item=item)

    def reservations(self):
        """The keys of payloads that may be stored without a record."""
        items = self.client("dynamodb").scan(TableName=self.table)["Items"]
        return [item["pk"]["S"] for item in items if item["pk"]["S"].startswith("reservation#")]

    def age_reservations(self):
        """So much time passes for reservations that all are due."""
        table = self.client("dynamodb")
        for key in self.reservations():
            table.update_item(TableName=self.table, Key={"pk": {"S": key}}, UpdateExpression="SET due = :due",
                              ExpressionAttributeValues={":due": {"S": place_of_due("1970-01-01T00:00:01Z", key)}})

    @contextlib.contextmanager
    def changed(self, run_id):
        """A record, to be changed behind the back of the application."""
        table = self.client("dynamodb")
        item = table.get_item(TableName=self.table, Key={"pk": {"S": f"job#{run_id}"}})["Item"]
        record = json.loads(item["record"]["S"])
        yield record
        item["record"]["S"] = json.dumps(record)
        table.put_item(TableName=self.table, Item=item)

    def age_if_there(self, run_id, seconds):
        with contextlib.suppress(KeyError):
            self.age(run_id, seconds)

    def finished_record(self, run_id):
        record = self.record(run_id)
        return record if record["status"] in ("COMPLETED", "FAILED") else None

    def counters(self, caller):
        """A caller's counters of jobs."""
        return self.counters_of(f"iam:{self.account}:{self.ids[caller]}")

    def counters_of(self, owner):
        key = {"pk": {"S": "owner#" + hashlib.sha256(owner.encode()).hexdigest()}}
        item = self.client("dynamodb").get_item(TableName=self.table, Key=key).get("Item", {})
        return {name: int(item.get(name, {"N": "0"})["N"]) for name in ("active", "queued", "running")}

    @contextlib.contextmanager
    def no_workers(self):
        """Meanwhile messages stay in the queue."""
        lambdas = self.client("lambda")
        name = self.functions["Worker"]["FunctionName"]
        [mapping] = lambdas.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]

        def switch(on):
            lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)
            state = "Enabled" if on else "Disabled"
            until(lambda: lambdas.get_event_source_mapping(UUID=mapping["UUID"])["State"] == state, 120, state)
            # A poll may be under way.
            time.sleep(1)

        switch(False)
        try:
            yield
        finally:
            switch(True)

    @contextlib.contextmanager
    def no_notifications(self):
        """Meanwhile the bucket tells nobody of objects."""
        configuration = self.s3.get_bucket_notification_configuration(Bucket=self.bucket)
        configuration.pop("ResponseMetadata")
        self.s3.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration={})
        try:
            yield
        finally:
            self.s3.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration=configuration)

    def object_created(self, key, caller=None):
        """The event that S3 sends of an object which a caller put."""
        found = self.s3.head_object(Bucket=self.bucket, Key=key)
        event = json.loads((ROOT / "events/upload-dropped.json").read_bytes())
        [record] = event["Records"]
        record["userIdentity"]["principalId"] = f"AWS:{self.ids[caller or self.alice]}"
        record["s3"]["object"] = {
            "key": urllib.parse.quote_plus(key), "size": found["ContentLength"], "eTag": found["ETag"].strip('"'),
            "sequencer": uuid.uuid4().hex.upper(),
        }
        return event

    def dropped(self, key, count=1):
        """The finished jobs that the objects of a key became, oldest first."""
        def finished():
            found = [record for record in self.records() if record["payload"]["key"] == key]
            done = [record for record in found if record["status"] in ("COMPLETED", "FAILED")]
            return sorted(done, key=lambda record: record["created_at"]) if len(done) >= count else None

        return until(finished, 60, f"{key} became no job")

    def invoke(self, name, event):
        """A function's answer."""
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        invoked = self.client("lambda").invoke(FunctionName=self.functions[name]["FunctionName"], Payload=payload)
        answer = json.loads(invoked["Payload"].read() or b"null")
        assert "FunctionError" not in invoked, (name, answer)
        return answer

    def deliver(self, run_id):
        """A message of a job comes, perhaps again."""
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps({"run_id": run_id}))

    def sweep(self):
        self.invoke("Sweeper", (ROOT / "events/sweeper-schedule.json").read_bytes())

    def kill(self, name):
        """Ends the processes of a function, as a crash or the platform would."""
        for pid in bootstraps(self.functions[name]["FunctionName"]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def by(self, name, service=None, operation=None, **what):
        """A condition for calls of a function."""
        key = access_key(self.functions[name])

        def matches(call):
            return (call.who == key and service in (None, call.service)
                    and (operation is None or operation in (call.operation, call.method))
                    and all(part in str(getattr(call, attribute, "")) for attribute, part in what.items()))

        return matches

    def seen(self, condition):
        return sum(1 for call, _ in list(self.wire.calls) if condition(call))

    def logs(self):
        logs = self.client("logs")
        for group in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{self.stack}-")["logGroups"]:
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
                yield event["message"]


def prepared(folder, *options, export=SAMPLE):
    """What `resonare prepare` makes of an export."""
    run = [BINARIES / "resonare", "prepare", export, f"--model-id={MODEL}", "--run-id=prepared",
           f"--output-dir={folder}", *options]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    return {name: (folder / "prepared" / name).read_bytes() for name in ["train.jsonl", "processed.json", "stats.json", "report.html"]}


def check(name, start=[time.monotonic()]):
    print(f"ok {time.monotonic() - start[0]:5.0f} s  {name}", flush=True)
