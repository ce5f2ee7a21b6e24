"""Explaining a certificate that was not accepted, and the thumbprint that IAM wants where its authority is private."""

import hashlib
from typing import Any

from cryptography import x509

from environments.destinations import DestinationRefused, read_destination
from environments.sockets import (
    Deadline,
    FetchFailed,
    Network,
    PresentedCertificates,
    TlsReason,
    read_presented_certificates,
)

PRIVATE = frozenset({TlsReason.SELF_SIGNED, TlsReason.UNKNOWN_AUTHORITY})
NAMES_SHOWN = 5


def explain_certificates(url: str, reason: TlsReason, *, deadline: Deadline, network: Network) -> dict[str, Any]:
    """Evidence about the certificates at an https `url` that TLS failed for; empty where they cannot be seen again.

    JSON: `certificate_names`, `certificate_issuer`, `certificate_expires_at`; and where the authority is private
    `thumbprint`, None where it cannot be told from here, then with `thumbprint_command`. Raises nothing.
    """
    if reason == TlsReason.OTHER:
        return {}
    try:
        destination = read_destination(url, allow_loopback=False)
        presented = read_presented_certificates(destination, deadline=deadline, network=network)
        evidence = _describe(x509.load_der_x509_certificate(presented.certificates[0]))
    except (DestinationRefused, FetchFailed, ValueError, IndexError):
        return {}
    if reason in PRIVATE:
        evidence["thumbprint"] = compute_thumbprint(presented, reason)
        if evidence["thumbprint"] is None:
            where = f"{destination.host}:{destination.port}"
            evidence["thumbprint_command"] = (
                f"openssl s_client -servername {destination.host} -showcerts -connect {where} </dev/null"
            )
    return evidence


def compute_thumbprint(presented: PresentedCertificates, reason: TlsReason) -> str | None:
    """SHA-1, in 40 hexadecimal digits, of the last certificate that the server presents, as IAM wants it; or None.

    None where only the server's own certificate can be seen and others follow. A self-signed one is its own chain.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
    """
    if not presented.is_chain and reason != TlsReason.SELF_SIGNED:
        return None
    return hashlib.sha1(presented.certificates[-1], usedforsecurity=False).hexdigest()


def _describe(certificate: x509.Certificate) -> dict[str, Any]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = [str(name.value) for name in found.value]
    except x509.ExtensionNotFound:
        names = []
    return {
        "certificate_names": names[:NAMES_SHOWN],
        "certificate_issuer": certificate.issuer.rfc4514_string(),
        "certificate_expires_at": certificate.not_valid_after_utc.isoformat(),
    }
