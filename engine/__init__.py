"""Where units should run: a pure plan over a picture of the cluster, and a small loop that carries it out."""
