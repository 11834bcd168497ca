"""The process and its environment: signals, files, disk space, .env files, proxies and secrets."""
