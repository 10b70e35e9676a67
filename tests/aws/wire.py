"""The wire between the functions and AWS: every call is recorded as (who, action, resource), and can be
answered with a fault instead."""
import http.client
import http.server
import json
import re
import socket
import threading
import time
import urllib.parse

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:"


class Call:
    """A request, as the policies of IAM see it.

    Which actions a request needs: https://docs.aws.amazon.com/AmazonS3/latest/API/ (each operation's
    "Permissions") and https://docs.aws.amazon.com/service-authorization/latest/reference/.
    """

    def __init__(self, method, path, headers, body):
        self.method, self.headers, self.body, self.answer = method, headers, body, None
        url = urllib.parse.urlsplit(path)
        self.path = urllib.parse.unquote(url.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        signed = headers.get("Authorization", "") or self.query.get("X-Amz-Credential", "")
        key = re.search(r"(?:Credential=|^)(\w+)/", signed)
        self.who = key.group(1) if key else None
        target = headers.get("X-Amz-Target", "")
        self.service, self.operation = ("s3", None) if not target else (
            {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "secretsmanager": "secretsmanager", "AmazonSSM": "ssm"}[
                target.split(".")[0]], target.split(".")[1])
        if self.service == "s3":
            self.bucket, _, self.key = self.path.lstrip("/").partition("/")

    def __repr__(self):
        return f"{self.service} {self.operation or self.method} {self.path} {sorted(self.query)}"

    def needs(self, status):
        """The permissions of this call, answered with this status, as (action, resource)."""
        if self.service == "s3":
            yield from self._s3(status)
            return
        body = json.loads(self.body)
        if self.service == "sqs":
            yield f"sqs:{self.operation}", QUEUE + body["QueueUrl"].rsplit("/", 1)[1]
        elif self.service == "secretsmanager":
            yield "secretsmanager:GetSecretValue", body["SecretId"]
        elif self.service == "ssm":
            yield "ssm:GetParameter", body["Name"]
        elif self.operation == "BatchGetItem":
            for table in body["RequestItems"]:
                yield "dynamodb:BatchGetItem", TABLE + table
        elif self.operation == "TransactWriteItems":
            for item in body["TransactItems"]:
                [(kind, write)] = item.items()
                yield f"dynamodb:{kind}Item", TABLE + write["TableName"]
        else:
            index = "/index/" + body["IndexName"] if "IndexName" in body else ""
            yield f"dynamodb:{self.operation}", TABLE + body["TableName"] + index

    def _s3(self, status):
        bucket = f"arn:aws:s3:::{self.bucket}"
        thing = f"{bucket}/{self.key}"
        if not self.key:
            if self.method == "POST" and "delete" in self.query:
                for key in re.findall(rb"<Key>(.*?)</Key>", self.body):
                    yield "s3:DeleteObject", f"{bucket}/{key.decode()}"
            elif "uploads" in self.query:
                yield "s3:ListBucketMultipartUploads", bucket
            else:
                yield "s3:ListBucket", bucket
            return
        if self.method in ("GET", "HEAD"):
            yield ("s3:ListMultipartUploadParts" if "uploadId" in self.query else "s3:GetObject"), thing
            if status == 404:
                # Whoever may not list learns 403 instead.
                yield "s3:ListBucket", bucket
        elif self.method == "DELETE":
            yield ("s3:AbortMultipartUpload" if "uploadId" in self.query else "s3:DeleteObject"), thing
            if "If-Match" in self.headers:
                yield "s3:GetObject", thing
        else:
            yield "s3:PutObject", thing
            if "x-amz-tagging" in self.headers or "x-amz-tagging" in self.query:
                yield "s3:PutObjectTagging", thing


class Fault:
    """What is done to the calls that `match`, `times` times.

    `instead` is called in place of the real call, `before` and `after` around it; `status` is the answer without
    it; `cut` ends the connection after this many bytes of the real answer.
    """

    def __init__(self, match, times=1, instead=None, before=None, after=None, status=None, code="", cut=None):
        self.match, self.left, self.met = match, times, 0
        self.instead, self.before, self.after, self.status, self.code, self.cut = instead, before, after, status, code, cut


class Wire:
    def __init__(self, emulator_port):
        self.emulator_port = emulator_port
        self.calls, self.faults = [], []
        self.lock = threading.Lock()
        wire = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                wire.forward(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """Processes that are killed leave their connections."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()

    def fault(self, match, **what):
        fault = Fault(match, **what)
        with self.lock:
            self.faults.append(fault)
        return fault

    def clear(self):
        with self.lock:
            self.faults.clear()

    def _fault_of(self, call):
        with self.lock:
            for fault in self.faults:
                if fault.left > 0 and fault.match(call):
                    fault.left -= 1
                    fault.met += 1
                    return fault
        return None

    def forward(self, handler):
        length = int(handler.headers.get("Content-Length", 0))
        call = Call(handler.command, handler.path, handler.headers, handler.rfile.read(length))
        fault = self._fault_of(call)
        if fault and fault.before:
            fault.before()
        if fault and fault.instead:
            fault.instead()
            handler.close_connection = True
            return None
        if fault and fault.status:
            return self.answer(handler, fault.status, *self.error(call, fault))
        try:
            status, headers, body = self.ask(handler, call)
        except OSError:
            handler.close_connection = True
            return None
        if call.service == "dynamodb":
            call.answer = body
        with self.lock:
            self.calls.append((call, status))
        if fault and fault.after:
            fault.after()
        return self.answer(handler, status, headers, body, fault and fault.cut)

    def ask(self, handler, call):
        upstream = http.client.HTTPConnection("127.0.0.1", self.emulator_port, timeout=120)
        # The bucket takes calls by TLS alone; what is between the emulator and this is the same machine.
        headers = {**dict(handler.headers), "X-Forwarded-Proto": "https"}
        upstream.request(handler.command, handler.path, call.body, headers)
        response = upstream.getresponse()
        body = response.read()
        upstream.close()
        return response.status, response.getheaders(), body

    @staticmethod
    def error(call, fault):
        if call.service == "s3":
            body = f"<Error><Code>{fault.code or 'InternalError'}</Code><Message>a fault</Message></Error>"
            return [("Content-Type", "application/xml")], body.encode()
        body = json.dumps({"__type": fault.code or "InternalServerError", "message": "a fault"})
        return [("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-errortype", fault.code)], body.encode()

    @staticmethod
    def answer(handler, status, headers, body, cut=None):
        handler.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                handler.send_header(name, value)
        known = [value for name, value in headers if name.lower() == "content-length"]
        length = known[0] if handler.command == "HEAD" and known else str(len(body))
        if status != 204:
            handler.send_header("Content-Length", length)
        try:
            if cut == 0:
                raise ConnectionError
            handler.end_headers()
            handler.wfile.write(body[:cut])
            handler.wfile.flush()
            if cut is not None:
                raise ConnectionError
        except OSError:
            handler.close_connection = True
            try:
                handler.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


# How much longer than said things may take.
PATIENCE = 1


def until(condition, seconds=60, what="it did not happen"):
    end = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(what)
