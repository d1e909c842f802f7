"""Parsing of a multipart request into the views of one study, in memory only."""

import logging
from dataclasses import dataclass, field

import anyio
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from trainer.serve.upload.label import make_label
from trainer.serve.upload.limits import MEGABYTE, Limits, Refusal

# the name of each part of the form
_FIELD = "views"

# python_multipart logs each malformed request
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


@dataclass
class Upload:
    """One file of a request; its `name` is a label, never used as a path."""

    name: str
    content: bytearray = field(default_factory=bytearray)


async def read_uploads(request: Request, limits: Limits) -> list[Upload]:
    """Read the views of a request, within the limits on number, size and time.

    Raises:
        Refusal: the request is too large (413), too slow (408), or not a form of views (400, 415).
    """
    form = _Form(_boundary(request), limits)
    declared = request.headers.get("content-length", "0")
    # h11 has checked that the header is a number
    if int(declared) > limits.request_bytes:
        raise _too_large(limits)
    try:
        with anyio.fail_after(limits.body_s):
            await _receive(request, form, limits)
    except TimeoutError:
        raise Refusal(408, "The request took too long to arrive.") from None
    except FormParserError:
        raise Refusal(400, "The body is not valid multipart/form-data.") from None
    except ClientDisconnect:
        raise Refusal(400, "The connection was closed.") from None
    return form.finish()


async def _receive(request: Request, form: "_Form", limits: Limits) -> None:
    chunks, num_bytes = request.stream(), 0
    while True:
        with anyio.fail_after(limits.idle_s):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        # a chunked body has no Content-Length
        num_bytes += len(chunk)
        if num_bytes > limits.request_bytes:
            raise _too_large(limits)
        form.write(chunk)


def _boundary(request: Request) -> bytes:
    kind, parameters = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        raise Refusal(415, "Expected a body of type multipart/form-data.")
    boundary = parameters.get(b"boundary", b"")
    # RFC 2046, section 5.1.1
    if not 1 <= len(boundary) <= 70:
        raise Refusal(400, "Expected a multipart boundary of 1 to 70 characters.")
    return boundary


def _too_large(limits: Limits) -> Refusal:
    return Refusal(413, f"Expected a request of at most {limits.request_bytes // MEGABYTE} MB.")


class _Form:
    """Collects the parts of a form as they arrive."""

    def __init__(self, boundary: bytes, limits: Limits):
        self._limits = limits
        self._uploads: list[Upload] = []
        self._name, self._value = bytearray(), bytearray()
        self._disposition, self._is_whole = "", False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._add_name,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_content,
                "on_part_data": self._add_content,
                "on_end": self._end,
            },
        )

    def write(self, chunk: bytes) -> None:
        """Parse the next bytes of the body."""
        self._parser.write(chunk)

    def finish(self) -> list[Upload]:
        """Return the files of a complete form."""
        if not self._is_whole:
            raise Refusal(400, "The body is not valid multipart/form-data.")
        if not self._uploads:
            raise Refusal(400, f"Expected the views of a study as files named {_FIELD}.")
        return self._uploads

    def _begin_part(self) -> None:
        self._disposition = ""
        if len(self._uploads) == self._limits.max_views:
            raise Refusal(413, f"Expected at most {self._limits.max_views} views of one study.")

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if bytes(self._name).lower() == b"content-disposition":
            self._disposition = self._value.decode("latin-1")
        self._name.clear()
        self._value.clear()

    def _begin_content(self) -> None:
        kind, parameters = parse_options_header(self._disposition)
        name, file_name = parameters.get(b"name"), parameters.get(b"filename")
        if kind != b"form-data" or name != _FIELD.encode() or file_name is None:
            raise Refusal(400, f"Expected only files named {_FIELD} in the form.")
        self._uploads.append(Upload(make_label(file_name)))

    def _add_content(self, data: bytes, start: int, end: int) -> None:
        content = self._uploads[-1].content
        if len(content) + end - start > self._limits.view_bytes:
            max_mb = self._limits.view_bytes // MEGABYTE
            raise Refusal(413, f"Expected views of at most {max_mb} MB each.")
        content += data[start:end]

    def _end(self) -> None:
        self._is_whole = True
