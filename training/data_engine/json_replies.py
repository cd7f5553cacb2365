"""JSON objects in the replies of language models, with small damages repaired, checked against a schema."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

T = TypeVar("T", bound=BaseModel)
SHOWN = 5
"""Problems that are told to the model at once."""


def parse_reply(text: str, schema: type[T]) -> T:
    """Read the first JSON object of a reply. Raises ValueError that tells a model what to change."""
    data = _first_object(text)
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc'])) or 'object'}: {e['msg']}" for e in error.errors()]
        raise ValueError("; ".join(problems[:SHOWN])) from None


def _first_object(text: str) -> Any:
    start = text.find("{")
    if start < 0:
        raise ValueError("there is no JSON object in the reply")
    # Many models put a comma before a closing bracket.
    for candidate in (text[start:], re.sub(r",(\s*[}\]])", r"\1", text[start:])):
        try:
            return json.JSONDecoder().raw_decode(candidate)[0]
        except (ValueError, RecursionError) as error:
            problem = error
    raise ValueError(f"the reply is not valid JSON: {problem}")
