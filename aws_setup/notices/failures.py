"""That a message was not delivered, and why, in one sentence that holds nothing secret. Pure."""


class NotDelivered(Exception):
    """Nobody can be said to have the message; trying again may help. The text is for people."""

    @property
    def sentence(self) -> str:
        return str(self)
