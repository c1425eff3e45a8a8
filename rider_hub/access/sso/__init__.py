"""Single sign-on by OpenID Connect: the provider proves who it is, accounts and roles are the hub's."""
