"""manage.py explain [--environment ENVIRONMENT_ID] [--json] < TEXT: what an error of AWS means, and what mends it."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aws_setup.agreements import read_agreement
from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Problem
from aws_setup.diagnosis.words import LONGEST_TEXT, explain_words
from aws_setup.management.agreement_command import printable
from aws_setup.models import Connection

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Explain an error of AWS, read from standard input. Exit 0 known, 1 unknown, 2 bad input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--environment", metavar="ENVIRONMENT_ID", help="the connected environment it is about")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, environment: str | None, **options: Any) -> None:
        text = sys.stdin.read(LONGEST_TEXT + 1)
        if not text.strip() or len(text) > LONGEST_TEXT:
            raise CommandError(
                f"Give the error on standard input, {LONGEST_TEXT:,} characters at most.", returncode=BAD_INPUT
            )
        problem = explain_words(text, desired=_find_agreement(environment) if environment else None)
        if options["json"]:
            self.stdout.write(json.dumps(problem.to_json(), indent=2))
        else:
            self._print(problem)
        if problem.code == "unknown":
            raise CommandError("Nobody has classified this error yet.", returncode=1)

    def _print(self, problem: Problem) -> None:
        for line in (problem.sentence, problem.why, problem.remedy, problem.command, problem.link):
            if line:
                self.stdout.write(printable(line))


def _find_agreement(environment_id: str) -> DesiredState:
    connection = Connection.objects.filter(environment__environment_id=environment_id).first()
    if connection is None:
        raise CommandError(f"No environment {environment_id} is connected here.", returncode=BAD_INPUT)
    return read_agreement(connection)
