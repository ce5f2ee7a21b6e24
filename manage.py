#!/usr/bin/env python
"""Django's command line for this console."""

import os
import signal
import sys

if sys.argv[1:2] == ["run"]:
    # Until the runner takes Ctrl-C over, it ends the process at once, for nothing was started yet: an interrupt that
    # falls into an import can get lost, and a shell that starts programs in the background has them ignore it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    execute_from_command_line(sys.argv)
