"""What the services need of Vertesia: a small protocol. The services see this, never HTTP."""

from typing import Protocol

from environments.vertesia.answers import Account, AIModel, IssuedToken, Project, TokenClaims, VertesiaEnvironment
from environments.vertesia.requests import CreateEnvironment, IssueEnvironmentToken, UpdateEnvironment


class Vertesia(Protocol):
    """One site of Vertesia as one API key may act in it.

    Every method raises errors.VertesiaError, and ids.InvalidVertesiaId for an id that cannot be one; none retries.
    Nothing comes in pages: a listing is whole.
    """

    def read_claims(self) -> TokenClaims:
        """What the key's token says: organization, project, issuer, permissions. Asks nothing where one is at hand."""

    def list_accounts(self) -> tuple[Account, ...]:
        """The organizations that the key can see."""

    def read_account(self) -> Account:
        """The organization that the key belongs to."""

    def list_projects(self, account_id: str = "") -> tuple[Project, ...]:
        """The projects of that organization which the key can see; empty for the key's own. Takes account:member."""

    def list_environments(self, *, all: bool = True) -> tuple[VertesiaEnvironment, ...]:
        """`all` of the organization's environments, or those allowed for the key's project. Takes account:member."""

    def read_environment(self, environment_id: str) -> VertesiaEnvironment: ...

    def create_environment(self, wanted: CreateEnvironment) -> VertesiaEnvironment:
        """Not safe to do twice: where `may_have_been_done`, look for it first. Takes environment:admin."""

    def update_environment(self, environment_id: str, changes: UpdateEnvironment) -> VertesiaEnvironment:
        """Change what `changes` names, nothing else; safe to do twice. Takes environment:admin."""

    def list_models(self, environment_id: str) -> tuple[AIModel, ...]:
        """The models that Vertesia sees through the environment, in its order. It asks AWS. Takes account:member."""

    def issue_environment_token(self, wanted: IssueEnvironmentToken) -> IssuedToken:
        """A token as Vertesia sends it to AWS. A refusal, errors.EnvironmentTokenRefused, is to be expected."""
