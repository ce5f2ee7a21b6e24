"""Why a role does not let the token in: what of its trust policy does not fit, or what stands above it. Pure.

AWS gives one answer for a missing role, a trust policy that asks for something else, and an explicit denial.
"""

import json

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import DOCS, TROUBLESHOOT_WEB_IDENTITY, ErrorFacts, Problem
from aws_setup.diagnosis.commands import aws, show_trust
from aws_setup.names import dashed
from aws_setup.policies import PolicyDocument
from aws_setup.trust.evaluation import Evaluation
from aws_setup.trust.smallest_change import SmallestChange

RCP_PAGE = f"{DOCS}/organizations/latest/userguide/orgs_manage_policies_rcps.html"


def explain_role_missing(error: ErrorFacts, desired: DesiredState) -> Problem:
    """The role is not there: AWS says "not authorized" of it as well."""
    return Problem(
        code="role_missing",
        sentence=f"Role {desired.role_name} does not exist in account {dashed(desired.account_id)}.",
        why="Somebody removed it, or gave it another path. AWS answers “not authorized” for a role that is not there.",
        remedy="Plan the connection again: it creates the role anew.",
        command=aws("iam", "get-role", "--role-name", desired.role_name),
        link=TROUBLESHOOT_WEB_IDENTITY,
        fix="plan",
        ask=f"create role {desired.role_arn} anew, with the trust and permissions that this console's plan shows.",
        evidence=error.evidence | {"expected": desired.role_arn, "actual": "no such role"},
    )


def explain_trust(error: ErrorFacts, desired: DesiredState, evaluation: Evaluation, change: SmallestChange) -> Problem:
    """The trust policy refuses our token: the nearest difference, the whole comparison, the smallest change."""
    command = aws(
        *("iam", "update-assume-role-policy", "--role-name", desired.role_name),
        *("--policy-document", json.dumps(change.changed)),
    )
    return Problem(
        code=f"trust_{change.what}",
        sentence=_TRUST_SENTENCE.get(change.what, _TRUST_SENTENCE["statement"]).format(role=desired.role_name),
        why=_trust_reason(change.what, expected=change.expected, actual=change.actual),
        remedy="Plan the connection again: it puts the agreed trust policy back. "
        f"The smallest change that lets the token in: {change.sentence}",
        command=command,
        link=TROUBLESHOOT_WEB_IDENTITY,
        fix="plan",
        ask=f"change the trust policy of role {desired.role_name}: {change.sentence}",
        evidence=error.evidence | {"expected": change.expected, "actual": change.actual},
        table=_tabulate(evaluation),
    )


_TRUST_SENTENCE = {
    "subject": "Role {role} trusts another subject than this environment's.",
    "subject_case": "Role {role} trusts this environment's subject in another spelling: upper and lower case differ.",
    "audience": "Role {role} trusts another audience than the token's.",
    "audience_case": "Role {role} trusts the audience in another spelling: upper and lower case differ.",
    "provider": "Role {role} trusts another identity provider.",
    "provider_account": "Role {role} trusts the identity provider of another AWS account.",
    "provider_partition": "Role {role} trusts the identity provider of another AWS partition.",
    "condition_key": "Role {role} does not check the claim under the right condition key.",
    "condition": "Role {role} asks for something else that the token does not meet.",
    "session_name": "Role {role} asks for another session name.",
    "action": "Role {role} allows another action than exchanging a web identity's token.",
    "deny": "A statement in the trust policy of role {role} denies the token.",
    "statement": "The trust policy of role {role} has no statement that lets the token in.",
}


_ANSWERS = {True: "yes", False: "no", None: "not known"}


def _tabulate(evaluation: Evaluation) -> list[dict[str, str]]:
    """The whole comparison, a row for each thing that AWS compares."""
    return [
        {
            "statement": f"{one.number}, {one.effect}",
            "compared": row.compared,
            "expected": ", ".join(row.expected) or "nothing",
            "actual": "not in the token" if row.actual is None else ", ".join(row.actual),
            "fits": _ANSWERS[row.passes],
            "note": row.note,
        }
        for one in evaluation.statements
        for row in one.rows
    ]


def _trust_reason(what: str, *, expected: str, actual: str) -> str:
    compared = " AWS compares values letter by letter, with case." if what.endswith("_case") else ""
    return f"Expected {expected}, found {actual}.{compared}"


def explain_unread_role(error: ErrorFacts, desired: DesiredState, *, why_not: str) -> Problem:
    """AWS says "not authorized", and the console may not read the role: what it cannot know, it says."""
    return Problem(
        code="trust_refuses",
        sentence=f"Role {desired.role_name} does not let this token in, and the console may not read why.",
        why="AWS gives the same answer for a missing role, a trust policy that asks for something else, and an "
        f"explicit denial. {why_not}",
        remedy="Let the console read the role (iam:GetRole), or compare its trust policy with subject "
        f"{desired.subject} and audience {desired.audience} of {desired.provider_arn}, letter by letter.",
        command=show_trust(desired.role_name),
        link=TROUBLESHOOT_WEB_IDENTITY,
        fix="verify",
        ask=f"compare the trust policy of role {desired.role_name} with this, letter by letter: "
        f"{json.dumps(_own_trust(desired))}",
        evidence=error.evidence,
    )


def _own_trust(desired: DesiredState) -> PolicyDocument:
    return {"Version": "2012-10-17", "Statement": desired.own_statements}


def explain_undecided(error: ErrorFacts, desired: DesiredState, evaluation: Evaluation) -> Problem:
    """The trust policy asks for something that cannot be known from here, such as an address."""
    asked = ", ".join(evaluation.unknown_keys)
    return Problem(
        code="trust_undecided",
        sentence=f"Role {desired.role_name} asks for {asked}, which this console cannot know.",
        why="Everything else in its trust policy fits the token. AWS knows this value, and refuses.",
        remedy="Plan the connection again: it puts the agreed trust policy back. Or let an administrator see whether "
        "the condition is meant.",
        command=show_trust(desired.role_name),
        link=TROUBLESHOOT_WEB_IDENTITY,
        fix="plan",
        ask=f"see whether the condition on {asked} in the trust policy of role {desired.role_name} is meant: it keeps "
        "Vertesia out.",
        evidence=error.evidence,
        table=_tabulate(evaluation),
    )


def explain_denied_above(error: ErrorFacts, desired: DesiredState, evaluation: Evaluation | None = None) -> Problem:
    """Role and trust fit, and AWS refuses all the same."""
    return Problem(
        code="denied_above",
        sentence="The role's trust policy fits the token, and AWS refuses all the same.",
        why="A policy above the account denies sts:AssumeRoleWithWebIdentity: a resource control policy or service "
        "control policy of the AWS organization, which the console cannot read. Nothing in the account's own IAM can "
        "lift it.",
        remedy="Send the message to the administrators of the AWS organization. If the role was changed in the last "
        "minutes, verify again first.",
        link=RCP_PAGE,
        fix="verify",
        ask=f"exempt sts:AssumeRoleWithWebIdentity on {desired.role_arn} for identity provider "
        f"{desired.provider_arn} from the organization's resource control policies and service control policies.",
        evidence=error.evidence,
        table=_tabulate(evaluation) if evaluation else [],
    )
