"""A proxy before the server's socket: it cuts connections, and takes the server away for a while."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Self

_CHUNK_BYTES = 65_536


class CuttingProxy:
    """Listens in ``folder``.

    It cuts the connection when the text ``cut_after`` has passed to the server, and resets it then. ``go_away`` makes
    the server unreachable, ``come_back`` reachable again. ``fall_silent`` lets nothing pass, as a cut network.
    """

    def __init__(self, folder: Path, server: Path) -> None:
        self.folder = folder
        self.cut_after: bytes | None = None
        self.cuts = 0
        self._server = server
        self._socket = folder / server.name
        self._listener: socket.socket
        self._sockets: list[socket.socket] = []
        self._passes = threading.Event()
        self._passes.set()

    def __enter__(self) -> Self:
        self.come_back()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_away()

    def come_back(self) -> None:
        """Let clients connect."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._socket))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def go_away(self) -> None:
        """Cut all connections, and refuse new ones."""
        self._passes.set()
        self._socket.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._sockets.clear()

    def fall_silent(self) -> None:
        """Let nothing pass until ``go_away``; nobody is told."""
        self._passes.clear()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                self._passes.wait()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server))
                self._sockets += [client, server]
                threading.Thread(target=self._to_server, args=(client, server), daemon=True).start()
                threading.Thread(target=self._to_client, args=(client, server), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(_CHUNK_BYTES):
                self._passes.wait()
                if self.cut_after is not None and self.cut_after in data:
                    self.cut_after = None
                    self.cuts += 1
                    client.shutdown(socket.SHUT_RDWR)  # the client never hears the answer
                server.sendall(data)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(_CHUNK_BYTES):
                self._passes.wait()
                client.sendall(data)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_WR)
