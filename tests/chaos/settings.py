"""What the console is started with for each group of rows."""

GROUP_SETTINGS: dict[str, dict[str, str]] = {"kills": {"TASK_SECONDS": "4"}, "all else": {}}
"""Kills want short leases: what a dead worker was doing is taken up once its lease has run out."""
