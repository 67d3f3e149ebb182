"""Between processes: requests to a running experiment as files, and the channel that a run's own processes talk over."""

from ralphbench.control.channel import Channel, ChannelError, ChannelServer, Session, bind, connect

__all__ = ["Channel", "ChannelError", "ChannelServer", "Session", "bind", "connect"]
