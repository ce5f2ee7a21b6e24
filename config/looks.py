"""How each status is drawn: a colour, an icon and a word, so that none of the three is needed alone."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """How one status is drawn: `tone` is a CSS class suffix, `icon` a heroicon, `word` what stands beside it."""

    tone: str
    icon: str
    word: str


LOOKS = {
    # environments.models.Status
    "needs_attention": Look("bad", "exclamation-triangle", "Needs attention"),
    "waiting_for_approval": Look("wait", "hand-raised", "Waiting for approval"),
    "waiting_for_vertesia": Look("wait", "clock", "Waiting for Vertesia"),
    "setting_up": Look("busy", "arrow-path", "Setting up"),
    "proof_is_old": Look("quiet", "clock", "Proof is old"),
    "not_connected": Look("quiet", "minus-circle", "Not connected"),
    "disconnected": Look("quiet", "link-slash", "Disconnected"),
    "confirmed": Look("person", "user-circle", "Confirmed"),
    "connected": Look("good", "check-circle", "Connected"),
    "not_connectable": Look("quiet", "no-symbol", "Not connectable"),
    # aws_setup.models.Run.State
    "applying": Look("busy", "arrow-path", "Applying"),
    "handing_over": Look("busy", "arrow-path", "Telling Vertesia"),
    "verifying": Look("busy", "arrow-path", "Verifying"),
    "finishing": Look("busy", "arrow-path", "Finishing"),
    "succeeded": Look("good", "check-circle", "Succeeded"),
    "failed": Look("bad", "x-circle", "Failed"),
    # aws_setup.models.Step.State
    "pending": Look("quiet", "ellipsis-horizontal-circle", "Pending"),
    "running": Look("busy", "arrow-path", "Running"),
    "done": Look("good", "check-circle", "Done"),
    # aws_setup.models.Verification.State
    "proven": Look("good", "check-circle", "Proven"),
    "not_provable": Look("wait", "question-mark-circle", "Not provable from here"),
    # aws_setup.models.Check.Result
    "pass": Look("good", "check-circle", "Pass"),
    "fail": Look("bad", "x-circle", "Fail"),
    "skipped": Look("quiet", "minus-circle", "Skipped"),
    "not_run": Look("quiet", "ellipsis-horizontal-circle", "Not run"),
    # aws_setup.proofs.last_isolation.Shut
    "kept_out": Look("good", "shield-check", "Proven"),
    "kept_out_once": Look("quiet", "shield-check", "Proven a while ago"),
    "not_all_known": Look("wait", "question-mark-circle", "Not all known"),
    "evaluated": Look("wait", "question-mark-circle", "Evaluated, not proven"),
    "lets_in": Look("bad", "shield-exclamation", "Lets others in"),
    # aws_setup.chain.LinkState
    "unproven": Look("quiet", "question-mark-circle", "Unproven"),
    "broken": Look("bad", "x-circle", "Broken"),
    "after_break": Look("quiet", "minus-circle", "Not reached"),
    # aws_setup.moves.standing.Stage
    "trusts_neither": Look("bad", "exclamation-triangle", "Neither"),
    "trusts_old": Look("wait", "minus-circle", "Old only"),
    "trusts_both": Look("busy", "plus-circle", "Both"),
    "trusts_new": Look("good", "check-circle", "New only"),
    # aws_setup.batches.standing.RowState, where no run has the same name
    "blocked": Look("bad", "no-symbol", "Cannot be planned"),
    "invalid": Look("bad", "exclamation-circle", "Not understood"),
    "outdated": Look("wait", "clock", "Plan ran out"),
    "gone": Look("quiet", "minus-circle", "Given up"),
    "editing": Look("quiet", "pencil-square", "Being edited"),
    "planning": Look("busy", "arrow-path", "Planning"),
    "planned": Look("wait", "hand-raised", "Waiting for approval"),
    # aws_setup.models.Observation.State, aws_setup.drift.differences.Severity
    "same": Look("good", "check-circle", "As agreed"),
    "different": Look("bad", "exclamation-triangle", "Different"),
    "breaks": Look("bad", "x-circle", "Breaks the connection"),
    "widens": Look("wait", "exclamation-triangle", "Lets more in"),
    "differs": Look("info", "information-circle", "Differs"),
    # aws_setup.models.Delivery.State
    "waiting": Look("wait", "clock", "Waiting"),
    "sent": Look("good", "check-circle", "Sent"),
    # aws_setup.proof_days.DayState
    "day_proven": Look("good", "check-circle", "Proven all day"),
    "day_partly": Look("wait", "exclamation-circle", "Failed part of the day"),
    "day_failed": Look("bad", "x-circle", "Failed all day"),
    "day_not_provable": Look("wait", "question-mark-circle", "Looked at, not provable from here"),
    "day_nothing": Look("quiet", "minus-circle", "Nothing proven"),
    # the worker's credentials
    "ready": Look("good", "check-circle", "Ready"),
    "not_checked": Look("quiet", "question-mark-circle", "Not checked"),
    "checking": Look("busy", "arrow-path", "Checking"),
}


def find_look(status: object) -> Look:
    """How a status is drawn; one that is unknown here is quiet and says its own name."""
    name = str(getattr(status, "value", status))
    return LOOKS.get(name) or Look("quiet", "question-mark-circle", name.replace("_", " ").capitalize())
