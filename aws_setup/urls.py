from django.urls import path

from aws_setup.views import change, finish, review, runs, wizard

wizard_urls = [
    path("connect/", wizard.connect, name="connect"),
    path("connect/new/", wizard.connect_new, name="connect_new"),
    path("drafts/<int:pk>/environment/", wizard.draft_environment, name="draft_environment"),
    path("drafts/<int:pk>/account/", wizard.draft_account, name="draft_account"),
    path("drafts/<int:pk>/permissions/", wizard.draft_permissions, name="draft_permissions"),
    path("drafts/<int:pk>/review/", review.draft_review, name="draft_review"),
    path("drafts/<int:pk>/plan/", review.draft_plan, name="draft_plan"),
    path("drafts/<int:pk>/approve/", review.draft_approve, name="draft_approve"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/plan-again/", runs.run_plan_again, name="run_plan_again"),
    path("environments/<int:pk>/finish/", finish.environment_finish, name="environment_finish"),
    path("environments/<int:pk>/confirm/", finish.environment_confirm, name="environment_confirm"),
    path("environments/<int:pk>/deny/", finish.environment_deny, name="environment_deny"),
    path("environments/<int:pk>/change/", change.environment_change, name="environment_change"),
    path("environments/<int:pk>/disconnect/", change.environment_disconnect, name="environment_disconnect"),
]

urlpatterns = [*wizard_urls]
