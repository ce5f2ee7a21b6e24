"""What the sessions of proofs are called: CloudTrail shows by it which were ours and which Vertesia's own. Pure."""

VERIFICATION_SESSION = "vertesia-aws-setup-verify"
"""Of tokens that must be refused too: a trust policy may ask for the name, and they are to be wrong in one thing."""
