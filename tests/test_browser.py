"""Swagger UI as a person uses it, in a real browser: Debian's chromium without a window."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.servers import prefixing_proxy, running

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        # In a container, as root, there is no sandbox to be had.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: object) -> Iterator[object]:
    # A context of its own ends its connections with it; the server would wait for them.
    with browser.new_context() as context:
        yield context.new_page()


@pytest.fixture(scope="module", params=["root", "prefix of gunicorn", "prefix of a proxy"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a service, once for each way that it can be put under a path."""
    if request.param == "root":
        with running(LOG_LEVEL="WARNING") as server:
            yield server.url
    elif request.param == "prefix of gunicorn":
        with running(LOG_LEVEL="WARNING", SCRIPT_NAME="/dev/taxi") as server:
            yield server.url
    else:
        with running(LOG_LEVEL="WARNING", TAXI_PROXY_HOPS="1") as server, prefixing_proxy(server.url, "/prod") as proxy:
            yield proxy


def test_a_person_can_read_the_contract_and_try_it(page: object, url: str):
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=10) as answer:
        document = json.load(answer)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
    complaints: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda failed: complaints.append(f"{failed.url} failed"))
    page.on("request", lambda sent: hosts.add(urlsplit(sent.url).netloc))

    page.goto(f"{url}/apidocs/")
    page.locator(".opblock").first.wait_for()
    shown = {
        (
            block.locator(".opblock-summary-method").inner_text(),
            block.locator(".opblock-summary-path").get_attribute("data-path"),
        )
        for block in page.locator(".opblock").all()
    }
    assert shown == {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}

    block = page.locator(f"#operations-predict-{document['paths']['/predict']['post']['operationId']}")
    block.locator(".opblock-summary").click()
    block.locator("button.execute").click()
    live = block.locator(".live-responses-table")
    live.wait_for()
    assert live.locator("tr.response td.response-col_status").first.inner_text().startswith("200")
    answered = json.loads(live.locator(".highlight-code code").first.inner_text())
    assert answered["duration"] > 0
    assert answered["interval"]["lower"] < answered["duration"] < answered["interval"]["upper"]

    assert complaints == []
    assert hosts - {""} == {urlsplit(url).netloc}


def test_the_policy_is_kept_by_the_browser(page: object, url: str):
    page.goto(f"{url}/apidocs/")
    page.locator(".opblock").first.wait_for()
    run = "() => { const script = document.createElement('script'); script.textContent = 'window.ran = 1';"
    assert page.evaluate(f"{run} document.body.append(script); return window.ran }}") is None
