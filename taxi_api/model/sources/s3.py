"""A bundle under a prefix in S3, over its REST API: AWS's own library takes 90 MB and half a second to import."""

import hashlib
import hmac
import json
import os
import re
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from taxi_api.model.bundle import FILES, MANIFEST
from taxi_api.model.sources import Found, SourceError
from taxi_api.model.sources.web import get

_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
_HINT = "the credentials need s3:GetObject for the bundle's files"
_NOTHING = hashlib.sha256(b"").hexdigest()
_MACHINE = "http://169.254.169.254/latest"
_MOST_JSON = 64 * 1024


class Credentials(NamedTuple):
    """Who asks AWS."""

    key_id: str
    secret: str
    token: str


class S3Source:
    """``s3://bucket/prefix``; credentials are those of the environment, the container, or the EC2 instance's role."""

    def __init__(self, uri: str) -> None:
        """Take the URI; raise SourceError if it cannot be used, or nothing says the region."""
        match = _URI.fullmatch(uri)
        if match is None:
            raise SourceError(f"MODEL_URI {uri!r} is not s3://bucket/prefix")
        bucket, prefix = match[1], (match[2] or "").strip("/")
        self._region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
        if not re.fullmatch(r"[a-z0-9-]+", self._region):
            raise SourceError("MODEL_URI=s3://… needs AWS_REGION, such as us-east-1")
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        # A dot in a bucket's name does not match AWS's certificate as a part of the host.
        base = f"{endpoint.rstrip('/')}/{bucket}" if endpoint else f"https://{bucket}.s3.{self._region}.amazonaws.com"
        if not endpoint and "." in bucket:
            base = f"https://s3.{self._region}.amazonaws.com/{bucket}"
        self.server = "/".join(filter(None, (base, quote(prefix))))

    def look(self) -> Found:
        """Read the manifest; raise SourceError if it cannot be read."""
        return Found(hashlib.sha256(self._get(MANIFEST)).hexdigest(), "S3")

    def fetch(self, _found: Found) -> dict[str, bytes]:
        """Return the bundle's files; raise SourceError if one cannot be had."""
        return {name: self._get(name) for name in (MANIFEST, *FILES)}

    def _get(self, name: str) -> bytes:
        url = f"{self.server}/{name}"
        return get(url, signed(url, self._region, _credentials(), datetime.now(UTC)), hint=_HINT)


def signed(url: str, region: str, who: Credentials, now: datetime) -> dict[str, str]:
    """Return the headers that sign a GET of a URL without a query (AWS Signature Version 4).

    See https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
    """
    parts = urlsplit(url)
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": parts.netloc, "x-amz-content-sha256": _NOTHING, "x-amz-date": moment}
    if who.token:
        headers["x-amz-security-token"] = who.token
    names = ";".join(headers)
    listed = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = "\n".join(("GET", parts.path, "", listed, names, _NOTHING))
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{who.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    authorization = f"AWS4-HMAC-SHA256 Credential={who.key_id}/{scope},SignedHeaders={names},Signature={signature}"
    return {name: value for name, value in headers.items() if name != "host"} | {"Authorization": authorization}


def _credentials() -> Credentials:
    """Return those of the environment, else of the container's role, else of the instance's role."""
    environment = os.environ
    if environment.get("AWS_ACCESS_KEY_ID"):
        return Credentials(
            environment["AWS_ACCESS_KEY_ID"],
            environment.get("AWS_SECRET_ACCESS_KEY", ""),
            environment.get("AWS_SESSION_TOKEN", ""),
        )
    relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    if relative:
        return _role(get(f"http://169.254.170.2{relative}", {}, most=_MOST_JSON))
    token = get(
        f"{_MACHINE}/api/token",
        {"X-aws-ec2-metadata-token-ttl-seconds": "300"},
        most=_MOST_JSON,
        method="PUT",
        hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the instance a role",
    )
    header = {"X-aws-ec2-metadata-token": token.decode("ascii", "replace")}
    role = get(f"{_MACHINE}/meta-data/iam/security-credentials/", header, most=_MOST_JSON).decode("ascii", "replace")
    return _role(
        get(f"{_MACHINE}/meta-data/iam/security-credentials/{quote(role.split()[0])}", header, most=_MOST_JSON)
    )


def _role(answer: bytes) -> Credentials:
    try:
        found = json.loads(answer)
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
    except (ValueError, KeyError, TypeError):
        raise SourceError("the credentials of the role cannot be read") from None
