"""What a unit is: names, unit files, hashes, requirements, states. Pure: no I/O, nothing of ours."""
