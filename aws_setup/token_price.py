"""What one try of a model costs at most. Pure."""

from decimal import ROUND_UP, Decimal

INPUT_TOKENS, OUTPUT_TOKENS = 10, 1
"""About what one try takes: a greeting with what the model wraps around it, and one token of answer."""

DEAREST_INPUT, DEAREST_OUTPUT = Decimal(15), Decimal(75)
"""US dollars per million tokens: the dearest text models known, Claude Opus 4 and 4.1 on demand.

As published at https://aws.amazon.com/bedrock/pricing/, believed of November 2026. AWS bills by its own list.
"""


def price_ceiling() -> Decimal:
    """The most that one try costs in US dollars, rounded up to a tenth of a cent."""
    exact = (INPUT_TOKENS * DEAREST_INPUT + OUTPUT_TOKENS * DEAREST_OUTPUT) / 1_000_000
    return exact.quantize(Decimal("0.001"), rounding=ROUND_UP)
