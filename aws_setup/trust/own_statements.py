"""Which statements of a found trust policy are this environment's own. Pure."""

from aws_setup.desired import DesiredState
from aws_setup.policies import PolicyDocument
from aws_setup.trust.equality import same_statement
from aws_setup.trust.statements import conditions_of, federated, is_for_subject


def is_own_statement(statement: PolicyDocument, desired: DesiredState) -> bool:
    """Whether it is the one this console writes, or lets in the very same subject alone and merely checks less of it.

    Vertesia's own helper script writes the latter: its trust has no audience. One that checks something else besides,
    as an address, or another audience, is somebody's own: ours in its place would let in more, or somebody else out.
    """
    if any(same_statement(statement, own) for own in desired.own_statements):
        return True
    return any(
        _is_for_subject_of(issuer_url, statement, desired) and _checks_nothing_else(statement, audience=audience)
        for issuer_url, audience in desired.trusted_issuers
    )


def is_rewritten(statement: PolicyDocument, desired: DesiredState) -> bool:
    """Whether it may be our own as somebody rewrote it: for exactly our subject, and whatever else it asks for.

    One that was agreed to stay is not.
    """
    if any(same_statement(statement, kept) for kept in desired.kept_statements):
        return False
    return any(_is_for_subject_of(issuer_url, statement, desired) for issuer_url, _ in desired.trusted_issuers)


def _is_for_subject_of(issuer_url: str, statement: PolicyDocument, desired: DesiredState) -> bool:
    return is_for_subject(statement, provider_arn=desired.provider_arn_of(issuer_url), subject=desired.subject)


def is_of_environment(statement: PolicyDocument, desired: DesiredState) -> bool:
    """Whether it lets in this environment alone, under an id, organization or issuer agreed now or earlier."""
    for arn in federated(statement):
        key = f"{arn.split(':oidc-provider/', 1)[-1]}:sub".lower()
        for _, name, values in conditions_of(statement):
            if name == key and len(values) == 1 and values[0].rsplit(":", 1)[-1] in desired.environment_ids:
                return is_for_subject(statement, provider_arn=arn, subject=values[0]) and _checks_nothing_else(
                    statement, audience=desired.audience
                )
    return False


def _checks_nothing_else(statement: PolicyDocument, *, audience: str) -> bool:
    """Beside the subject, at most this audience."""
    return all(
        operator == "stringequals" and (key.endswith(":sub") or (key.endswith(":aud") and values == [audience]))
        for operator, key, values in conditions_of(statement)
    )
