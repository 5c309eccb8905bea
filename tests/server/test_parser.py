"""Any bytes in any pieces: requests or a refusal, never anything else, and the same whatever the pieces."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from taxi_api.server.limits import Limits
from taxi_api.server.parser import RequestParser

LIMITS = Limits(target_bytes=100, header_bytes=400, headers=10, body_bytes=300)
_PATHS = st.sampled_from(["/", "/predict", "/a?b=c", "/" + "x" * 98, "/" + "x" * 200])
_HEADERS = st.lists(st.sampled_from(["Accept: */*", "A: " + "b" * 300, "Connection: close", "X_A: b"]), max_size=12)
_BODIES = st.binary(max_size=400)


@st.composite
def _requests(draw: st.DrawFn) -> bytes:
    body = draw(_BODIES)
    head = [f"POST {draw(_PATHS)} HTTP/1.1", "Host: x", *draw(_HEADERS)]
    if draw(st.booleans()):
        head.append("Transfer-Encoding: chunked")
        cut = draw(st.integers(0, len(body)))
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:cut], body[cut:]) if part) + b"0\r\n\r\n"
    else:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def parse(pieces: list[bytes]) -> list[tuple]:
    parser = RequestParser(LIMITS, {})
    for piece in pieces:
        parser.feed(piece)
    found = []
    for request in parser.requests:
        if request.refusal:
            found.append(("refused", request.refusal[0]))
        else:
            environ = dict(request.environ)
            body = environ.pop("wsgi.input").read()
            # Of a body that is too large, it is enough that it is too large.
            found.append((sorted(environ), body if request.body_bytes <= LIMITS.body_bytes else "much"))
            assert request.body_bytes == len(body)
    assert all(request.keep_alive for request in list(parser.requests)[:-1])
    return found


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(places)]


@given(requests=st.lists(_requests(), max_size=4), cuts=st.lists(st.integers(0, 3000), max_size=30))
def test_requests_are_the_same_in_any_pieces(requests: list[bytes], cuts: list[int]):
    data = b"".join(requests)
    whole = [parse([request]) for request in requests]
    expected = []
    for found in whole:
        expected += found
        if not found or found[-1][0] == "refused" or found[-1][1] == "much":
            break
        if b"Connection: close" in requests[len(expected) - 1]:
            break
    assert parse(pieces_of(data, cuts)) == expected


_WORDS = st.sampled_from(
    [
        *(b"GET ", b"POST ", b"CONNECT ", b"/ ", b"HTTP/1.1", b"\r\n", b"\n", b"\r", b"Host: x", b"Content-Length: "),
        *(b"Transfer-Encoding: chunked", b"Connection: upgrade", b"Upgrade: h2c", b"Expect: 100-continue"),
        *(b"3", b"0", b":", b" ", b"x"),
    ]
)


@given(st.lists(_WORDS | st.binary(max_size=20), max_size=60))
def test_any_bytes_are_requests_or_refused(pieces: list[bytes]):
    parser = RequestParser(LIMITS, {})
    for piece in pieces:
        parser.feed(piece)
    assert len([request for request in parser.requests if request.refusal]) <= 1
    for request in list(parser.requests)[:-1]:
        assert request.refusal is None
