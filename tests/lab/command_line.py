"""An administrator's shell: the AWS CLI's commands, as the console offers them, sent to the sandbox."""

from __future__ import annotations

import json
import shlex
from typing import Any

from botocore import xform_name

from tests.lab.bench import Bench


def run_command(bench: Bench, command: str) -> None:
    """Do what `aws SERVICE OPERATION --option VALUE…` does. AssertionError where that is no command of the AWS CLI."""
    words = shlex.split(command)
    assert words[0] == "aws", f"it is no command of the AWS CLI: {command}"
    client = bench.sandbox.admin(words[1], bench.account_id)
    method = words[2].replace("-", "_")
    operation = client.meta.method_to_api_mapping[method]
    members = client.meta.service_model.operation_model(operation).input_shape.members
    options = {xform_name(name, "-"): (name, shape.type_name) for name, shape in members.items()}
    request: dict[str, Any] = {}
    option = ""
    for word in words[3:]:
        if word.startswith("--"):
            option = word[2:]
            assert option in options, f"{words[2]} has no option --{option}"
            continue
        name, kind = options[option]
        request[name] = _read(word, kind, request.get(name))
    getattr(client, method)(**request)


def _read(word: str, kind: str, earlier: Any) -> Any:
    """The CLI takes the words after an option that is a list as its members, and JSON for what has a structure."""
    if kind == "list":
        return [*(earlier or []), word]
    if kind in ("structure", "map"):
        return json.loads(word)
    return int(word) if kind in ("integer", "long") else word
