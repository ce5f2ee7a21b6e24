"""Why the built-in issuer cannot sign a token that AWS would take."""

import shlex

from aws_setup.diagnosis import Problem
from environments.installation import IssuerMismatch
from environments.issuer.keys import NoSigningKey
from environments.secrets import NoKeyFits


def explain_moved_issuer(mismatch: IssuerMismatch | None) -> Problem | None:
    """Why AWS will not find the keys of the tokens signed here; None where the issuer stands where it stood."""
    if mismatch is None:
        return None
    return Problem(
        code="issuer_moved",
        sentence=mismatch.sentence,
        why=mismatch.why,
        remedy=f"{mismatch.remedies[0]}. {mismatch.remedies[1]}.",
        command=f"ISSUER_URL={shlex.quote(mismatch.trusted)} make run",
        fix="plan",
    )


def explain_lost_key(error: NoKeyFits | NoSigningKey) -> Problem:
    """Why the built-in issuer cannot sign."""
    is_unreadable = isinstance(error, NoKeyFits)
    return Problem(
        code="signing_key_lost",
        sentence="The built-in issuer's signing key cannot be decrypted: ENCRYPTION_KEYS no longer holds its key."
        if is_unreadable
        else "The built-in issuer has no signing key.",
        why="Without it no token can be signed. Roles in AWS trust the issuer's address, not its keys: they need no "
        "change.",
        remedy=(
            "If the former encryption key is at hand, put it behind the new one in ENCRYPTION_KEYS and start again. "
            if is_unreadable
            else ""
        )
        + "Otherwise make a new signing key and verify again.",
        command="./manage.py prepare --new-signing-key",
        fix="verify",
    )
