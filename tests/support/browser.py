"""The page of ``runtime/web`` in headless Chromium, as a user has it. Used by tests and benchmarks."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support.paths import ROOT, WEB

OFFLINE = re.compile("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT")
SECONDS = 300.0
"""Nothing on the page takes longer, or it has failed."""


class MissingError(RuntimeError):
    """A program that is needed is not on this machine."""


class Site(ThreadingHTTPServer):
    """Serves the runtime's folder, as the page's README says, and what a test puts in its place."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(ROOT / "runtime")))
        self.replaced: dict[str, bytes | None] = {}
        """Path -> another content, or None for 404."""
        self.asked: list[str] = []
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.url = f"{self.origin}/web/"


class Handler(SimpleHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path not in self.server.replaced:
            super().do_GET()
        elif (body := self.server.replaced[self.path]) is None:
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(self.path))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(site: Site | None = None) -> Iterator[Site]:
    """A site at a free port of this machine."""
    with site or Site() as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield served
        served.shutdown()


class Page:
    """The page in a browser of its own.

    Args:
        downloads: the folder for what is saved.
        arguments: of Chromium.

    Raises:
        MissingError: no Chromium or no driver.
    """

    def __init__(self, downloads: Path, *arguments: str) -> None:
        from selenium import webdriver

        chromium, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
        if not chromium or not driver:
            raise MissingError("Chromium and its driver are not installed (Debian: chromium, chromium-driver)")
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        for argument in ("--headless=new", "--disable-dev-shm-usage", *root, *arguments):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
        self.downloads, self.browser = downloads, webdriver.Chrome(options, webdriver.ChromeService(driver))

    def open(self, url: str) -> str:
        """Load it; what it says once the model is there, or not."""
        self.browser.get(url)
        return self.says("^(?!Loading)")

    def find(self, identity: str) -> Any:
        return self.browser.find_element("id", identity)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def says(self, pattern: str) -> str:
        """The status line as soon as it matches."""
        return self.until(lambda: (text := self.find("status").text) and re.search(pattern, text) and text)

    def until(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + SECONDS
        while not (value := condition()):
            if time.monotonic() > end:
                raise TimeoutError(f"the page says: {self.find('status').text}")
            time.sleep(0.02)
        return value

    def choose(self, path: Path) -> str:
        """Hand over a file; what the page says when it is done with it."""
        self.run("document.getElementById('status').textContent = 'Loading'")
        self.find("file").send_keys(str(path))
        return self.says("^(?!Loading|Decoding|Judging)")

    def step(self, text: str) -> None:
        """Choose how far apart windows begin."""
        from selenium.webdriver.support.ui import Select

        Select(self.find("step")).select_by_visible_text(text)

    def saved(self, name: str) -> dict[str, Any]:
        """File that the button saves."""
        path = self.downloads / f"{name}.json"
        path.unlink(missing_ok=True)
        self.find("save").click()
        self.until(lambda: path.is_file() and path.stat().st_size > 0)  # Chromium holds the name with an empty file
        return json.loads(path.read_text())

    def errors(self) -> list[str]:
        """The console's lines since the last call, but for Chromium's note that there is no GPU to choose."""
        lines = [entry["message"] for entry in self.browser.get_log("browser")]
        return [line for line in lines if not line.endswith("No available adapters.")]


def install() -> None:
    """Packages that the README's first command installs, if it has not been called in this checkout.

    Raises:
        MissingError: no npm, or no network.
    """
    pinned = json.loads((WEB / "package.json").read_text())["dependencies"]["onnxruntime-web"]
    installed = WEB / "node_modules" / "onnxruntime-web" / "package.json"
    if installed.is_file() and json.loads(installed.read_text())["version"] == pinned:
        return
    if not shutil.which("npm"):
        raise MissingError("npm is not installed (Debian: npm)")
    done = subprocess.run(["npm", "ci", "--prefix", WEB], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode and (reason := OFFLINE.search(done.stderr)):
        raise MissingError(f"npm cannot fetch onnxruntime-web here: {reason[0]}")
    if done.returncode:
        raise RuntimeError(done.stderr)
