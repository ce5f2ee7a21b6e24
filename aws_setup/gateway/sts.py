"""STS: who we are, and what a token is worth."""

from aws_setup.gateway.protocol import Caller, Exchange, RoleCredentials
from aws_setup.gateway.wire import Wire
from aws_setup.names import parse_caller_arn

SESSION_SECONDS = 900
"""As short as STS allows: the credentials list models once, and every role permits at least this."""


def identify_caller(wire: Wire) -> Caller:
    """Who the worker is. Needs no right at all (GetCallerIdentity)."""
    answer = wire.call("sts", "get_caller_identity")
    _, account_id = parse_caller_arn(answer["Arn"])
    return Caller(
        account_id=account_id, arn=answer["Arn"], source=wire.session.source, expires_at=wire.session.expires_at
    )


def exchange(wire: Wire, token: str, *, role_arn: str, session_name: str, region: str) -> Exchange:
    """Exchange a signed token for the role's credentials, by an unsigned call in the environment's region.

    Unsigned, because a stray session token in the request makes STS fail in misleading ways. Needs no IAM right: the
    role's trust policy decides (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
    """
    answer = wire.call_with(
        wire.open_client("sts", region=region, is_unsigned=True),
        "assume_role_with_web_identity",
        RoleArn=role_arn,
        RoleSessionName=session_name,
        WebIdentityToken=token,
        DurationSeconds=SESSION_SECONDS,
    )
    keys = answer["Credentials"]
    return Exchange(
        credentials=RoleCredentials(
            access_key_id=keys["AccessKeyId"],
            secret_access_key=keys["SecretAccessKey"],
            session_token=keys["SessionToken"],
            expires_at=keys["Expiration"],
        ),
        assumed_role_arn=answer["AssumedRoleUser"]["Arn"],
        subject=answer.get("SubjectFromWebIdentityToken", ""),
        audience=answer.get("Audience", ""),
        provider=answer.get("Provider", ""),
        request_id=answer["ResponseMetadata"].get("RequestId", ""),
    )
