"""The models that count: whose access is checked on every proof of a connection."""

from collections.abc import Sequence

from django.db import transaction

from aws_setup.models import Connection
from environments.history import Actor, record

CHOSEN_AT_MOST = 10


@transaction.atomic
def choose_models(connection: Connection, models: Sequence[str], *, actor: Actor) -> bool:
    """Have the access to these checked on every proof; False where they were chosen already. Ids as Studio's."""
    before = Connection.objects.select_for_update().values_list("chosen_models", flat=True).get(pk=connection.pk)
    if list(before) == list(models):
        return False
    Connection.objects.filter(pk=connection.pk).update(chosen_models=list(models))
    number = len(models)
    record(
        "connection.models_chosen",
        f"Chose {number} {'model' if number == 1 else 'models'} whose access is checked on every proof."
        if models
        else "No model’s access is checked on every proof any more.",
        actor=actor,
        environment=connection.environment,
        data={"before": list(before), "models": list(models)},
    )
    return True
