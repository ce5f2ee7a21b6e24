"""The people of the console: who may come in no more. They are added by sign-in links, see `signin`."""

from django.contrib.auth.models import User
from django.db import transaction

from environments.access import may_administer
from environments.history import Actor, record


class LastAdministrator(Exception):
    """Without this person nobody could administer the console; the message is a sentence for whoever tried."""


@transaction.atomic
def deactivate_person(person: User, *, actor: Actor) -> bool:
    """Let the person in no more: open sessions end at their next request. False where that was so already.

    A sign-in link lets them in again. Raises LastAdministrator.
    """
    # Locked together, so that the last two cannot deactivate each other at the same moment.
    administrators = list(User.objects.select_for_update().filter(is_active=True, is_staff=True).order_by("pk"))
    if may_administer(person) and not any(other.pk != person.pk for other in administrators):
        raise LastAdministrator(
            f"{person.get_username()} is the last active administrator. Let somebody else in first, by a sign-in link."
        )
    if not User.objects.filter(pk=person.pk, is_active=True).update(is_active=False):
        return False
    record("person.deactivated", f"{person.get_username()} may sign in no more.", actor=actor, data={"user": person.pk})
    return True
