from django.apps import AppConfig


class AwsSetupConfig(AppConfig):
    """How an environment is connected to AWS."""

    name = "aws_setup"
    verbose_name = "AWS setup"
