"""Which URLs the built-in issuer may have."""

import pytest

from environments.issuer.address import UnusableIssuerUrl, issuer_path, validate_issuer_url


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1:8123", "http://[::1]:8000/oidc"])
def test_the_sandbox_takes_loopback_http_with_a_port(url: str) -> None:
    validate_issuer_url(url, is_sandbox=True)

    with pytest.raises(UnusableIssuerUrl, match="must be a public https URL"):
        validate_issuer_url(url, is_sandbox=False)


@pytest.mark.parametrize("url", ["https://console.example.com", "https://console.example.com/oidc"])
def test_a_public_https_url_is_taken_in_both_worlds(url: str) -> None:
    validate_issuer_url(url, is_sandbox=False)
    validate_issuer_url(url, is_sandbox=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "console.example.com",
        "http://console.example.com",
        "https://console.example.com:8443",
        "https://console.example.com:443",
        "https://Console.example.com",
        "https://user@console.example.com",
        "https://console.example.com/?a=b",
        "https://console.example.com?",
        "https://console.example.com#top",
        "https://console.example.com/",
        "https://localhost",
        "https://console",
        "https://console.internal",
        "https://10.0.0.1",
        "https://169.254.169.254",
        "https://[fd00::1]",
    ],
)
def test_what_aws_cannot_fetch_or_compare_is_refused(url: str) -> None:
    with pytest.raises(UnusableIssuerUrl, match="ISSUER_URL must"):
        validate_issuer_url(url, is_sandbox=False)


@pytest.mark.parametrize(
    "url", ["http://localhost:8000/", "http://192.168.1.5:8000", "http://example.com", "ftp://localhost"]
)
def test_the_waiver_of_the_sandbox_is_for_loopback_only(url: str) -> None:
    with pytest.raises(UnusableIssuerUrl):
        validate_issuer_url(url, is_sandbox=True)


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("http://localhost:8000", ""),
        ("https://console.example.com/oidc", "oidc/"),
        ("https://console.example.com/a/b%20c", "a/b c/"),
    ],
)
def test_the_route_prefix_is_the_path_of_the_url(url: str, prefix: str) -> None:
    assert issuer_path(url) == prefix
