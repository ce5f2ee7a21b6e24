"""Addresses of what concerns Vertesia alone."""

from django.urls import path

from environments import views

urlpatterns = [
    path("environments/<int:pk>/rename/", views.rename, name="environment_rename"),
    path("environments/<int:pk>/history/", views.history, name="environment_history"),
    path("issuers/", views.issuers, name="issuers"),
    path("issuers/move/", views.move_issuer, name="issuer_move"),
    path("issuers/add/", views.add_issuer, name="issuer_add"),
]
