"""What was agreed for each environment, what was done about it, and whether it holds."""

from aws_setup.models.accounts import ACCOUNT_ID_PATTERN, Account, WorkerCaller
from aws_setup.models.agreements import (
    PLAN_LIFETIME,
    VERIFICATION_INTERVALS,
    Connection,
    Draft,
    Permissions,
    Plan,
)
from aws_setup.models.batches import Batch, BatchRow, IssuerMigration
from aws_setup.models.findings import Finding, Observation
from aws_setup.models.notices import Delivery, Notice
from aws_setup.models.proofs import Check, ListedModel, Listing, ProofDay, Verification
from aws_setup.models.vertesia import VertesiaAccess, VertesiaJob
from aws_setup.models.work import Claimable, Clock, ResourceLease, Run, Step

__all__ = [
    "ACCOUNT_ID_PATTERN",
    "PLAN_LIFETIME",
    "VERIFICATION_INTERVALS",
    "Account",
    "Batch",
    "BatchRow",
    "Check",
    "Claimable",
    "Clock",
    "Connection",
    "Delivery",
    "Draft",
    "Finding",
    "IssuerMigration",
    "ListedModel",
    "Listing",
    "Notice",
    "Observation",
    "Permissions",
    "Plan",
    "ProofDay",
    "ResourceLease",
    "Run",
    "Step",
    "Verification",
    "VertesiaAccess",
    "VertesiaJob",
    "WorkerCaller",
]
