"""What every page knows."""

from django.conf import settings
from django.http import HttpRequest


def console(request: HttpRequest) -> dict[str, object]:
    """`is_sandbox`: whether nothing here touches AWS."""
    return {"is_sandbox": settings.AWS_SANDBOX}
