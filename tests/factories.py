"""Rows for tests: what Vertesia has, and the people who look at it."""

import factory
from django.conf import settings
from django.contrib.auth.models import User
from factory.django import DjangoModelFactory, Password

from environments.models import Environment, Issuer, Organization

PASSWORD = "a long enough password"


class IssuerFactory(DjangoModelFactory[Issuer]):
    """An issuer hosted by Vertesia; `builtin=True` for the console's own, of which there is one."""

    class Meta:
        model = Issuer
        django_get_or_create = ("url",)

    class Params:
        builtin = factory.Trait(
            url=factory.LazyFunction(lambda: settings.ISSUER_URL), hosting=Issuer.Hosting.BUILTIN, label="Built in"
        )

    url = factory.Sequence(lambda n: f"https://sts{n}.vertesia.example")
    hosting = Issuer.Hosting.VERTESIA
    audience = "bedrock"


class OrganizationFactory(DjangoModelFactory[Organization]):
    """An organization whose tokens this console can sign, unless another issuer is given."""

    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Organization {n}")
    organization_id = factory.Sequence(lambda n: f"{0xA000 + n:024x}")
    issuer = factory.SubFactory(IssuerFactory, builtin=True)


class EnvironmentFactory(DjangoModelFactory[Environment]):
    class Meta:
        model = Environment

    organization = factory.SubFactory(OrganizationFactory)
    environment_id = factory.Sequence(lambda n: f"{0xE00000 + n:024x}")
    name = factory.Sequence(lambda n: f"Environment {n}")
    endpoint_url = "us-east-1"


class UserFactory(DjangoModelFactory[User]):
    """An administrator of the console, with the password `factories.PASSWORD`."""

    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"person{n}")
    password = Password(PASSWORD)
    is_staff = True
    is_superuser = True
