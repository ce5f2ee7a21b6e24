"""Addresses of everything that shows or changes how environments are connected to AWS."""

from django.urls import path

from aws_setup.views import (
    accounts,
    adoption,
    batches,
    change,
    comparison,
    connection,
    deletion,
    environment_list,
    evidence,
    explaining,
    finish,
    listed_models,
    migration,
    model_use,
    notifications,
    overview,
    real_aws,
    review,
    runs,
    sandbox,
    schedule,
    wizard,
)

page_urls = [
    path("", overview.overview, name="overview"),
    path("environments/", environment_list.environments, name="environments"),
    path("environments/<int:pk>/", connection.environment, name="environment"),
    path("environments/<int:pk>/verify/", connection.verify, name="environment_verify"),
    path("environments/<int:pk>/verification/", connection.verification, name="environment_verification"),
    path("environments/<int:pk>/verifications/", evidence.verifications, name="environment_verifications"),
    path("environments/<int:pk>/verifications/<int:proof_pk>/", evidence.report, name="environment_report"),
    path(
        "environments/<int:pk>/verifications/<int:proof_pk>/report.json",
        evidence.report_json,
        name="environment_report_json",
    ),
    path("environments/<int:pk>/schedule/", schedule.change_schedule, name="environment_schedule"),
    path("environments/<int:pk>/comparison/", comparison.comparison, name="environment_comparison"),
    path("environments/<int:pk>/compare/", comparison.compare, name="environment_compare"),
    path("environments/<int:pk>/accept/", comparison.accept, name="environment_accept"),
    path("environments/<int:pk>/plan/", connection.plan_repair, name="environment_plan"),
    path("environments/<int:pk>/delete/", deletion.delete, name="environment_delete"),
    path("environments/<int:pk>/models/", listed_models.models, name="environment_models"),
    path("environments/<int:pk>/models/studio.json", listed_models.studio_models, name="environment_studio_models"),
    path("environments/<int:pk>/chosen-models/", model_use.chosen_models, name="environment_chosen_models"),
    path("environments/<int:pk>/one-token/", model_use.one_token, name="environment_one_token"),
    path("accounts/", accounts.accounts, name="accounts"),
    path("accounts/check/", accounts.check, name="accounts_check"),
    path("accounts/add/", accounts.add, name="account_add"),
    path("accounts/<int:pk>/defaults/", accounts.defaults, name="account_defaults"),
    path("accounts/policy/", accounts.provisioning_policy_page, name="provisioning_policy"),
    path("explain/", explaining.explain, name="explain"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/test/", notifications.send_test, name="notifications_test"),
    path("sandbox/", sandbox.sandbox, name="sandbox"),
    path("sandbox/failures/", sandbox.fail_on_purpose, name="sandbox_failures"),
    path("real-aws/", real_aws.real_aws, name="real_aws"),
]

wizard_urls = [
    path("connect/", wizard.connect, name="connect"),
    path("connect/new/", wizard.connect_new, name="connect_new"),
    path("drafts/<int:pk>/environment/", wizard.draft_environment, name="draft_environment"),
    path("drafts/<int:pk>/account/", wizard.draft_account, name="draft_account"),
    path("drafts/<int:pk>/permissions/", wizard.draft_permissions, name="draft_permissions"),
    path("drafts/<int:pk>/review/", review.draft_review, name="draft_review"),
    path("drafts/<int:pk>/adopt/", adoption.draft_adopt, name="draft_adopt"),
    path("drafts/<int:pk>/plan/", review.draft_plan, name="draft_plan"),
    path("drafts/<int:pk>/approve/", review.draft_approve, name="draft_approve"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/plan-again/", runs.run_plan_again, name="run_plan_again"),
    path("runs/<int:pk>/undo/", runs.run_undo, name="run_undo"),
    path("environments/<int:pk>/finish/", finish.environment_finish, name="environment_finish"),
    path("environments/<int:pk>/confirm/", finish.environment_confirm, name="environment_confirm"),
    path("environments/<int:pk>/deny/", finish.environment_deny, name="environment_deny"),
    path("environments/<int:pk>/change/", change.environment_change, name="environment_change"),
    path("environments/<int:pk>/disconnect/", change.environment_disconnect, name="environment_disconnect"),
]

migration_urls = [
    path("issuers/moves/", migration.migrations, name="migrations"),
    path("issuers/moves/<int:pk>/", migration.migration, name="migration"),
    path("issuers/moves/<int:pk>/plan/", migration.migration_plan, name="migration_plan"),
    path("issuers/moves/<int:pk>/switch/", migration.migration_switch, name="migration_switch"),
    path("issuers/moves/<int:pk>/switch-back/", migration.migration_switch_back, name="migration_switch_back"),
    path("issuers/moves/<int:pk>/give-up/", migration.migration_give_up, name="migration_give_up"),
]

batch_urls = [
    path("batches/", batches.batches, name="batches"),
    path("batches/template.csv", batches.batch_template, name="batch_template"),
    path("batches/<int:pk>/", batches.batch, name="batch"),
    path("batches/<int:pk>/approve/", batches.batch_approve, name="batch_approve"),
    path("batches/<int:pk>/retry/", batches.batch_retry, name="batch_retry"),
    path("batches/<int:pk>/rows/<int:position>/", batches.batch_row, name="batch_row"),
]

urlpatterns = [*page_urls, *wizard_urls, *batch_urls, *migration_urls]
