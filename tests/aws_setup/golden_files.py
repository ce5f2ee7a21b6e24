"""Golden files: what is printed and sent, as a person reads it in review. UPDATE_GOLDEN=1 writes them anew."""

import json
import os
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"


def assert_golden(name: str, text: str) -> None:
    """`text` is exactly what the golden file holds."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text(), f"{name} differs; UPDATE_GOLDEN=1 writes it anew"


def assert_golden_json(name: str, value: Any) -> None:
    assert_golden(name, json.dumps(value, indent=2) + "\n")
