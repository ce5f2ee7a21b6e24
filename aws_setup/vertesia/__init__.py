"""The live connection to Vertesia: what an organization has there, and what it is told and asked."""
