"""The price of one try of a model, as a person reads it before agreeing."""

from decimal import Decimal

from aws_setup import token_price


def test_the_ceiling_is_the_dearest_price_rounded_up_to_a_tenth_of_a_cent(monkeypatch):
    assert str(token_price.price_ceiling()) == "0.001"
    monkeypatch.setattr(token_price, "OUTPUT_TOKENS", 20)
    assert token_price.price_ceiling() == Decimal("0.002")
