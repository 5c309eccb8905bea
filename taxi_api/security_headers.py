"""Headers that tell a browser to trust an answer with no more than it needs."""

from flask import Flask, Response, request

# An answer of the API is data: nothing in it may load, run or be framed.
DATA = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# Swagger UI loads its own files alone; it draws its icons from data: addresses.
_PAGE = DATA | {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}


def init_app(app: Flask) -> None:
    """Set the headers on every answer of the app."""
    app.after_request(_set)


def _set(response: Response) -> Response:
    response.headers.update(_PAGE if request.path.startswith("/apidocs") else DATA)
    return response
