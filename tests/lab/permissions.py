"""What the role may do once it is assumed: the three listings, and what Vertesia's driver does with the models."""

from __future__ import annotations

from tests.lab.bench import Bench, first_red
from tests.lab.rows import Do, Matrix, Outcome, by_administrator, by_organization, mend

permissions = Matrix()
LISTINGS = {
    "bedrock:ListFoundationModels": "foundation_models",
    "bedrock:ListCustomModels": "custom_models",
    "bedrock:ListInferenceProfiles": "inference_profiles",
}


def takes(*actions: str) -> Do:
    def take(bench: Bench) -> None:
        for action in actions:
            bench.break_("take_action", action=action)

    return take


for action, rung in LISTINGS.items():
    permissions.broken(
        "20",
        f"{action} is missing",
        takes(action),
        rung=rung,
        cause="list_denied",
        by_command=True,
        is_sample=rung == "inference_profiles",
    )
permissions.broken(
    "20",
    "the policy is gone",
    lambda bench: bench.break_("detach_policy"),
    rung="foundation_models",
    cause="list_denied",
    by_command=True,
)
permissions.broken(
    "20",
    "models may not be looked up",
    takes("bedrock:GetFoundationModel", "bedrock:GetInferenceProfile"),
    rung="get_permission",
    cause="get_denied",
    by_command=True,
)
permissions.broken(
    "20",
    "models may not be invoked",
    takes("bedrock:InvokeModel"),
    rung="invoke_permission",
    cause="invoke_denied",
    by_command=True,
)
permissions.broken(
    "20",
    "answers may not be streamed",
    takes("bedrock:InvokeModelWithResponseStream"),
    rung="stream_permission",
    cause="stream_denied",
    by_command=True,
)


def remove_boundary(bench: Bench) -> None:
    bench.iam.delete_role_permissions_boundary(RoleName=bench.role_name)


permissions.broken(
    "12",
    "a permissions boundary leaves Bedrock out",
    lambda bench: bench.break_("bound_role"),
    rung="foundation_models",
    cause="list_denied_by_boundary",
    mended=by_administrator(remove_boundary),
)
permissions.broken(
    "12",
    "a service control policy denies listing in this region",
    lambda bench: bench.forbid(
        "service_control",
        "bedrock:List*",
        Condition={"StringEquals": {"aws:RequestedRegion": bench.agreed.region}},
    ),
    rung="foundation_models",
    cause="list_denied_by_scp",
    mended=by_organization(lambda bench: bench.permit("service_control")),
)
permissions.broken(
    "12",
    "a service control policy denies invoking",
    lambda bench: bench.forbid("service_control", "bedrock:InvokeModel"),
    rung="invoke_permission",
    cause="invoke_denied",
    mended=by_organization(lambda bench: bench.permit("service_control")),
)


def keep_awss_words(bench: Bench, outcome: Outcome) -> None:
    """It is said to be unknown, with what AWS said and where AWS finds it."""
    bench.fail("operation_not_allowed", "ListFoundationModels")
    bench.forget_own_write()
    proof = bench.verify()
    problem = bench.open_problem()
    outcome.note(first_red(proof), problem)
    assert "Operation not allowed" in problem.why, problem.why
    assert problem.evidence["request id"] in problem.message
    assert "does not know" in problem.sentence
    mend(bench, outcome, problem, mended=by_administrator(Bench.end_faults))
    bench.require_green()


permissions.add(
    "?", "an error nobody has classified", keep_awss_words, rung="foundation_models", cause="unknown", is_sample=True
)
