"""The command line: tables in, networks trained and told about."""
