"""An S3 server on loopback that lists a tree of any number of views, made up as they are asked for.

It has no images. It answers as ListObjectsV2 does, a thousand names a page
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).

    python -m tests.benchmarks.listing 5000000
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from shared.labels import MURA_PARTS

BUCKET = "made-up"

_FOLDERS = [f"train/XR_{part.upper()}/" for part in sorted(MURA_PARTS)]
_VIEWS_A_STUDY = 3
_PAGE = 1_000


def serve(num_views: int) -> ThreadingHTTPServer:
    """Return the server, on any free port, that lists so many views for every body part alike."""
    in_folder = num_views // len(_FOLDERS)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
            pass

        def do_HEAD(self) -> None:
            is_bucket = self.path.strip("/") == BUCKET
            self._send("", 200 if is_bucket else 404)

        def do_GET(self) -> None:
            asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            prefix = asked.get("prefix", "")
            within = [folder for folder in _FOLDERS if folder.startswith(prefix)]
            if "delimiter" in asked:
                names = {prefix + name[len(prefix) :].partition("/")[0] for name in within}
                entries = [f"<CommonPrefixes><Prefix>{n}/</Prefix></CommonPrefixes>" for n in names]
                start, end = 0, 0
            else:
                start = int(asked.get("continuation-token", 0))
                end = min(start + _PAGE, in_folder * len(within))
                entries = [
                    _describe(within[i // in_folder], i % in_folder) for i in range(start, end)
                ]
            is_last = end >= in_folder * len(within) or "delimiter" in asked
            token = "" if is_last else f"<NextContinuationToken>{end}</NextContinuationToken>"
            self._send(
                '<?xml version="1.0"?>'
                '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<IsTruncated>{str(not is_last).lower()}</IsTruncated>{token}{''.join(entries)}"
                "</ListBucketResult>"
            )

        def _send(self, body: str, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def _describe(folder: str, index: int) -> str:
    study, image = divmod(index, _VIEWS_A_STUDY)
    label = "positive" if study % 5 < 2 else "negative"
    name = f"{folder}patient{study:07}/study1_{label}/image{image + 1}.png"
    return (
        f"<Contents><Key>{name}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f"<Size>{100_000 + index}</Size></Contents>"
    )


if __name__ == "__main__":
    server = serve(int(sys.argv[1]))
    print(server.server_address[1], flush=True)
    server.serve_forever()
