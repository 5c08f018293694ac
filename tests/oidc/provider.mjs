// A real OpenID provider for tests, on 127.0.0.1, whose people and whose misbehaviour a test decides.
//
// node provider.mjs PORT REDIRECT_URI
//
// POST /control {"person": {"sub", "email", "email_verified", "name"}, "claims": {…}, "key": "own" | "other" | "new" | "secret" | "none", "down": false}
// says who signs in, which claims the id_token has instead of the right ones, and what it is signed with.

import { once } from "node:events";
import { text } from "node:stream/consumers";
import { SignJWT, UnsecuredJWT, decodeJwt, exportJWK, generateKeyPair, importJWK } from "jose";
import Provider from "oidc-provider";

const [port, back] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const right = { claims: {}, key: "own", down: false };
let now = { ...right };
const people = new Map();

async function newKey(kid) {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: "RS256", use: "sig" };
}
const own = await newKey("own");
const other = await newKey("own"); // the same id: only the signature tells
const fresh = await newKey("new"); // which it has not had before
const open = Object.fromEntries(["kty", "n", "e", "kid", "alg", "use"].map((name) => [name, fresh[name]]));
const secret = "a secret of the tests alone";

const provider = new Provider(issuer, {
  clients: [{ client_id: "course", client_secret: secret, redirect_uris: [back], grant_types: ["authorization_code"], response_types: ["code"] }],
  jwks: { keys: [own] },
  cookies: { keys: ["a key of the tests alone"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ ...people.get(id), sub: id }) }),
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
});

async function signed(token) {
  const claims = { ...decodeJwt(token), ...now.claims };
  for (const [name, value] of Object.entries(claims)) if (value === null) delete claims[name];
  if (now.key === "none") return new UnsecuredJWT(claims).encode();
  if (now.key === "secret") return new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));
  const key = { own, other, new: fresh }[now.key];
  return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: key.kid }).sign(await importJWK(key, "RS256"));
}

provider.use(async (ctx, next) => {
  if (ctx.path === "/control") {
    const { person, ...wanted } = JSON.parse(await text(ctx.req));
    now = { ...right, ...wanted };
    if (person) people.set(person.sub, person);
    ctx.body = {};
  } else if (now.down) {
    ctx.status = 503;
  } else if (/^\/interaction\/[^/]+\/no$/.test(ctx.path)) {
    await provider.interactionFinished(ctx.req, ctx.res, { error: "access_denied" }, { mergeWithLastSubmission: false });
    ctx.respond = false;
  } else if (ctx.path.startsWith("/interaction/")) {
    if (ctx.method === "POST") {
      const login = { accountId: new URLSearchParams(await text(ctx.req)).get("login") };
      await provider.interactionFinished(ctx.req, ctx.res, { login }, { mergeWithLastSubmission: false });
      ctx.respond = false;
    } else {
      ctx.body = `<!doctype html><html lang="en"><title>Provider</title><h1>Sign in at the provider</h1><form method="post">
        <label>Who are you <input name="login" required></label> <button>It is me</button></form>
        <p><a href="${ctx.path}/no">No</a></p></html>`;
    }
  } else {
    await next();
    if (ctx.path === "/jwks" && now.key === "new") ctx.body = { keys: [...ctx.body.keys, open] };
    if (ctx.oidc?.route === "token" && ctx.body?.id_token) ctx.body.id_token = await signed(ctx.body.id_token);
  }
});

const server = provider.listen(Number(port), "127.0.0.1");
await once(server, "listening");
console.log("ready");
