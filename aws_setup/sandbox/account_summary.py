"""GetAccountSummary: how many IAM objects an account has, and how many it may have."""

from __future__ import annotations

from aws_setup.sandbox import emulator, role_policies
from aws_setup.sandbox.calls import IamCall
from aws_setup.sandbox.wire import Entries, Xml


def summarize_account(call: IamCall) -> Xml:
    """The sandbox's true figures: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html"""
    policies = emulator.policies.of_account(call.account_id).values()
    return {
        "SummaryMap": Entries(
            {
                "Users": len(emulator.users.of_account(call.account_id)),
                "UsersQuota": 5000,
                "Groups": 0,
                "GroupsQuota": 300,
                "Roles": len(emulator.roles.of_account(call.account_id)),
                "RolesQuota": call.quota("RolesQuota"),
                "RolePolicySizeQuota": role_policies.INLINE_POLICIES_SIZE,
                "AssumeRolePolicySizeQuota": call.quota("AssumeRolePolicySizeQuota"),
                "AttachedPoliciesPerRoleQuota": role_policies.ATTACHED_POLICIES_QUOTA,
                "Policies": len(policies),
                "PoliciesQuota": 1500,
                "PolicySizeQuota": 6144,
                "PolicyVersionsInUse": sum(len(policy["Versions"]) for policy in policies),
                "VersionsPerPolicyQuota": 5,
                "Providers": len(emulator.providers.of_account(call.account_id)),
                "MFADevices": 0,
                "MFADevicesInUse": 0,
                "AccountMFAEnabled": 0,
                "AccountAccessKeysPresent": 0,
                "AccountSigningCertificatesPresent": 0,
                "ServerCertificates": 0,
                "InstanceProfiles": 0,
            }
        )
    }
