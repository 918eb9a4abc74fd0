"""The format of artifacts: what another program needs to know to read or write one."""
