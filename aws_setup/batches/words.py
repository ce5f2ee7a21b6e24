"""What pages say of a batch, by its purpose and its effect."""

from collections.abc import Sequence

from aws_setup.batches.standing import BatchStanding
from aws_setup.models import Draft

LEADS = {
    Draft.Purpose.CONNECT: "Each environment gets a role of its own; those of one account share its identity provider.",
    Draft.Purpose.CHANGE: "Each environment is changed by a plan of its own.",
    Draft.Purpose.REPAIR: "Each role is brought back to what was agreed, by a plan of its own.",
    Draft.Purpose.ACCEPT: "What AWS holds becomes what is agreed, environment by environment.",
    Draft.Purpose.MIGRATE: "Each role trusts another issuer afterwards, by a plan of its own.",
    Draft.Purpose.UNDO: "What a run could not finish is taken back, environment by environment.",
    Draft.Purpose.DISCONNECT: "Each environment's role is removed, by a plan of its own.",
}
ACCOUNTS_NAMED = 2
"""A button with more accounts than these says how many; what happens in each stands above it."""


def lead_of(purpose: str) -> str:
    """The sentence below the title."""
    return LEADS.get(Draft.Purpose(purpose), "")


def approve_label(standing: BatchStanding) -> str:
    """As in `Approve 12 plans: create 1 identity provider and 12 roles in 1111-2222-3333`."""
    plans = len(standing.planned)
    words = f"Approve {plans} plan{'' if plans == 1 else 's'}"
    effects = [effect.sentence for effect in standing.effects]
    if len(effects) > ACCOUNTS_NAMED:
        return f"{words} in {len(effects)} accounts"
    return f"{words}: {join_effects(effects)}"


def join_effects(sentences: Sequence[str]) -> str:
    """Sentences as parts of a longer one: `create 1 role in …; create 2 roles in …`."""
    return "; ".join(sentence[0].lower() + sentence[1:] for sentence in sentences)


def retry_label(standing: BatchStanding) -> str:
    """As in `Run the 2 failed rows again`; `Plan the 3 rows again` where not all of them failed."""
    rows = standing.retryable
    number = len(rows)
    the = f"the {number} {{}}rows" if number > 1 else "the {}row"
    if all(row.run is not None for row in rows):
        return f"Run {the.format('failed ')} again"
    return f"Plan {the.format('')} again"
