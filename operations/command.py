"""What the operator's commands share: their options, their clients, and errors that say what to do."""
import argparse
import re
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
NOT_LOGGED_IN = {
    "AuthFailure", "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId",
    "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException",
}


class Failure(Exception):
    """Something that the operator has to know or to change. Its text says what."""


class Account:
    """An account of AWS in one region."""

    def __init__(self, arguments):
        self.session = boto3.Session(profile_name=arguments.profile, region_name=arguments.region)
        self.endpoint = arguments.endpoint_url

    def client(self, service):
        return self.session.client(service, endpoint_url=self.endpoint)


def code(error):
    return error.response["Error"].get("Code", "")


def message(error):
    return error.response["Error"].get("Message", "")


def explained(error):
    if isinstance(error, NoCredentialsError):
        return "there are no AWS credentials: log in with `aws configure` or `aws sso login`, or name a profile with --profile"
    if isinstance(error, NoRegionError):
        return "there is no region: name one with --region, or set one for the profile"
    if not isinstance(error, ClientError):
        return str(error)
    if code(error) in DENIED:
        # The message itself may name an object, whose key may be somebody's name.
        action = re.search(r"perform: ([\w:-]+)", message(error))
        return f"the credentials do not permit {action.group(1) if action else error.operation_name}: use an operator's"
    if code(error) in NOT_LOGGED_IN:
        return f"AWS does not accept the credentials ({code(error)}): log in again, or name a profile with --profile"
    return f"{error.operation_name} failed ({code(error)}): {message(error)}"


def run(name, description, work, **options):
    """Runs a command: `work(account, arguments)`."""
    parser = argparse.ArgumentParser(prog=f"cargo xtask aws {name}", description=description)
    parser.add_argument("--stack", required=True, metavar="NAME", help="name of the stack")
    for option, text in options.items():
        parser.add_argument(f"--{option}", required=True, metavar="NAME", help=text)
    parser.add_argument("--profile", help="profile of the credentials (default: the usual chain)")
    parser.add_argument("--region", help="region of the stack (default: the profile's)")
    parser.add_argument("--endpoint-url", metavar="URL", help="address of an emulator to use instead of AWS")
    parser.add_argument("--yes", action="store_true", help="do it; without this, only say what would be done")
    arguments = parser.parse_args()
    try:
        work(Account(arguments), arguments)
    except Failure as failure:
        sys.exit(f"error: {failure}")
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"error: {explained(error)}")
    except KeyboardInterrupt:
        sys.exit("interrupted; the same command continues where it was")


def counted(number, noun):
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(number):
    for unit in ("bytes", "KB", "MB", "GB"):
        if number < 999.5:
            break
        number, unit = number / 1000, "TB"
    return f"{number:.3g} {unit}"


def every(client, operation, items, **request):
    """All items of an answer that comes in pages."""
    for page in client.get_paginator(operation).paginate(**request):
        yield from page.get(items, [])
