"""Why a message was not delivered, in one sentence that holds nothing secret. Pure."""

import socket


class NotDelivered(Exception):
    """Nobody can be said to have the message; trying again may help. The text is for people."""

    @property
    def sentence(self) -> str:
        return str(self)


def explain_no_connection(error: OSError, *, whose: str, seconds: float) -> str:
    """What kept from reaching `whose` (“The receiver”) within so many seconds."""
    match error:
        case TimeoutError():
            return f"{whose} did not answer within {seconds:.0f} seconds."
        case socket.gaierror():
            return f"{whose} cannot be found: its host name does not resolve."
        case ConnectionRefusedError():
            return f"{whose} cannot be reached: nothing listens at that address and port."
    return f"{whose} cannot be reached: {error.strerror or 'the connection broke off'}."
