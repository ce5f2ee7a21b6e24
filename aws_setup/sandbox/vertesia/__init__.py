"""The local Vertesia: token service and API on a port of their own, as strict and as masking as the real ones.

It knows the sandbox's AWS as Vertesia knows AWS: by HTTP only. What is asked of it follows Vertesia's public clients
(https://github.com/vertesia/composableai, https://github.com/vertesia/llumiverse); what they leave open is marked
"believed" where it is decided.
"""
