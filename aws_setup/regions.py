"""The regions that have Amazon Bedrock, by name. Pure.

Source: botocore's endpoint data, November 2026. AWS adds regions faster than this list does: an unknown one is a note
to the person, never an error.
"""

from aws_setup.names import InvalidName, validate_region

BEDROCK_REGIONS = {
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
    "eu-central-1": "Europe (Frankfurt)",
    "eu-central-2": "Europe (Zurich)",
    "eu-north-1": "Europe (Stockholm)",
    "eu-south-1": "Europe (Milan)",
    "eu-south-2": "Europe (Spain)",
    "eu-west-1": "Europe (Ireland)",
    "eu-west-2": "Europe (London)",
    "eu-west-3": "Europe (Paris)",
    "ap-east-2": "Asia Pacific (Taipei)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-northeast-2": "Asia Pacific (Seoul)",
    "ap-northeast-3": "Asia Pacific (Osaka)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-south-2": "Asia Pacific (Hyderabad)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ap-southeast-3": "Asia Pacific (Jakarta)",
    "ap-southeast-4": "Asia Pacific (Melbourne)",
    "ap-southeast-5": "Asia Pacific (Malaysia)",
    "ap-southeast-6": "Asia Pacific (New Zealand)",
    "ap-southeast-7": "Asia Pacific (Thailand)",
    "ca-central-1": "Canada (Central)",
    "ca-west-1": "Canada West (Calgary)",
    "mx-central-1": "Mexico (Central)",
    "sa-east-1": "South America (São Paulo)",
    "af-south-1": "Africa (Cape Town)",
    "il-central-1": "Israel (Tel Aviv)",
    "me-central-1": "Middle East (UAE)",
    "me-south-1": "Middle East (Bahrain)",
    "us-gov-east-1": "AWS GovCloud (US-East)",
    "us-gov-west-1": "AWS GovCloud (US-West)",
    "eusc-de-east-1": "AWS European Sovereign Cloud (Germany)",
}

_PARTITION_BY_PREFIX = (("us-gov-", "aws-us-gov"), ("eusc-", "aws-eusc"), ("cn-", "aws-cn"), ("us-iso", "aws-iso"))


def partition_of(region: str) -> str:
    """The partition a region belongs to, by the form of its name; `aws` where nothing says otherwise."""
    return next((partition for prefix, partition in _PARTITION_BY_PREFIX if region.startswith(prefix)), "aws")


def validate_bedrock_region(region: str, *, partition: str = "") -> None:
    """Raise InvalidName unless it may be a region with Bedrock and, where given, one of this account's `partition`."""
    validate_region(region)
    actual = partition_of(region)
    if actual == "aws-cn":
        raise InvalidName("Amazon Bedrock does not exist in AWS China. Choose a region elsewhere.")
    if partition and actual != partition:
        raise InvalidName(
            f"{region} is in partition {actual}; the account is in {partition}. Choose another region, or another "
            "account."
        )
