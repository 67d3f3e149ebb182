"""Between processes: requests to a running experiment as files, and the channel that a run's own processes talk over."""

from ralphbench.control.channel import Channel, ChannelError, ChannelServer, Peer, Session, bind, connect
from ralphbench.control.requests import Request, pending_requests, send_request

__all__ = [
    "Channel",
    "ChannelError",
    "ChannelServer",
    "Peer",
    "Request",
    "Session",
    "bind",
    "connect",
    "pending_requests",
    "send_request",
]
