"""The application on an account of AWS: what the emulator's flow does, as far as an account lets it."""
import contextlib
import json
import subprocess
import sys
import time
import urllib.request
import uuid

import boto3

import wire
from application import Application
from emulator import ROOT
from wire import until

# How much longer things take than on one machine.
PATIENCE = 5


class Account(Application):
    """Deploys a stack of its own, and removes it."""

    is_emulated = False

    def __init__(self, profile, region):
        self.session = boto3.Session(profile_name=profile, region_name=region)
        self.profile, self.region = profile, self.session.region_name
        assert self.region, "name a region: --region, or the profile's own"
        self.stack = f"resonare-drive-{uuid.uuid4().hex[:8]}"
        self.users, self.wire = [], None
        self.s3 = self.client("s3")
        wire.PATIENCE = PATIENCE

    def begin(self):
        """Deploys what `sam build` built."""
        self.deploy(ROOT / ".aws-sam/build")
        # Users and permissions are known everywhere after some seconds.
        until(lambda: all(self.call("GET", "/data-prep/jobs", caller=user)[0] == 200 for user in (self.alice, self.bob)), 30,
              "the callers are not known")

    def client(self, service):
        return self.session.client(service)

    def environment(self, caller=None):
        environment = super().environment(caller)
        for name in ("AWS_ENDPOINT_URL", *([] if caller else ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])):
            environment.pop(name)
        environment.update(AWS_REGION=self.region, AWS_DEFAULT_REGION=self.region)
        if not caller and self.profile:
            environment["AWS_PROFILE"] = self.profile
        return environment

    endpoint = None

    def url(self, path):
        return self.api_url + path

    @contextlib.contextmanager
    def forwarder(self):
        yield self.api_url

    def user(self, name):
        credentials = super().user(name)
        self.users.append((name, credentials))
        return credentials

    def remove(self):
        """Removes the stack and everything that it or this left."""
        iam = self.client("iam")
        for user in iam.get_paginator("list_users").paginate().search("Users[].UserName"):
            if f"-{self.stack}-" in user:
                for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
                    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
                iam.delete_user_policy(UserName=user, PolicyName="call")
                iam.delete_user(UserName=user)
        purge = [sys.executable, "-m", "operations.purge", "--stack", self.stack, "--region", self.region, "--yes"]
        purge += ["--profile", self.profile] if self.profile else []
        # Where the first deployment came to nothing, there is nothing to remove; it says so.
        subprocess.run(purge, cwd=ROOT, check=False)
