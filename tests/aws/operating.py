"""The operator's commands, each run as a program: dead letters, undelivered uploads, and stacks that come and go.

    cargo build --workspace --bins
    .tools/aws/bin/python tests/aws/operating.py
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import uuid

import boto3
from botocore.stub import Stubber

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from application import SAMPLE, TOOLS, Application, built, check, prepared
from emulator import ROOT, emulator, free_port
from operations.redrive import moved_by_sqs
from wire import Wire, until

# Nobody listens there.
NOWHERE = "http://127.0.0.1:9"
# An object's key may be somebody's name, so no command prints it.
KEY = "uploads/Jonas Rutter.json"


def operate(app, command, *arguments, stack=None, fails=False, environment=None):
    """What a command prints."""
    where = ["--endpoint-url", app.wire.address] if app.is_emulated else ["--region", app.region]
    if getattr(app, "profile", None):
        where += ["--profile", app.profile]
    line = [TOOLS / "python", "-m", f"operations.{command}", "--stack", stack or app.stack, *where, *arguments]
    done = subprocess.run(line, cwd=ROOT, env=environment or app.environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (done.returncode != 0) == fails and "Traceback" not in done.stdout and "Jonas" not in done.stdout, done.stdout
    return done.stdout


def url(app, queue):
    detail = app.client("cloudformation").describe_stack_resource(StackName=app.stack, LogicalResourceId=queue)
    return detail["StackResourceDetail"]["PhysicalResourceId"]


def waiting(app, queue_url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = app.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(map(int, counts.values()))


def errors(app, folder, expected):
    """What is wrong is said in a sentence."""
    assert "there is no stack no-such-stack" in operate(app, "redrive", stack="no-such-stack", fails=True)
    assert "there is no stack no-such-stack" in operate(app, "purge", stack="no-such-stack", fails=True)
    denied = operate(app, "redrive", fails=True, environment=app.environment(app.alice))
    assert "the credentials do not permit cloudformation:DescribeStacks" in denied, denied
    assert "no_such_profile" in operate(app, "redrive", "--profile", "no_such_profile", fails=True)
    nobody = {name: value for name, value in app.environment().items() if not name.startswith("AWS_")}
    nobody.update(AWS_EC2_METADATA_DISABLED="true", AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_CONFIG_FILE=os.devnull)
    if app.is_emulated:
        assert "there is no region" in operate(app, "redrive", fails=True, environment=nobody)
        nobody["AWS_DEFAULT_REGION"] = app.region
        assert "there are no AWS credentials" in operate(app, "redrive", fails=True, environment=nobody)
        assert "Could not connect" in operate(app, "redrive", "--endpoint-url", NOWHERE, fails=True)
    check("the operator's commands say what is wrong")


def redriven(app, folder, expected):
    letters = url(app, "DeadLetters")
    finished = app.submit()
    app.completed(finished, expected)
    with app.no_workers():
        run_id = app.submit()
        [message] = until(lambda: app.sqs.receive_message(QueueUrl=app.queue, AttributeNames=["All"]).get("Messages"), 30)
        app.sqs.delete_message(QueueUrl=app.queue, ReceiptHandle=message["ReceiptHandle"])
        group = message["Attributes"]["MessageGroupId"]
        app.sqs.send_message(QueueUrl=letters, MessageBody=message["Body"], MessageGroupId=group)
        for _ in range(11):
            app.sqs.send_message(QueueUrl=letters, MessageBody=json.dumps({"run_id": finished}), MessageGroupId=group)
        dry = operate(app, "redrive")
        assert "12 dead letters" in dry and run_id in dry and dry.count(finished) == 11 and "Add --yes" in dry, dry
        assert waiting(app, letters) == 12 and waiting(app, app.queue) == 0
        already = 0
        if app.is_emulated:
            # A crash between sending and deleting.
            denied = app.wire.fault(lambda call: call.operation == "DeleteMessageBatch", status=403, code="AccessDeniedException")
            assert "DeleteMessageBatch" in operate(app, "redrive", "--yes", fails=True) and denied.met == 1
            already = 10
            assert waiting(app, letters) == 12 and waiting(app, app.queue) == already
        assert "12 messages sent back" in operate(app, "redrive", "--yes")
        assert waiting(app, letters) == 0 and waiting(app, app.queue) == 12 + already
    app.completed(run_id, expected, attempts=1)
    until(lambda: waiting(app, app.queue) == 0, 60, "messages are left")
    assert app.job(finished)["attempts"] == 1
    assert "0 dead letters" in operate(app, "redrive", "--yes")
    check("dead letters are listed, sent back once, and lost at no point")


def moved(app, folder, expected):
    """The way that the emulator lacks, against requests and answers as AWS documents them."""
    sqs = boto3.client("sqs", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(sqs) as stubber:
        for name in ("letters", "jobs"):
            stubber.add_response("get_queue_attributes", {"Attributes": {"QueueArn": f"arn:{name}"}},
                                 {"QueueUrl": name, "AttributeNames": ["QueueArn"]})
        stubber.add_response("start_message_move_task", {"TaskHandle": "handle"}, {"SourceArn": "arn:letters", "DestinationArn": "arn:jobs"})
        for status, count in [("RUNNING", 1), ("COMPLETED", 3)]:
            stubber.add_response("list_message_move_tasks", {"Results": [{"Status": status, "ApproximateNumberOfMessagesMoved": count}]},
                                 {"SourceArn": "arn:letters", "MaxResults": 1})
        assert moved_by_sqs(sqs, "letters", "jobs") == 3
        stubber.assert_no_pending_responses()
    check("SQS is asked to move them itself, as its documentation has it")


def replayed(app, folder, expected):
    queue = url(app, "UndeliveredUploads")
    with app.no_notifications():
        app.s3.put_object(Bucket=app.bucket, Key=KEY, Body=SAMPLE.read_bytes())
        event = app.object_created(KEY)
    record = {
        "version": "1.0", "timestamp": "2026-11-14T18:16:05.568Z", "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "requestContext": {"requestId": str(uuid.uuid4()), "condition": "RetriesExhausted", "approximateInvokeCount": 3,
                           "functionArn": app.functions["Upload"]["FunctionArn"] + ":$LATEST"},
        "requestPayload": event, "responsePayload": {"errorType": "Error", "errorMessage": "x"},
    }
    app.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(record))
    app.sqs.send_message(QueueUrl=queue, MessageBody="Jonas")
    count, keys = 2, [KEY]
    if app.is_emulated:
        # The emulator makes such a record, too.
        fault = app.wire.fault(app.by("Upload", "dynamodb"), times=1000, status=400, code="ValidationException")
        keys.append("uploads/Jonas 2.json")
        app.s3.put_object(Bucket=app.bucket, Key=keys[1], Body=SAMPLE.read_bytes())
        count = 3
        until(lambda: waiting(app, queue) == count, 60, "the emulator made no record")
        failed = operate(app, "replay_uploads", "--yes", fails=True)
        assert "3 events stayed in the queue" in failed and fault.met, failed
        app.wire.clear()
    dry = operate(app, "replay_uploads")
    assert f"{count} undelivered events" in dry and "RetriesExhausted  dropped object" in dry and "holds no S3 event" in dry, dry
    assert waiting(app, queue) == count
    left = operate(app, "replay_uploads", "--yes", fails=True)
    assert "1 event stayed in the queue" in left and waiting(app, queue) == 1, left
    for key in keys:
        assert app.dropped(key)[0]["status"] == "COMPLETED"
    [message] = app.sqs.receive_message(QueueUrl=queue)["Messages"]
    app.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert "0 undelivered events" in operate(app, "replay_uploads", "--yes")
    check("events that the upload function could not take are replayed, and stay until it takes them")


def adopted_and_purged(app, folder, expected):
    """A stack is deleted, another one takes its bucket and table over, and goes with everything."""
    deploy = lambda stack, *parameters: Application(app.endpoint, app.wire, folder / "built", NOWHERE, *parameters, stack=stack)
    formation, dynamodb = app.client("cloudformation"), app.client("dynamodb")
    before = deploy("before")
    run_id, name = before.submit(), before.bucket
    before.completed(run_id, expected)
    assert "has a policy" in operate(app, "adopt", "--storage", name, stack="after", fails=True)
    formation.delete_stack(StackName="before")
    formation.get_waiter("stack_delete_complete").wait(StackName="before", WaiterConfig={"Delay": 1})
    retained = operate(app, "purge", stack="before")
    assert "is deleted already" in retained and name in retained, retained

    assert "there is no bucket" in operate(app, "adopt", "--storage", "no-such-bucket", stack="after", fails=True)
    assert "there is a stack flow already" in operate(app, "adopt", "--storage", name, fails=True)
    planned = operate(app, "adopt", "--storage", name, stack="after")
    assert "Nothing was done" in planned, planned
    template = folder / "import.json"
    template.write_text(planned[:planned.rindex("}") + 1])
    subprocess.run([TOOLS / "cfn-lint", template], check=True)
    done = operate(app, "adopt", "--storage", name, "--yes", stack="after")
    assert f"sam deploy --stack-name after --parameter-overrides StorageName={name}" in done, done
    assert "there is no stack before" in operate(app, "purge", "--yes", stack="before", fails=True), "it is another's now"
    after = deploy("after", f"StorageName={name}")
    assert after.bucket == after.table == name
    status, _, job = after.call("GET", f"/data-prep/jobs/{run_id}", caller=before.alice)
    assert status == 200 and job["status"] == "COMPLETED", job
    after.s3.put_object(Bucket=name, Key=KEY, Body=SAMPLE.read_bytes())
    assert after.dropped(KEY)[0]["status"] == "COMPLETED"
    until(lambda: KEY not in after.keys(), 30, "the payload is left")
    check("what a deleted stack retained is taken into a new one, which works with it")

    index = dict(IndexName="by-work", KeySchema=[{"AttributeName": "work", "KeyType": "HASH"}], Projection={"ProjectionType": "ALL"})
    dynamodb.create_table(TableName="of-another-shape", BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=[index],
                          KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                          AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "work")])
    app.s3.create_bucket(Bucket="of-another-shape")
    assert "PreviousTable=of-another-shape" in operate(app, "adopt", "--storage", "of-another-shape", stack="fourth", fails=True)
    check("a table of another shape is not taken over")

    # More than one page, versions, what was deleted, and an upload that nobody finished.
    count = len(after.keys()) + 1003
    for number in range(1001):
        after.s3.put_object(Bucket=name, Key=f"many/{number}", Body=b"1")
    after.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    after.s3.put_object(Bucket=name, Key="many/0", Body=b"2")
    after.s3.delete_object(Bucket=name, Key="many/1")
    after.s3.create_multipart_upload(Bucket=name, Key=KEY)
    planned = operate(app, "purge", stack="after")
    # Where a page of versions ends, the emulator lists one of them twice.
    assert any(f"{listed:,} objects (" in planned for listed in (count, count + 1)), planned
    assert "1 unfinished upload" in planned and "Nothing was removed" in planned, planned
    assert after.keys("many/") and formation.describe_stacks(StackName="after")["Stacks"][0]["StackStatus"].endswith("_COMPLETE")
    removed = operate(app, "purge", "--yes", stack="after")
    assert "removed stack after" in removed and "35 days" in removed, removed
    assert name not in [bucket["Name"] for bucket in app.s3.list_buckets()["Buckets"]]
    assert name not in dynamodb.list_tables()["TableNames"]
    assert app.keys() and app.table in dynamodb.list_tables()["TableNames"], "another stack's"
    assert "nothing that a deleted one retained" in operate(app, "purge", "--yes", stack="after", fails=True)
    check("a stack goes with its bucket and table, and nothing of another stack")


EVERYWHERE = [errors, redriven, replayed]
ON_THE_EMULATOR = [moved, adopted_and_purged]


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "scratch").mkdir()
        port = free_port()
        wire = Wire(port)
        try:
            with emulator(folder / "emulator.log", folder / "scratch", port, wire.address):
                app = Application(f"http://127.0.0.1:{port}", wire, built(folder / "built"), NOWHERE)
                for step in [*EVERYWHERE, *ON_THE_EMULATOR]:
                    step(app, folder, prepared(folder))
        except BaseException:
            sys.stderr.write((folder / "emulator.log").read_text()[-3000:])
            raise
        finally:
            wire.close()


if __name__ == "__main__":
    main()
