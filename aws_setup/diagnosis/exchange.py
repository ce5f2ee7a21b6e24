"""Why STS refused a token: one cause each, with what mends it. Pure.

AWS is vague on purpose: "Not authorized to perform sts:AssumeRoleWithWebIdentity" stands for a missing role, a trust
policy that asks for something else, and an explicit denial alike. Which of these functions is asked is decided by
`proofs.climbing`, from AWS's words and from what can be read of issuer and account.
"""

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import ASSUME_WITH_WEB_IDENTITY, DOCS, ErrorFacts, Problem
from aws_setup.diagnosis.commands import aws, fetch_discovery
from aws_setup.names import dashed
from aws_setup.observed import ObservedProvider

PROVIDERS_PAGE = f"{DOCS}/IAM/latest/UserGuide/id_roles_providers_create_oidc.html"
THUMBPRINT_PAGE = f"{DOCS}/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html"
REGIONS_PAGE = f"{DOCS}/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html"
CLOCK_COMMAND = "date -u; timedatectl status"
CLOCKS_AGREE_WITHIN = 30
"""Seconds: less than that between AWS's clock and ours says nothing."""


def explain_outdated(agreed: DesiredState, *, subject: str, issuer_url: str) -> Problem:
    """The role was agreed for other tokens than the environment's are now."""
    return Problem(
        code="agreement_outdated",
        sentence=f"The role was agreed for {agreed.subject} of {agreed.issuer_url}; "
        f"the environment is now {subject} of {issuer_url}.",
        why="Ids and issuer are part of the role's trust policy.",
        remedy="Plan the connection again: the role's trust changes to what the environment is now.",
        fix="plan",
    )


def may_be_propagation(error: ErrorFacts) -> bool:
    """Whether AWS answers like this for a short while after an IAM write that has not spread yet.

    No provider, incorrect audience, and access denied; everything else is what it says.
    """
    words = error.message.lower()
    return (
        "no openidconnect provider found" in words
        or "incorrect token audience" in words
        or error.code in ("AccessDenied", "AccessDeniedException")
    )


def explain_clock(error: ErrorFacts) -> Problem:
    """The token's times and AWS's clock do not fit, though the token was signed a moment ago."""
    is_behind = "expired" in f"{error.code} {error.message}".lower()
    offset = error.clock_offset
    measured = (
        f" By the date of its answer AWS's clock is {abs(offset)} s {'ahead of' if offset > 0 else 'behind'} ours."
        if offset is not None and abs(offset) > CLOCKS_AGREE_WITHIN
        else ""
    )
    return Problem(
        code="clock_wrong",
        sentence="AWS says the token had run out when it arrived."
        if is_behind
        else "AWS says the token was not valid yet when it arrived.",
        why="The token was signed a moment ago and lives five minutes: this machine's clock is "
        f"{'behind' if is_behind else 'ahead'}.{measured}",
        remedy="Set the clock (NTP) of the machine the console runs on, then verify again.",
        command=CLOCK_COMMAND,
        link=ASSUME_WITH_WEB_IDENTITY,
        fix="verify",
        evidence=error.evidence,
    )


def explain_token_refused(error: ErrorFacts, *, issuer_url: str) -> Problem:
    """A signature or a claim that AWS does not take, where the issuer's documents are right."""
    return Problem(
        code="token_refused",
        sentence="AWS does not accept the token that this console signed.",
        why=f"AWS says: {error.message}",
        remedy="The keys at the issuer's JWKS address may be another installation's, or AWS still holds former ones "
        "in its cache. Verify again in a few minutes; if it stays, see which machine answers at that address.",
        command=fetch_discovery(issuer_url),
        link=ASSUME_WITH_WEB_IDENTITY,
        fix="verify",
        evidence=error.evidence,
    )


def _create_provider(desired: DesiredState) -> str:
    return aws(
        *("iam", "create-open-id-connect-provider"),
        *("--url", desired.issuer_url, "--client-id-list", desired.audience),
    )


def _on_provider(call: str, desired: DesiredState, *more: str) -> str:
    return aws("iam", call, "--open-id-connect-provider-arn", desired.provider_arn, *more)


def explain_provider_missing(error: ErrorFacts, desired: DesiredState) -> Problem:
    """The account has no identity provider for the token's issuer."""
    return Problem(
        code="provider_missing",
        sentence=f"AWS account {dashed(desired.account_id)} has no identity provider for {desired.issuer_url}.",
        why="STS looks for a provider whose URL equals the token's issuer to the letter, in the role's own account.",
        remedy="Plan the connection again: it creates the provider anew and touches nothing else.",
        command=_create_provider(desired),
        link=PROVIDERS_PAGE,
        fix="plan",
        ask=f"create an IAM OIDC identity provider with URL {desired.issuer_url} and audience {desired.audience}. No "
        "thumbprint is needed by IAM's API; CloudFormation still wants a ThumbprintList.",
        evidence=error.evidence,
    )


def explain_issuer_renamed(error: ErrorFacts, desired: DesiredState, *, other_url: str) -> Problem:
    """The account has a provider for another of Vertesia's issuers, and none for the one that signs."""
    return Problem(
        code="issuer_renamed",
        sentence=f"AWS account {dashed(desired.account_id)} has an identity provider for {other_url}, but tokens come "
        f"from {desired.issuer_url}.",
        why="Vertesia's token service has more than one address, and AWS compares them to the letter. The provider of "
        "the other one does not serve.",
        remedy=f"Plan the connection again: it makes a provider for {desired.issuer_url}; the other one stays. "
        "If the organization's tokens do come from the other address, change its issuer under Issuers instead.",
        command=_create_provider(desired),
        link=PROVIDERS_PAGE,
        fix="plan",
        ask=f"create an IAM OIDC identity provider with URL {desired.issuer_url} and audience {desired.audience}, "
        f"beside the one for {other_url}, which others may use.",
        evidence=error.evidence | {"expected": desired.issuer_url, "actual": other_url},
    )


def explain_not_seen(error: ErrorFacts, desired: DesiredState, *, what: str) -> Problem:
    """STS does not see what IAM shows; `what` is provider or audience."""
    held = (
        f"the identity provider for {desired.issuer_url}"
        if what == "provider"
        else f"audience {desired.audience} on the identity provider"
    )
    return Problem(
        code=f"{what}_not_seen",
        sentence=f"STS does not see {held}, although IAM shows it.",
        why=f"What is written in IAM takes a while to reach every region. AWS says: {error.message}",
        remedy="Wait a minute and verify again. If it stays for an hour, show the request id to AWS support.",
        command=_on_provider("get-open-id-connect-provider", desired),
        link=f"{DOCS}/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency",
        fix="verify",
        evidence=error.evidence,
    )


AUDIENCES_AT_MOST = 100
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
AUDIENCES_SHOWN = 10


def explain_audience_missing(error: ErrorFacts, desired: DesiredState, provider: ObservedProvider | None) -> Problem:
    """The provider does not list the token's audience. `provider` is None where it could not be read."""
    if provider is not None and len(provider.audiences) >= AUDIENCES_AT_MOST:
        return _explain_audiences_full(error, desired, provider)
    listed = _list_audiences(provider) if provider else ""
    compared = {"expected": desired.audience, "actual": listed} if provider else {}
    return Problem(
        code="audience_missing",
        sentence=f"The identity provider for {desired.issuer_url} does not list audience {desired.audience}.",
        why="STS accepts a token only if its audience is on the provider's list."
        + (f" It lists: {listed}." if provider else ""),
        remedy="Plan the connection again: it adds the audience and keeps the others.",
        command=_on_provider("add-client-id-to-open-id-connect-provider", desired, "--client-id", desired.audience),
        link=PROVIDERS_PAGE,
        fix="plan",
        ask=f"add audience {desired.audience} to identity provider {desired.provider_arn}. The others stay.",
        evidence=error.evidence | compared,
    )


def _explain_audiences_full(error: ErrorFacts, desired: DesiredState, provider: ObservedProvider) -> Problem:
    return Problem(
        code="audience_list_full",
        sentence=f"The identity provider for {desired.issuer_url} does not list audience {desired.audience}, and its "
        "list is full.",
        why=f"It lists {len(provider.audiences)}, and IAM takes {AUDIENCES_AT_MOST}. Those of others are not taken "
        "away from here.",
        remedy="Let an administrator remove an audience that nobody uses; then plan the connection again: it adds "
        f"{desired.audience}.",
        command=_on_provider("get-open-id-connect-provider", desired, "--query", "ClientIDList"),
        link=PROVIDERS_PAGE,
        fix="plan",
        ask=f"remove an audience that nobody uses from identity provider {desired.provider_arn}, and add "
        f"{desired.audience}.",
        evidence=error.evidence | {"expected": desired.audience, "actual": _list_audiences(provider)},
    )


def _list_audiences(provider: ObservedProvider) -> str:
    shown = ", ".join(provider.audiences[:AUDIENCES_SHOWN]) or "none"
    left = len(provider.audiences) - AUDIENCES_SHOWN
    return f"{shown} and {left} more" if left > 0 else shown


def explain_thumbprint(
    error: ErrorFacts, desired: DesiredState, provider: ObservedProvider | None, *, computed: str
) -> Problem:
    """The issuer's certificate comes from no public authority, and the provider holds another thumbprint.

    `computed`: the thumbprint seen now, empty where it could not be computed from here.
    """
    held = ", ".join(provider.thumbprints) or "none" if provider else ""
    compared = {"expected": computed or "the thumbprint of the issuer's authority", "actual": held} if provider else {}
    return Problem(
        code="thumbprint_wrong",
        sentence="The certificate of the issuer does not match the thumbprint that the identity provider holds.",
        why="AWS compares thumbprints only where the issuer's certificate comes from no public authority."
        + (f" The provider holds: {held}." if provider else ""),
        remedy="Give the issuer a certificate of a public authority, or let an administrator replace the thumbprint "
        "list. The command replaces the whole list: name every thumbprint that is to stay.",
        command=_on_provider(
            "update-open-id-connect-provider-thumbprint", desired, "--thumbprint-list", computed or "THUMBPRINT"
        ),
        link=THUMBPRINT_PAGE,
        fix="verify",
        ask=f"replace the thumbprint list of identity provider {desired.provider_arn}; IAM computes the right value "
        "under “Manage” on the provider's page. The former list is overwritten.",
        evidence=error.evidence | compared,
    )


def explain_region_off(error: ErrorFacts, desired: DesiredState) -> Problem:
    """STS is not activated in the region for this account."""
    return Problem(
        code="region_off",
        sentence=f"Region {desired.region} is switched off for account {dashed(desired.account_id)}.",
        why=f"AWS says: {error.message}" if error.message else "",
        remedy="Let an administrator of the account switch the region on; it takes some minutes. Or connect the "
        "environment in another region.",
        command=aws("account", "enable-region", "--region-name", desired.region),
        link=REGIONS_PAGE,
        fix="verify",
        ask=f"enable region {desired.region} in account {dashed(desired.account_id)}, and STS in that region.",
        evidence=error.evidence,
    )


def explain_session_length(error: ErrorFacts, desired: DesiredState) -> Problem:
    """The role's sessions are shorter than what was asked for: 15 minutes from here."""
    return Problem(
        code="session_too_long",
        sentence=f"Role {desired.role_name} allows only shorter sessions than were asked for.",
        why=f"This console asks for 15 minutes, Vertesia for an hour. AWS says: {error.message}",
        remedy=f"Plan the connection again: it sets the maximum session duration to {desired.max_session_seconds} s.",
        command=aws(
            *("iam", "update-role", "--role-name", desired.role_name),
            *("--max-session-duration", str(desired.max_session_seconds)),
        ),
        link=f"{DOCS}/IAM/latest/UserGuide/id_roles_update-role-settings.html",
        fix="plan",
        ask=f"set the maximum session duration of role {desired.role_name} to {desired.max_session_seconds} seconds.",
        evidence=error.evidence,
    )
