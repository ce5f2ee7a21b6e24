"""Names are refused here exactly where AWS would refuse them, with a sentence for the person."""

from collections.abc import Callable

import pytest

from aws_setup import names
from aws_setup.names import InvalidName


@pytest.mark.parametrize("name", ["a", "A" * 64, "Vertesia+=,.@_-9"])
def test_a_role_name_iam_takes_is_taken(name: str) -> None:
    names.validate_role_name(name)


@pytest.mark.parametrize("path", ["/", "/vertesia/", "/a/b.c/~!/", "/" + "a" * 510 + "/"])
def test_a_path_iam_takes_is_taken(path: str) -> None:
    names.validate_role_path(path)


@pytest.mark.parametrize(
    "region", ["us-east-1", "us-gov-west-1", "eusc-de-east-1", "ap-southeast-7", "mx-central-1", "us-iso-east-1"]
)
def test_a_region_is_taken_by_its_form(region: str) -> None:
    names.validate_region(region)


@pytest.mark.parametrize(
    ("validate", "value", "sentence"),
    [
        (names.validate_role_name, "", "1 to 64"),
        (names.validate_role_name, "A" * 65, "1 to 64"),
        (names.validate_role_name, "with space", "1 to 64"),
        (names.validate_role_name, "with/slash", "1 to 64"),
        (names.validate_role_name, "Zürich", "1 to 64"),
        (names.validate_role_name, "newline\n", "1 to 64"),
        (names.validate_role_name, "star*", "1 to 64"),
        (names.validate_role_path, "", "begins and ends with a slash"),
        (names.validate_role_path, "vertesia/", "begins and ends with a slash"),
        (names.validate_role_path, "/vertesia", "begins and ends with a slash"),
        (names.validate_role_path, "/with space/", "begins and ends with a slash"),
        (names.validate_role_path, "//", "begins and ends with a slash"),
        (names.validate_role_path, "/" + "a" * 511 + "/", "begins and ends with a slash"),
        (names.validate_region, "", "looks like us-east-1"),
        (names.validate_region, "US-EAST-1", "looks like us-east-1"),
        (names.validate_region, "us-east", "looks like us-east-1"),
        (names.validate_region, "us-east-1a", "looks like us-east-1"),
        (names.validate_region, f"us-{'e' * 26}-1", "looks like us-east-1"),
        (names.validate_region, "us-east-1.evil.example", "looks like us-east-1"),
        (names.validate_region, "us-east-1\n", "looks like us-east-1"),
        (names.validate_partition, "aws-cn", "Amazon Bedrock does not exist in AWS China"),
        (names.validate_partition, "aws-iso", "not known to have Amazon Bedrock"),
        (names.parse_role_arn, "arn:aws:iam::1234:role/Short", "is not a role ARN"),
        (names.parse_role_arn, "arn:aws:iam::123456789012:user/Person", "is not a role ARN"),
        (names.parse_role_arn, "arn:aws:iam::123456789012:role/", "is not a role ARN"),
        (names.parse_role_arn, " arn:aws:iam::123456789012:role/A", "is not a role ARN"),
        (names.parse_assumed_role_arn, "arn:aws:iam::123456789012:role/A", "is not an assumed-role ARN"),
        (names.parse_caller_arn, "arn:aws:s3:::bucket", "is not a caller's ARN"),
    ],
)
def test_what_aws_would_refuse_is_refused_in_a_sentence(
    validate: Callable[[str], object], value: str, sentence: str
) -> None:
    with pytest.raises(InvalidName, match=sentence):
        validate(value)


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-eusc"])
def test_partitions_that_have_bedrock_are_taken(partition: str) -> None:
    names.validate_partition(partition)


def test_a_policy_must_be_of_the_roles_own_account_or_awss() -> None:
    own = "arn:aws:iam::123456789012:policy/team/Bedrock"
    names.validate_policy_arn(own, account_id="123456789012")
    names.validate_policy_arn("arn:aws:iam::aws:policy/AmazonBedrockFullAccess", account_id="123456789012")
    with pytest.raises(InvalidName, match="belongs to account 1234-5678-9012; a role in 9999-9999-9999"):
        names.validate_policy_arn(own, account_id="999999999999")
    for wrong in ("Bedrock", "arn:aws:iam::123456789012:role/Bedrock", "arn:aws:iam::123456789012:policy/"):
        with pytest.raises(InvalidName, match="A policy ARN looks like"):
            names.validate_policy_arn(wrong, account_id="123456789012")


def test_a_role_arn_is_taken_apart_and_put_together() -> None:
    arn = "arn:aws-us-gov:iam::123456789012:role/vertesia/dev/Acme"
    role = names.parse_role_arn(arn)
    assert (role.partition, role.account_id, role.path, role.name) == (
        "aws-us-gov",
        "123456789012",
        "/vertesia/dev/",
        "Acme",
    )
    assert (
        names.build_role_arn(partition=role.partition, account_id=role.account_id, path=role.path, name=role.name)
        == arn
    )


def test_an_assumed_role_arn_has_no_path() -> None:
    role = names.parse_assumed_role_arn("arn:aws:sts::123456789012:assumed-role/Acme/session")
    assert (role.account_id, role.path, role.name) == ("123456789012", "/", "Acme")


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:iam::123456789012:root", ("aws", "123456789012")),
        ("arn:aws:iam::123456789012:user/path/mona", ("aws", "123456789012")),
        ("arn:aws-us-gov:sts::123456789012:assumed-role/Worker/i-0", ("aws-us-gov", "123456789012")),
        ("arn:aws-cn:sts::123456789012:federated-user/mona", ("aws-cn", "123456789012")),
    ],
)
def test_partition_and_account_are_read_from_the_callers_arn(arn: str, expected: tuple[str, str]) -> None:
    assert names.parse_caller_arn(arn) == expected


def test_a_provider_is_named_by_its_url_without_scheme_path_included() -> None:
    arn = names.build_provider_arn(
        partition="aws", account_id="123456789012", issuer_url="https://sts.vertesia.io/tenant"
    )
    assert arn == "arn:aws:iam::123456789012:oidc-provider/sts.vertesia.io/tenant"


@pytest.mark.parametrize(
    ("environment", "role"),
    [
        ("marketing europe", "VertesiaEnvironmentMarketingEurope"),
        ("Zürich – Café #1", "VertesiaEnvironmentZurichCafe1"),
        ("東京", "VertesiaEnvironment"),
        ("x" * 100, "VertesiaEnvironment" + "X" + "x" * 44),
    ],
)
def test_the_default_role_name_is_cleaned_to_what_iam_takes(environment: str, role: str) -> None:
    assert names.default_role_name(environment) == role
    names.validate_role_name(role)


def test_an_account_is_shown_as_awss_console_shows_it() -> None:
    assert names.dashed("123456789012") == "1234-5678-9012"
