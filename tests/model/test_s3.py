"""Bundles from S3: signed as AWS's own library signs, read from a server that speaks S3."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials
from moto.server import ThreadedMotoServer

from taxi_api.model.bundle import load_bundle
from taxi_api.model.sources import SourceError
from taxi_api.model.sources.s3 import Credentials, S3Source, signed
from taxi_api.model.store import DEFAULT_BUNDLE, source_of

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", server),
    ):
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="models")
    for path in DEFAULT_BUNDLE.iterdir():
        s3.upload_file(str(path), "models", f"taxi/new model/{path.name}")
    return "models"


@pytest.mark.parametrize("token", ["", "a/long+token=="])
@pytest.mark.parametrize("path", ["bucket/a/b.json", "models/with%20blank/%2B.json"])
def test_a_request_is_signed_as_aws_signs_it(token: str, path: str):
    # Over plain HTTP AWS's library signs the body, too, as we always do.
    theirs = AWSRequest("GET", f"http://s3.eu-west-1.amazonaws.com/{path}")
    S3SigV4Auth(AwsCredentials("AKID", "secret", token or None), "s3", "eu-west-1").add_auth(theirs)
    now = datetime.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = signed(theirs.url, "eu-west-1", Credentials("AKID", "secret", token), now)
    assert (
        ours["Authorization"].partition("Signature=")[2] == theirs.headers["Authorization"].partition("Signature=")[2]
    )


def _signature(headers: Mapping[str, str]) -> str:
    return headers["Authorization"].partition("Signature=")[2]


def test_a_bundle_is_fetched_whole_into_the_cache(bucket: str, tmp_path: Path):
    source = source_of(f"s3://{bucket}/taxi/new model/", cache=str(tmp_path))
    found = source.look()
    with source.open(found) as folder:
        assert load_bundle(folder).digest == found.digest
    source.keep(found)
    assert source.last() == found


@pytest.mark.parametrize("uri", ["s3://models/nowhere", "s3://no-such-bucket/taxi"])
@pytest.mark.usefixtures("bucket")
def test_what_is_not_there_is_named(uri: str, tmp_path: Path):
    with pytest.raises(SourceError, match=r"manifest\.json answers 404"):
        source_of(uri, cache=str(tmp_path)).look()


def test_a_bad_address_is_refused_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(SourceError, match="s3://bucket/prefix"):
        S3Source("s3:/models")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(SourceError, match="AWS_REGION"):
        S3Source("s3://models/taxi")
