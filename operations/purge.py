"""Removes a stack and then the bucket and the table that it retains, with everything in them."""
from botocore.exceptions import ClientError, WaiterError

from operations import stack
from operations.command import Failure, code, counted, every, run, size

STAYS = """What stays: the bucket that `sam deploy` made for all stacks of the region (stack aws-sam-cli-managed-default), with this
stack's code; DynamoDB's backup of the table, for 35 days; and metrics, until CloudWatch drops them."""
# Workers that run on may still write while the bucket is emptied.
ROUNDS = 5


def purge(account, arguments):
    formation = account.client("cloudformation")
    found = stack.live(formation, arguments.stack)
    stacks = [found] if found else deleted(formation, arguments.stack)
    if found and found.resources and "JobsBucket" not in found.resources:
        raise Failure(f"the stack {found.name} is not a deployment of template.yaml: it has no JobsBucket")
    places = [place for one in stacks for place in (Bucket(account, one), Table(account, one)) if place.exists()]
    if found:
        print(f"stack {found.name} ({found.status}), with {counted(len(found.resources), 'resource')}")
    elif places:
        print(f"The stack {arguments.stack} is deleted already. It retained:")
    else:
        raise Failure(f"there is no stack {arguments.stack} in {formation.meta.region_name}, and nothing that a deleted one retained:"
                      " check its name, --region and --profile")
    for place in places:
        print(place.described())
    if not arguments.yes:
        print(f"Nothing was removed. Add --yes to remove all of this, for good.\n{STAYS}")
        return
    if found:
        remove(formation, found)
    for place in places:
        place.remove()
        print(f"removed {place.kind} {place.name}")
    print(STAYS)


def deleted(formation, name):
    """Deleted stacks of a name whose storage no other stack has taken over. CloudFormation knows them for 90 days."""
    summaries = list(every(formation, "list_stacks", "StackSummaries"))
    gone = [one for one in summaries if one["StackStatus"] == "DELETE_COMPLETE"]
    named = [stack.Stack(formation, one) for one in gone if one["StackName"] == name]
    taken = {bucket(formation, one["StackId"]) for one in summaries if one not in gone} if named else set()
    return [one for one in named if one.resources.get("JobsBucket") not in taken]


def bucket(formation, stack_id):
    """The bucket of a stack, if it is one of this application's."""
    try:
        described = formation.describe_stack_resource(StackName=stack_id, LogicalResourceId="JobsBucket")
    except ClientError as error:
        if code(error) == "ValidationError":
            return None
        raise
    return described["StackResourceDetail"].get("PhysicalResourceId")


def remove(formation, found):
    formation.delete_stack(StackName=found.id)
    try:
        formation.get_waiter("stack_delete_complete").wait(StackName=found.id, WaiterConfig={"Delay": 5, "MaxAttempts": 360})
    except WaiterError:
        raise Failure(f"the stack {found.name} could not be deleted, so its bucket and table were left alone:\n{found.failures()}") from None
    print(f"removed stack {found.name}")


class Bucket:
    kind = "bucket"

    def __init__(self, account, deployed):
        self.s3, self.name = account.client("s3"), deployed.resources.get("JobsBucket")

    def exists(self):
        if not self.name:
            return False
        try:
            self.s3.head_bucket(Bucket=self.name)
        except ClientError as error:
            if code(error) == "404":
                return False
            raise
        return True

    def versions(self):
        """Pages of all objects, whether or not the bucket keeps versions."""
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.name):
            yield page.get("Versions", []) + page.get("DeleteMarkers", [])

    def uploads(self):
        """Uploads in parts that were not finished."""
        return every(self.s3, "list_multipart_uploads", "Uploads", Bucket=self.name)

    def described(self):
        sizes = [one.get("Size", 0) for page in self.versions() for one in page]
        uploads = sum(1 for _ in self.uploads())
        return f"bucket {self.name}: {counted(len(sizes), 'object')} ({size(sum(sizes))}), {counted(uploads, 'unfinished upload')}"

    def remove(self):
        for round in range(ROUNDS):
            self.empty()
            try:
                self.s3.delete_bucket(Bucket=self.name)
                return
            except ClientError as error:
                if code(error) != "BucketNotEmpty" or round == ROUNDS - 1:
                    raise

    def empty(self):
        for page in self.versions():
            named = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in page]
            errors = self.s3.delete_objects(Bucket=self.name, Delete={"Objects": named, "Quiet": True}).get("Errors") if named else None
            if errors:
                raise Failure(f"{counted(len(errors), 'object')} could not be deleted ({errors[0]['Code']}); run the command again")
        for one in self.uploads():
            self.s3.abort_multipart_upload(Bucket=self.name, Key=one["Key"], UploadId=one["UploadId"])


class Table:
    kind = "table"

    def __init__(self, account, deployed):
        self.dynamodb, self.name = account.client("dynamodb"), deployed.resources.get("JobsTable")

    def description(self):
        return self.dynamodb.describe_table(TableName=self.name)["Table"]

    def exists(self):
        if not self.name:
            return False
        try:
            self.description()
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return False
        return True

    def described(self):
        table = self.description()
        # DynamoDB counts every six hours.
        return f"table {self.name}: about {counted(table['ItemCount'], 'item')} ({size(table['TableSizeBytes'])})"

    def remove(self):
        self.dynamodb.delete_table(TableName=self.name)
        self.dynamodb.get_waiter("table_not_exists").wait(TableName=self.name)


if __name__ == "__main__":
    run("purge", "Remove a stack, and the bucket and the table that it retains.", purge)
