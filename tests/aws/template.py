"""The template as SAM transforms it, without AWS: what its validators don't know to check."""
import json
import logging
import os
import pathlib
import re
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = pathlib.Path(__file__).resolve().parents[2] / "template.yaml"
FUNCTIONS = ["Ingress", "Upload", "Worker", "Status", "Sweeper"]
# What reaches a function from outside.
CALLERS = {
    "AWS::ApiGatewayV2::Integration", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission",
    "AWS::S3::Bucket", "AWS::Scheduler::Schedule",
}


class NoPolicies(ManagedPolicyLoader):
    def __init__(self):
        super().__init__(None)

    def load(self):
        return {}


def transformed(code="s3://artifacts/one", **parameters):
    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)
    template = yaml_parse(TEMPLATE.read_text())
    template["Globals"]["Function"]["CodeUri"] = code
    return transform(template, parameters, NoPolicies())


def decided(node, conditions):
    """A part of the template, with `Fn::If` of these conditions replaced by what they choose."""
    if isinstance(node, dict):
        if "Fn::If" in node and node["Fn::If"][0] in conditions:
            name, yes, no = node["Fn::If"]
            return decided(yes if conditions[name] else no, conditions)
        return {key: decided(value, conditions) for key, value in node.items()}
    return [decided(value, conditions) for value in node] if isinstance(node, list) else node


def nodes(node):
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    for child in children:
        yield from nodes(child)


def references(node):
    """The parameters, resources and pseudo parameters that a part of the template refers to."""
    found = set()
    for part in nodes(node):
        if isinstance(part, dict):
            if isinstance(part.get("Ref"), str):
                found.add(part["Ref"])
            if "Fn::GetAtt" in part:
                target = part["Fn::GetAtt"]
                found.add((target if isinstance(target, list) else target.split("."))[0])
            if "Fn::Sub" in part:
                text = part["Fn::Sub"]
                text, own = text if isinstance(text, list) else (text, {})
                names = {name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text)}
                found |= names - set(own)
    return found


def schema(kind):
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema


def replaced_by(kind, name):
    """Whether a change of a property replaces the resource."""
    return f"/properties/{name}" in schema(kind)["createOnlyProperties"]


def of_type(template, kind):
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}


# --- The checks: each gives what is wrong ---

def fixed_names(template):
    """Names that two stacks in one account and region would share."""
    own = set(template["Resources"]) | {"AWS::StackName", "AWS::StackId"}
    for name, resource in template["Resources"].items():
        kind = schema(resource["Type"])
        identifiers = set(kind["primaryIdentifier"]) - set(kind.get("readOnlyProperties", []))
        given = [resource["Properties"][part] for part in (identifier.split("/")[-1] for identifier in identifiers)
                 if part in resource.get("Properties", {})]
        if given and not any(references(value) & own for value in given):
            yield f"{name} is called {given}"
    if "AWS::StackId" not in references(template["Resources"]["StorageNameParameter"]):
        yield "the storage's name does not depend on the stack"
    if "AWS::Region" not in references(template["Resources"]["Dashboard"]["Properties"]["DashboardName"]):
        yield "the dashboard's name, which all regions share, does not name the region"


def lost_storage(template):
    for name in ["JobsBucket", "JobsTable"]:
        resource = template["Resources"][name]
        if (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")) != ("RetainExceptOnCreate", "Retain"):
            yield f"{name} is not retained"


def wrong_schedule(template):
    schedules = of_type(template, "AWS::Scheduler::Schedule")
    yield from (f"{name} has a name of its own" for name, one in schedules.items() if "Name" in one["Properties"])
    if len(schedules) != 1:
        yield f"{len(schedules)} schedules"
    settings = template["Resources"]["SweeperFunctionEventInvokeConfig"]["Properties"]
    if settings["FunctionName"] != {"Ref": "SweeperFunction"} or settings["MaximumRetryAttempts"] != 0:
        yield "Lambda repeats sweeps"
    if template["Resources"]["SweeperFunction"]["Properties"]["Timeout"] >= 60:
        yield "sweeps overlap"


def long_numbers(template):
    yield from (f"{part} is not quoted" for part in nodes(template) if type(part) is int and part >= 10_000_000)


def other_accounts(template):
    """Statements for S3 that reach buckets of other accounts."""
    for name, role in of_type(template, "AWS::IAM::Role").items():
        for statement in nodes(role["Properties"].get("Policies", [])):
            actions = statement.get("Action") if isinstance(statement, dict) else None
            if actions and any(action.startswith("s3:") for action in actions):
                if statement.get("Condition") != {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}:
                    yield f"{name}: {statement['Sid']}"


def small_account(template):
    default = template["Parameters"]["WorkerMemory"]["Default"]
    if default > 3008:
        yield f"a new account has no function of {default} MB"


def environment_bytes(template, function):
    def size(value):
        if isinstance(value, dict):
            parameter = template["Parameters"].get(value.get("Ref"))
            # A resource's name, URL or ARN.
            return len(str(parameter["Default"])) if parameter else 150
        return len(value)

    variables = template["Resources"][f"{function}Function"]["Properties"]["Environment"]["Variables"]
    return sum(len(name) + size(value) for name, value in variables.items())


def large_environment(template):
    """Half of the 4 KB that Lambda allows is left for what an operator sets."""
    sizes = {name: environment_bytes(template, name) for name in FUNCTIONS}
    yield from (f"{name} has {size} bytes of variables" for name, size in sizes.items() if size > 2048)


def wrong_metrics(template):
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    ours = {name: alarm["Properties"]["Dimensions"] for name, alarm in alarms.items()
            if alarm["Properties"]["Namespace"] == "Resonare"}
    yield from (f"{name} watches {dimensions}" for name, dimensions in ours.items()
                if dimensions != [{"Name": "stack", "Value": {"Ref": "AWS::StackName"}}])
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(re.sub(r"\$\{[^}]+\}", "x", body))["widgets"]
    metrics = [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]
    shown = [metric for metric in metrics if isinstance(metric[0], str)]
    if len(shown) > 50:
        yield f"a dashboard of {len(shown)} metrics costs money"


def configuration_kept_back(template):
    """(a) What can change in a function without a new version of it."""
    kept = references(template["Resources"]["Configuration"]["Properties"]["Content"])
    kept |= {"Configuration", "GradualDeployment"}
    for name in FUNCTIONS:
        properties = template["Resources"][f"{name}Function"]["Properties"]
        chosen_by = {part["Fn::If"][0] for part in nodes(properties) if isinstance(part, dict) and "Fn::If" in part}
        used = references(properties) | references([template["Conditions"][condition] for condition in chosen_by])
        for missing in sorted(used - kept):
            if not missing.startswith("AWS::"):
                yield f"{name}: a change of {missing} publishes no version"
        if "Configuration" not in references(properties["Description"]):
            yield f"{name}: Lambda sees no change where only the configuration of another function changed"
    for name, version in of_type(template, "AWS::Lambda::Version").items():
        if "Configuration" not in references(version["Properties"]["Description"]):
            yield f"{name} outlives a change of the configuration"
    if not replaced_by("AWS::AppConfig::HostedConfigurationVersion", "Content"):
        yield "a changed configuration keeps its number"
    if not replaced_by("AWS::Lambda::Version", "Description"):
        yield "a version whose description changes is kept"


def code_kept_back(template):
    """(b) Versions that changed code does not replace."""
    changed = transformed("s3://artifacts/two", GradualDeployment="Canary10Percent5Minutes")
    before, after = (of_type(one, "AWS::Lambda::Version").keys() for one in (template, changed))
    if len(before) != len(FUNCTIONS):
        yield f"{len(before)} versions"
    yield from before & after


def wrong_targets(template, gradual):
    """(c) Callers of an alias where deployments are not gradual, and of a function where they are."""
    resources = decided(template["Resources"], {"IsGradual": gradual})
    aliases = set(of_type(template, "AWS::Lambda::Alias"))
    functions = {f"{name}Function" for name in FUNCTIONS}
    wrong = functions if gradual else aliases
    for name, resource in resources.items():
        if resource["Type"] in CALLERS:
            yield from (f"{name} calls {target}" for target in references(resource["Properties"]) & wrong)
        if resource["Type"] == "AWS::Lambda::EventInvokeConfig":
            qualifier = resource["Properties"]["Qualifier"]
            if qualifier != ("live" if gradual else "$LATEST"):
                yield f"{name} is for {qualifier}"
    reached = set().union(*(references(one["Properties"]) for one in resources.values() if one["Type"] in CALLERS))
    yield from (f"nobody calls {missing}" for missing in (aliases if gradual else functions) - reached)
    groups = of_type(template, "AWS::CodeDeploy::DeploymentGroup")
    if len(groups) != (len(FUNCTIONS) if gradual else 0):
        yield f"{len(groups)} deployment groups"
    for name, group in groups.items():
        alarm = name.replace("FunctionDeploymentGroup", "ErrorsAlarm")
        if group["Properties"]["AlarmConfiguration"] != {"Enabled": True, "Alarms": [{"Name": {"Ref": alarm}}]}:
            yield f"{name} does not roll back on errors"


def wrong_packages(template):
    """Functions that `sam build` can't find, and packages whose features it would add to those of the functions."""
    built = re.findall(r'"(resonare-\w+)"', TEMPLATE.with_name("CargoLambda.toml").read_text())
    binaries = [function["Metadata"]["BuildProperties"]["Binary"] for function in of_type(template, "AWS::Serverless::Function").values()]
    yield from {f"resonare-{binary}" for binary in binaries} ^ set(built)


def main():
    off, gradual = transformed(), transformed(GradualDeployment="Canary10Percent5Minutes")
    results = {
        "two stacks share no name": [*fixed_names(off), *fixed_names(gradual)],
        "bucket and table outlive the stack, but not a failed creation": lost_storage(off),
        "sweeps are neither repeated nor called by a fixed name": wrong_schedule(off),
        "long numbers are quoted": long_numbers(yaml_parse(TEMPLATE.read_text())),
        "`sam build` compiles the functions' packages alone": wrong_packages(yaml_parse(TEMPLATE.read_text())),
        "roles reach only buckets of their own account": other_accounts(off),
        "the defaults fit a new account": small_account(off),
        "the environment is far below 4 KB": large_environment(off),
        "metrics carry the stack's name, and the dashboard is valid": wrong_metrics(off),
        "gradual: a changed parameter publishes new versions": configuration_kept_back(gradual),
        "gradual: changed code publishes new versions": code_kept_back(gradual),
        "gradual: everything calls the aliases": wrong_targets(gradual, True),
        "not gradual: nothing calls an alias": wrong_targets(off, False),
    }
    failed = False
    for name, wrong in results.items():
        wrong = list(wrong)
        failed |= bool(wrong)
        print("FAILED" if wrong else "ok", name, *(f"\n  {line}" for line in wrong))
    sys.exit(failed)


if __name__ == "__main__":
    main()
