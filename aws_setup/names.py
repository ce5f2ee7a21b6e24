"""Names as AWS writes them: partitions, accounts, ARNs, role names, regions. Pure.

Sources: IAM identifiers (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html),
IAM quotas and name rules (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import NewType

AccountId = NewType("AccountId", str)
Partition = NewType("Partition", str)
ProviderArn = NewType("ProviderArn", str)
Region = NewType("Region", str)
RoleArn = NewType("RoleArn", str)

BEDROCK_PARTITIONS = ("aws", "aws-us-gov", "aws-eusc")
"""The partitions that have Amazon Bedrock (botocore's endpoint data, November 2026); `aws-cn` has none."""

_ROLE_NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")
_ROLE_PATH = re.compile(r"/(?:[!-.0-~]+/)*")
_REGION = re.compile(r"(?=.{1,30}\Z)[a-z]{2,4}(?:-[a-z]+){1,3}-[0-9]{1,2}")
_ROLE_ARN = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):role((?:/[!-~]*)?/)([A-Za-z0-9+=,.@_-]{1,64})")
_POLICY_ARN = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}|aws):policy/[!-~]{1,512}")
_ASSUMED_ROLE_ARN = re.compile(r"arn:(aws[a-z-]*):sts::([0-9]{12}):assumed-role/([^/]+)/([^/]+)")
_CALLER_ARN = re.compile(r"arn:(aws[a-z-]*):(?:iam|sts)::([0-9]{12}):(.+)")


class InvalidName(ValueError):
    """AWS would refuse this name; the message is a sentence for the person who typed it."""


@dataclass(frozen=True)
class RoleIdentity:
    """A role as its ARN names it; `path` is `/` where an assumed-role ARN dropped it."""

    partition: Partition
    account_id: AccountId
    path: str
    name: str


def dashed(account_id: str) -> str:
    """The account id as AWS's console shows it: 1234-5678-9012. What is none stays as it is."""
    if len(account_id) != 12 or not account_id.isdecimal():
        return account_id
    return "-".join((account_id[:4], account_id[4:8], account_id[8:]))


def strip_scheme(issuer_url: str) -> str:
    """The issuer as IAM uses it in provider ARNs and condition keys: host and path, without `https://`."""
    return issuer_url.split("://", 1)[-1]


def build_provider_arn(*, partition: str, account_id: str, issuer_url: str) -> ProviderArn:
    """The ARN that IAM gives the OIDC provider of this issuer."""
    return ProviderArn(f"arn:{partition}:iam::{account_id}:oidc-provider/{strip_scheme(issuer_url)}")


def build_role_arn(*, partition: str, account_id: str, path: str, name: str) -> RoleArn:
    """The ARN that IAM gives a role at this path."""
    return RoleArn(f"arn:{partition}:iam::{account_id}:role{path}{name}")


def parse_role_arn(arn: str) -> RoleIdentity:
    """Take a role ARN apart; InvalidName where it is none."""
    if not (match := _ROLE_ARN.fullmatch(arn)):
        raise InvalidName(f"{arn!r} is not a role ARN. One looks like arn:aws:iam::123456789012:role/NAME.")
    return RoleIdentity(Partition(match[1]), AccountId(match[2]), match[3], match[4])


def parse_assumed_role_arn(arn: str) -> RoleIdentity:
    """Take an assumed-role ARN apart. AWS drops the role's path in it, so compare account and name only."""
    if not (match := _ASSUMED_ROLE_ARN.fullmatch(arn)):
        raise InvalidName(f"{arn!r} is not an assumed-role ARN.")
    return RoleIdentity(Partition(match[1]), AccountId(match[2]), "/", match[3])


def parse_caller_arn(arn: str) -> tuple[Partition, AccountId]:
    """Partition and account of a caller, from GetCallerIdentity's ARN."""
    if not (match := _CALLER_ARN.fullmatch(arn)):
        raise InvalidName(f"{arn!r} is not a caller's ARN.")
    return Partition(match[1]), AccountId(match[2])


def validate_role_name(name: str) -> None:
    """Raise InvalidName unless IAM takes it: 1 to 64 letters, digits and `+=,.@_-`."""
    if not _ROLE_NAME.fullmatch(name):
        raise InvalidName("A role name has 1 to 64 letters, digits or the characters + = , . @ _ -")


def validate_role_prefix(name: str, *, prefix: str, account_id: str) -> None:
    """Raise InvalidName where the company wants role names in this account to begin otherwise; "" wants nothing."""
    if not name.startswith(prefix):
        raise InvalidName(f"Role names in account {dashed(account_id)} begin with {prefix}")


def validate_role_path(path: str) -> None:
    """Raise InvalidName unless IAM takes it: `/`, or `/something/` of printable ASCII, at most 512."""
    if not _ROLE_PATH.fullmatch(path) or len(path) > 512:
        raise InvalidName("A role path begins and ends with a slash, as in /vertesia/")


def validate_policy_arn(arn: str, *, account_id: str = "") -> None:
    """Raise InvalidName unless `arn` is a managed policy; with `account_id`, one for roles of that account."""
    if not (match := _POLICY_ARN.fullmatch(arn)):
        raise InvalidName("A policy ARN looks like arn:aws:iam::123456789012:policy/NAME.")
    if account_id and match[2] not in ("aws", account_id):
        raise InvalidName(
            f"This policy belongs to account {dashed(match[2])}; a role in {dashed(account_id)} can only have "
            f"policies of its own account or AWS's."
        )


def validate_region(region: str) -> None:
    """Raise InvalidName unless it has the form of an AWS region, as in us-east-1."""
    if not _REGION.fullmatch(region):
        raise InvalidName("A region looks like us-east-1: lower case, with a number at the end.")


def validate_partition(partition: str) -> None:
    """Raise InvalidName where the partition has no Amazon Bedrock."""
    if partition == "aws-cn":
        raise InvalidName("Amazon Bedrock does not exist in AWS China (partition aws-cn); use an account elsewhere.")
    if partition not in BEDROCK_PARTITIONS:
        raise InvalidName(f"Partition {partition} is not known to have Amazon Bedrock.")


def default_role_name(environment_name: str, *, prefix: str = "") -> str:
    """`VertesiaEnvironment` and the environment's name, cleaned to what IAM takes, at most 64 characters.

    A company's `prefix` stands before it, unless the name begins so anyway.
    """
    plain = unicodedata.normalize("NFKD", environment_name).encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Za-z0-9]+", plain)
    name = "VertesiaEnvironment" + "".join(word[0].upper() + word[1:] for word in words)
    return (name if name.startswith(prefix) else prefix + name)[:64]


def tell_apart(role_name: str, *, environment_id: str) -> str:
    """The name with the end of the id after it, where another role has it; at most 64 characters."""
    ending = f"-{environment_id[-8:]}"
    return role_name[: 64 - len(ending)] + ending
