"""Ctrl-C while the server works: the statement is cancelled, instead of the signal waiting for its end."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
from sqlalchemy import Connection

_INTERRUPTS = bytes((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


@contextmanager
def cancelled_by_signals(connection: Connection) -> Iterator[None]:
    """Within this block, a signal that Python handles cancels the statement that runs on the connection.

    psycopg2 waits for the server within C code, where Python's own handlers do not run until the statement has ended:
    building an index can take an hour. Outside the main thread, and where a program has a wake-up of its own (asyncio),
    this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    previous = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    driver = connection.connection.dbapi_connection
    thread = threading.Thread(target=_cancel_on_signal, args=(reading, driver), daemon=True)
    try:
        if previous == -1:
            thread.start()
        else:
            signal.set_wakeup_fd(previous)
        yield
    finally:
        signal.set_wakeup_fd(previous)
        writing.close()
        if thread.ident is not None:
            thread.join()
        reading.close()


def _cancel_on_signal(reading: socket.socket, driver: Any) -> None:
    while received := reading.recv(1):
        if received in _INTERRUPTS:
            with suppress(psycopg2.Error):
                driver.cancel()
