"""JSON for people: what fits on a line is on one line."""

import json
from typing import Any

WIDTH = 108


def laid_out(value: Any) -> str:
    """JSON text with a newline at its end; an object at the top always takes a line for each key."""
    return _broken(value, 0) + "\n"


def _text(value: Any, indent: int, taken: int) -> str:
    line = json.dumps(value, ensure_ascii=False)
    return line if indent + taken + len(line) <= WIDTH else _broken(value, indent)


def _broken(value: Any, indent: int) -> str:
    inner = indent + 2
    match value:
        case dict():
            pairs = [(json.dumps(key, ensure_ascii=False) + ": ", of) for key, of in value.items()]
            rows = [key + _text(of, inner, len(key)) for key, of in pairs]
            opening, closing = "{}"
        case list():
            rows = [_text(of, inner, 0) for of in value]
            opening, closing = "[]"
        case _:
            return json.dumps(value, ensure_ascii=False)
    pad = "\n" + " " * inner
    return opening + pad + ("," + pad).join(rows) + "\n" + " " * indent + closing
