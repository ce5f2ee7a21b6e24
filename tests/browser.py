"""Pages in a real Chromium that stays on this machine, and complains of nothing."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route

from tests.offline import is_loopback

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
]


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome; CHROMIUM, where set, wins."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@dataclass
class Guard:
    """Collects what no page may do. Whatever contains one of `allowed` was expected by the test."""

    complaints: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, *texts: str) -> None:
        """Expect complaints with this text in them, such as `status of 404`."""
        self.allowed.extend(texts)

    def complain(self, complaint: str) -> None:
        self.complaints.append(complaint)

    @property
    def unexpected(self) -> list[str]:
        return [text for text in self.complaints if not any(allowed in text for allowed in self.allowed)]

    def watch(self, context: BrowserContext) -> None:
        """Refuse requests to other machines; note script errors and, as Chromium logs them, policy violations."""
        context.route("**/*", self._stay_here)
        context.on("console", self._note_console)
        context.on("weberror", lambda error: self.complain(f"script error: {error.error}"))

    def _stay_here(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.scheme in ("data", "blob", "about") or is_loopback(url.hostname or "outside"):
            route.continue_()
        else:
            self.complain(f"request to {route.request.url}")
            route.abort()

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complain(f"console: {message.text}")


class Browsing:
    """Opens pages, each in a context of its own, all under one guard."""

    def __init__(self, browser: Browser) -> None:
        self.guard = Guard()
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def open(self, **options: Any) -> Page:
        """A page in a fresh context: no cookie of another one. `options` as Playwright's new_context takes them."""
        context = self._browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        context.set_default_timeout(15_000)
        self.guard.watch(context)
        self._contexts.append(context)
        return context.new_page()

    def close(self) -> None:
        """Close everything; fail where a page did what no page may do."""
        for context in self._contexts:
            context.close()
        assert self.guard.unexpected == []
