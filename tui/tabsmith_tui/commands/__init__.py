"""The command line, a file a command. stdout is data, stderr is talk."""
