"""One plain-text mail by the server that EMAIL_URL names."""

import smtplib
import socket
from contextlib import suppress
from ssl import SSLCertVerificationError
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from aws_setup.notices.failures import NotDelivered

LONGEST_WORDS = 150
"""How much of what a mail server says is shown."""


def send_mail(*, message_id: str, subject: str, body: str) -> None:
    """Hand the mail over. Raises NotDelivered; each answer is waited for EMAIL_TIMEOUT seconds.

    Delivered means that the server took it for at least one of the addresses: what it does with it then is not known
    here. Sent twice, it bears the same Message-ID.
    """
    headers = {
        "Message-ID": f"<{message_id}@{urlsplit(settings.PUBLIC_URL).hostname or 'localhost'}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: nobody's holiday notice answers it
    }
    server = get_connection()
    mail = EmailMessage(subject, body, to=settings.NOTIFY_EMAILS, headers=headers, connection=server)
    try:
        mail.send()
    except smtplib.SMTPAuthenticationError as error:
        # Whatever the server says to a password stays with it.
        raise NotDelivered(f"The mail server refused the sign-in in EMAIL_URL ({error.smtp_code}).") from None
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        raise NotDelivered(f"The mail server takes no mail for these addresses: {code} {_words(words)}") from error
    except smtplib.SMTPResponseException as error:
        raise NotDelivered(f"The mail server answered {error.smtp_code}: {_words(error.smtp_error)}") from error
    except smtplib.SMTPNotSupportedError as error:
        raise NotDelivered("The mail server offers no TLS, or no sign-in, and EMAIL_URL asks for it.") from error
    except smtplib.SMTPException as error:
        raise NotDelivered("The mail server broke off, or did not answer in time.") from error
    except SSLCertVerificationError as error:
        raise NotDelivered(f"The mail server's certificate is not valid: {error.verify_message}.") from error
    except OSError as error:
        raise NotDelivered(_explain_no_connection(error)) from error
    finally:
        with suppress(OSError):
            server.close()  # Django leaves one open that refused the sign-in


def _explain_no_connection(error: OSError) -> str:
    match error:
        case TimeoutError():
            return f"The mail server did not answer within {settings.EMAIL_TIMEOUT:.0f} seconds."
        case socket.gaierror():
            return "The mail server cannot be found: its host name does not resolve."
        case ConnectionRefusedError():
            return "The mail server cannot be reached: nothing listens at that address and port."
    return f"The mail server cannot be reached: {error.strerror or 'the connection broke off'}."


def _words(said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:LONGEST_WORDS]
