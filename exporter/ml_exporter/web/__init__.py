"""The face towards the network: HTTP, authentication, and what each path answers."""
