"""Takes the bucket and the table that a deleted stack retained into a new stack.

CloudFormation imports existing resources by a change set of its own type, which may do nothing else: the
template lists the imported resources alone, each with a DeletionPolicy, and no outputs; their identifiers
come with the request
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-import.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceToImport.html,
https://github.com/awslabs/aws-security-assessment-solution/issues/6). Importing while
the whole template is deployed would take names that are written out, not `!GetAtt`
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html). So
`sam deploy` follows and updates the stack to the whole template.
"""
import json
import pathlib
import shlex
import time

from botocore.exceptions import ClientError, WaiterError
from samtranslator.yaml_helper import yaml_parse

from operations import stack
from operations.command import Failure, code, run

TEMPLATE = pathlib.Path(__file__).resolve().parents[1] / "template.yaml"
POLL = {"Delay": 5, "MaxAttempts": 120}


def adopt(account, arguments):
    formation = account.client("cloudformation")
    there = stack.live(formation, arguments.stack)
    if there and there.status != "REVIEW_IN_PROGRESS":
        raise Failure(f"there is a stack {arguments.stack} already ({there.status}): give the new one another name")
    template = imported(yaml_parse(TEMPLATE.read_text()), arguments.storage)
    check_bucket(account.client("s3"), arguments.storage)
    check_table(account.client("dynamodb"), arguments.storage, template["Resources"]["JobsTable"]["Properties"])
    if not arguments.yes:
        print(json.dumps(template, indent=2))
        print(f"The bucket and the table {arguments.storage} can be taken over. Nothing was done.")
        print(f"Add --yes to make the stack {arguments.stack} of them with this template.")
        return
    import_into(formation, arguments.stack, template, arguments.storage)
    options = [part for name in ("profile", "region") if getattr(arguments, name) for part in (f"--{name}", getattr(arguments, name))]
    deploy = ["sam", "deploy", "--stack-name", arguments.stack, *options, "--parameter-overrides", f"StorageName={arguments.storage}"]
    print(f"""The stack {arguments.stack} has the bucket and the table now, and nothing else. Add what belongs to them with

    sam build && {shlex.join(deploy)}

and with the other parameters that the deleted stack had. The change set may say of JobsBucket and JobsTable that they are
replaced under a condition: that they got another name. With this StorageName they don't.""")


def imported(template, name):
    """The template of the import: the bucket and the table, with those of their properties that are written out.

    What refers to a parameter or a function stays out: the days of retention, and the notification, which still names
    the function of the deleted stack. CloudFormation does not compare the template of an import with what there is,
    and an update changes what differs between two templates; so `sam deploy` sets both, whatever they are now. (S3
    replaces a notification as a whole and looks at the new functions alone:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html.) All else stands here,
    so that a deployment that fails is not rolled back to a bucket without it, and since DynamoDB refuses to create an
    index, or to enable the time to live, twice.
    """
    names = {"JobsBucket": {"BucketName": name}, "JobsTable": {"TableName": name}}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {logical_id: retained(template["Resources"][logical_id], own) for logical_id, own in names.items()},
    }


def retained(resource, own):
    attributes = {key: resource[key] for key in ("Type", "DeletionPolicy", "UpdateReplacePolicy")}
    written_out = {key: value for key, value in resource["Properties"].items() if not refers(value)}
    return {**attributes, "Properties": {**written_out, **own}}


def refers(value):
    text = json.dumps(value)
    return '"Ref"' in text or '"Fn::' in text


def check_bucket(s3, name):
    try:
        s3.head_bucket(Bucket=name)
        s3.get_bucket_policy(Bucket=name)
    except ClientError as error:
        if code(error) == "404":
            raise Failure(f"there is no bucket {name} in this account and region: check --storage, --region and --profile") from None
        if code(error) == "NoSuchBucketPolicy":
            return
        raise
    # https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1068
    raise Failure(f"the bucket {name} has a policy. Either a stack still owns the bucket, or `sam deploy` would fail with"
                  f" \"The bucket policy already exists\": delete it with `aws s3api delete-bucket-policy --bucket {name}`")


def check_table(dynamodb, name, properties):
    try:
        table = dynamodb.describe_table(TableName=name)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        raise Failure(f"there is no table {name} in this account and region: check --storage, --region and --profile") from None
    wanted, present = shape(properties), shape(table)
    if wanted != present:
        raise Failure(f"the table {name} has other keys or indexes than template.yaml ({present} instead of {wanted}), so it can't be"
                      f" taken over as it is. If a stack of version 0.1 left it, deploy a new stack with PreviousTable={name}")


def shape(table):
    """Keys and indexes, as text."""
    indexes = {one["IndexName"]: (keys(one), one["Projection"]["ProjectionType"]) for one in table.get("GlobalSecondaryIndexes", [])}
    return f"{keys(table)} " + " ".join(f"{name}({found}, {kept})" for name, (found, kept) in sorted(indexes.items()))


def keys(of):
    return "/".join(one["AttributeName"] for one in of["KeySchema"])


def import_into(formation, name, template, storage):
    change_set = formation.create_change_set(
        StackName=name, ChangeSetName=f"adopt-{time.time_ns()}", ChangeSetType="IMPORT", TemplateBody=json.dumps(template),
        ResourcesToImport=[
            {"ResourceType": "AWS::S3::Bucket", "LogicalResourceId": "JobsBucket", "ResourceIdentifier": {"BucketName": storage}},
            {"ResourceType": "AWS::DynamoDB::Table", "LogicalResourceId": "JobsTable", "ResourceIdentifier": {"TableName": storage}},
        ])
    try:
        formation.get_waiter("change_set_create_complete").wait(ChangeSetName=change_set["Id"], WaiterConfig=POLL)
    except WaiterError:
        reason = formation.describe_change_set(ChangeSetName=change_set["Id"]).get("StatusReason")
        # Only the change set was made, and a stack that waits for it.
        formation.delete_stack(StackName=change_set["StackId"])
        raise Failure(f"CloudFormation does not import {storage}: {reason}") from None
    formation.execute_change_set(ChangeSetName=change_set["Id"])
    try:
        formation.get_waiter("stack_import_complete").wait(StackName=change_set["StackId"], WaiterConfig=POLL)
    except WaiterError:
        failures = stack.live(formation, change_set["StackId"]).failures()
        raise Failure(f"the import failed; the bucket and the table are as they were:\n{failures}") from None


if __name__ == "__main__":
    run("adopt", "Take the bucket and the table that a deleted stack retained into a new stack.", adopt,
        storage="name of the bucket and of the table")
