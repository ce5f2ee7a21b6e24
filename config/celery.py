"""The Celery application. Tasks carry an id and call one service; what is due stands in the database."""

import os

from celery import Celery

from config.heartbeat import WorkerHeartbeat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("vertesia_aws_setup", task_cls="config.hint_task:HintTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add(WorkerHeartbeat)
# By name, because it needs Django, which is set up only when a worker starts.
app.steps["worker"].add("config.world:WorldCheck")
