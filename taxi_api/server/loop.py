"""The event loop: connections are accepted and waited on in one thread; what is not quick is answered in others."""

import errno
import logging
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from taxi_api.server import LATER, SOON
from taxi_api.server.connection import Connection, Interest
from taxi_api.server.exchange import WsgiApp, answer
from taxi_api.server.limits import Limits
from taxi_api.server.parser import Environ, Request, RequestParser

# A large body takes long to read: it is not quick, whatever its path.
_QUICK_BYTES = 4096
_TICK_SECONDS = 0.25
# Clients served together: all are read from, then all are answered, then all answers are sent. What is done for one
# after the other stays in the processor's caches, and a client is not woken while others wait for their answers.
_TOGETHER = 32
_FULL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_logger = logging.getLogger(__name__)


class Loop:
    """Serves one app on listening sockets until it is stopped."""

    def __init__(
        self,
        listeners: list[socket.socket],
        app: WsgiApp,
        base: Environ,
        *,
        limits: Limits,
        threads: int,
        connections: int,
        quick_paths: frozenset[str],
    ) -> None:
        """Begin to listen.

        Args:
            listeners: bound sockets; they are closed at the end.
            app: a WSGI app.
            base: what the environments of all requests have in common; its SCRIPT_NAME is taken off their paths.
            limits: see there.
            threads: how many requests are answered at a time, beside the quick ones.
            connections: how many clients may be connected at a time.
            quick_paths: paths whose answers take well under a millisecond and wait for nothing.

        """
        self.limits = limits
        self.stopping = False
        self.held_bytes = 0
        self.answered = 0
        self._app = app
        self._afterwards: deque[Callable[[], object]] = deque()
        self._at_tick: deque[Callable[[], object]] = deque()
        self._base = {**base, LATER: self._afterwards.append, SOON: self._at_tick.append}
        self._most = connections
        self._quick = quick_paths
        self._listeners = listeners
        self._listening = False
        self._connections: set[Connection] = set()
        self._later: deque[Connection] = deque()
        self._answers: deque[Connection] = deque()
        self._done: deque[tuple[Connection, bytes, bool]] = deque()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._selector = selectors.DefaultSelector()
        self._awake, self.wake_fd = os.pipe()
        os.set_blocking(self._awake, False)
        os.set_blocking(self.wake_fd, False)
        self._selector.register(self._awake, selectors.EVENT_READ)
        self._next_tick = 0.0
        self._stopped_at = 0.0
        for listener in listeners:
            listener.setblocking(False)
        self._listen()

    def turn(self) -> None:
        """Wait for something to do, for up to a quarter of a second, and do it."""
        events = self._selector.select(0 if self._later else _TICK_SECONDS)
        now = time.monotonic()
        for first in range(0, max(len(events), 1), _TOGETHER):
            self._read(events[first : first + _TOGETHER], now)
            self._answer(now)
            self._send_answers(now)
            self._catch_up(self._afterwards)
        if now >= self._next_tick:
            self._next_tick = now + _TICK_SECONDS
            self._tick(now)
            self._send_answers(now)

    def _read(self, events: Sequence[tuple[selectors.SelectorKey, int]], now: float) -> None:
        for key, mask in events:
            if isinstance(key.data, Connection):
                self._guarded(key.data, key.data.ready, mask, now)
            elif key.fd == self._awake:
                self._sleep_again()
            else:
                self._accept(key.data, now)

    def _answer(self, now: float) -> None:
        for _ in range(min(len(self._later), _TOGETHER)):
            connection = self._later.popleft()
            self._guarded(connection, connection.advance, now)
        while self._done:
            connection, data, last = self._done.popleft()
            self._guarded(connection, connection.answered, data, last, now)

    def _send_answers(self, now: float) -> None:
        while self._answers:
            connection = self._answers.popleft()
            self._guarded(connection, connection.send, now)

    def stop(self, seconds: float) -> None:
        """Listen no more, answer what has arrived or arrives soon on connections that are open, and return.

        Args:
            seconds: what has no answer by then gets none.

        """
        now = self._stopped_at = time.monotonic()
        self.stopping = True
        self._pause()
        for listener in self._listeners:
            # Clients in the queue of the socket believe that they are connected. One that comes between the last look
            # and the close is reset: the system has no way to do both at once.
            while self._accept(listener, now):
                pass
            listener.close()
        while self._connections and time.monotonic() < now + seconds:
            self.turn()
        self._catch_up(self._afterwards)
        self._catch_up(self._at_tick)
        for connection in list(self._connections):
            connection.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._selector.close()

    def _catch_up(self, put_off: deque[Callable[[], object]]) -> None:
        """Do what the app put off."""
        while put_off:
            try:
                put_off.popleft()()
            except Exception:
                _logger.exception("work that was put off failed")

    def _guarded(self, connection: Connection, step: Any, *arguments: Any) -> None:
        try:
            step(*arguments)
        except Exception:
            # A mistake of this server costs one client its connection, and not the others theirs.
            _logger.exception("a connection failed")
            connection.close()

    def _tick(self, now: float) -> None:
        self._catch_up(self._at_tick)
        for connection in list(self._connections):
            if self.stopping and connection.idle and now > self._stopped_at + self.limits.last_call_seconds:
                connection.close()
            else:
                self._guarded(connection, connection.end_if_overdue, now)
        if not self._listening and not self.stopping and len(self._connections) < self._most:
            self._listen()

    def _sleep_again(self) -> None:
        try:
            while len(os.read(self._awake, 4096)) == 4096:  # noqa: PLR2004 - the size asked for
                pass
        except BlockingIOError:
            pass

    def _listen(self) -> None:
        for listener in self._listeners:
            self._selector.register(listener, selectors.EVENT_READ, listener)
        self._listening = True

    def _pause(self) -> None:
        if self._listening:
            for listener in self._listeners:
                self._selector.unregister(listener)
        self._listening = False

    def _accept(self, listener: socket.socket, now: float) -> bool:
        # One at a time: the other workers, woken by the same client, take the next ones.
        if len(self._connections) >= self._most and not self._drop_one():
            self._pause()
            return False
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _FULL:
                _logger.warning("no more connections for now: %s", error)
                self._pause()
            return False
        client.setblocking(False)
        base = self._base.copy()
        if isinstance(address, tuple):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            base |= {"REMOTE_ADDR": address[0], "REMOTE_PORT": str(address[1])}
        parser = RequestParser(self.limits, base, self._base["SCRIPT_NAME"])
        connection = Connection(self, client, parser, now)
        self._connections.add(connection)
        self.watch(connection, Interest.READ)
        # The request is often there already.
        self._guarded(connection, connection.ready, selectors.EVENT_READ, now)
        return True

    def _drop_one(self) -> bool:
        """Make room: the client that has been idle for longest goes, or else the one that has sent for longest."""
        candidates = [c for c in self._connections if c.idle] or [c for c in self._connections if c.receiving]
        if candidates:
            min(candidates, key=lambda connection: connection.since).close()
        return bool(candidates)

    def watch(self, connection: Connection, interest: Interest) -> None:
        """See ``Host``."""
        if connection.interest is Interest.NOTHING:
            if interest is not Interest.NOTHING:
                self._selector.register(connection.socket, interest.value, connection)
        elif interest is Interest.NOTHING:
            self._selector.unregister(connection.socket)
        else:
            self._selector.modify(connection.socket, interest.value, connection)
        connection.interest = interest

    def later(self, connection: Connection) -> None:
        """See ``Host``."""
        self._later.append(connection)

    def send_later(self, connection: Connection) -> None:
        """See ``Host``."""
        self._answers.append(connection)

    def answer(self, connection: Connection, request: Request) -> tuple[bytes, bool] | None:
        """See ``Host``."""
        self.answered += 1
        if request.refusal or (request.environ["PATH_INFO"] in self._quick and request.body_bytes <= _QUICK_BYTES):
            return answer(self._app, request, self._is_stopping)
        self._pool.submit(self._answer_in_thread, connection, request)
        return None

    def _is_stopping(self) -> bool:
        return self.stopping

    def _answer_in_thread(self, connection: Connection, request: Request) -> None:
        self._done.append((connection, *answer(self._app, request, self._is_stopping)))
        # A pipe that is full wakes as well.
        with suppress(BlockingIOError):
            os.write(self.wake_fd, b"\0")

    def closed(self, connection: Connection) -> None:
        """See ``Host``."""
        self.watch(connection, Interest.NOTHING)
        self._connections.discard(connection)
