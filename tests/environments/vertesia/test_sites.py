"""Where Vertesia is asked."""

import pytest

from environments.vertesia.sites import UnknownSite, find_site, local_site


@pytest.mark.parametrize(
    ("name", "api_root", "token_service"),
    [
        ("global", "https://api.vertesia.io/api/v1", "https://sts.vertesia.io"),
        ("us1", "https://api.us1.vertesia.io/api/v1", "https://sts.us1.vertesia.io"),
        ("eu1", "https://api.eu1.vertesia.io/api/v1", "https://sts.eu1.vertesia.io"),
        ("jp1", "https://api.jp1.vertesia.io/api/v1", "https://sts.jp1.vertesia.io"),
    ],
)
def test_a_site_has_an_api_and_a_token_service(name: str, api_root: str, token_service: str) -> None:
    site = find_site(name)

    assert (site.api_root, site.token_service) == (api_root, token_service)


@pytest.mark.parametrize("name", ["", "GLOBAL", "sandbox", "eu2", "https://evil.example.com"])
def test_no_other_site_is_known(name: str) -> None:
    with pytest.raises(UnknownSite, match="global, us1, eu1, jp1"):
        find_site(name)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_local_vertesia_is_on_this_machine(host: str) -> None:
    site = local_site(f"http://{host}:8091/api/v1/", f"http://{host}:8092")

    assert (site.api_root, site.token_service) == (f"http://{host}:8091/api/v1", f"http://{host}:8092")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://localhost",
        "http://localhost:0",
        "http://localhost:x",
        "https://api.vertesia.io",
        "http://10.0.0.1:8091",
        "http://169.254.169.254:80",
        "http://localhost.example.com:80",
        "http://localhost:80@example.com",
        "http://localhost:80?x",
        "http://localhost:80#x",
        "http://localhost:80/\n",
        "ftp://localhost:80",
    ],
)
def test_no_local_vertesia_is_elsewhere(url: str) -> None:
    with pytest.raises(UnknownSite, match="on this machine"):
        local_site(url, "http://localhost:8092")
    with pytest.raises(UnknownSite, match="on this machine"):
        local_site("http://localhost:8091", url)
