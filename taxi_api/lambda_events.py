"""Events of everything that calls a Lambda function over HTTP, in one form; and answers in the form that each expects.

REST API, HTTP API, Function URL and Application Load Balancer each tell a request in their own way. The one form is
that of a REST API, with all headers and query parameters as lists and with ``prefix``, the part of the public path that
is not the service's: the stage, or the base path of a custom domain.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import orjson
from werkzeug.http import HTTP_STATUS_CODES

Event = dict[str, Any]

# Not a set: whatever an event has there can be looked for in a tuple.
_WARM_UPS = ("aws.events", "aws.scheduler", "serverless-plugin-warmup")
_ONE_VALUE = {"host", "content-type", "content-length", "authorization"}


class EventError(ValueError):
    """An event that is no HTTP request; the message says what is wrong with it."""


def is_warm_up(event: Any) -> bool:
    """Tell whether the event only keeps the function warm."""
    return isinstance(event, Mapping) and event.get("source") in _WARM_UPS


def request_event(event: Any) -> Event:
    """Return an HTTP request's event in the one form; raise EventError if it is something else."""
    if not isinstance(event, Mapping):
        raise EventError(f"The event is a {type(event).__name__}, not the object of an HTTP request.")
    context = _object(event, "requestContext")
    found = _version_2(event, context) if event.get("version") == "2.0" else _version_1(event, context)
    if not (isinstance(found["httpMethod"], str) and found["httpMethod"]):
        raise EventError("The event is not of an HTTP request: it has no method (httpMethod).")
    if not isinstance(found["path"], str):
        raise EventError("The event is not of an HTTP request: its path is not a text.")
    found["path"] = "/" + found["path"].lstrip("/")
    found |= _body(event)
    _require_unicode(found)
    if any("\r" in value or "\n" in value for (value,) in found["multiValueHeaders"].values()):
        raise EventError("The event has a header with a line break.")
    return found


def _require_unicode(found: Event) -> None:
    """Raise EventError if a text has half a surrogate pair, as JSON may have it: no header, path or body can."""
    try:
        orjson.dumps(found)
    except TypeError:
        # It refuses long numbers as well.
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError as problem:
            raise EventError("The event has a text that is not Unicode.") from problem


def answer_event(event: Mapping[str, Any], answer: Event) -> Event:
    """Return serverless-wsgi's answer to the one form as the sender of an event expects it.

    Args:
        event: as it came.
        answer: with ``multiValueHeaders``.

    """
    headers: dict[str, list[str]] = answer["multiValueHeaders"]
    shaped = {
        "statusCode": answer["statusCode"],
        "body": answer.get("body", ""),
        "isBase64Encoded": answer.get("isBase64Encoded", False),
    }
    if _is_load_balancer(event):
        status = answer["statusCode"]
        shaped["statusDescription"] = f"{status} {HTTP_STATUS_CODES.get(status, 'Unknown')}"
    if event.get("version") == "2.0":
        shaped["cookies"] = headers.pop("Set-Cookie", [])
    elif event.get("multiValueHeaders"):
        return shaped | {"multiValueHeaders": headers}
    return shaped | {"headers": {name: ", ".join(values) for name, values in headers.items()}}


def _version_1(event: Mapping[str, Any], context: Mapping[str, Any]) -> Event:
    """Read an event of a REST API, of a load balancer, or with no more than a method and a path."""
    headers = _lists(event, "multiValueHeaders") or _lists(event, "headers")
    query = _lists(event, "multiValueQueryStringParameters") or _lists(event, "queryStringParameters")
    address = _object(context, "identity").get("sourceIp")
    if _is_load_balancer(event):
        # It leaves the query as it is in the address, and says who called in a header alone.
        query = {unquote_plus(name): [unquote_plus(value) for value in values] for name, values in query.items()}
        address = next((values[-1] for name, values in headers.items() if name.lower() == "x-forwarded-for"), "")
        address = address.rpartition(",")[2].strip()
    path = event.get("path") or "/"
    prefix, path = _split(path, _route_path(event.get("resource"), event))
    stage = _before(context.get("path"), path)
    return _one_form(event.get("httpMethod"), path, stage or prefix, headers, query, address)


def _version_2(event: Mapping[str, Any], context: Mapping[str, Any]) -> Event:
    """Read an event of an HTTP API or a Function URL."""
    http = _object(context, "http")
    headers = _lists(event, "headers")
    cookies = event.get("cookies")
    if isinstance(cookies, list) and cookies:
        headers["cookie"] = ["; ".join(str(cookie) for cookie in cookies)]
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(str(event.get("rawQueryString") or ""), keep_blank_values=True):
        query.setdefault(name, []).append(value)
    path = event.get("rawPath") or http.get("path") or "/"
    route = str(event.get("routeKey") or "").partition(" ")[2]
    if route:
        prefix, path = _split(path, _route_path(route, event))
    else:
        # The route $default has no path of its own; a stage with a name is part of the address.
        prefix, path = _split(path, _after(path, f"/{context.get('stage')}"))
    return _one_form(http.get("method"), path, prefix, headers, query, http.get("sourceIp"))


def _one_form(  # noqa: PLR0917
    method: Any, path: Any, prefix: str, headers: dict[str, list[str]], query: dict[str, list[str]], address: Any
) -> Event:
    return {
        "httpMethod": method,
        "path": path,
        "prefix": prefix,
        # serverless-wsgi would keep the last value alone.
        "multiValueHeaders": {name: [_joined(name, values)] for name, values in headers.items()}
        or {"Host": ["lambda"]},
        "multiValueQueryStringParameters": query,
        "requestContext": {"identity": {"sourceIp": str(address or "")}},
    }


def _joined(name: str, values: list[str]) -> str:
    if name.lower() in _ONE_VALUE:
        return values[-1]
    return ("; " if name.lower() == "cookie" else ", ").join(values)


def _body(event: Mapping[str, Any]) -> Event:
    body, encoded = event.get("body") or "", bool(event.get("isBase64Encoded"))
    if not isinstance(body, str):
        raise EventError("The event's body is not a text.")
    try:
        base64.b64decode(body if encoded else "", validate=True)
    except ValueError as problem:
        raise EventError(f"The event says that its body is base64, but it is not: {problem}.") from problem
    return {"body": body, "isBase64Encoded": encoded}


def _route_path(template: Any, event: Mapping[str, Any]) -> str:
    """Return the path that matched a route such as ``/v1/{proxy+}``; empty if the event names no route."""
    parameters = _object(event, "pathParameters")
    if not isinstance(template, str) or not template.startswith("/"):
        return ""
    return re.sub(r"\{(\w+)\+?\}", lambda found: str(parameters.get(found[1], found[0])), template)


def _split(path: Any, ending: str) -> tuple[str, Any]:
    """Split a path before its ending; one that does not end so is all there is."""
    before = _before(path, ending)
    return (before, path[len(before) :]) if before else ("", path)


def _before(path: Any, ending: Any) -> str:
    """Return the folders in front of the ending of a path; empty if there are none or it ends differently."""
    if not isinstance(path, str) or not isinstance(ending, str) or not ending.startswith("/"):
        return ""
    # A trailing slash is in the path, but not in the parameters of the route.
    for end in (ending, ending.rstrip("/") + "/"):
        if path.endswith(end):
            return path[: -len(end)].rstrip("/")
    return ""


def _after(path: Any, prefix: str) -> str:
    """Return the path behind a prefix of whole segments; empty if it does not begin so."""
    if isinstance(path, str) and (path == prefix or path.startswith(f"{prefix}/")):
        return path[len(prefix) :] or "/"
    return ""


def _is_load_balancer(event: Mapping[str, Any]) -> bool:
    return bool(_object(event, "requestContext").get("elb"))


def _object(container: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = container.get(name)
    return value if isinstance(value, Mapping) else {}


def _lists(event: Mapping[str, Any], name: str) -> dict[str, list[str]]:
    """Return the texts of an entry by name, each as a list; senders write one text, a list, or null."""
    found = {str(key): value if isinstance(value, list) else [value] for key, value in _object(event, name).items()}
    return {key: [str(value) for value in values] for key, values in found.items() if values and None not in values}
