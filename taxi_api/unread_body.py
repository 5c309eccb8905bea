"""Reads what a view left of its request's body, before the answer leaves.

A client that has its answer sends the next request. gunicorn reads an unread body only then, may take the beginning of
that next request along, and waits for more, as the client does.
"""

from flask import Flask, Response, request

# Beyond, gunicorn closes the connection: it reads no more than 64 KiB itself.
_MOST_BYTES = 1024 * 1024
_PIECE = 64 * 1024


def init_app(app: Flask) -> None:
    """Leave no body of up to 1 MiB unread."""
    app.after_request(_read_rest)


def _read_rest(response: Response) -> Response:
    # Other servers have no end in their stream and would wait for bytes that never come.
    if request.environ.get("wsgi.input_terminated") and (request.content_length or 0) <= _MOST_BYTES:
        stream, left = request.environ["wsgi.input"], _MOST_BYTES
        try:
            while left > 0 and (piece := stream.read(_PIECE)):
                left -= len(piece)
        except OSError:
            pass  # the client is gone, or what it sends has no end; the server closes the connection
    return response
