"""The multipart parser, compared with RFC 7578 and RFC 2046."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.sandbox.multipart import Malformed, MultipartParser, PartHead, boundary_of
from tests.sandbox.account_client import file_part, multipart, part, ticket_part


class Parts:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.found: list[tuple[PartHead, bytes]] = []
        self.ended = 0

    def begin(self, head: PartHead) -> None:
        """Start a new part."""
        self.found.append((head, b""))

    def write(self, data: bytes) -> None:
        """Add to the last part."""
        head, content = self.found[-1]
        self.found[-1] = (head, content + data)

    def end(self) -> None:
        """Count the part."""
        self.ended += 1


def parse(body: bytes, piece: int = 1_000_000) -> list[tuple[PartHead, bytes]]:
    parts = Parts()
    parser = MultipartParser(b"the-boundary", parts)
    for start in range(0, len(body), piece):
        parser.feed(body[start : start + piece])
    parser.close()
    assert parts.ended == len(parts.found)
    return parts.found


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 64, 1_000_000])
def test_parts_do_not_depend_on_the_pieces(piece: int) -> None:
    """Every division of the body gives the same parts, even with contents that look like boundaries."""
    contents = [b"", b"\r\n", b"\r\n--the-bound", b"--the-boundary--", b"\r\n--the-boundarx\r\n", bytes(range(256))]
    body = multipart(ticket_part(b"{}"), *(file_part(content, "ä;b.txt") for content in contents))
    head = PartHead(name="files", filename="ä;b.txt", content_type="text/plain")
    assert parse(body, piece) == [
        (PartHead(name="ticketDTO", filename=None, content_type=None), b"{}"),
        *((head, content) for content in contents),
    ]


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(1, 50))
def test_any_content_arrives_unchanged(contents: list[bytes], piece: int) -> None:
    """Not a byte of a file is changed, lost or added."""
    body = multipart(*(file_part(content) for content in contents))
    assert [content for _, content in parse(body, piece)] == contents


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "ends before its last boundary"),
        (b"hello\r\n--the-boundary--\r\n", "does not start with its boundary"),
        (b"\r\n" + multipart(file_part(b"x")), "does not start with its boundary"),
        (multipart(file_part(b"x"))[:-10], "ends before its last boundary"),
        (multipart(file_part(b"x")) + b"more", "bytes after the last boundary"),
        (multipart(file_part(b"x")).replace(b"--the-boundary\r\n", b"--the-boundary \r\n"), "neither a line break"),
        (b"--the-boundary\r\nno header\r\n\r\nx\r\n--the-boundary--\r\n", "is not a header"),
        (b"--the-boundary\r\n\xff: 1\r\n\r\nx\r\n--the-boundary--\r\n", "not UTF-8"),
        (b"--the-boundary\r\nX: " + b"x" * 20_000, "too long"),
        (b"--the-boundary\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", "too long"),
        (multipart(part(b"x", "form-data; name=unquoted")), "is not a Content-Disposition"),
        (multipart(part(b"x", 'attachment; name="files"')), "is not a Content-Disposition"),
        (multipart(part(b"x", "form-data; name=\"files\"; filename*=UTF-8''a.txt")), "is not a Content-Disposition"),
        (multipart(part(b"x", 'form-data; name="files"', 'Content-Disposition: form-data; name="x"')), "two headers"),
        (multipart(part(b"x", 'form-data; name="files"', "Content-Transfer-Encoding: base64")), "section 4.7"),
    ],
)  # fmt: skip
def test_bodies_that_the_rfcs_do_not_allow_are_malformed(body: bytes, message: str) -> None:
    """The parser is not lenient: a client that works with it works with any gateway."""
    with pytest.raises(Malformed, match=message):
        parse(body)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; boundary="a b"', b"a b"),
        ("Multipart/Form-Data; boundary=abc", b"abc"),
        ("multipart/form-data", None),
        ("multipart/mixed; boundary=abc", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=" + "x" * 71, None),
        ("multipart/form-data; boundary=ä", None),
        ("multipart/form-data; boundary*=utf-8''abc", None),
        ("text/plain", None),
    ],
)
def test_the_boundary_is_that_of_the_content_type(content_type: str, boundary: bytes | None) -> None:
    """Only a multipart/form-data with a boundary of 1 to 70 allowed characters can be read."""
    assert boundary_of(content_type) == boundary
