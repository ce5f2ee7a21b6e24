"""manage.py signin_link"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from environments.history import operating_system_actor
from environments.installation import InstallationError, check_world
from environments.signin import LINK_LIFETIME, make_link


class Command(BaseCommand):
    help = "Print a single-use link that makes an administrator, or gives one a new password, and signs them in."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            check_world()
        except InstallationError as error:
            raise CommandError(str(error)) from error
        url = make_link(created_by=operating_system_actor(), now=timezone.now())
        minutes = int(LINK_LIFETIME.total_seconds() // 60)
        self.stderr.write(f"Sign in with this link. It works once, within {minutes} minutes:")
        self.stdout.write(url)
