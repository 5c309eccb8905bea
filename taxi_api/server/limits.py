"""How much and how slowly a client may send and take; what is beyond is refused, so that others are served."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bytes and seconds for one connection."""

    target_bytes: int = 8190
    # All header fields of a request together, and their number.
    header_bytes: int = 32 * 1024
    headers: int = 100
    body_bytes: int = 1024 * 1024
    # Bodies of up to this size are always taken; larger ones share what a worker holds at a time.
    small_body_bytes: int = 64 * 1024
    held_bytes: int = 64 * 1024 * 1024
    keep_alive_seconds: float = 30
    # A whole head must arrive in this time.
    head_seconds: float = 10
    # A body, and an answer on its way out, may take this time and a second more for each so many bytes.
    transfer_seconds: float = 10
    bytes_per_second: int = 16 * 1024
    # After a refusal the rest is read and dropped for so long: a client that is still sending would lose the answer.
    linger_seconds: float = 5
    # When the worker stops, a client that has its connection open may begin one more request in this time.
    last_call_seconds: float = 1
