"""What a button that approves a plan promises."""

import pytest

from aws_setup.effect import plan_assurances, plan_effect

PROVIDER, ROLE, OLD_ROLE = "arn:provider", "arn:role/New", "arn:role/Old"


def action(name: str, verb: str, resource: str) -> dict[str, str]:
    return {"action": name, "verb": verb, "resource": resource}


CREATE_PROVIDER = action("CreateOpenIDConnectProvider", "create", PROVIDER)
ADD_AUDIENCE = action("AddClientIDToOpenIDConnectProvider", "change", PROVIDER)
CREATE_ROLE = action("CreateRole", "create", ROLE)
PUT_POLICY = action("PutRolePolicy", "create", ROLE)
UPDATE_TRUST = action("UpdateAssumeRolePolicy", "change", ROLE)
DETACH = action("DetachRolePolicy", "remove", OLD_ROLE)
DELETE_POLICY = action("DeleteRolePolicy", "remove", OLD_ROLE)
DELETE_ROLE = action("DeleteRole", "remove", OLD_ROLE)
KEEP = action("CreateRole", "keep", ROLE)


@pytest.mark.parametrize(
    ("actions", "button"),
    [
        ([CREATE_PROVIDER, CREATE_ROLE, PUT_POLICY], "Create 1 identity provider and 1 role in 1234-5678-9012"),
        ([CREATE_ROLE, PUT_POLICY, DETACH, DELETE_ROLE], "Create 1 role, remove 1 role in 1234-5678-9012"),
        ([ADD_AUDIENCE, CREATE_ROLE], "Create 1 role, change 1 identity provider in 1234-5678-9012"),
        ([PUT_POLICY, UPDATE_TRUST], "Change 1 role in 1234-5678-9012"),
        ([DELETE_POLICY], "Change 1 role in 1234-5678-9012"),
        ([DETACH, DELETE_POLICY, DELETE_ROLE], "Remove 1 role in 1234-5678-9012"),
        ([CREATE_ROLE, action("CreateRole", "create", OLD_ROLE)], "Create 2 roles in 1234-5678-9012"),
        ([KEEP], "Change nothing in 1234-5678-9012, verify only"),
        ([], "Change nothing in 1234-5678-9012, verify only"),
    ],
)
def test_the_button_states_the_effect(actions, button):
    assert plan_effect(actions, "1234-5678-9012") == button


def test_a_first_set_up_promises_all_three():
    assert plan_assurances([CREATE_PROVIDER, CREATE_ROLE, PUT_POLICY]) == [
        "Nothing has been written yet.",
        "Deletes nothing.",
        "Changes nothing of others.",
    ]


def test_a_plan_that_deletes_promises_only_what_is_true():
    assert "Deletes nothing." not in plan_assurances([DELETE_POLICY, DELETE_ROLE])
    assert "Deletes nothing." not in plan_assurances([DELETE_POLICY])
    assert "Deletes nothing." in plan_assurances([KEEP, ADD_AUDIENCE])


def test_a_plan_that_touches_a_shared_provider_does_not_promise_otherwise():
    assert "Changes nothing of others." not in plan_assurances([ADD_AUDIENCE, CREATE_ROLE])
