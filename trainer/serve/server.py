"""Server: uvicorn, which ends without a word about the pages that are still open."""

import logging
import socket

import uvicorn


class Server(uvicorn.Server):
    """Uvicorn; open pages wait for news for ever, and being cut off is no error of theirs."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, quietly."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)
