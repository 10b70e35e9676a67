"""Sends dead letters back to the queue of jobs.

A dead letter of a job that is finished or deleted does no harm: the worker acknowledges it without work.
"""
import time

from botocore.exceptions import ClientError

from operations import stack
from operations.command import Failure, code, counted, run
from operations.messages import batches, content, delete, held

UNSUPPORTED = {"AWS.SimpleQueueService.UnsupportedOperation", "InvalidAction", "UnsupportedOperation"}


def redrive(account, arguments):
    deployed = stack.find(account, arguments.stack)
    sqs = account.client("sqs")
    letters, jobs = deployed["DeadLetters"], deployed["JobsQueue"]
    with held(sqs, letters) as messages:
        print(counted(len(messages), "dead letter"))
        for message in messages.values():
            print("  " + str(content(message).get("run_id", "(without a run_id)")))
    if not messages:
        return
    if not arguments.yes:
        print("Nothing was sent. Add --yes to send them back to the queue of jobs.")
        return
    sent = moved_by_sqs(sqs, letters, jobs)
    if sent is None:
        sent = moved_one_by_one(sqs, letters, jobs)
    print(f"{counted(sent, 'message')} sent back")


def moved_by_sqs(sqs, source, target):
    """How many messages SQS moved, or None where it can't move messages."""
    source, target = (sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
                      for url in (source, target))
    try:
        sqs.start_message_move_task(SourceArn=source, DestinationArn=target)
    except ClientError as error:
        if code(error) in UNSUPPORTED:
            return None
        raise
    while True:
        [task] = sqs.list_message_move_tasks(SourceArn=source, MaxResults=1)["Results"]
        if task["Status"] == "COMPLETED":
            return task["ApproximateNumberOfMessagesMoved"]
        if task["Status"] != "RUNNING":
            raise Failure(f"SQS stopped moving messages ({task['Status']}: {task.get('FailureReason', 'no reason given')})."
                          " Those that were not moved are still dead letters; run the command again")
        time.sleep(2)


def moved_one_by_one(sqs, source, target):
    """Sends first and deletes afterwards, so that a crash leaves a message twice rather than nowhere."""
    sent = 0
    with held(sqs, source) as messages:
        for batch in batches(list(messages.values())):
            copies = [copy(number, message) for number, message in enumerate(batch)]
            answer = sqs.send_message_batch(QueueUrl=target, Entries=copies)
            done = [batch[int(one["Id"])] for one in answer.get("Successful", [])]
            if done:
                delete(sqs, source, messages, done)
            sent += len(done)
            if answer.get("Failed"):
                raise Failure(f"the queue of jobs did not take {counted(len(answer['Failed']), 'message')}"
                              f" ({answer['Failed'][0]['Code']}), after {sent} that were sent; run the command again")
    return sent


def copy(number, message):
    entry = {"Id": str(number), "MessageBody": message["Body"]}
    if message.get("MessageAttributes"):
        entry["MessageAttributes"] = message["MessageAttributes"]
    if "MessageGroupId" in message.get("Attributes", {}):
        # By which the owners share the workers.
        entry["MessageGroupId"] = message["Attributes"]["MessageGroupId"]
    return entry


if __name__ == "__main__":
    run("redrive", "Send dead letters back to the queue of jobs.", redrive)
