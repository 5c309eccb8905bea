"""A real gunicorn whose surroundings fail: the disk is full, the clock is wrong, others share its cache."""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from taxi_api.model.bundle import load_bundle
from taxi_api.model.store import source_of
from tests.resilience.disk import small_disk
from tests.resilience.load import TRIP, Load, more
from tests.servers import Server, running, wait_until

DEFAULT = Path(__file__).parents[2] / "taxi_api" / "model" / "default"
FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the workers in /proc")


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A folder with a bundle, to be followed."""
    return Path(shutil.copytree(DEFAULT, tmp_path / "served"))


def publish(served: Path, version: str) -> None:
    """Put the same model in the folder's place as another version."""
    new = Path(shutil.copytree(served, served.with_name(f"bundle-{version}")))
    manifest = json.loads((new / "manifest.json").read_text()) | {"version": version}
    (new / "manifest.json").write_text(json.dumps(manifest))
    served.rename(served.with_name(f"before-{version}"))
    new.rename(served)


def versions(server: Server) -> set[str]:
    """Return the versions of the model that a dozen answers name."""
    request = urllib.request.Request(f"{server.url}/predict", TRIP, {"Content-Type": "application/json"})
    found = set()
    for _ in range(12):
        with urllib.request.urlopen(request, timeout=10) as answer:
            found.add(json.load(answer)["model"]["version"])
    return found


def following(served: Path, cache: Path) -> dict[str, str]:
    return {"MODEL_URI": str(served), "MODEL_POLL_SECONDS": "1", "TAXI_MODEL_CACHE": str(cache), "LOG_LEVEL": "WARNING"}


def cached(cache: Path) -> list[str]:
    """Return the versions of the bundles in the cache; each must be whole."""
    return sorted(load_bundle(manifest.parent).version for manifest in cache.glob("*/*/manifest.json"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for less than a bundle."""
    with small_disk(tmp_path / "disk", "1m") as mounted:
        if not mounted:
            pytest.skip("needs the right to mount a disk")
        yield tmp_path / "disk"


def test_a_full_disk_costs_the_cache_alone_and_room_on_it_is_used_again(served: Path, disk: Path):
    with running(**following(served, disk)) as server, Load(server.url) as load:
        more(load)
        assert cached(disk) == []
        publish(served, "while-full")
        wait_until(lambda: versions(server) == {"while-full"}, seconds=30)
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        publish(served, "with-room")
        wait_until(lambda: versions(server) == {"with-room"}, seconds=30)
        assert cached(disk) == ["with-room"]
    assert load.failures == []
    assert "No space left on device" in server.log
    assert not list(disk.rglob(".draft-*"))


def test_servers_share_a_cache(served: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    with ExitStack() as stack:
        one, other = (Server(**following(served, cache)) for _ in range(2))
        for server in (one, other):
            stack.callback(server.stop)
        for server in (one, other):
            server.wait()
        loads = [stack.enter_context(Load(server.url)) for server in (one, other)]
        for version in ("second", "third", "fourth", "fifth"):
            publish(served, version)
            for server in (one, other):
                wait_until(lambda server=server, version=version: versions(server) == {version}, seconds=30)
        for load in loads:
            more(load)
    assert [load.failures for load in loads] == [[], []]
    assert [server.process.returncode for server in (one, other)] == [0, 0]
    # The newest three, whole; more, if a worker fetched what another one had just tidied away.
    assert {"third", "fourth", "fifth"} <= set(cached(cache))
    assert not list(cache.rglob(".draft-*"))
    # What a third one would start with.
    last = source_of(str(served), cache=str(cache)).last()
    assert last is not None
    assert last.digest == load_bundle(served).digest


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Path]:
    """A file that says what time it is: an absolute time, or how far the clock is off."""
    if FAKETIME is None:
        pytest.skip("libfaketime is not installed")
    return tmp_path / "clock"


def wrong_clock(clock: Path) -> dict[str, str]:
    """Return the environment in which programs take the time from the file; durations are those of the machine."""
    # libfaketime 0.9.10 takes the end of a sleep, a time of the machine's, for one of the other clock.
    (clock.parent / "sitecustomize.py").write_text(
        "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds)\n"
    )
    return {
        "PYTHONPATH": str(clock.parent),
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def says_year(server: Server, year: int) -> bool:
    with urllib.request.urlopen(f"{server.url}/health", timeout=5) as answer:
        return parsedate_to_datetime(answer.headers["Date"]).year == year


def test_the_clock_may_be_wrong_and_jump(served: Path, tmp_path: Path, clock: Path):
    clock.write_text("@1970-01-02 00:00:00")
    settings = following(served, tmp_path / "cache") | wrong_clock(clock)
    with running(**settings) as server, Load(server.url) as load:
        assert says_year(server, 1970)
        more(load)
        before = server.workers()
        for year in (2024, 2001, 2099):
            clock.write_text(f"@{year}-03-10 01:59:58")
            wait_until(lambda year=year: says_year(server, year))
            more(load)
            publish(served, f"in-{year}")
            wait_until(lambda year=year: versions(server) == {f"in-{year}"}, seconds=30)
        assert server.workers() == before
        clock.write_text("@1970-01-02 00:00:00")
        more(load)
    assert load.failures == []
