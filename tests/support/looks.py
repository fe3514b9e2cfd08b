"""Looks and accessibility of a page: sizes, colours, jumps, and what axe-core finds. Used by tests."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.browser import OFFLINE, MissingError

AXE = "axe-core@4.14.1"
RUN = """
  const done = arguments[arguments.length - 1];
  axe.run(document, { resultTypes: ['violations'] }).then(
    ({ violations }) => done(violations.map(({ id, impact, nodes }) => [id, impact, nodes.map(({ html }) => html)])),
    (error) => done([[String(error), 'critical', []]]));
"""
SHIFTS = """
  const done = arguments[arguments.length - 1], seen = [];
  const named = ({ node }) => node?.outerHTML?.slice(0, 80) ?? node?.nodeName;
  const note = (list) => seen.push(...list.getEntries().filter(({ hadRecentInput }) => !hadRecentInput));
  new PerformanceObserver(note).observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => done(seen.map(({ value, sources }) => [value, ...sources.map(named)])), 300);
"""
OVERFLOW = "const { scrollWidth, clientWidth } = document.documentElement; return scrollWidth - clientWidth;"


@functools.cache
def axe() -> str:
    """The source of axe-core, from npm.

    Raises:
        MissingError: no npm, or no network.
    """
    if not shutil.which("npm"):
        raise MissingError("npm, which fetches axe-core, is not installed (Debian: npm)")
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", AXE, "--pack-destination", folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder)
        if done.returncode and (reason := OFFLINE.search(done.stderr)):
            raise MissingError(f"npm cannot fetch axe-core here: {reason[0]}")
        if done.returncode:
            raise RuntimeError(done.stderr)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            member = packed.extractfile("package/axe.min.js")
            assert member is not None
            return member.read().decode()


def serious(browser: Any) -> list[Any]:
    """Serious and critical findings of axe-core on the page: [rule, impact, elements]."""
    browser.execute_script(axe())
    return [found for found in browser.execute_async_script(RUN) if found[1] in {"serious", "critical"}]


def shifts(browser: Any) -> list[Any]:
    """Movements of the page since it was opened, without the user's doing: [Web Vitals' layout shift, element, ...]."""
    found: list[Any] = browser.execute_async_script(SHIFTS)
    return found


def overflow(browser: Any) -> int:
    """Pixels by which the page is wider than the window."""
    return int(browser.execute_script(OVERFLOW))


def is_dark(browser: Any) -> bool:
    """Whether the page's background is nearly black."""
    colour = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour))) < 200


@contextmanager
def screen(browser: Any, width: int, dark: bool, height: int = 900) -> Iterator[None]:
    """A window of another size and colour scheme."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def keep_screenshot(browser: Any, name: str) -> None:
    """Write one to $MUSICFEAT_SCREENSHOTS, where that is set, to be looked at."""
    if folder := os.environ.get("MUSICFEAT_SCREENSHOTS"):
        browser.save_screenshot(str(Path(folder) / f"{name}.png"))
