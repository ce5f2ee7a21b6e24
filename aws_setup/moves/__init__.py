"""An organization that moves from one issuer to another: trust both, switch, prove, trust the new one alone."""
