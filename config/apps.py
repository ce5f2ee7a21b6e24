import importlib

from django.apps import AppConfig


class ConfigApp(AppConfig):
    """Carries what belongs to the whole console: system checks, the runner, sign-in."""

    name = "config"

    def ready(self) -> None:
        # Importing registers the checks; they read settings, which stand only now.
        importlib.import_module("config.checks")
