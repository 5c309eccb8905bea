"""One client's connection: its requests are answered one after the other, and it is ended when it is too slow."""

import socket
from contextlib import suppress
from enum import IntFlag
from http import HTTPStatus
from selectors import EVENT_READ, EVENT_WRITE
from typing import Protocol

from taxi_api.server.exchange import CONTINUE
from taxi_api.server.limits import Limits
from taxi_api.server.parser import Request, RequestParser

_READ_BYTES = 64 * 1024
# Requests that a client has sent ahead are answered in turns of so many, between those of other clients.
_TURN = 16


class Interest(IntFlag):
    """What a connection waits for at its socket."""

    NOTHING = 0
    READ = EVENT_READ
    WRITE = EVENT_WRITE


class Host(Protocol):
    """What a connection needs of the loop that it lives in."""

    limits: Limits
    # Whether the worker ends: each answer is the last one on its connection.
    stopping: bool
    # Bytes of large bodies and answers that all connections hold together.
    held_bytes: int

    def watch(self, connection: "Connection", interest: Interest) -> None:
        """Call ``ready`` when the socket is."""

    def later(self, connection: "Connection") -> None:
        """Call ``advance`` after other connections had their turn."""

    def send_later(self, connection: "Connection") -> None:
        """Call ``send`` after the answers of this turn."""

    def answer(self, connection: "Connection", request: Request) -> tuple[bytes, bool] | None:
        """Return an answer and whether it is the last one; None if ``answered`` is called with it later."""

    def closed(self, connection: "Connection") -> None:
        """Forget the connection."""


class Connection:
    """States: receiving, answering (``_busy``), sending (``_out``), lingering after a last answer, closed."""

    def __init__(self, host: Host, client: socket.socket, parser: RequestParser, now: float) -> None:
        """Take over a connected, non-blocking socket."""
        self.socket = client
        self.interest = Interest.NOTHING
        self._host = host
        self._parser = parser
        self._busy = False
        # Answers that are not sent, and whether the socket took no more of them.
        self._out: list[memoryview] = []
        self._full = False
        self._sent_bytes = 0
        self._last = False
        self._lingering = False
        self._held = 0
        # When what it does now began, by the monotonic clock: waiting, receiving, sending or lingering.
        self.since = now
        self._open = True

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not (self._busy or self._out or self._lingering or self._parser.began or self._parser.requests)

    @property
    def receiving(self) -> bool:
        """Whether a request has begun to arrive and none is being answered."""
        return self._parser.began and not (self._busy or self._out or self._parser.requests)

    def ready(self, events: int, now: float) -> None:
        """Read or write what the socket is ready for."""
        if events & EVENT_WRITE and self._full:
            self.send(now)
        elif self._busy or self._full:
            # Sent ahead, or gone: there is time for that after this answer.
            self._host.watch(self, Interest.WRITE if self._full else Interest.NOTHING)
        else:
            self._read(now)

    def _read(self, now: float) -> None:
        try:
            data = self.socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        elif not self._lingering:
            if not self._parser.began:
                self.since = now
            self._parser.feed(data)
            self._limit_held()
            self._host.later(self)

    def _limit_held(self) -> None:
        more = self._hold(self._parser.body_bytes)
        if more > 0 and self._host.held_bytes > self._host.limits.held_bytes:
            self._parser.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Too many large bodies arrive at once; try again.")

    def _hold(self, size: int) -> int:
        """Count what it holds, if that is not small; return by how much that is more."""
        size = size if size > self._host.limits.small_body_bytes else 0
        more = size - self._held
        if more:
            self._host.held_bytes += more
            self._held = size
        return more

    def advance(self, now: float) -> None:
        """Answer what has arrived, as far as that can be done now, and wait for what is next."""
        parser, host = self._parser, self._host
        for _ in range(_TURN):
            if not self._open or self._busy or self._full or self._last or not parser.requests:
                break
            request = parser.requests.popleft()
            self._hold(request.body_bytes)
            done = host.answer(self, request)
            if done is None:
                self._busy = True
            else:
                self._begin_answer(*done, now)
        if not self._out:
            self._await()

    def answered(self, data: bytes, last: bool, now: float) -> None:
        """Take the answer that was not there at once."""
        self._busy = False
        if self._open:
            self._begin_answer(data, last, now)
            self.advance(now)

    def _begin_answer(self, data: bytes, last: bool, now: float) -> None:
        if not self._out:
            self._host.send_later(self)
        self._out.append(memoryview(data))
        self._last = last
        self._sent_bytes = 0
        self.since = now
        self._hold(sum(map(len, self._out)))

    def send(self, now: float) -> None:
        """Send what is answered, as far as the socket takes it, and wait for what is next."""
        if not self._out:
            return  # closed meanwhile
        try:
            sent = self.socket.sendmsg(self._out)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.close()
            return
        self._sent_bytes += sent
        while self._out and sent >= len(self._out[0]):
            sent -= len(self._out.pop(0))
        self._full = bool(self._out)
        if self._full:
            self._out[0] = self._out[0][sent:]
        else:
            self.since = now
            self._hold(0)
            if self._last:
                self._end()
        self._await()

    def _end(self) -> None:
        """Close after a last answer, but not on a client that is still sending: that would lose it the answer."""
        if not self._parser.cut_short:
            self.close()
            return
        self._lingering = True
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()

    def _await(self) -> None:
        if not self._open:
            return
        if self._full:
            interest = Interest.WRITE
        elif self._busy:
            return  # most clients send nothing before they have their answer: no need to look away
        elif self._parser.requests and not self._last:
            self._host.later(self)
            interest = Interest.NOTHING
        else:
            interest = Interest.READ
            if self._parser.waits_for_continue:
                self._parser.waits_for_continue = False
                self._say_continue()
        if interest is not self.interest:
            self._host.watch(self, interest)

    def _say_continue(self) -> None:
        # A client that takes nothing runs into its time limit.
        with suppress(OSError):
            self.socket.send(CONTINUE)

    def end_if_overdue(self, now: float) -> None:
        """End the connection if the client takes too long."""
        if self._busy or now < self._deadline():
            return
        if self.receiving:
            self._parser.refuse(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.")
            self.advance(now)
        else:
            self.close()

    def _deadline(self) -> float:
        limits, parser = self._host.limits, self._parser
        if self._out:
            return self.since + limits.transfer_seconds + self._sent_bytes / limits.bytes_per_second
        if self._lingering:
            return self.since + limits.linger_seconds
        if parser.body_bytes >= 0:
            seconds = limits.head_seconds + limits.transfer_seconds
            return self.since + seconds + parser.body_bytes / limits.bytes_per_second
        return self.since + (limits.head_seconds if parser.began else limits.keep_alive_seconds)

    def close(self) -> None:
        """Close the socket, whatever is under way."""
        if self._open:
            self._open = False
            self._out = []
            self._full = False
            self._hold(0)
            self._host.closed(self)
            self.socket.close()
