"""Crashes, repetitions and refusals. After each: no job is lost, its outputs are there once and whole, and
its status tells the truth."""
import json
import threading
import time

from application import SAMPLE, check, prepared, send
from wire import until

# Longer than a lease, and than a message may stay out of sight before it is sent again.
LONG = 3600


def completed_sooner_or_later(app, run_id, expected, **more):
    """Waits for a job; where nothing comes by itself, time passes and the sweeper comes."""
    try:
        app.wait(run_id, 4)
    except AssertionError:
        app.age(run_id, LONG)
        app.sweep()
    return app.completed(run_id, expected, **more)


def gives_up(app, run_id):
    """Waits until the first attempt has come to nothing."""
    def gave_up():
        job = app.job(run_id)
        return job["status"] == "QUEUED" and job["attempts"] == 1

    until(gave_up, 120, "it never gave up")


def messages_come_twice(app, expected):
    message = lambda run_id: json.dumps({"run_id": run_id})
    run_id = app.submit()
    for _ in range(2):
        app.sqs.send_message(QueueUrl=app.queue, MessageBody=message(run_id))
    app.completed(run_id, expected, attempts=1)
    before = app.objects(run_id)
    looked = app.by("Worker", "dynamodb", "GetItem", body=run_id)
    seen = app.seen(looked)
    app.sqs.send_message(QueueUrl=app.queue, MessageBody=message(run_id))
    until(lambda: app.seen(looked) > seen)
    time.sleep(0.5)
    assert app.objects(run_id) == before
    app.completed(run_id, expected, attempts=1)
    check("a message that comes twice, at once and later, is one commit")


def events_come_twice_and_out_of_order(app, expected):
    configuration = app.s3.get_bucket_notification_configuration(Bucket=app.bucket)
    configuration.pop("ResponseMetadata")
    allow = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    own = app.sqs.create_queue(QueueName="events", Attributes={"Policy": policy})["QueueUrl"]
    arn = app.sqs.get_queue_attributes(QueueUrl=own, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    to_own = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    app.s3.put_bucket_notification_configuration(Bucket=app.bucket, NotificationConfiguration=to_own)
    key = "uploads/replaced.json"
    for body in (b"[]", SAMPLE.read_bytes()):
        app.s3.put_object(Bucket=app.bucket, Key=key, Body=body)
    events = []
    while len(events) < 2:
        for message in app.sqs.receive_message(QueueUrl=own, WaitTimeSeconds=2).get("Messages", []):
            app.sqs.delete_message(QueueUrl=own, ReceiptHandle=message["ReceiptHandle"])
            event = json.loads(message["Body"])
            events += [event] if "Records" in event else []
    events.sort(key=lambda event: event["Records"][0]["s3"]["object"]["size"])
    app.sqs.delete_queue(QueueUrl=own)
    app.s3.put_bucket_notification_configuration(Bucket=app.bucket, NotificationConfiguration=configuration)
    small, whole = events
    for event in (whole, small, whole, small):
        app.invoke("Upload", event)
    jobs = {record["payload"]["size_bytes"]: record for record in app.dropped(key, 2)}
    assert len([record for record in app.records() if record["payload"]["key"] == key]) == 2
    small, whole = jobs[2], jobs[SAMPLE.stat().st_size]
    assert whole["status"] == "COMPLETED" and whole["attempts"] == 1, whole
    assert small["status"] == "FAILED" and "payload" in small["error_message"], small
    for name, content in expected.items():
        stored = app.s3.get_object(Bucket=app.bucket, Key=f"{whole['run_id']}/data/{name}")["Body"].read()
        assert stored == content, name
    check("events that come twice and out of order are one job for each version")


def the_worker_dies(app, expected):
    kill = lambda: app.kill("Worker")
    worker = lambda *what, **more: app.by("Worker", *what, **more)
    for what, condition, moment, attempts in [
        ("before it reads", worker("s3", "GET", key="payload"), "instead", 2),
        ("before it writes", worker("s3", "PUT", key="processed.json"), "instead", 2),
        ("after it has written", worker("s3", "PUT", key="stats.json"), "after", 2),
        ("before its commit", worker("dynamodb", "TransactWriteItems", body="COMPLETED"), "instead", 2),
        ("after its commit, before it acknowledges", worker("dynamodb", "TransactWriteItems", body="COMPLETED"), "after", 1),
    ]:
        fault = app.wire.fault(condition, **{moment: kill})
        run_id = app.submit()
        until(lambda: fault.met, 30, what)
        if attempts == 1:
            # What is delivered to a process that dies is gone until it is visible again: not before it is dead.
            time.sleep(3)
        # The platform delivers the message again, before the lease is over.
        app.sqs.send_message(QueueUrl=app.queue, MessageBody=json.dumps({"run_id": run_id}))
        if attempts > 1:
            assert app.job(run_id)["status"] == "RUNNING", what
            app.age(run_id, LONG)
            app.sweep()
        app.completed(run_id, expected, attempts=attempts)
    app.wire.clear()
    check("a worker that dies before, between and after its steps costs an attempt at most")


def ingress_dies(app, expected):
    ingress = app.by("Ingress")
    before = app.seen(ingress)
    app.completed(app.submit(headers={"Idempotency-Key": "counted"}), expected)
    steps = app.seen(ingress) - before
    assert steps >= 4, steps
    for step in range(steps):
        for moment in ("instead", "after"):
            calls = iter(range(steps))
            fault = app.wire.fault(lambda call: ingress(call) and next(calls, None) == step,
                                   **{moment: lambda: app.kill("Ingress")})
            key = {"Idempotency-Key": f"{moment}-{step}"}
            status, _, answer = app.call("POST", "/data-prep/process", SAMPLE.read_bytes(), key)
            assert status >= 500 and fault.met, (moment, step, status, answer)
            app.wire.clear()
            known = {record["run_id"] for record in app.records()}
            run_id = app.submit(headers=key)
            completed_sooner_or_later(app, run_id, expected, attempts=1)
            # What the first request may have left is the same job, or no job at all.
            of_key = [record for record in app.records() if record.get("idempotency_key") == key["Idempotency-Key"]]
            assert [record["run_id"] for record in of_key] == [run_id], (moment, step, of_key)
            assert {record["run_id"] for record in app.records()} <= known | {run_id}
    check(f"a request whose function dies before or after any of its {steps} calls is one job when repeated")


def the_table_throttles(app, expected):
    throttled = dict(status=400, code="ProvisionedThroughputExceededException")
    for name in ("Ingress", "Worker"):
        app.wire.fault(app.by(name, "dynamodb"), times=2, **throttled)
    app.completed(app.submit(), expected, attempts=1)
    app.wire.clear()
    app.wire.fault(app.by("Ingress", "dynamodb"), times=1000, **throttled)
    status, headers, problem = app.call("POST", "/data-prep/process", SAMPLE.read_bytes())
    assert status == 503 and headers["Content-Type"] == "application/problem+json", (status, problem)
    app.wire.clear()
    check("a throttled table is asked again, and in the end the caller is told")


def the_bucket_fails(app, expected):
    for name in ("Ingress", "Worker"):
        app.wire.fault(app.by(name, "s3", "PUT"), times=1, status=500)
        app.wire.fault(app.by(name, "s3", "PUT"), times=1, status=503, code="SlowDown")
        app.wire.fault(app.by(name, "s3", "PUT"), times=1, cut=0)
    reading = app.by("Worker", "s3", "GET", key="payload")
    app.wire.fault(reading, times=1, status=500)
    app.wire.fault(reading, times=1, status=503, code="SlowDown")
    broken = app.wire.fault(reading, times=2, cut=1000)
    app.completed(app.submit(), expected, attempts=1)
    assert broken.met == 2
    app.wire.clear()
    refused = app.wire.fault(reading, times=10_000, status=503, code="SlowDown")
    run_id = app.submit()
    gives_up(app, run_id)
    assert refused.met > 3
    app.wire.clear()
    app.completed(run_id, expected, attempts=2)
    check("a bucket that answers 500 and 503, or not to the end, is asked again; later so by another attempt")


def the_queue_answers_late_or_never(app, expected):
    sending = app.by("Ingress", "sqs")
    sent = app.wire.fault(sending, times=1, cut=0)
    run_id = app.submit()
    app.completed(run_id, expected, attempts=1)
    assert sent.met == 1
    app.wire.clear()
    app.wire.fault(sending, times=1000, status=500)
    key = {"Idempotency-Key": "unsent"}
    status, _, answer = app.call("POST", "/data-prep/process", SAMPLE.read_bytes(), key)
    assert status == 503, (status, answer)
    app.wire.clear()
    completed_sooner_or_later(app, app.submit(headers=key), expected, attempts=1)
    check("a message that was sent though nobody said so, and one that was not")


def poison(app, expected):
    runs = [app.submit()]
    for body in ("no message of ours", '{"run_id": "x"}', "{}"):
        app.sqs.send_message(QueueUrl=app.queue, MessageBody=body)
        runs.append(app.submit())
    for run_id in runs:
        app.completed(run_id, expected, attempts=1)
    app.sqs.purge_queue(QueueUrl=app.queue)
    check("good messages among bad ones are worked on")


def large_export(folder):
    """One whose outputs have several parts."""
    export = folder / "several-parts.json"
    if not export.exists():
        chats = json.loads(SAMPLE.read_bytes())
        chats["chats"]["list"] *= 30_000_000 // SAMPLE.stat().st_size
        export.write_text(json.dumps(chats))
    return export


def uploaded(app, export):
    """The job of an upload by a signed URL."""
    size = export.stat().st_size
    upload = app.call("POST", "/data-prep/uploads", json.dumps({"size_bytes": size}).encode())[2]
    [part] = upload["parts"]
    assert send("PUT", part["url"], export.read_bytes(), part["headers"])[0] == 200
    return upload["run_id"]


def a_part_is_refused(app, folder):
    export = large_export(folder)
    expected = prepared(folder, export=export)
    part_of_raw = app.by("Worker", "s3", "PUT", key="raw.json")
    refused = app.wire.fault(lambda call: part_of_raw(call) and call.query.get("partNumber") == "2", times=50, status=500)
    run_id = uploaded(app, export)
    gives_up(app, run_id)
    assert refused.met > 1
    assert "Uploads" not in app.s3.list_multipart_uploads(Bucket=app.bucket), "an unfinished output is left"
    app.wire.clear()
    app.completed(run_id, expected, attempts=2)
    check("an output of several parts is whole, or nothing is left of it")


def deleted_while_it_runs(app):
    for moment in ("before", "after"):
        run = []

        def delete():
            assert app.call("DELETE", f"/data-prep/jobs/{run[0]}")[0] == 204

        writing = app.by("Worker", "s3", "PUT", key="stats.json")
        fault = app.wire.fault(lambda call: writing(call) and run and run[0] in call.key, **{moment: delete})
        # Nothing is written before the job's name is known here.
        held = app.wire.fault(app.by("Worker", "s3", "GET", key="payload"), before=lambda: until(lambda: run))
        run.append(app.submit())
        until(lambda: fault.met and held.met and not app.objects(run[0]), 60, f"{moment}: something is left")
        time.sleep(1)
        assert app.objects(run[0]) == {} and app.record(run[0]) is None
        app.wire.clear()
    check("of a job that is deleted while it runs nothing is left")


def gone_while_large_outputs_are_written(app, folder):
    """Unfinished outputs of several parts go, too, whoever removes the job."""
    export = large_export(folder)
    for way in ("its owner", "its time"):
        go_on = threading.Event()
        writing = app.by("Worker", "s3", "PUT", key="raw.json")
        held = app.wire.fault(lambda call: writing(call) and call.query.get("partNumber") == "2", before=go_on.wait)
        run_id = uploaded(app, export)
        try:
            until(lambda: held.met, 60, "it writes nothing large")
            assert "Uploads" in app.s3.list_multipart_uploads(Bucket=app.bucket)
            if way == "its owner":
                assert app.call("DELETE", f"/data-prep/jobs/{run_id}")[0] == 204
            else:
                app.age(run_id, 8 * 24 * LONG)
                app.sweep()
            assert "Uploads" not in app.s3.list_multipart_uploads(Bucket=app.bucket), way
        finally:
            go_on.set()
        until(lambda: not app.objects(run_id) and app.record(run_id) is None, 60, f"{way}: something is left")
        app.wire.clear()
    check("of a job that goes while it writes large outputs nothing is left")


def the_queue_is_long(app, expected):
    """A job whose message waits is not sent again; one whose message is lost is."""
    sent = app.by("Sweeper", "sqs", "SendMessage")
    with app.no_workers():
        run_id = app.submit()
        app.age(run_id, LONG)
        before = app.seen(sent)
        app.sweep()
        assert app.seen(sent) == before, "it was sent again"
        app.sqs.purge_queue(QueueUrl=app.queue)
        app.age(run_id, LONG)
        until(lambda: app.sweep() or app.seen(sent) > before, 20, "it was not sent again")
    app.completed(run_id, expected, attempts=1)
    check("a job is sent again if its message is lost, not because it waits")


def what_is_left_is_swept(app, expected):
    # Payloads without a record, of requests that died.
    app.age_reservations()
    # Uploads that never come, of one part and of several.
    uploads = []
    for size in (1000, 6_000_000_000):
        status, _, upload = app.call("POST", "/data-prep/uploads", json.dumps({"size_bytes": size}).encode())
        assert status == 201, upload
        uploads.append(upload["run_id"])
        app.age(upload["run_id"], 25 * 3600)
    # A job whose time is over.
    expired = app.submit(headers={"Idempotency-Key": "expired"})
    app.completed(expired, expected)
    app.age(expired, 8 * 24 * 3600)
    assert app.call("GET", f"/data-prep/jobs/{expired}")[0] == 404
    app.sweep()
    assert app.keys(expired) == app.reservations() == []
    known = {record["run_id"] for record in app.records()}
    assert [key for key in app.keys() if key.endswith("/payload") and key.split("/")[-2] not in known] == []
    assert app.record(expired) is None
    for run_id in uploads:
        assert "did not arrive in time" in app.wait(run_id)["error_message"]
    assert "Uploads" not in app.s3.list_multipart_uploads(Bucket=app.bucket)
    check("the sweeper removes what is expired and orphaned, and gives up uploads that do not come")


def all_of_them(app, folder, expected):
    deleted_while_it_runs(app)
    a_part_is_refused(app, folder)
    gone_while_large_outputs_are_written(app, folder)
    for scenario in (
        messages_come_twice, events_come_twice_and_out_of_order, the_worker_dies, ingress_dies,
        the_table_throttles, the_bucket_fails, the_queue_answers_late_or_never, the_queue_is_long, poison, what_is_left_is_swept,
    ):
        scenario(app, expected)
    # Uploads that nobody has sent yet are waited for, and so are those that still may come to a job that is deleted.
    unfinished = [record for record in app.records() if record["status"] in ("QUEUED", "RUNNING", "DELETING")]
    left = [record["run_id"] for record in unfinished if record["deleted_at"] is None]
    assert left == [], left
