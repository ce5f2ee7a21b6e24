"""manage.py import_environments ORGANIZATION_ID: take up what the organization has in Vertesia.

An API key is never an argument, where every user of the machine could read it: it comes from the environment or a file.
"""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from aws_setup import headless, hints
from aws_setup.diagnosis import Problem
from aws_setup.management.agreement_command import BAD_INPUT, printable
from aws_setup.models import VertesiaAccess, VertesiaJob
from aws_setup.vertesia.access import NotTakenUp, connect_organization
from aws_setup.wiring import open_vertesia
from environments.history import operating_system_actor
from environments.ids import InvalidVertesiaId, validate_plain_id
from environments.installation import InstallationError, check_world

VARIABLE = "VERTESIA_API_KEY"


class Command(BaseCommand):
    help = (
        "Read an organization's environments from Vertesia. Nothing is deleted here. "
        f"Where no API key of it is known yet, one is taken from {VARIABLE} or --api-key-file. "
        "Exit 0 imported, 1 not, 2 bad input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization_id", metavar="ORGANIZATION_ID")
        parser.add_argument("--site", choices=VertesiaAccess.Site.values, default="", help="where the key is known")
        parser.add_argument("--api-key-file", type=Path, help=f"a file with the API key, instead of {VARIABLE}")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, organization_id: str, **options: Any) -> None:
        try:
            validate_plain_id(organization_id)
            check_world()
        except InvalidVertesiaId as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        except InstallationError as error:
            raise CommandError(str(error), returncode=1) from error
        say = (
            (lambda line: None) if options["json"] else (lambda line: self.stdout.write(f"         {printable(line)}"))
        )
        actor = operating_system_actor()
        access = VertesiaAccess.objects.filter(organization__organization_id=organization_id).first()
        if access is None:
            job = self._connect(options)
            headless.finish_job(job, open_vertesia=open_vertesia, say=say)
        else:
            job = headless.import_environments(access, open_vertesia=open_vertesia, actor=actor, say=say)
        self._print(job, options)
        if job.problem:
            raise CommandError(printable(Problem.from_json(job.problem).in_words), returncode=1)
        read = job.result["organization"]
        if read["id"] != organization_id:
            raise CommandError(
                printable(
                    f"The API key is of another organization, {read['name']} ({read['id']}); that one was imported."
                ),
                returncode=1,
            )

    def _connect(self, options: dict[str, Any]) -> VertesiaJob:
        site = options["site"] or (VertesiaAccess.Site.SANDBOX if settings.AWS_SANDBOX else "")
        if not site:
            raise CommandError("Say with --site where the key is known: global, us1, eu1 or jp1.", returncode=BAD_INPUT)
        key = self._read_key(options["api_key_file"])
        try:
            with hints.suppressed():
                return connect_organization(site=site, api_key=key, actor=operating_system_actor(), now=timezone.now())
        except NotTakenUp as error:
            raise CommandError(error.sentence, returncode=BAD_INPUT) from None

    def _read_key(self, file: Path | None) -> str:
        try:
            key = file.read_text().strip() if file else os.environ.get(VARIABLE, "").strip()
        except (OSError, UnicodeDecodeError):
            raise CommandError(f"{file} cannot be read.", returncode=BAD_INPUT) from None
        if not key:
            raise CommandError(
                f"No Vertesia API key of this organization is known here. Set {VARIABLE}, or name a file with "
                "--api-key-file.",
                returncode=BAD_INPUT,
            )
        return key

    def _print(self, job: VertesiaJob, options: dict[str, Any]) -> None:
        if options["json"]:
            content = {"state": job.state, "problem": job.problem, **job.result}
            self.stdout.write(json.dumps(content, indent=2))
            return
        result = job.result
        if not result:
            return
        self.stdout.write(printable(f"{result['organization']['name']}: {result['sentence']}"))
        for name in result["missing"]:
            self.stdout.write(printable(f"missing  {name}: Vertesia does not list it; nothing was deleted here."))
        for refused in result["refused"]:
            self.stdout.write(printable(f"refused  {refused['name']}: {refused['sentence']}"))
        if difference := result["issuer"]:
            self.stdout.write(
                printable(
                    f"issuer   Vertesia's tokens name {difference['actual']}, and roles here trust "
                    f"{difference['expected']}. Issuers → Move an organization."
                )
            )
