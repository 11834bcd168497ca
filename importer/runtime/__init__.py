"""The process and its environment: signals, files, disk space, progress, .env files, proxies and secrets."""
