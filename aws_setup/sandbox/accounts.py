"""The accounts of the sandbox as they stand at first start, and their fixed, fake credentials."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from aws_setup.sandbox import emulator
from aws_setup.sandbox.wire import iso_time

CONSOLE_USER = "vertesia-console"
CONSOLE_ROLE = "VertesiaConsole"
CALLER_POLICY = "caller-policy"
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"


@dataclass(frozen=True)
class Account:
    id: str
    alias: str
    administrator_key: str
    administrator_secret: str


HOME = Account("111122223333", "acme-sandbox", "AKIASANDBOXADMIN0000", "sandbox-admin-secret-not-a-secret")
ACCOUNTS = (
    HOME,
    Account("444455556666", "acme-sandbox-two", "AKIASANDBOXADMIN0002", "sandbox-admin-two-secret-not-a-secret"),
    Account("777788889999", "acme-sandbox-three", "AKIASANDBOXADMIN0003", "sandbox-admin-three-secret-not-a-secret"),
)
CONSOLE_KEY = "AKIASANDBOXCONSOLE00"
CONSOLE_SECRET = "sandbox-console-secret-not-a-secret"

_BEDROCK_FULL_ACCESS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "BedrockAll", "Effect": "Allow", "Action": ["bedrock:*"], "Resource": "*"},
        {"Sid": "DescribeKey", "Effect": "Allow", "Action": ["kms:DescribeKey"], "Resource": "arn:*:kms:*:::*"},
        {
            "Sid": "APIsWithAllResourceAccess",
            "Effect": "Allow",
            "Action": ["iam:ListRoles", "ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"],
            "Resource": "*",
        },
        {
            "Sid": "PassRoleToBedrock",
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": "arn:aws:iam::*:role/*AmazonBedrock*",
            "Condition": {"StringEquals": {"iam:PassedToService": ["bedrock.amazonaws.com"]}},
        },
    ],
}
_BEDROCK_READ_ONLY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "AmazonBedrockReadOnly",
            "Effect": "Allow",
            "Action": ["bedrock:Get*", "bedrock:List*"],
            "Resource": "*",
        }
    ],
}


def seed() -> None:
    """Make the first state: accounts with an alias, an administrator and a role for the console each."""
    publish_managed_policies()
    for account in ACCOUNTS:
        emulator.put_alias(account.id, account.alias)
        _put_user(account.id, "administrator", account.administrator_key, account.administrator_secret)
    _put_user(HOME.id, CONSOLE_USER, CONSOLE_KEY, CONSOLE_SECRET)
    for account in ACCOUNTS:
        _put_console_role(account.id)


def publish_managed_policies() -> None:
    """AWS's own policies that ministack lacks; to be called after every restore, too."""
    for name, document, description in (
        (
            "AmazonBedrockFullAccess",
            _BEDROCK_FULL_ACCESS,
            "Provides full access to Amazon Bedrock as well as limited access to related services that are "
            "required by it.",
        ),
        ("AmazonBedrockReadOnly", _BEDROCK_READ_ONLY, "Provides read only access to Amazon Bedrock"),
    ):
        emulator.publish_managed_policy(name, json.dumps(document), description)


def set_caller_policy(document: str | None) -> None:
    """Replace all permissions of the console's user by one inline policy; None makes it an administrator again."""
    user = emulator.users.find(HOME.id, CONSOLE_USER)
    if user is None:
        raise LookupError(f"user {CONSOLE_USER} has been deleted; reset the sandbox")
    for arn in list(user["AttachedPolicies"]):
        emulator.detach_policy(HOME.id, user, arn)
    if document is None:
        emulator.attach_policy(HOME.id, user, ADMINISTRATOR_ACCESS)
        emulator.user_inline_policies.remove(HOME.id, CONSOLE_USER)
    else:
        emulator.user_inline_policies.put(HOME.id, CONSOLE_USER, {CALLER_POLICY: document})


def _put_user(account_id: str, name: str, access_key_id: str, secret: str) -> None:
    now = iso_time(datetime.now(UTC))
    user: emulator.Record = {
        "UserName": name,
        "Arn": f"arn:aws:iam::{account_id}:user/{name}",
        "UserId": f"AIDA{access_key_id[-8:]}SANDBOX00",
        "CreateDate": now,
        "Path": "/",
        "PermissionsBoundary": "",
        "AttachedPolicies": [],
        "Tags": [],
    }
    emulator.users.put(account_id, name, user)
    emulator.attach_policy(account_id, user, ADMINISTRATOR_ACCESS)
    emulator.access_keys.put(
        account_id,
        access_key_id,
        {
            "UserName": name,
            "AccessKeyId": access_key_id,
            "SecretAccessKey": secret,
            "Status": "Active",
            "CreateDate": now,
        },
    )


def _put_console_role(account_id: str) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{HOME.id}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role: emulator.Record = {
        "RoleName": CONSOLE_ROLE,
        "Arn": f"arn:aws:iam::{account_id}:role/{CONSOLE_ROLE}",
        "RoleId": emulator.new_role_id(),
        "CreateDate": iso_time(datetime.now(UTC)),
        "Path": "/",
        "AssumeRolePolicyDocument": json.dumps(trust),
        "Description": "What the Vertesia console may do in this account",
        "MaxSessionDuration": 3600,
        "PermissionsBoundary": "",
        "AttachedPolicies": [],
        "InlinePolicies": {},
        "Tags": [],
    }
    emulator.roles.put(account_id, CONSOLE_ROLE, role)
    emulator.attach_policy(account_id, role, ADMINISTRATOR_ACCESS)
