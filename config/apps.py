from django.apps import AppConfig


class ConfigApp(AppConfig):
    """Carries what belongs to the whole console: system checks, the runner, sign-in."""

    name = "config"
