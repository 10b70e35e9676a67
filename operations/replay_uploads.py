"""Gives the upload function again the S3 events that it could not take.

The queue holds the records that Lambda makes of asynchronous invocations that failed
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html): the event is their
`requestPayload`. The same event makes the same job, so one that was taken after all does no harm.
"""
import json
import re

from operations import stack
from operations.command import Failure, counted, run
from operations.messages import content, delete, held

ANNOUNCED = re.compile(r"uploads/([0-9a-f-]{36})/payload$")


def replay(account, arguments):
    deployed = stack.find(account, arguments.stack)
    sqs, queue = account.client("sqs"), deployed["UndeliveredUploads"]
    failed = 0
    with held(sqs, queue) as messages:
        print(counted(len(messages), "undelivered event"))
        for message in messages.values():
            print("  " + described(content(message)))
        if not messages:
            return
        if not arguments.yes:
            print("Nothing was replayed. Add --yes to give them to the upload function.")
            return
        for message in list(messages.values()):
            if invoked(account, deployed, content(message).get("requestPayload")):
                delete(sqs, queue, messages, [message])
            else:
                failed += 1
        left = len(messages)
    if failed:
        raise Failure(f"{counted(left, 'event')} stayed in the queue. The log /aws/lambda/{deployed.name}-upload says what failed;"
                      " a message that holds no S3 event has to be deleted by hand")
    print("all were taken")


def described(record):
    """A record without the key of its object, which may be somebody's name."""
    context = record.get("requestContext", {})
    objects = [one.get("s3", {}).get("object", {}).get("key", "") for one in events(record.get("requestPayload"))]
    if not objects:
        return "a message that holds no S3 event"
    names = [f"upload of job {found.group(1)}" if found else "dropped object" for found in map(ANNOUNCED.match, objects)]
    return f"{record.get('timestamp', 'no time')}  {context.get('condition', 'no condition')}  {', '.join(names)}"


def events(payload):
    return payload.get("Records", []) if isinstance(payload, dict) else []


def invoked(account, deployed, payload):
    """Whether the function took an event."""
    if not events(payload):
        return False
    # Where deployments are gradual, S3 calls the alias.
    gradual = deployed.parameters.get("GradualDeployment", "OFF") != "OFF"
    answer = account.client("lambda").invoke(FunctionName=deployed["UploadFunction"], Qualifier="live" if gradual else "$LATEST",
                                             Payload=json.dumps(payload))
    return "FunctionError" not in answer


if __name__ == "__main__":
    run("replay-uploads", "Give the upload function again the S3 events that it could not take.", replay)
