"""Clients of Vertesia's API, one for each stored API key, kept with their tokens for the life of the process."""

import threading
from collections.abc import Callable
from datetime import datetime

from django.conf import settings

from aws_setup.diagnosis import Blocked
from aws_setup.diagnosis.vertesia import explain_key_unreadable, explain_no_local_vertesia, explain_wrong_site
from aws_setup.models import VertesiaAccess
from environments.secrets import NoKeyFits, decrypt
from environments.vertesia.client import VertesiaClient
from environments.vertesia.sites import Site, find_site, local_site
from environments.vertesia.tokens import ApiKey, TokenSource
from environments.vertesia.wire import Wire


class VertesiaClients:
    """`find_local_url` gives the address of the sandbox's Vertesia, empty where none runs. Safe between threads."""

    def __init__(self, *, find_local_url: Callable[[], str], now: Callable[[], datetime]) -> None:
        self._find_local_url = find_local_url
        self._now = now
        self._wire = Wire(now=now)
        self._kept: dict[int, tuple[str, Site, VertesiaClient]] = {}
        self._lock = threading.Lock()

    def open(self, access: VertesiaAccess) -> VertesiaClient:
        """The client for this access; its tokens are those it had before. Nothing is asked yet.

        Raises Blocked where the key cannot be decrypted, or belongs to another world than this console's.
        """
        site = self._find_site(access.site)
        with self._lock:
            kept = self._kept.get(access.pk)
            if kept is None or kept[:2] != (access.key_sha256, site):
                kept = (access.key_sha256, site, self._make(access, site))
                self._kept[access.pk] = kept
            return kept[2]

    def _make(self, access: VertesiaAccess, site: Site) -> VertesiaClient:
        try:
            key = ApiKey(decrypt(bytes(access.api_key_encrypted)).decode())
        except NoKeyFits as error:
            raise Blocked(explain_key_unreadable(str(error))) from error
        return VertesiaClient(site, TokenSource(site, key, self._wire, now=self._now), self._wire)

    def _find_site(self, name: str) -> Site:
        is_local = name == VertesiaAccess.Site.SANDBOX
        if is_local != settings.AWS_SANDBOX:
            raise Blocked(explain_wrong_site(name, is_sandbox=settings.AWS_SANDBOX))
        if not is_local:
            return find_site(name)
        url = self._find_local_url()
        if not url:
            raise Blocked(explain_no_local_vertesia())
        return local_site(f"{url}/api/v1", url)
