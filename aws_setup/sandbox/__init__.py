"""The sandbox AWS: a separate process, on loopback only, that answers IAM, STS and Bedrock calls as strictly as AWS.

It stands in front of ministack, whose IAM store, policy evaluation and signature check it uses, and does itself
what ministack leaves out or does differently: the web-identity token check, identity-provider calls, IAM's
eventual consistency, Bedrock's catalogue and authorisation, and AWS's words in every refusal.

Nothing in the product imports this package. Start it with `python -m aws_setup.sandbox --help`.
"""
