"""OpenID Connect: asking a provider who somebody is, and believing only what it has signed for us.

The code flow with PKCE (S256), `state` and `nonce`, as OpenID Connect Core 1.0, 3.1, has it. The provider is the one of the settings; no
address that a user sends is ever asked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from app.errors import AppError

LASTS: Final = 600  # seconds that somebody has to sign in there
_PATIENCE: Final = 8.0  # seconds for one request to the provider
_KEPT: Final = 3600  # seconds that what the provider says of itself is kept
_LEEWAY: Final = 60  # seconds that its clock may differ from ours
_KEYS_REST: Final = 30  # seconds between two looks for new keys, whatever ids of keys are named
# Signatures with a key that only the provider has; those with the client's secret (HS…), and none at all, are not taken.
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
_ASKED: Final = "openid email profile"
_log = logging.getLogger("course")


class ProviderUnavailable(AppError):
    """The provider cannot be asked at this moment."""

    status = 503


class NotBelieved(AppError):
    """What came back from the provider is not what it should be."""

    status = 502


class Declined(AppError):
    """Nobody signed in there, or not here, or too long ago."""

    status = 400


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider has signed in. `email` is "" when it says none; `verified` whether it vouches that it is theirs."""

    issuer: str
    subject: str
    email: str
    verified: bool
    name: str


@dataclass(frozen=True, slots=True)
class Journey:
    """Somebody on the way to the provider: what comes back must fit to it. It is kept in their browser, signed."""

    state: str
    nonce: str
    verifier: str
    target: str
    until: int

    @classmethod
    def begin(cls, target: str) -> Journey:
        """A new one, which leads to `target` in the end."""
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), target, int(time.time()) + LASTS)

    def fits(self, state: str) -> bool:
        """Whether that is the state that it was sent away with."""
        return hmac.compare_digest(state.encode(), self.state.encode())

    def packed(self, key: bytes) -> str:
        """For the cookie."""
        body = (
            base64.urlsafe_b64encode(json.dumps([self.state, self.nonce, self.verifier, self.target, self.until]).encode())
            .decode()
            .rstrip("=")
        )  # which cookies would have to quote
        return f"{body}.{_signature(key, body)}"

    @classmethod
    def unpacked(cls, key: bytes, packed: str) -> Journey | None:
        """From the cookie; None when we have not made it, or it took too long."""
        body, _, signature = packed.partition(".")
        if not hmac.compare_digest(signature.encode(), _signature(key, body).encode()):
            return None
        found = cls(*json.loads(base64.urlsafe_b64decode(body + "===")))
        return found if found.until >= time.time() else None


class OpenId:
    """One provider, and what it says of itself."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, back: str) -> None:
        """`back` is the address that the provider sends people back to."""
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._back = back
        self._metadata: dict[str, Any] = {}
        self._keys: dict[str, Any] = {}
        self._read_at = self._keys_read_at = float("-inf")
        self._trusted: Any = None

    async def address(self, journey: Journey) -> str:
        """Where somebody signs in. Raises ProviderUnavailable, NotBelieved."""
        metadata = await self._discovered()
        async with self._client(metadata) as client:
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"], state=journey.state, nonce=journey.nonce, code_verifier=journey.verifier
            )
        return str(url)

    async def identity(self, journey: Journey, code: str, issuer: str | None = None) -> Identity:
        """Who has come back with that code, and, if the provider has named itself, from that issuer (RFC 9207).

        Raises ProviderUnavailable, NotBelieved, Declined.
        """
        metadata = await self._discovered()
        if issuer is not None and issuer != metadata["issuer"]:
            raise _not_believed("it comes from another provider")
        async with self._client(metadata) as client:
            token = await self._token(client, metadata, journey, code)
            claims = await self._claims(metadata, token, journey.nonce)
            if not claims.get("email") and "userinfo_endpoint" in metadata:
                more = await self._told(client, metadata["userinfo_endpoint"])
                if more.get("sub") != claims["sub"]:
                    raise _not_believed("what it says of the person is of somebody else")
                claims = {**more, **claims}
        return Identity(
            metadata["issuer"],
            str(claims["sub"]),
            str(claims.get("email") or ""),
            claims.get("email_verified") is True,
            str(claims.get("name") or claims.get("preferred_username") or ""),
        )

    async def _discovered(self) -> dict[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery 1.0)."""
        if time.monotonic() - self._read_at > _KEPT:
            found = await self._read(f"{self._issuer}/.well-known/openid-configuration")
            # Settings drop a slash at the end, which some issuers have.
            if str(found.get("issuer")).rstrip("/") != self._issuer:
                raise _not_believed("it says that it is another provider")
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            given = [found[name] for name in (*needed, "userinfo_endpoint") if name in found]
            if not set(needed) <= set(found) or not all(isinstance(each, str) and _is_safe(each) for each in given):
                raise _not_believed("it does not say, under https, where people sign in")
            self._metadata, self._read_at = found, time.monotonic()
        return self._metadata

    async def _token(self, client: Any, metadata: dict[str, Any], journey: Journey, code: str) -> dict[str, Any]:
        import httpx2
        from authlib.integrations.base_client import OAuthError

        try:
            return dict(
                await client.fetch_token(
                    metadata["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=journey.verifier
                )
            )
        except OAuthError as error:
            _log.warning("the OpenID provider refuses a code: %s", str(error)[:200])
            raise Declined(
                f"{self._named} does not take the code that it has sent you back with.",
                help="Sign in once more. If it happens again, an admin should compare the client id and secret with the provider's.",
            ) from error
        except (httpx2.HTTPError, ValueError, TypeError) as error:
            raise self._unavailable(error) from error

    async def _claims(self, metadata: dict[str, Any], token: dict[str, Any], nonce: str) -> dict[str, Any]:
        """What the id_token says, once its signature, issuer, audience, time and nonce are right. Raises NotBelieved."""
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError
        from joserfc.jwk import KeySet
        from joserfc.jws import JWSRegistry

        text = token.get("id_token")
        if not isinstance(text, str):
            raise _not_believed("it sent no id_token")
        registry = JWSRegistry(algorithms=list(_ALGORITHMS), strict_check_header=False)
        try:
            try:
                read = jwt.decode(text, KeySet.import_key_set(await self._key_set(metadata)), registry=registry)
            except InvalidKeyIdError:  # it has new keys
                read = jwt.decode(text, KeySet.import_key_set(await self._key_set(metadata, anew=True)), registry=registry)
            wanted = {"iss": {"essential": True, "value": metadata["issuer"]}, "aud": {"essential": True, "value": self._client_id}}
            known = {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")}
            claims = CodeIDToken(read.claims, read.header, wanted, known)
            claims.validate(leeway=_LEEWAY)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            _log.warning("an id_token is refused: %s", str(error)[:200])
            raise _not_believed(f"its id_token is not right ({str(error)[:80]})") from error
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255 or not claims["sub"].isprintable():
            raise _not_believed("it names nobody")
        return dict(claims)

    async def _key_set(self, metadata: dict[str, Any], *, anew: bool = False) -> Any:
        age = time.monotonic() - self._keys_read_at
        if age > _KEPT or (anew and age > _KEYS_REST):
            self._keys, self._keys_read_at = await self._read(metadata["jwks_uri"]), time.monotonic()
        return self._keys

    async def _read(self, address: str) -> dict[str, Any]:
        import httpx2

        async with httpx2.AsyncClient(timeout=_PATIENCE, verify=self._authorities) as client:
            return await self._told(client, address)

    async def _told(self, client: Any, address: str) -> dict[str, Any]:
        """The JSON object at an address of the provider. Raises ProviderUnavailable."""
        import httpx2

        try:
            answer = await client.get(address, headers={"accept": "application/json"})
            answer.raise_for_status()
            told = answer.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise self._unavailable(error) from error
        if not isinstance(told, dict):
            raise _not_believed("it does not answer with a JSON object")
        return told

    def _client(self, metadata: dict[str, Any]) -> Any:
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        ways = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        way = next((way for way in ("client_secret_basic", "client_secret_post") if way in ways), "client_secret_basic")
        return AsyncOAuth2Client(
            self._client_id,
            self._client_secret or None,
            token_endpoint_auth_method=way if self._client_secret else "none",
            scope=_ASKED,
            redirect_uri=self._back,
            code_challenge_method="S256",
            timeout=_PATIENCE,
            verify=self._authorities,
        )

    @property
    def _authorities(self) -> Any:
        """Whose certificates are trusted: read once, for that takes longer than the rest."""
        if self._trusted is None:
            import httpx2

            self._trusted = httpx2.create_ssl_context()
        return self._trusted

    @property
    def _named(self) -> str:
        return f"The provider at {urlsplit(self._issuer).netloc}"

    def _unavailable(self, error: Exception) -> ProviderUnavailable:
        _log.warning("the OpenID provider cannot be asked: %s: %s", type(error).__name__, str(error)[:200])
        return ProviderUnavailable(
            f"{self._named}, where people sign in, does not answer as it should.",
            help="Try again in some minutes. Who has a password here can sign in with it meanwhile.",
        )


def _not_believed(why: str) -> NotBelieved:
    return NotBelieved(
        f"What the provider answered cannot be believed: {why}.",
        help="Nobody was signed in. Try once more; if it happens again, tell an admin.",
    )


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"))


def _signature(key: bytes, body: str) -> str:
    return hmac.new(key, b"open-id:" + body.encode(), hashlib.sha256).hexdigest()
