"""Connections of the server that lose no request when it is told to stop."""

from uvicorn.protocols.http.h11_impl import H11Protocol

FIRST_REQUEST = 2.0  # s to wait for what a new connection asks, once the server ends


class PatientProtocol(H11Protocol):
    """Answers what comes by a connection that was made just before the server was told to stop.

    uvicorn's own takes one that has asked nothing yet for idle, and closes it: its request, on the
    way already, would be lost. One that was answered before may be closed (RFC 9112, 9.3.1).
    """

    ending = False

    def shutdown(self) -> None:
        """End the connection after what is answered, or what its first request will be."""
        if self.cycle is None:
            self.ending = True
            self.loop.call_later(FIRST_REQUEST, self.end_if_idle)
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Read what came; if the server ends, it is the connection's last request."""
        super().data_received(data)
        if self.ending and self.cycle is not None:
            self.cycle.keep_alive = False

    def end_if_idle(self) -> None:
        """Close the connection if it still asks nothing."""
        if not self.transport.is_closing():
            super().shutdown()
