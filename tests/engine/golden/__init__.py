"""The golden cases: a cluster, and what the planner makes of it, as files that read as the rules.

Each file says in its `title` which rule it shows. `agents` says how machines answer offers: with a price
(0 if nothing is said), with a sentence (a refusal), or with null (not at all); `until` lets the clock run
on. `expected` holds the decisions of each plan until nothing is left to do, where units then are, and why
others wait. A new case is written without `expected`; `python -m tests.engine.golden` fills it in, anew
for all files: what it changes is to be reviewed like any other change of the rules.
"""
