"""The process and its environment (signals, files, disk space, .env, proxies, secrets), and the events of a command."""
