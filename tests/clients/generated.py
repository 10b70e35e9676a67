"""Clients that generators make of the API's description, against a running service: from a submission to its outputs.

Give it the binary `resonare`. The generator that needs Java is left out where there is none."""

import argparse
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = json.loads((ROOT / "sample/result.json").read_text(encoding="utf-8"))
SECRET = "s3cret"
PATIENCE = 60


class Service:
    """A service with a secret, on a port of its own."""

    def __init__(self, binary, folder):
        ours = {key: value for key, value in os.environ.items() if not key.startswith(("RESONARE_", "HF_"))}
        environment = {**ours, "RESONARE_TOKENIZER": "o200k_base", "RESONARE_TOKEN": SECRET}
        command = [str(Path(binary).resolve()), "serve", "--port=0"]
        with open(folder / "serve.log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.url = json.loads(self.process.stdout.readline())["url"]

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {SECRET}"})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def said(sentence):
    print(f"  {sentence}", flush=True)


def described(service):
    """The description, which has to be one."""
    description = json.loads(service.get("/data-prep/openapi.json"))
    OpenAPIV31SpecValidator(description).validate()
    operations = [item for path in description["paths"].values() for item in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids)), ids
    said(f"{len(ids)} operations and {len(description['components']['schemas'])} schemas are a valid description")
    return description


def until_finished(job):
    """Asks for a job until it is finished."""
    end = time.monotonic() + PATIENCE
    while (found := job()).status.value not in ("COMPLETED", "FAILED"):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def with_openapi_python_client(service, description, folder):
    (folder / "openapi.json").write_text(json.dumps(description))
    # Nobody reads the client: it needs no formatting.
    (folder / "config.json").write_text(json.dumps({"post_hooks": []}))
    subprocess.run(
        [Path(sys.executable).with_name("openapi-python-client"), "generate", "--fail-on-warning",
         "--path", folder / "openapi.json", "--config", folder / "config.json",
         "--output-path", folder / "resonare_client", "--meta", "none"],
        check=True, stdout=subprocess.DEVNULL)
    sys.path.insert(0, str(folder))

    def call(name, *arguments, client=None, **options):
        module = importlib.import_module(f"resonare_client.api.{name}")
        return module.sync_detailed(*arguments, client=client or caller, **options)

    models = importlib.import_module("resonare_client.models")
    clients = importlib.import_module("resonare_client.client")
    caller = clients.AuthenticatedClient(base_url=service.url, token=SECRET)

    stranger = clients.Client(base_url=service.url)
    health = call("system.get_health", client=stranger).parsed
    assert health.status is models.HealthStatus.HEALTHY and health.storage is models.Storage.LOCAL, health
    refused = call("jobs.list_jobs", client=stranger)
    assert (refused.status_code, refused.parsed.status) == (401, 401), refused

    export = models.FullExport.from_dict(SAMPLE)
    accepted = call("submission.submit_export", body=export, min_tokens_per_block=1).parsed
    assert accepted.status == "queued", accepted
    job = until_finished(lambda: call("jobs.get_job", accepted.run_id).parsed)
    assert job.status is models.JobStatus.COMPLETED, job
    assert job.progress.stage is models.Stage.DONE
    for output in job.outputs:
        download = call("jobs.get_output", accepted.run_id, output.name, redirect=False).parsed
        content = caller.get_httpx_client().get(download.url).content
        assert len(content) == output.size_bytes, output
        assert content == service.get(f"/data-prep/jobs/{accepted.run_id}/outputs/{output.name}")

    payload = (ROOT / "sample/result.json").read_bytes()
    wanted = models.RequestConfiguration(system_prompt="Be kind.", role_order=models.RoleOrder.USER_FIRST)
    begun = models.UploadRequest(size_bytes=len(payload), config=wanted)
    plan = call("submission.begin_upload", body=begun).parsed
    assert plan.status is models.JobStatus.AWAITING_UPLOAD, plan
    for part in plan.parts:
        sent = caller.get_httpx_client().request(
            part.method, part.url, content=payload, headers=part.headers.to_dict())
        assert sent.is_success, sent.text
    uploaded = until_finished(lambda: call("jobs.get_job", plan.run_id).parsed)
    assert uploaded.config["system_prompt"] == "Be kind.", uploaded

    first = call("jobs.list_jobs", limit=1, status=models.JobStatus.COMPLETED)
    cursor = re.search(r"[?&]cursor=([^&>]+)", first.headers["Link"])[1]
    second = call("jobs.list_jobs", limit=1, cursor=cursor)
    listed = [*first.parsed.additional_properties, *second.parsed.additional_properties]
    assert listed == [str(plan.run_id), str(accepted.run_id)], listed
    assert "Link" not in second.headers

    missing = call("jobs.get_job", uuid.uuid4())
    assert (missing.status_code, missing.parsed.detail) == (404, "there is no such job"), missing
    wrong = call("submission.submit_export", body=export, min_tokens_per_block=900)
    assert wrong.status_code == 422 and isinstance(wrong.parsed, models.Problem), wrong
    assert call("jobs.delete_job", accepted.run_id).status_code == 204
    said("openapi-python-client: submitted, polled, downloaded, uploaded, listed and deleted")


def with_openapi_generator(service, folder):
    def generate(language):
        output = folder / language
        run = subprocess.run(
            [Path(sys.executable).with_name("openapi-generator-cli"), "generate", "--generator-name", language,
             "--input-spec", folder / "openapi.json", "--output", output],
            capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
        return output

    sys.path.insert(0, str(generate("python")))
    client = importlib.import_module("openapi_client")
    configuration = client.Configuration(host=service.url, access_token=SECRET)
    with client.ApiClient(configuration) as caller:
        submission, jobs = client.SubmissionApi(caller), client.JobsApi(caller)
        accepted = submission.submit_export(client.Export(client.FullExport.from_dict(SAMPLE)))
        job = until_finished(lambda: jobs.get_job(accepted.run_id))
        assert job.status == client.JobStatus.COMPLETED, job
        download = jobs.get_output(accepted.run_id, "train.jsonl", redirect=False)
        assert "/content?ticket=" in download.url, download
        assert jobs.list_jobs(status=client.JobStatus.COMPLETED)
        jobs.delete_job(accepted.run_id)
    models = list((generate("typescript-fetch") / "models").iterdir())
    said(f"openapi-generator: a client in Python that works, and one in TypeScript of {len(models)} models")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", help="the command `resonare`")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        service = Service(arguments.binary, folder)
        try:
            description = described(service)
            with_openapi_python_client(service, description, folder)
            if shutil.which("java"):
                with_openapi_generator(service, folder)
            else:
                said("openapi-generator is left out: it needs Java")
        finally:
            service.stop()


main()
