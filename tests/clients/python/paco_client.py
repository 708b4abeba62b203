"""A small, honest PACO merchant: what an integrator would write by hand.

Every request is signed and then encrypted, every answer is decrypted and then
verified before its content is looked at. The only dependency beyond Python is
jwcrypto, so that nothing here shares code with the server under test.
"""

import base64
import http.client
import json
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone

from jwcrypto import jwe, jwk, jws

JWS_ALGS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
JWE_ENCS = (
    "A128CBC-HS256",
    "A192CBC-HS384",
    "A256CBC-HS512",
    "A128GCM",
    "A192GCM",
    "A256GCM",
)
MEDIA = {"jose": "application/jose; charset=utf-8", "json": "application/json"}


class UntrustedAnswer(Exception):
    """The answer is not what the gateway signed for this merchant."""


def load_key(path):
    with open(path, "rb") as file:
        return jwk.JWK.from_pem(file.read())


def amount(minor, currency):
    """The gateway's amount object, for currencies with two decimal places."""
    return {
        "amountText": f"{minor:012d}",
        "currencyCode": currency,
        "decimalPlaces": 2,
        "amount": minor / 100,
    }


@dataclass
class Order:
    office_id: str
    order_no: str
    minor: int = 12550
    currency: str = "NPR"
    description: str = "Tour deposit"

    @property
    def amount(self):
        return amount(self.minor, self.currency)


@dataclass
class Card:
    number: str
    expiry_mmyy: str
    cvv: str
    holder: str = "Demo Payer"


@dataclass
class Answer:
    status: int
    headers: dict
    raw: bytes
    media_type: str
    body: object
    sealed: bool = False
    jwe_header: dict = field(default_factory=dict)
    jws_header: dict = field(default_factory=dict)
    claims: dict = field(default_factory=dict)

    @property
    def exchange(self):
        return self.headers.get("sandgate-exchange")


class PacoClient:
    def __init__(
        self,
        base_url,
        token,
        signing_key,
        encryption_key,
        gateway_signing_key,
        gateway_encryption_key,
        kid,
        basic=None,
        jws_alg="PS256",
        jwe_enc="A128CBC-HS256",
        tls=None,
        skew_s=0,
        timeout_s=30,
    ):
        self.base_url = base_url.rstrip("/")
        self.token = token
        self.signing_key = signing_key
        self.encryption_key = encryption_key
        self.gateway_signing_key = gateway_signing_key
        self.gateway_encryption_key = gateway_encryption_key
        self.kid = kid
        self.basic = basic
        self.jws_alg = jws_alg
        self.jwe_enc = jwe_enc
        self.tls = tls
        # The gateway's own PHP sample allows no drift at all, so the default is
        # as strict as the strictest real client.
        self.skew_s = skew_s
        self.timeout_s = timeout_s

    # The operations.

    def pre_payment_ui(self, order, **how):
        request = self.payment_request(order)
        return self.call("POST", "Payment/prePaymentUi", request, **how)

    def non_ui(self, order, card, **how):
        request = self.payment_request(order)
        request["creditCardDetails"] = {
            "cardNumber": card.number,
            "cardExpiryMMYY": card.expiry_mmyy,
            "cvvCode": card.cvv,
            "payerName": card.holder,
        }
        return self.call("POST", "Payment/nonUi", request, **how)

    def transaction_status(self, order_no, version="2.0"):
        # The inquiry is never JOSE, neither the question nor the answer.
        path = "Inquiry/transactionStatus?" + urllib.parse.urlencode({"orderNo": order_no})
        headers = {
            "apiKey": self.token,
            "Accept": MEDIA["json"],
            "Content-Type": MEDIA["json"],
        }
        return self.exchange("GET", self.path(version, path), headers, None)

    def void(self, order, approval_code, **how):
        request = {
            "apiRequest": self.api_request(),
            "officeId": order.office_id,
            "orderNo": order.order_no,
            "productDescription": order.description,
            "issuerApprovalCode": approval_code,
            "actionBy": "demo-clerk",
            "voidAmount": order.amount,
        }
        return self.call("POST", "Void", request, **how)

    def settlement(self, order, approval_code, **how):
        request = {
            "apiRequest": self.api_request(),
            "officeId": order.office_id,
            "orderNo": order.order_no,
            "productDescription": order.description,
            "issuerApprovalCode": approval_code,
            "actionBy": "demo-clerk",
            "settlementAmount": order.amount,
        }
        return self.call("PUT", "Settlement", request, **how)

    # What a request consists of.

    def api_request(self):
        now = datetime.fromtimestamp(self.now(), timezone.utc)
        return {
            "requestMessageID": str(uuid.uuid4()),
            "requestDateTime": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "language": "en-US",
        }

    def payment_request(self, order):
        return {
            "apiRequest": self.api_request(),
            "officeId": order.office_id,
            "orderNo": order.order_no,
            "productDescription": order.description,
            "paymentType": "CC",
            "paymentCategory": "ECOM",
            "storeCardDetails": {"storeCardFlag": "N", "storedCardUniqueID": "{{guid}}"},
            "installmentPaymentDetails": {
                "ippFlag": "N",
                "installmentPeriod": 0,
                "interestType": None,
            },
            "mcpFlag": "N",
            "request3dsFlag": "N",
            "transactionAmount": order.amount,
            "notificationURLs": {
                "confirmationURL": "http://localhost/ok",
                "failedURL": "http://localhost/failed",
                "cancellationURL": "http://localhost/cancel",
                "backendURL": "http://localhost/notify",
            },
            "deviceDetails": {
                "browserIp": "192.0.2.10",
                "browser": "Firefox",
                "browserUserAgent": "Mozilla/5.0",
                "mobileDeviceFlag": "N",
            },
        }

    def now(self):
        return time.time()

    def request_claims(self, request):
        now = int(self.now())
        return {
            "request": request,
            "iss": self.token,
            "aud": "PacoAudience",
            "CompanyApiKey": self.token,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
        }

    def seal(self, claims):
        inner = jws.JWS(json.dumps(claims).encode())
        inner.allowed_algs = [self.jws_alg]
        header = {"alg": self.jws_alg, "typ": "JWT"}
        inner.add_signature(self.signing_key, None, json.dumps(header))
        header = {
            "alg": "RSA-OAEP",
            "enc": self.jwe_enc,
            "kid": self.kid,
            "typ": "JWT",
        }
        outer = jwe.JWE(inner.serialize(compact=True).encode(), json.dumps(header))
        outer.add_recipient(self.gateway_encryption_key)
        return outer.serialize(compact=True)

    # What an answer must prove.

    def unseal(self, token, same_algorithms_as_request):
        if token.count(".") != 4:
            raise UntrustedAnswer(f"a JWE has five parts, this has {token.count('.') + 1}")
        outer = jwe.JWE(algs=["RSA-OAEP", *JWE_ENCS])
        outer.deserialize(token)
        outer.decrypt(self.encryption_key)
        inner = jws.JWS()
        inner.allowed_algs = list(JWS_ALGS)
        inner.deserialize(outer.payload.decode("ascii"))
        inner.verify(self.gateway_signing_key)
        if same_algorithms_as_request:
            for name, got, wanted in (
                ("JWE enc", outer.jose_header["enc"], self.jwe_enc),
                ("JWS alg", inner.jose_header["alg"], self.jws_alg),
            ):
                if got != wanted:
                    raise UntrustedAnswer(f"{name} is {got}, the request had {wanted}")
        claims = json.loads(inner.payload)
        self.verify_claims(claims)
        return outer.jose_header, inner.jose_header, claims

    def verify_claims(self, claims):
        for name, wanted in (("iss", "PacoIssuer"), ("aud", self.token)):
            if claims.get(name) != wanted:
                raise UntrustedAnswer(f"{name} is {claims.get(name)!r}, not {wanted!r}")
        for name in ("iat", "nbf", "exp"):
            value = claims.get(name)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise UntrustedAnswer(f"{name} is {value!r}, not a number")
        # The real time is meant here, also when a caller pretends another one
        # in its requests.
        now = time.time()
        for name in ("iat", "nbf"):
            if claims[name] > now + self.skew_s:
                raise UntrustedAnswer(f"{name} {claims[name]} is in the future of {now}")
        if claims["exp"] <= now - self.skew_s:
            raise UntrustedAnswer(f"exp {claims['exp']} is in the past of {now}")

    # The wire.

    def path(self, version, rest):
        return f"/api/{version}/{rest}"

    def call(self, method, path, request, version="2.0", send="jose", accept="same"):
        """Sends `request` as JOSE or JSON and asks for JOSE or JSON.

        `accept` may be "same" (as sent), "jose", "json", or None for no header.
        """
        headers = {"Content-Type": MEDIA[send], "token": self.token}
        headers["CompanyApiKey" if send == "jose" else "apiKey"] = self.token
        if accept is not None:
            wanted = send if accept == "same" else accept
            headers["Accept"] = "application/jose" if wanted == "jose" else MEDIA["json"]
        if self.basic is not None:
            pair = ":".join(self.basic).encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        if send == "jose":
            body = self.seal(self.request_claims(request)).encode()
        else:
            body = json.dumps(request).encode()
        return self.exchange(method, self.path(version, path), headers, body, send == "jose")

    def exchange(self, method, path, headers, body, sent_jose=False):
        url = urllib.parse.urlsplit(self.base_url)
        if url.scheme == "https":
            connection = http.client.HTTPSConnection(
                url.hostname, url.port, timeout=self.timeout_s, context=self.tls
            )
        else:
            connection = http.client.HTTPConnection(
                url.hostname, url.port, timeout=self.timeout_s
            )
        try:
            connection.request(method, url.path + path, body=body, headers=headers)
            reply = connection.getresponse()
            raw = reply.read()
            received = {name.lower(): value for name, value in reply.getheaders()}
            status = reply.status
        finally:
            connection.close()
        return self.open_answer(status, received, raw, sent_jose)

    def open_answer(self, status, headers, raw, sent_jose):
        media_type = headers.get("content-type", "").split(";")[0].strip().lower()
        answer = Answer(status, headers, raw, media_type, None)
        # A gateway may wrap the token in double quotes, as a JSON string.
        text = raw.decode("utf-8").strip().strip('"')
        if media_type == "application/jose":
            answer.sealed = True
            opened = self.unseal(text, same_algorithms_as_request=sent_jose)
            answer.jwe_header, answer.jws_header, answer.claims = opened
            answer.body = answer.claims["response"]
        elif media_type == "application/json":
            answer.body = json.loads(raw)
        elif raw:
            raise UntrustedAnswer(f"HTTP {status} with the content type {media_type!r}")
        return answer
