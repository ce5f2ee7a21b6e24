"""What the console is started with for each group of rows."""

OWN_BROKER = "broker"
"""The group whose broker is not the console's own, so that it can be killed."""
GROUP_SETTINGS: dict[str, dict[str, str]] = {"kills": {"TASK_SECONDS": "4"}, OWN_BROKER: {}, "all else": {}}
"""Kills want short leases: what a dead worker was doing is taken up once its lease has run out."""
