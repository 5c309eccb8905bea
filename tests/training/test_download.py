"""Fetching trip records from a real server on this machine that misbehaves in the ways that real ones do."""

import gzip
import hashlib
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from training.download import Fetched, download
from training.errors import TrainingError
from training.months import Month

JANUARY, FEBRUARY, MARCH = Month(2024, 1), Month(2024, 2), Month(2024, 3)
NAME = "green_tripdata_2024-01.parquet"
DROP_AFTER = 250_000


def parquet(seed: int, size: int = 600_000) -> bytes:
    """Bytes with the marks of a Parquet file at both ends, different everywhere for every seed."""
    block = hashlib.sha512(str(seed).encode()).digest()
    return b"PAR1" + (block * (size // len(block) + 1))[: size - 8] + b"PAR1"


class Asked(NamedTuple):
    name: str
    range: str | None
    if_range: str | None


@dataclass
class Shelf:
    """What the server has, what it does wrong next, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    # Each request takes the first of its file's faults: a status to answer, or how many bytes to send before dropping.
    faults: dict[str, list[HTTPStatus | int]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    honours_range: bool = True
    honours_if_range: bool = True
    range_shift: int = 0  # how far from the asked place a range begins
    range_size: int | None = None  # how many bytes of a range are sent at most
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def put(self, name: str, content: bytes, etag: str | None = None) -> None:
        self.files[name] = content
        self.etags[name] = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"' if etag is None else etag

    def ranges(self) -> list[str | None]:
        return [asked.range for asked in self.asked]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    shelf: Shelf

    def handle(self) -> None:
        # A client that wants none of an answer hangs up on it, and that is right.
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        shelf, name = self.shelf, self.path.rpartition("/")[2]
        asked = Asked(name, self.headers["Range"], self.headers["If-Range"])
        shelf.asked.append(asked)
        fault = shelf.faults[name].pop(0) if shelf.faults.get(name) else None
        if isinstance(fault, HTTPStatus):
            self.answer(fault, b"sorry", shelf.headers)
        elif name not in shelf.files:
            self.answer(HTTPStatus.FORBIDDEN, b"<Error>AccessDenied</Error>")
        else:
            self.send(shelf.files[name], shelf.etags[name], asked, fault)

    def send(self, content: bytes, etag: str, asked: Asked, drop_after: int | None) -> None:
        headers = {"ETag": etag} if etag else {}
        current = asked.if_range == etag or not self.shelf.honours_if_range
        if asked.range is None or not self.shelf.honours_range or not current:
            self.answer(HTTPStatus.OK, content, headers, drop_after)
            return
        start = int(asked.range.removeprefix("bytes=").removesuffix("-")) + self.shelf.range_shift
        if start >= len(content):
            headers["Content-Range"] = f"bytes */{len(content)}"
            self.answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", headers)
        else:
            piece = content[start:][: self.shelf.range_size]
            headers["Content-Range"] = f"bytes {start}-{start + len(piece) - 1}/{len(content)}"
            self.answer(HTTPStatus.PARTIAL_CONTENT, piece, headers, drop_after)

    def answer(
        self, status: HTTPStatus, body: bytes, headers: dict[str, str] | None = None, drop_after: int | None = None
    ) -> None:
        if status == HTTPStatus.OK and "gzip" in self.headers["Accept-Encoding"]:
            body, headers = gzip.compress(body), {**(headers or {}), "Content-Encoding": "gzip"}
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:drop_after])
        self.close_connection = drop_after is not None

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    shelf = Shelf()
    handler = type("ShelfHandler", (Handler,), {"shelf": shelf})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        shelf.url = f"http://127.0.0.1:{server.server_port}/trip-data"
        yield shelf
        server.shutdown()
        thread.join(timeout=5)


@dataclass
class Client:
    shelf: Shelf
    to: Path
    pauses: list[float] = field(default_factory=list)

    def fetch(
        self, first: Month = JANUARY, last: Month = JANUARY, colours: tuple[str, ...] = ("green",)
    ) -> list[Fetched]:
        return download(first, last, colours, self.to, self.shelf.url, pause=self.pauses.append)

    def fail(self, message: str, first: Month = JANUARY, last: Month = JANUARY) -> str:
        with pytest.raises(TrainingError, match=message) as caught:
            self.fetch(first, last)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def left_half(self) -> int:
        """Let every try break off; return how many bytes are left for the next run."""
        self.shelf.faults[NAME] = [DROP_AFTER, 0, 0, 0, 0]
        self.fail("could not be fetched in 5 tries")
        self.shelf.asked.clear()
        self.pauses.clear()
        return (self.to / f"{NAME}.part").stat().st_size

    def names(self) -> set[str]:
        return {path.name for path in self.to.iterdir()}


@pytest.fixture
def client(shelf: Shelf, tmp_path: Path) -> Client:
    return Client(shelf, tmp_path / "trips")


def test_every_month_of_every_colour_arrives(shelf: Shelf, client: Client) -> None:
    names = [
        f"{colour}_tripdata_2024-{month}.parquet" for colour in ("yellow", "green") for month in ("01", "02", "03")
    ]
    for seed, name in enumerate(names):
        shelf.put(name, parquet(seed, size=1000 + seed))
    fetched = client.fetch(JANUARY, MARCH, ("yellow", "green", "yellow"))
    assert fetched == [
        Fetched(client.to / name, len(shelf.files[name]), hashlib.sha256(shelf.files[name]).hexdigest(), "fetched")
        for name in names
    ]
    assert [file.path.read_bytes() for file in fetched] == [shelf.files[name] for name in names]
    assert client.names() == {*names, "SHA256SUMS"}


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed here")
def test_sha256sum_itself_accepts_the_list(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    shelf.put(NAME.replace("01", "02"), parquet(2))
    client.fetch(JANUARY, FEBRUARY)
    command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    check = subprocess.run(command, cwd=client.to, capture_output=True, text=True, timeout=10, check=True)
    assert check.stdout.count(": OK\n") == 2


def test_lines_of_other_files_stay_in_the_list(shelf: Shelf, client: Client) -> None:
    client.to.mkdir()
    other = f"{'A' * 64} *zones/lookup.csv\n"
    (client.to / "SHA256SUMS").write_text(other)
    shelf.put(NAME, parquet(1))
    digest = client.fetch()[0].sha256
    assert (client.to / "SHA256SUMS").read_text() == f"{digest}  {NAME}\n{'a' * 64}  zones/lookup.csv\n"


def test_a_file_that_is_there_is_checked_and_not_asked_for(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    (first,) = client.fetch()
    (second,) = client.fetch()
    assert second == Fetched(first.path, first.bytes, first.sha256, "already there")
    assert len(shelf.asked) == 1


def test_an_altered_file_is_reported_and_left_alone(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    client.fetch()
    (client.to / NAME).write_bytes(parquet(2))
    client.fail(rf"{NAME} is not the file listed in SHA256SUMS; delete it and run again")
    assert (client.to / NAME).read_bytes() == parquet(2)
    (client.to / NAME).unlink()
    assert client.fetch()[0].how == "fetched"


def test_a_file_put_there_by_hand_is_taken_into_the_list(client: Client) -> None:
    client.to.mkdir()
    (client.to / NAME).write_bytes(parquet(1))
    (file,) = client.fetch()
    assert file.how == "already there"
    assert (client.to / "SHA256SUMS").read_text() == f"{hashlib.sha256(parquet(1)).hexdigest()}  {NAME}\n"


@pytest.mark.parametrize("content", [b"", b"PAR1PAR1", parquet(1)[:-4], parquet(1)[4:]])
def test_half_a_file_put_there_by_hand_is_refused(client: Client, content: bytes) -> None:
    client.to.mkdir()
    (client.to / NAME).write_bytes(content)
    client.fail(rf"{NAME} is not a whole Parquet file; delete it")
    assert not (client.to / "SHA256SUMS").exists()


def test_a_list_that_cannot_be_read_is_named_with_its_line(client: Client) -> None:
    client.to.mkdir()
    (client.to / "SHA256SUMS").write_text(f"{'0' * 64}  a.parquet\nnonsense\n")
    client.fail(r"line 2 of .*SHA256SUMS is not a digest and a file name")


def test_a_dropped_connection_is_continued_where_it_broke(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    shelf.faults[NAME] = [DROP_AFTER, DROP_AFTER]
    (file,) = client.fetch()
    assert file.how == "resumed"
    assert file.path.read_bytes() == parquet(1)
    starts = [int(re.sub(r"\D", "", asked or "0")) for asked in shelf.ranges()]
    assert starts[0] == 0 < starts[1] <= DROP_AFTER < starts[2] <= 2 * DROP_AFTER
    assert [asked.if_range for asked in shelf.asked] == [None, shelf.etags[NAME], shelf.etags[NAME]]
    assert client.pauses == [1, 2]
    assert client.names() == {NAME, "SHA256SUMS"}


def test_a_later_run_continues_what_an_earlier_one_left(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    left = client.left_half()
    assert 0 < left <= DROP_AFTER
    (file,) = client.fetch()
    assert file == Fetched(client.to / NAME, 600_000, hashlib.sha256(parquet(1)).hexdigest(), "resumed")
    assert shelf.asked == [Asked(NAME, f"bytes={left}-", shelf.etags[NAME])]
    assert client.names() == {NAME, "SHA256SUMS"}


def test_a_server_that_ignores_range_sends_it_all_again(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    client.left_half()
    shelf.honours_range = False
    (file,) = client.fetch()
    assert (file.how, file.path.read_bytes()) == ("fetched", parquet(1))
    assert len(shelf.asked) == 1


def test_a_server_that_sends_ranges_in_pieces_is_asked_for_the_next(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    left = client.left_half()
    shelf.range_size = 200_000
    (file,) = client.fetch()
    assert (file.how, file.path.read_bytes()) == ("resumed", parquet(1))
    assert shelf.ranges()[:2] == [f"bytes={left}-", f"bytes={left + 200_000}-"]


@pytest.mark.parametrize("shift", [-1000, 1000])
def test_a_range_that_begins_elsewhere_is_not_glued_on(shelf: Shelf, client: Client, shift: int) -> None:
    shelf.put(NAME, parquet(1))
    left = client.left_half()
    shelf.range_shift = shift
    (file,) = client.fetch()
    assert (file.how, file.path.read_bytes()) == ("fetched", parquet(1))
    assert shelf.ranges() == [f"bytes={left}-", None]


@pytest.mark.parametrize("honours_if_range", [True, False])
def test_two_versions_are_never_glued_together(shelf: Shelf, client: Client, honours_if_range: bool) -> None:
    shelf.put(NAME, parquet(1))
    left = client.left_half()
    shelf.put(NAME, parquet(2))
    shelf.honours_if_range = honours_if_range
    (file,) = client.fetch()
    assert (file.how, file.path.read_bytes()) == ("fetched", parquet(2))
    assert shelf.ranges() == ([f"bytes={left}-"] if honours_if_range else [f"bytes={left}-", None])


def test_a_version_that_changes_between_two_tries_is_begun_again(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    client.left_half()
    shelf.put(NAME, parquet(2))
    shelf.faults[NAME] = [DROP_AFTER]
    (file,) = client.fetch()
    assert (file.how, file.path.read_bytes()) == ("resumed", parquet(2))
    assert shelf.asked[1].if_range == shelf.etags[NAME]


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_strong_etag_nothing_is_continued(shelf: Shelf, client: Client, etag: str) -> None:
    shelf.put(NAME, parquet(1), etag)
    client.left_half()
    shelf.put(NAME, parquet(2), etag)
    (file,) = client.fetch()
    assert (file.how, file.path.read_bytes()) == ("fetched", parquet(2))
    assert shelf.ranges() == [None]


@pytest.mark.parametrize("remembered", [None, b"\xff\n: bad", b'"another"'])
def test_a_part_of_unknown_version_is_begun_again(shelf: Shelf, client: Client, remembered: bytes | None) -> None:
    shelf.put(NAME, parquet(1))
    client.to.mkdir()
    (client.to / f"{NAME}.part").write_bytes(parquet(2)[:1000])
    if remembered is not None:
        (client.to / f"{NAME}.part.etag").write_bytes(remembered)
    (file,) = client.fetch()
    assert (file.how, file.path.read_bytes()) == ("fetched", parquet(1))
    assert client.names() == {NAME, "SHA256SUMS"}


def test_a_part_as_long_as_the_file_or_longer_is_begun_again(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1), '"same"')
    left = client.left_half()
    shelf.put(NAME, parquet(2, size=1000), '"same"')
    (file,) = client.fetch()
    assert (file.how, file.path.read_bytes()) == ("fetched", parquet(2, size=1000))
    assert shelf.ranges() == [f"bytes={left}-", None]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_error_is_tried_again(shelf: Shelf, client: Client, status: int) -> None:
    shelf.put(NAME, parquet(1))
    shelf.faults[NAME] = [HTTPStatus(status)] * 4
    (file,) = client.fetch()
    assert (file.how, file.path.read_bytes()) == ("fetched", parquet(1))
    assert client.pauses == [1, 2, 4, 8]


def test_a_passing_error_in_the_middle_loses_nothing(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    shelf.faults[NAME] = [DROP_AFTER, HTTPStatus.SERVICE_UNAVAILABLE]
    (file,) = client.fetch()
    assert (file.how, file.path.read_bytes()) == ("resumed", parquet(1))
    assert shelf.ranges()[1] == shelf.ranges()[2] is not None


@pytest.mark.parametrize(("asked", "waited"), [("7", 7), ("0", 1), ("86400", 60), ("Fri, 31 Dec 1999 23:59:59 GMT", 1)])
def test_the_wait_that_the_server_asks_for_is_kept_up_to_a_minute(
    shelf: Shelf, client: Client, asked: str, waited: float
) -> None:
    shelf.put(NAME, parquet(1))
    shelf.faults[NAME] = [HTTPStatus.TOO_MANY_REQUESTS]
    shelf.headers = {"Retry-After": asked}
    client.fetch()
    assert client.pauses == [waited]


def test_a_server_that_keeps_failing_is_named_with_what_it_said(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    shelf.faults[NAME] = [HTTPStatus.BAD_GATEWAY] * 5
    client.fail(rf"{shelf.url}/{NAME} could not be fetched in 5 tries \(status 502\); run the command again later")
    assert len(client.pauses) == 4


def test_a_server_that_is_not_there_is_named(shelf: Shelf, client: Client) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as gone:
        shelf.url = f"http://127.0.0.1:{gone.server_port}"
    client.fail(r"could not be fetched in 5 tries \(.*refused")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "no-scheme", "http://"])
def test_an_impossible_base_url_is_no_reason_to_try_again(shelf: Shelf, client: Client, url: str) -> None:
    shelf.url = url
    client.fail("cannot be asked for .*; check the base URL")
    assert client.pauses == []


@pytest.mark.parametrize("status", [400, 401, 410, 416, 206])
def test_an_unexpected_status_is_no_reason_to_try_again(shelf: Shelf, client: Client, status: int) -> None:
    shelf.faults[NAME] = [HTTPStatus(status)]
    client.fail(rf"{NAME} answered status {status}; check the base URL")
    assert client.pauses == []


def test_a_slash_at_the_end_of_the_base_url_is_not_doubled(shelf: Shelf, client: Client) -> None:
    url = shelf.url
    shelf.url += "/"
    client.fail(re.escape(f"({url}/{NAME})"))


def test_absent_months_are_all_named_after_the_others_are_fetched(shelf: Shelf, client: Client) -> None:
    february = NAME.replace("01", "02")
    shelf.put(february, parquet(2))
    shelf.faults[NAME.replace("01", "03")] = [HTTPStatus.NOT_FOUND]
    message = client.fail("about two months' delay", JANUARY, MARCH)
    assert f"green 2024-01 ({shelf.url}/{NAME})" in message
    assert f"green 2024-03 ({shelf.url}/{NAME.replace('01', '03')})" in message
    assert "green 2024-02" not in message
    assert client.names() == {february, "SHA256SUMS"}
    assert client.pauses == []


def test_nothing_half_written_is_left_of_a_month_that_was_withdrawn(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    client.left_half()
    del shelf.files[NAME]
    client.fail("has not published")
    assert client.names() == set()


@pytest.mark.parametrize("content", [b"<html>maintenance</html>", parquet(1)[:-1], b"PAR1PAR1", b""])
def test_what_is_no_parquet_file_is_not_kept(shelf: Shelf, client: Client, content: bytes) -> None:
    shelf.put(NAME, content)
    client.fail(rf"{NAME} answered {len(content)} bytes that are no Parquet file")
    assert client.names() == set()


def test_files_fetched_before_a_failure_are_in_the_list(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    shelf.put(NAME.replace("01", "02"), b"<html>")
    client.fail("no Parquet file", JANUARY, FEBRUARY)
    assert client.names() == {NAME, "SHA256SUMS"}
    assert NAME in (client.to / "SHA256SUMS").read_text()


@pytest.mark.parametrize(
    ("colours", "named"), [(("fhv",), "fhv"), (("green", "Yellow", "red"), "Yellow, red"), ((), "none")]
)
def test_other_colours_are_refused(shelf: Shelf, client: Client, colours: tuple[str, ...], named: str) -> None:
    with pytest.raises(TrainingError, match=f"no trip records of colour {named}; use green or yellow"):
        client.fetch(colours=colours)
    assert shelf.asked == []
    assert not client.to.exists()


def test_a_folder_that_cannot_be_made_is_named(client: Client) -> None:
    client.to.write_text("a file, not a folder")
    client.fail(rf"{client.to} cannot be written or read \(File exists\)")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here to play the full disk")
def test_a_full_disk_is_named(shelf: Shelf, client: Client) -> None:
    shelf.put(NAME, parquet(1))
    client.to.mkdir()
    (client.to / f"{NAME}.part").symlink_to("/dev/full")
    client.fail(rf"{NAME}\.part cannot be written or read \(No space left on device\); free some space")
    assert client.pauses == []


def test_retries_are_told_on_the_console_for_notes(
    shelf: Shelf, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.put(NAME, parquet(1))
    shelf.faults[NAME] = [HTTPStatus.BAD_GATEWAY]
    client.fetch()
    told = capsys.readouterr()
    assert f"{NAME}: status 502; trying again in 1 s" in told.err
    assert told.out == ""
