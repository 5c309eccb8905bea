"""What the app is told of a request, and what becomes of its answer."""

import json
import logging
from typing import Any

import pytest

from tests.server.conftest import Running


def environ_of(sent: bytes, root: str = "") -> dict[str, Any]:
    """Return what the app was given for a request."""
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        start_response("200 OK", [])
        return []

    with Running(app, root=root) as server:
        assert server.ask(sent)[0] == 200
    return seen


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", "/", ""),
        (b"/a/b?c=d&e=%20", "/a/b", "c=d&e=%20"),
        (b"/a%20b%2Fc?", "/a b/c", ""),
        (b"/caf%C3%A9", "/caf\u00c3\u00a9", ""),
        (b"//double//slash", "//double//slash", ""),
        (b"/%zz", "/%zz", ""),
        (b"/a?b?c", "/a", "b?c"),
        (b"http://other.example/a?b=c", "/a", "b=c"),
        (b"http://other.example", "/", ""),
        (b"*", "*", ""),
    ],
)
def test_the_target_is_path_and_query(target: bytes, path: str, query: str):
    seen = environ_of(b"OPTIONS " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (seen["PATH_INFO"], seen["QUERY_STRING"]) == (path, query)
    assert seen["RAW_URI"] == target.decode()


def test_headers_are_told_as_wsgi_names_them():
    seen = environ_of(
        b"POST /a HTTP/1.1\r\nhost: x:80\r\nCONTENT-type: text/plain\r\nContent-Length: 2\r\nX-One:  1 \t\r\n"
        b"x-one: 2\r\nX_One: forged\r\nCafe: \xe9\r\n\r\nhi"
    )
    assert seen["HTTP_HOST"] == "x:80"
    assert seen["CONTENT_TYPE"] == "text/plain"
    assert seen["CONTENT_LENGTH"] == "2"
    # One with an underscore would be taken for the one with a dash that a proxy guards.
    assert seen["HTTP_X_ONE"] == "1,2"
    assert seen["HTTP_CAFE"] == "\u00e9"
    assert "HTTP_CONTENT_TYPE" not in seen
    assert seen["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert seen["wsgi.input"].read() == b"hi"
    assert seen["wsgi.input_terminated"]


def test_a_root_is_taken_off_the_path():
    seen = environ_of(b"GET /taxi/predict HTTP/1.1\r\nHost: x\r\n\r\n", root="/taxi")
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("/taxi", "/predict")
    with Running(root="/taxi") as server:
        for path in (b"/predict", b"/taximeter"):
            assert server.ask(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 404


def answers(app: Any) -> tuple[int, bytes]:
    with Running(app) as server:
        return server.ask(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")


def test_an_app_may_write_yield_and_be_closed():
    class Pieces:
        closed = False

        def __iter__(self) -> Any:
            yield b"b"
            yield b"c"

        def close(self) -> None:
            Pieces.closed = True

    def app(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Connection", "keep-alive"), ("Transfer-Encoding", "chunked")])(b"a")
        return Pieces()

    assert answers(app) == (200, b"abc")
    assert Pieces.closed


@pytest.mark.parametrize(
    "header", [("X-A", "b\r\nSet-Cookie: c"), ("X-A\r\nB", "c"), ("X-A", "b\nc"), ("X-A", "\u20ac")]
)
def test_an_answer_with_a_header_that_cannot_be_is_an_error(header: tuple[str, str], caplog: pytest.LogCaptureFixture):
    def app(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [header])
        return []

    with caplog.at_level(logging.CRITICAL, "taxi_api.server"):
        status, body = answers(app)
    assert status == 500
    assert "Set-Cookie" not in json.loads(body)["detail"]


def test_an_app_that_fails_fails_one_request(caplog: pytest.LogCaptureFixture):
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/quick":
            raise RuntimeError("broken")
        return [b"fine"]

    with Running(app) as server:
        status, body = server.ask(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (status, json.loads(body)["status"]) == (500, 500)
        assert b"broken" not in body
        assert server.ask(b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n") == (200, b"fine")
    assert "the app failed to answer GET /quick" in caplog.text
