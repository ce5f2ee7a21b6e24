from django.apps import AppConfig


class EnvironmentsConfig(AppConfig):
    """What Vertesia has: issuers, organizations, environments."""

    name = "environments"
