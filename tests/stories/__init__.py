"""Runs as data for tests: journals, agents, tasks, hostile names; read by the tests of every surface."""
