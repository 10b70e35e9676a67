"""A stack of this application, as CloudFormation knows it."""
from botocore.exceptions import ClientError

from operations.command import Failure, every, message


class Stack:
    """A stack and what belongs to it, or what it retained if it is deleted."""

    def __init__(self, formation, described):
        self.formation = formation
        self.id, self.name, self.status = (described[key] for key in ("StackId", "StackName", "StackStatus"))
        self.parameters = {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", [])}
        if self.status == "DELETE_COMPLETE":
            events = every(formation, "describe_stack_events", "StackEvents", StackName=self.id)
            found = [one for one in events if one["ResourceStatus"] == "DELETE_SKIPPED"]
        else:
            found = every(formation, "list_stack_resources", "StackResourceSummaries", StackName=self.id)
        self.resources = {one["LogicalResourceId"]: one.get("PhysicalResourceId") for one in found}

    def __getitem__(self, logical_id):
        """The name or URL of a resource."""
        if not self.resources.get(logical_id):
            raise Failure(f"the stack {self.name} ({self.status}) has no {logical_id}: it is not a complete deployment of template.yaml")
        return self.resources[logical_id]

    def failures(self):
        """What went wrong last, as CloudFormation puts it."""
        events = self.formation.describe_stack_events(StackName=self.id)["StackEvents"]
        lines = [f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in events
                 if event["ResourceStatus"].endswith("_FAILED")]
        return "\n".join(lines[:5])


def live(formation, name):
    """A stack that is not deleted, or None."""
    try:
        [described] = formation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in message(error):
            return None
        raise
    return Stack(formation, described)


def find(account, name):
    formation = account.client("cloudformation")
    stack = live(formation, name)
    if not stack:
        raise Failure(f"there is no stack {name} in {formation.meta.region_name}: check its name, --region and --profile")
    return stack
