"""Messages of a queue, held so that nobody else receives them meanwhile."""
import contextlib
import json

from operations.command import Failure

# Long enough to look at a full queue. After a crash, messages are visible again that much later.
HOLD_SECONDS = 300


def batches(items, size=10):
    return (items[start:start + size] for start in range(0, len(items), size))


def entries(messages):
    return [{"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]} for number, one in enumerate(messages)]


@contextlib.contextmanager
def held(sqs, url):
    """All messages of a queue. Those that were not deleted become visible again in the end."""
    messages = {}
    try:
        empty = 0
        # One empty answer does not mean that a queue is empty.
        while empty < 2:
            received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2, VisibilityTimeout=HOLD_SECONDS,
                                           AttributeNames=["All"], MessageAttributeNames=["All"]).get("Messages", [])
            empty = 0 if any(one["MessageId"] not in messages for one in received) else empty + 1
            messages.update((one["MessageId"], one) for one in received)
        yield messages
    finally:
        for batch in batches(list(messages.values())):
            visible = [{**entry, "VisibilityTimeout": 0} for entry in entries(batch)]
            sqs.change_message_visibility_batch(QueueUrl=url, Entries=visible)


def delete(sqs, url, messages, done):
    """Deletes held messages that are done with."""
    failed = sqs.delete_message_batch(QueueUrl=url, Entries=entries(done)).get("Failed", [])
    if failed:
        raise Failure(f"{len(failed)} of {len(done)} messages were dealt with, but could not be deleted ({failed[0]['Code']})."
                      " Nothing is lost, and a job that is sent twice runs once; run the command again")
    for one in done:
        del messages[one["MessageId"]]


def content(message):
    """A message's body if that is a JSON object, else an empty one."""
    try:
        body = json.loads(message["Body"])
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
