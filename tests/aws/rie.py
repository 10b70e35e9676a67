"""Each function under AWS's own Runtime Interface Emulator, as the container images of Lambda run it."""
import json
import os
import subprocess
import urllib.request

from emulator import REGION, TOOLS, free_port, listening

EMULATOR = next((TOOLS.parent / "lib").glob("python3*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64"))


class Bootstrap:
    """A function that runs under the emulator."""

    def __init__(self, binary, environment, log):
        self.port = port = free_port()
        runtime = free_port()
        self.address = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        own = dict(PATH=os.environ["PATH"], AWS_REGION=REGION, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test",
                   AWS_LAMBDA_FUNCTION_TIMEOUT="60")
        arguments = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}", "--runtime-api-address",
                     f"127.0.0.1:{runtime}", str(binary)]
        os.chmod(EMULATOR, 0o755)
        self.process = subprocess.Popen([EMULATOR, *arguments], env=dict(own, **environment), stdout=log, stderr=log,
                                        start_new_session=True)

    def ready(self):
        """Waits until the emulator listens; it starts the function with the first call."""
        listening(self.port)

    def invoke(self, event):
        self.ready()
        with urllib.request.urlopen(self.address, data=event, timeout=90) as response:
            return json.loads(response.read() or b"null")

    def close(self):
        os.killpg(self.process.pid, 9)
        self.process.wait()


