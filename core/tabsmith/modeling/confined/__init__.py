"""Models of strangers, loaded and asked in a process of their own, behind walls."""
