"""The agreed state of a connection, as it is compared with AWS."""

from dataclasses import replace

from aws_setup.desired import DesiredState
from aws_setup.models import Connection


def read_agreement(connection: Connection) -> DesiredState:
    """What was agreed, with IAM's id of the role as it has been known since."""
    agreed = DesiredState.from_json(connection.desired)
    return replace(agreed, role_id=connection.role_id or agreed.role_id)
