"""Commands that a person copies into a shell. Pure.

What stands in them was written by others: an issuer's path, an audience, a policy document. Every word is quoted, so
that a shell takes it for nothing but itself.
"""

import shlex


def aws(*words: str) -> str:
    """A call of the AWS CLI."""
    return shlex.join(("aws", *words))


def show_trust(role_name: str) -> str:
    """Prints the role's trust policy."""
    return aws("iam", "get-role", "--role-name", role_name, "--query", "Role.AssumeRolePolicyDocument")


def fetch_discovery(issuer_url: str) -> str:
    """Fetches the issuer's discovery document as AWS does: within five seconds."""
    return shlex.join(("curl", "-sS", "-m", "5", "-i", f"{issuer_url}/.well-known/openid-configuration"))
