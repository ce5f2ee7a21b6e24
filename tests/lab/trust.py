"""Identity provider, audience and trust policy: what AWS answers with one vague sentence or two."""

from __future__ import annotations

from tests.lab.bench import Bench, first_red
from tests.lab.rows import BY_PLAN, Matrix, Outcome, by_administrator, by_organization, mend

trust = Matrix()
FILLING = "filling-"


def breaks(kind: str):
    """One of the sandbox's breakages, of the environment's own role and provider."""
    return lambda bench: bench.break_(kind)


# --- the identity provider ------------------------------------------------------------------------------------------


def misspell_audience(bench: Bench) -> None:
    bench.iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=bench.provider_arn, ClientID="Bedrock")
    bench.break_("remove_audience")


trust.broken(
    "1",
    "the identity provider is gone",
    breaks("delete_provider"),
    rung="provider",
    cause="provider_missing",
    by_command=True,
    is_sample=True,
)
trust.broken(
    "4", "the audience is gone", breaks("remove_audience"), rung="audience", cause="audience_missing", by_command=True
)
trust.broken(
    "4", "the audience is there in another spelling", misspell_audience, rung="audience", cause="audience_missing"
)


def fill_list(bench: Bench) -> None:
    bench.break_("remove_audience")
    provider = bench.provider()
    assert provider is not None
    for number in range(100 - len(provider["audiences"])):
        bench.iam.add_client_id_to_open_id_connect_provider(
            OpenIDConnectProviderArn=bench.provider_arn, ClientID=f"{FILLING}{number}"
        )


def make_room_and_plan(bench: Bench, outcome: Outcome) -> None:
    """IAM takes a hundred audiences: somebody removes what nobody uses, and the plan adds ours."""
    fill_list(bench)
    bench.forget_own_write()
    proof = bench.verify()
    problem = bench.open_problem()
    outcome.note(first_red(proof), problem)
    provider = bench.provider()
    assert provider is not None
    for audience in provider["audiences"]:
        if audience.startswith(FILLING):
            bench.iam.remove_client_id_from_open_id_connect_provider(
                OpenIDConnectProviderArn=bench.provider_arn, ClientID=audience
            )
    mend(bench, outcome, problem, mended=BY_PLAN)
    outcome.mended_by = "an administrator, then the plan"
    bench.require_green()


trust.add("4", "the list of audiences is full", make_room_and_plan, rung="audience", cause="audience_list_full")

# --- the trust policy -----------------------------------------------------------------------------------------------


def let_in_a_service(bench: Bench) -> None:
    lambda_only = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    bench.write_trust({"Version": "2012-10-17", "Statement": [lambda_only]})


def ask_for_session_name(bench: Bench) -> None:
    bench.add_condition("StringEquals", "sts:RoleSessionName", "nightly-job")


def ask_for_external_id(bench: Bench) -> None:
    bench.add_condition("StringEquals", "sts:ExternalId", "acme-7")


def allow_another_action(bench: Bench) -> None:
    bench.change_trust(Action="sts:AssumeRole")


for name, kind, cause in (
    ("another environment's subject", "subject_other", "trust_subject"),
    ("the subject in another case", "change_subject_case", "trust_subject_case"),
    ("the audience in another case", "audience_case", "trust_audience_case"),
    ("https:// in the condition key", "https_in_key", "trust_condition_key"),
    ("a slash at the end of the condition key's host", "slash_in_key", "trust_condition_key"),
    ("the subject is asked for under :aud", "sub_under_aud", "trust_audience"),
    ("the provider of another account", "provider_of_other_account", "trust_provider_account"),
    ("the provider of another partition", "provider_of_other_partition", "trust_provider_partition"),
    ("a Deny statement", "deny_statement", "trust_deny"),
    ("a condition on the caller's address", "condition_never_met", "trust_undecided"),
    ("the role is gone", "delete_role", "role_missing"),
):
    trust.broken(
        "5",
        name,
        breaks(kind),
        rung="trust",
        cause=cause,
        by_command=kind not in ("condition_never_met", "delete_role"),  # there it only shows what stands in IAM
        is_sample=kind == "change_subject_case",
    )
trust.broken(
    "5", "no statement for web identities", let_in_a_service, rung="trust", cause="trust_statement", by_command=True
)
trust.broken(
    "5",
    "another session name is asked for",
    ask_for_session_name,
    rung="trust",
    cause="trust_session_name",
    by_command=True,
)
trust.broken(
    "22", "an external id is asked for", ask_for_external_id, rung="trust", cause="trust_condition", by_command=True
)
trust.broken(
    "5", "another action is allowed", allow_another_action, rung="trust", cause="trust_action", by_command=True
)
trust.broken(
    "5",
    "a resource control policy denies the exchange",
    lambda bench: bench.forbid("resource_control", "sts:AssumeRoleWithWebIdentity"),
    rung="exchange",
    cause="denied_above",
    mended=by_organization(lambda bench: bench.permit("resource_control")),
)


def hide_role_and_break_trust(bench: Bench) -> None:
    bench.fail("denied", "GetRole", layer="identity")
    bench.break_("subject_other")


def write_trust_as_asked(bench: Bench) -> None:
    """The administrator compares letter by letter, as the message asks; the console still may not read the role."""
    bench.write_trust(bench.agreed.trust)


trust.broken(
    "5",
    "the console may not read the role",
    hide_role_and_break_trust,
    rung="exchange",
    cause="trust_refuses",
    mended=by_administrator(write_trust_as_asked),
)
trust.broken(
    "11",
    "the role's longest session is shorter than asked for",
    breaks("shorten_session"),
    rung="exchange",
    cause="session_too_long",
    by_command=True,
)
