"""Where webhooks may lead."""

import socket
from ipaddress import ip_address

import pytest

from recgpt_site.webhooks import addresses
from recgpt_site.webhooks.addresses import AddressRefusedError

PRIVATE = ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"]
NEVER = [
    "169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "240.0.0.1", "100.64.0.1",
]  # fmt: skip
PUBLIC = ["93.184.215.14", "2606:4700:4700::1111", "2002:5db8:d70e::1"]


@pytest.mark.parametrize("private_allowed", [True, False])
def test_public_addresses_are_allowed_private_ones_by_the_setting_and_link_local_ones_never(settings, private_allowed):
    settings.WEBHOOK_PRIVATE_ADDRESSES = private_allowed

    allowed = {text for text in (*PRIVATE, *NEVER, *PUBLIC) if addresses.is_allowed(ip_address(text))}

    assert allowed == {*PUBLIC, *(PRIVATE if private_allowed else ())}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.org/", "not encrypted"),
        ("ftp://example.org/", "no web address"),
        ("https:///hook", "no web address"),
        ("https://user:word@example.org/", "password"),
        ("https://example.org:99999/", "no address"),
        ("https://127.0.0.1/", "only this network"),
        ("https://[::1]/", "only this network"),
        ("https://2130706433/", "only this network"),
        ("https://0x7f.1/", "only this network"),
        ("https://localhost/", "only this network"),
    ],
)
def test_what_is_refused_says_why(settings, url: str, why: str):
    settings.WEBHOOK_PRIVATE_ADDRESSES = False

    with pytest.raises(AddressRefusedError, match=why):
        addresses.resolve(url)


def test_a_name_is_refused_where_any_of_its_addresses_is(settings, monkeypatch):
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 443)) for text in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)

    with pytest.raises(AddressRefusedError, match=r"10\.0\.0\.1"):
        addresses.resolve("https://rebound.example/")


def test_the_connection_goes_to_the_address_that_was_looked_at_under_the_name(monkeypatch):
    found = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700:4700::1111", 8443, 0, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)

    target = addresses.resolve("https://hooks.example:8443/a?b=c")

    assert target.url == "https://[2606:4700:4700::1111]:8443/a?b=c"
    assert (target.host, target.host_header) == ("hooks.example", "hooks.example:8443")
