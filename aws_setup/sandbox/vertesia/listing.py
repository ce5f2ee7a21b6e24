"""Asking AWS for an environment's models with the role it was given, the way Vertesia does."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aws_setup.sandbox.vertesia import aws
from aws_setup.sandbox.vertesia.calls import Call
from aws_setup.sandbox.vertesia.driver import Model, Summaries, to_models
from aws_setup.sandbox.vertesia.errors import ApiError, bad_request
from aws_setup.sandbox.vertesia.records import Environment
from aws_setup.sandbox.vertesia.token_service import environment_claims

LISTINGS = (
    ("/foundation-models", "modelSummaries"),
    ("/custom-models", "modelSummaries"),
    ("/inference-profiles", "inferenceProfileSummaries"),
)

logger = logging.getLogger("sandbox")


async def list_models(call: Call, environment: Environment) -> list[Model]:
    """A token of the environment's own, exchanged at STS, three listings, the driver's choice among them.

    Raises ApiError 500 with the driver's words. Whatever AWS said is swallowed, as there: the log alone has it.
    That the status is 500, and the session's name, are believed.
    """
    if environment.provider != "bedrock":
        raise bad_request("The local Vertesia lists models of Bedrock environments only")
    region = environment.fields.get("endpoint_url", "").strip()
    if not region:
        raise ApiError(500, "No region found. Set the region in the environment's endpoint URL.")
    models = to_models(*await _list_in_aws(call, environment, region))
    if models is None:
        raise ApiError(500, "Foundation models not found")
    return models


async def _list_in_aws(call: Call, environment: Environment, region: str) -> tuple[Summaries | None, ...]:
    """Foundation models, custom models, profiles; None for what failed."""
    claims = environment_claims(
        environment, call.caller.project, studio=call.studio, addresses=call.addresses, now=call.now
    )
    try:
        credentials = await asyncio.to_thread(
            aws.assume_role,
            call.addresses.aws,
            region=region,
            role_arn=environment.api_key,
            session_name=f"vertesia-{environment.id}",
            token=call.studio.signing.sign(claims),
        )
    except aws.AwsRefusal as refusal:
        logger.info("vertesia %s: AssumeRoleWithWebIdentity %s", environment.id, refusal)
        return None, None, None

    async def ask(path: str, name: str) -> list[dict[str, Any]] | None:
        try:
            return await asyncio.to_thread(
                aws.list_summaries,
                call.addresses.aws,
                region=region,
                credentials=credentials,
                path=path,
                name=name,
                now=call.now,
            )
        except aws.AwsRefusal as refusal:
            logger.info("vertesia %s: GET %s %s", environment.id, path, refusal)
            return None

    return tuple(await asyncio.gather(*(ask(path, name) for path, name in LISTINGS)))
