"""manage.py provisioning_policy: print the least IAM policy that this console needs."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from aws_setup.names import BEDROCK_PARTITIONS, InvalidName, validate_role_path
from aws_setup.policies import BOUNDARY_NEEDS_ROOM, has_room_of_its_own, provisioning_policy


class Command(BaseCommand):
    help = (
        "Print the least IAM policy the console needs to do all it does in one account. Without --boundary and a "
        "--path or --prefix it is administrator-equivalent: who may create roles and give them policies can give a "
        "role anything, and who may change the trust of any role can assume an administrator's."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--read-only", action="store_true", help="only what observing and planning need")
        parser.add_argument("--account", default="*", metavar="ACCOUNT_ID", help="default: any account")
        parser.add_argument("--partition", default="aws", choices=BEDROCK_PARTITIONS)
        parser.add_argument("--path", default=settings.ROLE_PATH, help="the path of the roles; default: ROLE_PATH")
        parser.add_argument("--prefix", default="", help="what the names of the roles begin with")
        parser.add_argument(
            "--boundary",
            default=settings.ROLE_PERMISSIONS_BOUNDARY,
            metavar="ARN",
            help="a permissions boundary that every role must have; default: ROLE_PERMISSIONS_BOUNDARY",
        )

        parser.add_argument(
            "--remove-providers",
            action="store_true",
            help="also what disconnecting needs where an identity provider that nobody uses is to go",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_role_path(options["path"])
        except InvalidName as error:
            raise CommandError(str(error), returncode=2) from error
        if options["boundary"] and not has_room_of_its_own(path=options["path"], prefix=options["prefix"]):
            raise CommandError(BOUNDARY_NEEDS_ROOM, returncode=2)
        document = provisioning_policy(
            partition=options["partition"],
            account_id=options["account"],
            path=options["path"],
            prefix=options["prefix"],
            boundary_arn=options["boundary"],
            read_only=options["read_only"],
            removes_providers=options["remove_providers"],
        )
        self.stdout.write(json.dumps(document, indent=2))
