"""The command line: what users and their scripts see of a cluster.

Rule 1: a command imports what it uses when it uses it: talking to a local socket costs no SSH and no TLS.
Rule 2: what to do is decided by pure functions (`names`, `intent`, `verdict`, `tables`); commands do it.
Rule 3: stdout is for results, stderr for everything else; no stack trace ever reaches a user.
"""
