"""Least privilege, both ways: what the functions were seen to need is what the template grants them."""
import fnmatch
import hashlib
import json

ACCOUNT = "000000000000"

# What Lambda does in a function's name, which never passes the function's own wire.
BY_THE_PLATFORM = {
    "Ingress": [],
    "Status": [],
    "Sweeper": [],
    "Upload": [("sqs:SendMessage", "UndeliveredUploads")],
    "Worker": [(f"sqs:{action}", "JobsQueue") for action in ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]],
}


def access_key(function):
    """The key that the emulator gives a function for its role."""
    digest = hashlib.sha256(f"{function['FunctionArn']}:{function['Role']}".encode()).hexdigest()
    return f"ASIA{digest[:16].upper()}"


def listed(value):
    return value if isinstance(value, list) else [value]


def grants(app, function):
    """What the template grants a function, as (action, pattern of resources)."""
    iam, role = app.client("iam"), function["Role"].rsplit("/", 1)[1]
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        policy = json.loads(policy) if isinstance(policy, str) else policy
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow", statement
            # Nobody else's bucket is written to that has taken a name.
            of_account = {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}
            in_bucket = any(action.startswith("s3:") for action in listed(statement["Action"]))
            assert statement.get("Condition") == (of_account if in_bucket else None), statement
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    assert "*" not in action and resource != "*", statement
                    # The hub's token is a secret or a parameter: of two actions, one fits its ARN.
                    if action.split(":")[0] == resource.split(":")[2]:
                        yield action, resource


def compare(app, wire):
    """Surplus and lack, a line each."""
    wrong = []
    for name, function in app.functions.items():
        key = access_key(function)
        needed = {need for call, status in wire.calls if call.who == key for need in call.needs(status)}
        assert needed, f"{name} was never seen"
        for action, part in BY_THE_PLATFORM[name]:
            needed.add((action, next(arn for arn in app.queue_arns if part in arn)))
        log = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/{app.stack}-{name.lower()}:*"
        needed |= {("logs:CreateLogStream", log), ("logs:PutLogEvents", log)}
        granted = set(grants(app, function))

        def covers(grant, need):
            return grant[0] == need[0] and fnmatch.fnmatchcase(need[1], grant[1])

        for grant in sorted(granted):
            if not any(covers(grant, need) for need in needed):
                wrong.append(f"{name} may {grant[0]} on {grant[1]}, and never did")
        for need in sorted(needed):
            if not any(covers(grant, need) for grant in granted):
                wrong.append(f"{name} needs {need[0]} on {need[1]}, which the template does not grant")
    keys = {access_key(function) for function in app.functions.values()}
    strangers = {call.who for call, _ in wire.calls} - keys - app.own_keys
    if strangers:
        wrong.append(f"calls came from {strangers}")
    return wrong
