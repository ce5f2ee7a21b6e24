"""Passwords of people in tests, hashed as the console does it but in few rounds."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class FewRounds(PBKDF2PasswordHasher):
    """Django's default, whose million of rounds takes half a second for each person in each test."""

    iterations = 10
