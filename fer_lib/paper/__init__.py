"""The paper: what it published, what it claims, and how our runs bear it out. Only this room knows C1 to C9."""
