// A real OpenID provider on loopback for the tests: `node server.js '<settings as JSON>'`; says on which port once it listens.
// Whoever signs in is who they say they are; the pages are the provider's own for development.
import { createServer } from "node:http";

import { Provider } from "oidc-provider";

const settings = JSON.parse(process.argv[2]);

const provider = new Provider(settings.issuer, {
  clients: [
    {
      client_id: settings.client_id,
      client_secret: settings.client_secret,
      redirect_uris: settings.redirect_uris,
      token_endpoint_auth_method: settings.auth_method ?? "client_secret_basic",
    },
  ],
  clientAuthMethods: [settings.auth_method ?? "client_secret_basic"],
  jwks: settings.jwks,
  cookies: { keys: ["only for tests"] },
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  claims: { openid: ["sub"], profile: ["preferred_username"], acr: null, amr: null },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, preferred_username: `name of ${sub}` }),
  }),
  // What the person consented to at the provider is no matter of these tests.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});

createServer(provider.callback()).listen(0, "127.0.0.1", function ready() {
  process.stdout.write(`ready on ${this.address().port}\n`);
});
