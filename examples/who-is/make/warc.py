"""A small WARC 1.0 writer and reader (ISO 28500), gzip per record, standard library only."""

import base64
import gzip
import hashlib
import io
import uuid
import zlib

SOFTWARE = "llmp example generator"
CRLF = b"\r\n"


def digest(data):
    """The digest form that crawlers write: `sha1:` and base32."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def record(kind, date, block, *, url=None, content_type=None, payload=None, extra=()):
    """One record as bytes, not compressed. Its id follows from its content, so equal input gives equal bytes."""
    identity = hashlib.sha256(repr((kind, date, url)).encode() + block).digest()
    headers = [("WARC-Type", kind), ("WARC-Record-ID", f"<urn:uuid:{uuid.UUID(bytes=identity[:16], version=4)}>")]
    headers += [("WARC-Date", date)]
    headers += [("WARC-Target-URI", url)] if url else []
    headers += [("WARC-Block-Digest", digest(block))]
    headers += [("WARC-Payload-Digest", digest(payload))] if payload is not None else []
    headers += [("Content-Type", content_type)] if content_type else []
    headers += [*extra, ("Content-Length", str(len(block)))]
    head = "WARC/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    return head.encode() + block + CRLF + CRLF


def warcinfo(date, filename):
    """The record that opens a file."""
    block = f"software: {SOFTWARE}\r\nformat: WARC File Format 1.0\r\nisPartOf: who-is\r\n".encode()
    extra = [("WARC-Filename", filename)]
    return record("warcinfo", date, block, content_type="application/warc-fields", extra=extra)


def response(date, url, status, headers, body):
    """An HTTP response as it came over the wire; `headers` go out in the given order."""
    head = f"HTTP/1.1 {status}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    block = head.encode() + body
    return record("response", date, block, url=url, content_type="application/http; msgtype=response", payload=body)


def request(date, url):
    """The request that led to a response."""
    host, _, path = url.partition("://")[2].partition("/")
    block = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {SOFTWARE}\r\nAccept: text/html\r\n\r\n".encode()
    return record("request", date, block, url=url, content_type="application/http; msgtype=request", payload=b"")


def metadata(date, url, fields):
    """What the crawler noted about a fetch."""
    block = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    return record("metadata", date, block, url=url, content_type="application/warc-fields")


def compress(records):
    """A `.warc.gz`: every record is a gzip member of its own, without a time stamp."""
    return b"".join(gzip.compress(data, compresslevel=9, mtime=0) for data in records)


def members(data):
    """The gzip members of `data`, decompressed one by one."""
    while data:
        member = zlib.decompressobj(wbits=31)
        yield member.decompress(data)
        assert member.eof, "a gzip member ends early"
        data = member.unused_data


def _header_lines(stream):
    first = stream.readline().rstrip(CRLF).decode()
    headers = {}
    while line := stream.readline().rstrip(CRLF):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return first, headers


def _unchunk(body):
    parts, stream = [], io.BytesIO(body)
    while size := int(stream.readline().split(b";")[0], 16):
        parts.append(stream.read(size))
        stream.readline()
    return b"".join(parts)


def read(data):
    """Yield `(headers, http_status, http_headers, body)` of every record; the last three only for responses.

    Strict on purpose: a wrong length, digest or record end is an AssertionError.
    """
    for member in members(data):
        stream = io.BytesIO(member)
        version, headers = _header_lines(stream)
        assert version == "WARC/1.0", version
        block = stream.read(int(headers["content-length"]))
        assert stream.read() == CRLF + CRLF, "a record must end with two line ends"
        assert digest(block) == headers["warc-block-digest"], headers
        if headers["warc-type"] != "response":
            yield headers, None, None, None
            continue
        http = io.BytesIO(block)
        status, http_headers = _header_lines(http)
        body = http.read()
        assert digest(body) == headers["warc-payload-digest"], headers
        if http_headers.get("transfer-encoding") == "chunked":
            body = _unchunk(body)
        if http_headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        yield headers, int(status.split()[1]), http_headers, body
