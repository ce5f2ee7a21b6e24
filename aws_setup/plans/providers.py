"""What is to be done about the identity providers that a connection needs. Pure."""

from aws_setup.desired import DesiredState
from aws_setup.diagnosis import Blocked
from aws_setup.observed import ObservedProvider, ObservedState
from aws_setup.plans.actions import Action, tag_list
from aws_setup.plans.quotas import AUDIENCES_QUOTA, too_many_audiences


def plan_providers(desired: DesiredState, observed: ObservedState) -> list[Action]:
    """One provider for each trusted issuer: made where there is none, otherwise given our audience and left alone."""
    return [
        _plan_provider(desired, observed, issuer_url=issuer_url, audience=audience)
        for issuer_url, audience in _in_order(desired)
    ]


def _in_order(desired: DesiredState) -> list[tuple[str, str]]:
    """The current issuer first: it is what a person looks for."""
    current = (desired.issuer_url, desired.audience)
    return [current, *(pair for pair in desired.trusted_issuers if pair != current)]


def _plan_provider(desired: DesiredState, observed: ObservedState, *, issuer_url: str, audience: str) -> Action:
    arn = desired.provider_arn_of(issuer_url)
    provider = observed.find_provider(arn)
    if provider is None:
        request = {"Url": issuer_url, "ClientIDList": [audience], "Tags": tag_list(desired.provider_tags)}
        return Action(
            action="CreateOpenIDConnectProvider",
            verb="create",
            resource=arn,
            summary=f"Create the identity provider for {issuer_url} with audience {audience}",
            why="AWS accepts tokens only of issuers registered in the account. "
            "No thumbprint is sent: IAM fills one in.",
            request=request,
            after=request,
        )
    if audience not in provider.audiences:
        return _add_audience(provider, issuer_url=issuer_url, audience=audience)
    return Action(
        action="CreateOpenIDConnectProvider",
        verb="keep",
        resource=provider.arn,
        summary=f"Keep the identity provider for {issuer_url}",
        why=f"It exists and lists audience {audience}; all environments of the account share it.",
    )


def _add_audience(provider: ObservedProvider, *, issuer_url: str, audience: str) -> Action:
    if len(provider.audiences) >= AUDIENCES_QUOTA:
        raise Blocked(too_many_audiences(provider, audience=audience))
    return Action(
        action="AddClientIDToOpenIDConnectProvider",
        verb="change",
        resource=provider.arn,
        summary=f"Add audience {audience} to the identity provider for {issuer_url}",
        why="Vertesia's tokens for Bedrock carry this audience. "
        f"The audiences already there stay: {', '.join(provider.audiences) or 'none'}.",
        request={"OpenIDConnectProviderArn": provider.arn, "ClientID": audience},
        before=list(provider.audiences),
        after=[*provider.audiences, audience],
    )


def plan_provider_removal(
    desired: DesiredState, observed: ObservedState, *, trusting: tuple[str, ...] | None
) -> Action:
    """What becomes of the provider when the environment is disconnected: kept, unless asked for and used by nobody.

    Counted are `trusting`, the account's roles that trust it afterwards, and audiences that are not ours. What this
    console did not make it does not delete: there, only the audience that it added goes.
    """
    provider = observed.provider
    if provider is None:
        return _keep(desired, f"There is no identity provider for {desired.issuer_url}", "Nothing to keep.")
    keep = f"Keep the identity provider for {desired.issuer_url}"
    if not desired.removes_provider:
        return _keep(desired, keep, "Other roles of the account may trust it; by itself it lets nobody in.")
    if trusting is None:
        why = "The worker may not list the account's roles, so who else trusts it is not known."
        return _keep(desired, keep, why)
    if trusting:
        names = ", ".join(arn.rsplit("/", 1)[-1] for arn in trusting[:5])
        more = f" and {len(trusting) - 5} more" if len(trusting) > 5 else ""
        return _keep(desired, keep, f"Other roles trust it: {names}{more}.")
    others = [audience for audience in provider.audiences if audience != desired.audience]
    if not others and provider.is_ours(desired.installation_id):
        return Action(
            action="DeleteOpenIDConnectProvider",
            verb="remove",
            resource=provider.arn,
            summary=f"Delete the identity provider for {desired.issuer_url}",
            why="This console made it, no role of the account trusts it any more, and it lists no other audience.",
            request={"OpenIDConnectProviderArn": provider.arn},
            before={"Audiences": list(provider.audiences), "Tags": provider.tags},
        )
    was_added = desired.added_audience or provider.is_ours(desired.installation_id)
    if others and was_added and desired.audience in provider.audiences:
        return Action(
            action="RemoveClientIDFromOpenIDConnectProvider",
            verb="remove",
            resource=provider.arn,
            summary=f"Take audience {desired.audience} off the identity provider for {desired.issuer_url}",
            why=f"No role of the account trusts it any more. It stays for its other audiences: {', '.join(others)}.",
            request={"OpenIDConnectProviderArn": provider.arn, "ClientID": desired.audience},
            before=list(provider.audiences),
            after=others,
        )
    why = f"It lists other audiences: {', '.join(others)}." if others else "This console did not make it."
    return _keep(desired, keep, why)


def _keep(desired: DesiredState, summary: str, why: str) -> Action:
    return Action(
        action="DeleteOpenIDConnectProvider", verb="keep", resource=desired.provider_arn, summary=summary, why=why
    )
