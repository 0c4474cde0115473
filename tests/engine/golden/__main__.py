"""Writes the expectations of all golden cases anew. Review what changes."""

import json

from tests.engine.golden.cases import Case, paths
from tests.engine.golden.layout import laid_out

for path in paths():
    case = Case.read(path)
    path.write_text(laid_out({**json.loads(path.read_text()), "expected": case.outcome()}))
