"""The emulator: S3, DynamoDB, SQS, API Gateway, Lambda and IAM on one port of this machine."""
import contextlib
import os
import pathlib
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools/aws/bin"
REGION = "us-east-1"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def listening(port):
    """Waits until somebody listens at a port of this machine."""
    for _ in range(600):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens at port {port}")


@contextlib.contextmanager
def emulator(log_path, scratch, port, functions_endpoint):
    """Runs it: signatures and policies are enforced, and functions call AWS by `functions_endpoint`
    and keep their files in `scratch`."""
    environment = dict(
        os.environ,
        AUTH="true",
        AWS_ENDPOINT_URL=functions_endpoint,
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        LOCALSTACK_HOSTNAME=f"127.0.0.1:{port}",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        LAMBDA_EXECUTOR="local",
        TMPDIR=str(scratch),
    )
    with open(log_path, "wb") as log:
        process = subprocess.Popen([TOOLS / "ministack"], env=environment, stdout=log, stderr=log)
        try:
            listening(port)
            yield process
        finally:
            process.terminate()
            process.wait()


def bootstraps(function):
    """The processes of a function, by its name."""
    wanted = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                executable = os.readlink(entry / "exe")
                if executable.endswith("/bootstrap") and wanted in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)
