"""Whether AWS can use the keys that an issuer publishes. Pure.

AWS takes at least one key and at most 100 RSA and 100 EC keys, and tokens signed with RS256, RS384, RS512, ES256,
ES384 or ES512 (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jwt

MAX_KEYS_PER_TYPE = 100
ALGORITHMS_BY_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
RSA_ALGORITHMS = ("RS256", "RS384", "RS512")
PUBLIC_MEMBERS = ("kty", "n", "e", "crv", "x", "y")
"""What an RSA or EC key consists of, https://www.rfc-editor.org/rfc/rfc7518#section-6."""
KIDS_SHOWN = 5
MAX_SHOWN = 100
"""Characters of a kid or another value of somebody else's that are repeated."""


@dataclass(frozen=True)
class KeySetJudgement:
    """`problem` is empty where the keys will do. `algorithm` is that of the key found, as far as the set tells."""

    problem: str
    sentence: str
    number: int
    kids: tuple[str, ...]
    algorithm: str = ""


def judge_keys(keys: Sequence[Any], *, kid: str | None) -> KeySetJudgement:
    """Judge the members of `keys` in a JWKS. `kid` None: which key signs is unknown, any usable one will do.

    Problems: no_keys, too_many_keys, key_missing, key_unusable.
    """
    found = [key for key in keys if isinstance(key, dict)]
    kids = tuple(str(key["kid"])[:MAX_SHOWN] for key in found if "kid" in key)

    def judge(problem: str, sentence: str, algorithm: str = "") -> KeySetJudgement:
        return KeySetJudgement(problem, sentence, len(found), kids, algorithm)

    if not found:
        return judge("no_keys", "The key set holds no key. AWS needs the one that tokens are signed with.")
    for key_type, number in Counter(str(key.get("kty")) for key in found).items():
        if key_type in ("RSA", "EC") and number > MAX_KEYS_PER_TYPE:
            return judge(
                "too_many_keys", f"The key set holds {number} {key_type} keys. AWS reads at most {MAX_KEYS_PER_TYPE}."
            )
    candidates = found if kid is None else [key for key in found if key.get("kid") == kid]
    if not candidates:
        shown = ", ".join(kids[:KIDS_SHOWN]) or "no kid at all"
        return judge("key_missing", f"The key {kid} that signs tokens is not published. The key set has {shown}.")
    faults = [find_fault(key) for key in candidates]
    for key, fault in zip(candidates, faults, strict=True):
        if not fault:
            return judge("", _describe(key, kid), guess_algorithm(key))
    whose = "No published key can be used by AWS" if kid is None else f"AWS cannot use the key {kid}"
    return judge("key_unusable", f"{whose}: {faults[0]}.")


def guess_algorithm(key: dict[str, Any]) -> str:
    """The algorithm that `key` is for; `RSA` where it names none, since an RSA key is good for three."""
    return str(key.get("alg") or ALGORITHMS_BY_CURVE.get(str(key.get("crv")), key.get("kty", "")))


def find_fault(key: dict[str, Any]) -> str:
    """Why AWS cannot check a signature with `key`, as the end of a sentence; empty where it can."""
    key_type, curve, algorithm, use = (str(key.get(name, ""))[:MAX_SHOWN] for name in ("kty", "crv", "alg", "use"))
    if use not in ("", "sig"):
        return f"its use is {use}, not sig"
    usable: tuple[str, ...] = RSA_ALGORITHMS
    if key_type == "EC" and curve in ALGORITHMS_BY_CURVE:
        usable = (ALGORITHMS_BY_CURVE[curve],)
    elif key_type == "EC":
        return f"its curve is {curve or 'not given'}; AWS takes {', '.join(ALGORITHMS_BY_CURVE)}"
    elif key_type != "RSA":
        return f"its type is {key_type or 'not given'}; AWS takes RSA and EC"
    if algorithm and algorithm not in usable:
        return f"its algorithm is {algorithm}, where {' or '.join(usable)} would fit"
    try:
        # Public members alone: primes of a private key that lacks them are searched for, which may take hours.
        jwt.PyJWK.from_dict({name: key[name] for name in PUBLIC_MEMBERS if name in key} | {"alg": usable[0]})
    except (jwt.PyJWTError, ValueError, TypeError):
        return "it cannot be read as a public key"
    return ""


def _describe(key: dict[str, Any], kid: str | None) -> str:
    if kid is None:
        return f"The key set holds a key that AWS can use ({guess_algorithm(key)})."
    return f"The key set holds the key {kid} that signs tokens ({guess_algorithm(key)})."
