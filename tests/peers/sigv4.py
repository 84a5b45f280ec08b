"""A server that accepts what botocore would have signed the same way.

Arguments: region, service, access key, secret key. Prints its port, and ends when its standard input does.
"""

import http.server
import sys
import threading

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION, SERVICE, ACCESS_KEY, SECRET_KEY = sys.argv[1:5]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        said = self.headers.get("authorization", "")
        wanted = self.wanted(said, body)
        is_good = bool(wanted) and said == wanted
        text = ("good" if is_good else f"wanted {wanted}, was told {said}").encode()
        self.send_response(200 if is_good else 403)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def wanted(self, said, body):
        names = said.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        headers = {name: self.headers[name] for name in names if self.headers.get(name)}
        if "x-amz-date" not in headers or "host" not in headers:
            return None
        url = f"http://{headers['host']}{self.path}"
        request = AWSRequest(method=self.command, url=url, data=body, headers=headers)
        request.context["timestamp"] = headers["x-amz-date"]
        kind = S3SigV4Auth if SERVICE == "s3" else SigV4Auth
        token = headers.get("x-amz-security-token")
        auth = kind(Credentials(ACCESS_KEY, SECRET_KEY, token), SERVICE, REGION)
        canonical = auth.canonical_request(request)
        signature = auth.signature(auth.string_to_sign(request, canonical), request)
        signed = auth.signed_headers(auth.headers_to_sign(request))
        return (
            f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, "
            f"SignedHeaders={signed}, Signature={signature}"
        )

    do_GET = do_POST = do_PUT = do_HEAD = answer

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
