"""What a button that approves a plan promises."""

import pytest

from aws_setup.desired import ADOPTED_TAG
from aws_setup.plans.effect import plan_assurances, plan_effect

PROVIDER, ROLE, OLD_ROLE = "arn:provider", "arn:role/New", "arn:role/Old"


def action(name: str, verb: str, resource: str, **request: object) -> dict[str, object]:
    return {"action": name, "verb": verb, "resource": resource, "request": request}


CREATE_PROVIDER = action("CreateOpenIDConnectProvider", "create", PROVIDER)
ADD_AUDIENCE = action("AddClientIDToOpenIDConnectProvider", "change", PROVIDER)
CREATE_ROLE = action("CreateRole", "create", ROLE)
PUT_POLICY = action("PutRolePolicy", "create", ROLE)
UPDATE_TRUST = action("UpdateAssumeRolePolicy", "change", ROLE)
DETACH = action("DetachRolePolicy", "remove", OLD_ROLE)
DELETE_POLICY = action("DeleteRolePolicy", "remove", OLD_ROLE)
DELETE_ROLE = action("DeleteRole", "remove", OLD_ROLE)
KEEP = action("CreateRole", "keep", ROLE)
DELETE_PROVIDER = action("DeleteOpenIDConnectProvider", "remove", PROVIDER)
KEEP_PROVIDER = action("DeleteOpenIDConnectProvider", "keep", PROVIDER)
REMOVE_AUDIENCE = action("RemoveClientIDFromOpenIDConnectProvider", "remove", PROVIDER)
GIVE_BACK = [
    action("UpdateAssumeRolePolicy", "change", OLD_ROLE),
    action("DeleteRolePolicy", "remove", OLD_ROLE),
    action("UntagRole", "remove", OLD_ROLE, TagKeys=[ADOPTED_TAG]),
]


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
        ([DELETE_ROLE, DELETE_PROVIDER], "Remove 1 identity provider and 1 role in 1234-5678-9012"),
        ([DELETE_ROLE, KEEP_PROVIDER], "Remove 1 role in 1234-5678-9012"),
        ([DELETE_ROLE, REMOVE_AUDIENCE], "Change 1 identity provider, remove 1 role in 1234-5678-9012"),
        (GIVE_BACK, "Give back 1 role in 1234-5678-9012"),
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


def test_a_plan_to_disconnect_that_finds_nothing_says_so():
    assert plan_effect([KEEP], "1234-5678-9012", is_absent=True) == (
        "Change nothing in 1234-5678-9012, disconnect here only"
    )


def test_a_plan_that_deletes_the_provider_too_names_both():
    assert plan_assurances([DELETE_ROLE, DELETE_PROVIDER]) == [
        "Nothing has been written yet.",
        "Deletes 1 identity provider and 1 role that this console made, and nothing else.",
        "Changes nothing of others.",
    ]


def test_taking_an_audience_off_is_not_called_adding_one():
    sentences = " ".join(plan_assurances([DELETE_ROLE, REMOVE_AUDIENCE]))
    assert "Takes an audience off an identity provider whose other audiences stay" in sentences
    assert "Adds an audience" not in sentences
    assert "Changes nothing of others." not in sentences


def test_a_role_that_is_given_back_is_not_deleted_and_belongs_to_others():
    assert plan_assurances(GIVE_BACK, is_adopted=True) == [
        "Nothing has been written yet.",
        "Deletes nothing.",
        "Gives a role back to whoever made it: only what this console put there is taken out.",
    ]


def test_a_plan_for_a_role_of_others_does_not_promise_to_leave_others_alone():
    sentences = plan_assurances([UPDATE_TRUST, PUT_POLICY], is_adopted=True)
    assert "Changes nothing of others." not in sentences
    assert "Changes a role that somebody else made, as was consented to; their other statements stay." in sentences
