"""The way to other hosts: SSH, by paramiko. Nothing here is imported unless a command leaves this host."""
