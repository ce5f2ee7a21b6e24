"""What the sessions of proofs are called: CloudTrail shows by it which were ours and which Vertesia's own. Pure."""

VERIFICATION_SESSION = "vertesia-aws-setup-verify"
ISOLATION_SESSION = "vertesia-aws-setup-isolation"
"""Of tokens that must be refused: no session of this name is ever begun where all is well."""
