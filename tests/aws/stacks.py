"""Stacks beside each other, after each other, and of another version."""
import contextlib
import json
import shutil
import time

from application import ROOT, SECRET, Application, check, prepared
from matrix import NOBODY
from rie import Bootstrap
from wire import until

# Nobody listens there.
NO_HUB = "http://127.0.0.1:9"
FIXTURE = ROOT / "tests/aws/fixtures/table-0.1.json"


@contextlib.contextmanager
def function(app, folder, name, **variables):
    """A function's own binary with other variables, beside those that are deployed."""
    environment = dict(app.functions[name]["Environment"]["Variables"], AWS_ENDPOINT_URL=app.wire.address, **variables)
    with open(folder / f"{name}-beside.log", "wb") as log:
        bootstrap = Bootstrap(folder / f"built/{name}Function/bootstrap", environment, log)
        try:
            yield bootstrap
        finally:
            bootstrap.close()


def as_of_now(item):
    """An item of the fixture, as if an upload that it awaits had been announced today: a day later it is given up."""
    record = json.loads(item["record"]["S"]) if "record" in item else {}
    if record.get("status") != "AWAITING_UPLOAD":
        return item
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return dict(item, record={"S": json.dumps(dict(record, created_at=now, updated_at=now))})


def a_table_of_version_0_1_is_taken_over(app, folder, expected):
    table = app.client("dynamodb")
    attributes = ["pk", "owner", "created", "lane", "work"]
    index = lambda name, *keys: {
        "IndexName": name, "Projection": {"ProjectionType": "ALL"},
        "KeySchema": [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ["HASH", "RANGE"])],
    }
    table.create_table(
        TableName="version-0.1", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in attributes],
        GlobalSecondaryIndexes=[index("by-owner", "owner", "created"), index("by-work", "lane", "work")],
    )
    items = [as_of_now(item) for item in json.loads(FIXTURE.read_bytes())]
    for item in items:
        table.put_item(TableName="version-0.1", Item=item)
    old = {record["run_id"]: record for record in (json.loads(item["record"]["S"]) for item in items if "record" in item)}
    event = (ROOT / "events/sweeper-schedule.json").read_bytes()
    with app.no_workers(), function(app, folder, "Sweeper", PREVIOUS_TABLE="version-0.1") as sweeper:
        for _ in range(2):
            assert sweeper.invoke(event) is None
        records = {run_id: app.record(run_id) for run_id in old}
        for run_id, record in records.items():
            assert record["status"] == old[run_id]["status"], (record, old[run_id])
        [owner] = {record["owner"] for record in records.values() if record["status"] == "AWAITING_UPLOAD"}
        unfinished = [record for record in records.values() if record["status"] in ("AWAITING_UPLOAD", "QUEUED")]
        assert len(unfinished) == 3 and all(record["counted"] for record in unfinished), unfinished
        counted = app.counters_of(owner)
        assert (counted["active"], counted["queued"]) == (3, 2), counted
        keys = [item["pk"]["S"] for item in items if item["pk"]["S"].startswith("key#")]
        for key in keys:
            assert "Item" in table.get_item(TableName=app.table, Key={"pk": {"S": key}}), key
    for run_id in old:
        app.age_if_there(run_id, 11 * 366 * 24 * 3600)
    app.sweep()
    # A record whose upload or lease may still live stays as the mark of a deletion.
    left = lambda: [record["status"] for run_id in old if (record := app.record(run_id))]
    until(lambda: all(status == "DELETING" for status in left()), 20, "old records are left")
    check("the records of version 0.1 are taken over, and counted")


def a_token_in_a_parameter(app, folder, expected):
    parameter = app.client("ssm")
    parameter.put_parameter(Name="/hub", Value=SECRET, Type="SecureString")
    arn = parameter.get_parameter(Name="/hub")["Parameter"]["ARN"]
    for key in app.keys("tokenizers/"):
        app.s3.delete_object(Bucket=app.bucket, Key=key)
    with app.no_workers():
        run_id = app.submit("?model_id=org%2Ftiny&min_tokens_per_block=10")
        [message] = until(lambda: app.sqs.receive_message(QueueUrl=app.queue, VisibilityTimeout=60).get("Messages"), 20)
        record = {"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"]}
        # The temporary folder of a function is its own; this one has another.
        scratch = folder / "beside"
        scratch.mkdir()
        with function(app, folder, "Worker", HF_TOKEN_ARN=arn, TMPDIR=str(scratch)) as worker:
            answer = worker.invoke(json.dumps({"Records": [record]}).encode())
        assert answer["batchItemFailures"] == [], answer
        job = app.job(run_id)
        assert job["status"] == "COMPLETED" and job["stats"]["tokenizer"]["source"] == "hub:org/tiny@abc123", job
    check("the hub's token may be a parameter of SSM, too")


def two_side_by_side(app, folder, expected):
    """A second stack in the same account and region."""
    other = Application(app.endpoint, app.wire, folder / "built", NO_HUB, stack="Second-Stack")
    assert other.bucket != app.bucket and other.table != app.table
    names = {name: (app.functions[name]["FunctionName"], other.functions[name]["FunctionName"]) for name in app.functions}
    assert all(one != two for one, two in names.values()), names
    schedules = [schedule["Name"] for schedule in app.client("scheduler").list_schedules()["Schedules"]]
    assert len(set(schedules)) == len(schedules) >= 2, schedules
    for stack in (app, other):
        stack.completed(stack.submit(), expected, attempts=1)
    assert other.wait(other.submit("?" + "&".join(f"{key}={value}" for key, value in NOBODY.items())))["status"] == "FAILED"
    app.client("cloudformation").delete_stack(StackName=other.stack)
    time.sleep(1)
    # What is retained does not keep the same stack from coming again.
    again = Application(app.endpoint, app.wire, folder / "built", NO_HUB, stack="Second-Stack")
    assert again.bucket not in (app.bucket, other.bucket)
    again.completed(again.submit(), expected, attempts=1)
    check("two stacks live side by side, and one that was deleted can be deployed again")


# Something that can't be created, after what is retained.
IN_THE_WAY = """
  InTheWay:
    Type: AWS::Lambda::Url
    DependsOn: [JobsBucket, JobsTable]
    Properties:
      AuthType: AWS_IAM
      TargetFunctionArn: no-such-function
"""


def a_first_deployment_that_fails(app, folder, expected):
    """What it leaves is not in the way of the next one, even under the same name."""
    name = "a-name-of-their-own"
    good, broken = folder / "built", folder / "broken"
    shutil.copytree(good, broken)
    template = (broken / "template.yaml").read_text()
    (broken / "template.yaml").write_text(template.replace("\nOutputs:\n", IN_THE_WAY + "\nOutputs:\n"))
    deploy = lambda place: Application(app.endpoint, app.wire, place, NO_HUB, f"StorageName={name}", stack="third")
    try:
        deploy(broken)
    except AssertionError as failure:
        assert "ROLLBACK" in str(failure), failure
    else:
        raise AssertionError("it should have failed")
    assert name not in [bucket["Name"] for bucket in app.s3.list_buckets()["Buckets"]], "the bucket is left"
    assert name not in app.client("dynamodb").list_tables()["TableNames"], "the table is left"
    app.client("cloudformation").delete_stack(StackName="third")
    time.sleep(1)
    third = deploy(good)
    assert third.bucket == third.table == name
    third.wait(third.submit())
    check("a first deployment that failed can be repeated, under the same name")
