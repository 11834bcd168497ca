"""The process and what surrounds it: signals, files, disk space, progress, environment files, proxies, secrets."""
