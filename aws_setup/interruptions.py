"""What ends an attempt without saying anything about the work itself: it is simply taken up again."""

from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError

INTERRUPTIONS = (SoftTimeLimitExceeded, OperationalError)
"""The worker's time for one message ran out, or the database was locked or away."""
