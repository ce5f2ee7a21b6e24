"""Which statements of a found trust policy are this environment's own. Pure."""

from aws_setup.desired import DesiredState
from aws_setup.names import build_provider_arn
from aws_setup.policies import PolicyDocument
from aws_setup.policy_equality import same_statement
from aws_setup.statements import is_for_subject


def is_own_statement(statement: PolicyDocument, desired: DesiredState) -> bool:
    """Whether it is the one this console writes, or lets in the very same subject alone and merely checks less of it.

    Vertesia's own helper script writes the latter: its trust has no audience.
    """
    if any(same_statement(statement, own) for own in desired.own_statements):
        return True
    return any(
        is_for_subject(
            statement,
            provider_arn=build_provider_arn(
                partition=desired.partition, account_id=desired.account_id, issuer_url=issuer_url
            ),
            subject=desired.subject,
        )
        for issuer_url, _ in desired.trusted_issuers
    )
