#!/usr/bin/env python3
"""Runs an independent PACO merchant against a real `sandgate` process.

    run.py --sandgate PATH_TO_BINARY [--timeout SECONDS]

It starts the server itself on free ports with throw-away data, exports the demo
merchant's credentials as a user would, and then plays one scenario a line. The
last line is `N passed, N failed`; the exit status is 1 if any failed.
"""

import argparse
import itertools
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid
from pathlib import Path

from paco_client import JWE_ENCS, JWS_ALGS, Card, Order, PacoClient, load_key

MERCHANT = "demo-paco"
DEMO_TOKEN = "5a6d0b3e9c4f4e1f8a7b2c1d3e4f5a6b"
# A published sandbox card; every Luhn-valid card that is not a magic one pays.
CARD = Card("4916474086308295", "1227", "123")
PRD_ENCRYPTION_KEY = (
    Path(__file__).resolve().parents[3]
    / "fixtures/paco/keys/paco-prd-encryption.public.pem"
)
ACCESS_DENIED = {"message": "Access Denied"}


class Failed(Exception):
    """A scenario's expectation did not hold."""


def expect(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what}: expected {wanted!r}, got {got!r}")


def expect_true(what, holds):
    if not holds:
        raise Failed(what)


def member(value, *path):
    """Walks into JSON and says where the way ended when it does."""
    for depth, name in enumerate(path):
        try:
            value = value[name]
        except (KeyError, IndexError, TypeError):
            way = ".".join(str(step) for step in path[:depth]) or "the body"
            found = sorted(value) if isinstance(value, dict) else repr(value)[:200]
            raise Failed(f"no {name!r} in {way}, which has {found}") from None
    return value


class Sandgate:
    """The server under test and the command line that talks to it."""

    def __init__(self, binary, folder, timeout_s):
        self.binary = str(binary)
        self.folder = folder
        self.timeout_s = timeout_s
        # A developer's own settings must not change what is tested.
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("SANDGATE_")
        }
        self.ready_file = folder / "ready.json"
        self.log_path = folder / "server.log"
        self.process = None
        self.base_urls = {}

    def start(self):
        command = [
            self.binary, "serve", "--ephemeral", "--port-base", "0",
            "--ready-file", str(self.ready_file),
        ]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until = time.monotonic() + self.timeout_s
        while not self.ready_file.exists():
            status = self.process.poll()
            if status is not None:
                raise Failed(f"the server ended with {status} before it was ready")
            if time.monotonic() > until:
                raise Failed(f"no ready file within {self.timeout_s} s")
            time.sleep(0.02)
        ready = json.loads(self.ready_file.read_text(encoding="utf-8"))
        expect("pid in the ready file", ready.get("pid"), self.process.pid)
        self.base_urls = member(ready, "base_urls")
        for name in ("admin", "paco"):
            member(self.base_urls, name)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=self.timeout_s)
        except subprocess.TimeoutExpired:
            raise Failed(f"still running {self.timeout_s} s after SIGTERM") from None
        expect("exit status after SIGTERM", status, 0)

    def kill(self):
        """Makes sure that no run leaves a server behind, however it ended."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=self.timeout_s)

    def command(self, *arguments):
        done = subprocess.run(
            [self.binary, *arguments, "--admin", self.base_urls["admin"]],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=self.timeout_s,
            check=False,
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
            shown = " ".join(arguments)
            raise Failed(f"`sandgate {shown}` exited with {done.returncode}: {said[-500:]}")
        return done.stdout.decode("utf-8")

    def explain(self, exchange=None):
        chosen = [] if exchange is None else [exchange]
        said = self.command("explain", *chosen, "--json")
        try:
            return json.loads(said)
        except ValueError as error:
            raise Failed(f"the explanation is not JSON: {error}: {said[:200]!r}") from None

    def log_tail(self):
        if not self.log_path.exists():
            return ""
        return self.log_path.read_text(encoding="utf-8", errors="replace")[-2000:]


def read_env(path):
    """Reads NAME=VALUE lines, with or without `export` and quotes."""
    values = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.strip().removeprefix("export ")
        if not line or line.startswith("#") or "=" not in line:
            continue
        name, value = line.split("=", 1)
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[name.strip()] = value
    return values


class WrongIssuer(PacoClient):
    """Calls itself by the name that only the gateway's answers may have."""

    def request_claims(self, request):
        return {**super().request_claims(request), "iss": "PacoIssuer"}


class TwoHoursLate(PacoClient):
    """Has a clock that stopped, so its tokens have expired on arrival."""

    def now(self):
        return super().now() - 7200


class Run:
    """The scenarios, in the order in which they are played."""

    def __init__(self, sandgate, folder):
        self.sandgate = sandgate
        self.folder = folder
        self.passed = 0
        self.failed = 0
        self.keys = {}
        self.environment = {}
        self.order_numbers = itertools.count(int(time.time() * 1000))
        self.voided = None
        self.last_refused = None

    def play(self, title, scenario, *arguments):
        try:
            scenario(*arguments)
        # Whatever goes wrong in one scenario must not hide the others.
        except Exception as error:
            self.failed += 1
            kind = "" if isinstance(error, Failed) else f"{type(error).__name__}: "
            reason = re.sub(r"\s+", " ", f"{kind}{error}")
            print(f"FAIL  {title}: {reason}", flush=True)
            return False
        self.passed += 1
        print(f"ok    {title}", flush=True)
        return True

    def all(self):
        if not self.play("the server starts and writes its ready file", self.sandgate.start):
            return
        if not self.play("credentials export writes .env and the key files", self.export):
            return
        self.pages()
        self.payments()
        self.algorithms()
        self.forms()
        self.refusals()

    def stop(self):
        self.play("SIGTERM stops the server with exit status 0", self.sandgate.stop)

    # Setting up.

    def export(self):
        out = self.folder / "credentials"
        self.sandgate.command("credentials", "export", MERCHANT, "--out", str(out))
        self.environment = read_env(out / ".env")
        for name in ("BASE_URL", "ACCESS_TOKEN", "BASIC_USER", "BASIC_PASSWORD", "KID", "OFFICE_ID"):
            expect_true(f"SANDGATE_PACO_{name} is missing in .env", self.env(name))
        expect("SANDGATE_PACO_ACCESS_TOKEN", self.env("ACCESS_TOKEN"), DEMO_TOKEN)
        expect(
            "SANDGATE_PACO_BASE_URL",
            self.env("BASE_URL").rstrip("/"),
            self.sandgate.base_urls["paco"].rstrip("/"),
        )
        self.keys = {
            "signing_key": load_key(out / "merchant-signing.private.pem"),
            "encryption_key": load_key(out / "merchant-encryption.private.pem"),
            "gateway_signing_key": load_key(out / "paco-signing.public.pem"),
            "gateway_encryption_key": load_key(out / "paco-encryption.public.pem"),
        }
        self.ca_file = out / "ca.pem"
        expect_true("ca.pem is missing", self.ca_file.is_file())

    def env(self, name):
        return self.environment.get(f"SANDGATE_PACO_{name}", "")

    def client(self, kind=PacoClient, **changes):
        return kind(
            **{
                "base_url": self.env("BASE_URL"),
                "token": self.env("ACCESS_TOKEN"),
                "kid": self.env("KID"),
                "basic": (self.env("BASIC_USER"), self.env("BASIC_PASSWORD")),
                "timeout_s": self.sandgate.timeout_s,
                **self.keys,
                **changes,
            }
        )

    def order(self, office_id="DEMO_NEPAL", currency="NPR"):
        return Order(office_id, str(next(self.order_numbers)), currency=currency)

    # Hosted pages.

    def pages(self):
        self.play("prePaymentUi 2.0 answers PC-B050001 in camelCase", self.page_2_0)
        self.play("prePaymentUi 1.0 answers PC-B050001 in the older casing", self.page_1_0)
        self.play("an answer carries kid, jti, typ and an hour of life", self.answer_headers)
        self.play("transactionStatus of an open page is PCPS/GP", self.open_page_status)

    def page_2_0(self):
        order = self.order()
        answer = self.client().pre_payment_ui(order, version="2.0")
        self.expect_sealed(answer, 200)
        body = answer.body
        expect("members of the response", set(body), {"data", "version", "apiResponse"})
        expect("version", body["version"], "2.0")
        expect("responseCode", member(body, "apiResponse", "responseCode"), "PC-B050001")
        result = member(body, "data", "paymentIncompleteResult")
        expect("orderNo", member(result, "orderNo"), order.order_no)
        expect("state", self.state(result), ("PCPS", "GP"))
        returned = member(result, "notificationURLs", "confirmationUrl")
        expect_true(f"{returned} lacks the order number", f"orderNo={order.order_no}" in returned)
        page = urllib.parse.urlsplit(member(body, "data", "paymentPage", "paymentPageURL"))
        pid = urllib.parse.parse_qs(page.query).get("pid", [""])[0]
        expect("pid of the page", pid, member(result, "controllerInternalID"))

    def page_1_0(self):
        order = self.order()
        answer = self.client().pre_payment_ui(order, version="1.0")
        self.expect_sealed(answer, 200)
        body = answer.body
        expect("members of the response", set(body), {"Data", "Version", "ApiResponse"})
        expect("Version", body["Version"], "1.0")
        expect("ResponseCode", member(body, "ApiResponse", "ResponseCode"), "PC-B050001")
        result = member(body, "Data", "paymentIncompleteResult")
        expect("orderNo", member(result, "orderNo"), order.order_no)
        expect("state", self.state(result, "1.0"), ("PCPS", "GP"))
        member(result, "notificationURLs", "ConfirmationUrl")
        text = member(result, "transactionAmount", "AmountText")
        expect("AmountText", text, order.amount["amountText"])
        member(body, "Data", "paymentPage", "paymentPageURL")

    def answer_headers(self):
        answer = self.client().pre_payment_ui(self.order())
        self.expect_sealed(answer, 200)
        for header in (answer.jwe_header, answer.jws_header):
            expect("typ", header.get("typ"), "JWT")
            expect_true(f"no kid in {header}", header.get("kid"))
        uuid.UUID(member(answer.jws_header, "jti"))
        wanted = ["response", "aud", "iss", "exp", "iat", "nbf"]
        expect("order of the claims", list(answer.claims), wanted)
        expect("lifetime", answer.claims["exp"] - answer.claims["iat"], 3600)
        expect_true("no sandgate-exchange header", answer.exchange)

    def open_page_status(self):
        order = self.order()
        client = self.client()
        self.expect_sealed(client.pre_payment_ui(order), 200)
        self.expect_inquiry(client, order, ("PCPS", "GP"))

    # Card payments.

    def payments(self):
        self.play("nonUi without 3-D Secure is approved (PC-B050000, A/PA)", self.approval)
        self.play("nonUi 1.0 is approved in the older casing", self.approval_1_0)
        self.play("transactionStatus is plain JSON with an array", self.inquiry)
        self.play("transactionStatus of an unknown order is PC-B052201", self.unknown_order)
        self.play("Void of an approval gives V/VD", self.void)
        self.play("a second Void gives PC-B050013, HTTP 400, sealed", self.second_void)
        self.play("nonUi and Settlement (PUT) give S/ST", self.settlement)
        self.play("Void after Settlement gives PC-B050013", self.void_after_settlement)
        self.play("an office that settles by itself reaches S/ST", self.auto_settlement)

    def approve(self, client, order):
        answer = client.non_ui(order, CARD)
        self.expect_sealed(answer, 200)
        expect("responseCode", member(answer.body, "apiResponse", "responseCode"), "PC-B050000")
        return member(answer.body, "data", "paymentResult")

    def approval(self):
        order = self.order("DEMO_MANUAL")
        result = self.approve(self.client(), order)
        expect("orderNo", member(result, "orderNo"), order.order_no)
        expect("state", self.state(result), ("A", "PA"))
        code = member(result, "approvalCode")
        expect_true(f"approvalCode is {code!r}, not six digits", re.fullmatch(r"\d{6}", code))
        masked = member(result, "creditCardAuthenticatedDetails", "cardNumber")
        expect_true("the card number is not masked", masked != CARD.number)

    def approval_1_0(self):
        answer = self.client().non_ui(self.order("DEMO_MANUAL"), CARD, version="1.0")
        self.expect_sealed(answer, 200)
        expect("ResponseCode", member(answer.body, "ApiResponse", "ResponseCode"), "PC-B050000")
        result = member(answer.body, "Data", "paymentResult")
        expect("state", self.state(result, "1.0"), ("A", "PA"))

    def inquiry(self):
        order = self.order("DEMO_MANUAL")
        client = self.client()
        self.approve(client, order)
        self.expect_inquiry(client, order, ("A", "PA"))

    def unknown_order(self):
        answer = self.client().transaction_status("9" * 13)
        self.expect_json(answer, 400)
        expect("responseCode", member(answer.body, "apiResponse", "responseCode"), "PC-B052201")

    def void(self):
        order = self.order("DEMO_MANUAL")
        client = self.client()
        code = member(self.approve(client, order), "approvalCode")
        answer = client.void(order, code)
        self.expect_sealed(answer, 200)
        expect("responseCode", member(answer.body, "apiResponse", "responseCode"), "PC-B050000")
        # The result of a void is not wrapped in paymentResult.
        expect("state", self.state(member(answer.body, "data")), ("V", "VD"))
        self.expect_inquiry(client, order, ("V", "VD"))
        self.voided = order, code

    def second_void(self):
        expect_true("needs the order of the first Void", self.voided)
        client = self.client()
        self.expect_wrong_state(client.void(*self.voided))
        self.expect_inquiry(client, self.voided[0], ("V", "VD"))

    def settle(self, client):
        order = self.order("DEMO_MANUAL")
        code = member(self.approve(client, order), "approvalCode")
        answer = client.settlement(order, code)
        self.expect_sealed(answer, 200)
        expect("responseCode", member(answer.body, "apiResponse", "responseCode"), "PC-B050000")
        expect("state", self.state(member(answer.body, "data")), ("S", "ST"))
        self.expect_inquiry(client, order, ("S", "ST"))
        return order, code

    def settlement(self):
        self.settle(self.client())

    def void_after_settlement(self):
        client = self.client()
        self.expect_wrong_state(client.void(*self.settle(client)))

    def auto_settlement(self):
        order = self.order("DEMO_AUTOSETTLE", "PHP")
        client = self.client()
        code = member(self.approve(client, order), "approvalCode")
        until = time.monotonic() + 5
        while True:
            row = self.status_row(client, order)
            if self.state(row) == ("S", "ST") or time.monotonic() > until:
                break
            time.sleep(0.1)
        expect("state", self.state(row), ("S", "ST"))
        self.expect_wrong_state(client.void(order, code))

    # The algorithms of the two layers.

    def algorithms(self):
        for alg, enc in itertools.product(JWS_ALGS, JWE_ENCS):
            self.play(f"{alg} in RSA-OAEP with {enc}, both ways", self.pair, alg, enc)

    def pair(self, alg, enc):
        # The client itself refuses an answer with any other algorithm. Basic
        # credentials stay out, as most live clients send none.
        client = self.client(jws_alg=alg, jwe_enc=enc, basic=None)
        answer = client.pre_payment_ui(self.order())
        self.expect_sealed(answer, 200)
        expect("JWS alg", answer.jws_header["alg"], alg)
        expect("JWE alg", answer.jwe_header["alg"], "RSA-OAEP")
        expect("JWE enc", answer.jwe_header["enc"], enc)
        expect("responseCode", member(answer.body, "apiResponse", "responseCode"), "PC-B050001")

    # The forms of question and answer.

    def forms(self):
        self.play("plain JSON in, plain JSON out", self.json_both)
        self.play("plain JSON 1.0 is camelCase too", self.json_1_0)
        self.play("JOSE in, JSON out by Accept", self.jose_to_json)
        self.play("JSON in, JOSE out by Accept", self.json_to_jose)
        self.play("without Accept the answer has the form of the request", self.no_accept)
        self.play("HTTPS on the same port, trusting ca.pem", self.https)
        self.play("HTTPS without ca.pem is not trusted", self.https_untrusted)

    def expect_page_json(self, answer):
        self.expect_json(answer, 200)
        expect("responseCode", member(answer.body, "apiResponse", "responseCode"), "PC-B050001")
        member(answer.body, "data", "paymentPage", "paymentPageURL")

    def json_both(self):
        self.expect_page_json(self.client().pre_payment_ui(self.order(), send="json"))

    def json_1_0(self):
        answer = self.client().pre_payment_ui(self.order(), send="json", version="1.0")
        self.expect_page_json(answer)

    def jose_to_json(self):
        answer = self.client().pre_payment_ui(self.order(), send="jose", accept="json")
        self.expect_page_json(answer)

    def json_to_jose(self):
        answer = self.client().pre_payment_ui(self.order(), send="json", accept="jose")
        self.expect_sealed(answer, 200)
        expect("JWS alg", answer.jws_header["alg"], "PS256")
        expect("JWE enc", answer.jwe_header["enc"], "A128CBC-HS256")
        expect("responseCode", member(answer.body, "apiResponse", "responseCode"), "PC-B050001")

    def no_accept(self):
        client = self.client()
        self.expect_sealed(client.pre_payment_ui(self.order(), send="jose", accept=None), 200)
        self.expect_json(client.pre_payment_ui(self.order(), send="json", accept=None), 200)

    def https_url(self):
        port = urllib.parse.urlsplit(self.sandgate.base_urls["paco"]).port
        return f"https://127.0.0.1:{port}"

    def https(self):
        tls = ssl.create_default_context(cafile=self.ca_file)
        answer = self.client(base_url=self.https_url(), tls=tls).pre_payment_ui(self.order())
        self.expect_sealed(answer, 200)
        expect("responseCode", member(answer.body, "apiResponse", "responseCode"), "PC-B050001")

    def https_untrusted(self):
        client = self.client(base_url=self.https_url(), tls=ssl.create_default_context())
        try:
            client.pre_payment_ui(self.order())
        except ssl.SSLCertVerificationError:
            return
        raise Failed("the certificate was trusted without the sandbox CA")

    # Refusals and their explanations.

    def refusals(self):
        self.play("a wrong token is Access Denied and explained by paco.token", self.wrong_token)
        self.play("a wrong Basic password is refused with 401", self.wrong_basic)
        self.play("a wrong issuer is refused, with a near miss", self.wrong_issuer)
        self.play("an expired token is refused and explained", self.expired)
        self.play("a request for the PRD key is refused and explained", self.prd_key)
        self.play("explain without an id explains the last refused", self.explain_last)
        self.play("after all refusals an honest request is accepted", self.page_2_0)

    def wrong_token(self):
        wrong = "0123456789abcdef" * 2
        answer = self.client(token=wrong).pre_payment_ui(self.order())
        self.expect_json(answer, 401)
        expect("body", answer.body, ACCESS_DENIED)
        self.expect_failed_check(self.explain(answer), "paco.token")

    def wrong_basic(self):
        basic = (self.env("BASIC_USER"), "not-the-password")
        answer = self.client(basic=basic).pre_payment_ui(self.order())
        self.expect_json(answer, 401)
        expect("body", answer.body, ACCESS_DENIED)
        challenge = answer.headers.get("www-authenticate", "")
        expect_true(f"WWW-Authenticate is {challenge!r}", challenge.lower().startswith("basic"))
        self.expect_failed_check(self.explain(answer))

    def wrong_issuer(self):
        answer = self.client(WrongIssuer).pre_payment_ui(self.order())
        self.expect_jose_failure(answer)
        explanation = self.explain(answer)
        self.expect_failed_check(explanation)
        self.expect_near_miss(explanation)

    def expired(self):
        answer = self.client(TwoHoursLate).pre_payment_ui(self.order())
        self.expect_jose_failure(answer)
        self.expect_failed_check(self.explain(answer))

    def prd_key(self):
        client = self.client(gateway_encryption_key=load_key(PRD_ENCRYPTION_KEY))
        answer = client.pre_payment_ui(self.order())
        self.expect_jose_failure(answer)
        self.last_refused = answer.exchange
        explanation = self.explain(answer)
        self.expect_failed_check(explanation)
        self.expect_near_miss(explanation)

    def explain_last(self):
        expect_true("needs the refusal of the PRD key", self.last_refused)
        explanation = self.sandgate.explain()
        expect("exchange", member(explanation, "exchange"), self.last_refused)
        self.expect_failed_check(explanation)

    # What several scenarios expect.

    def state(self, result, version="2.0"):
        names = ("paymentStatus", "paymentStep")
        if version == "1.0":
            names = ("PaymentStatus", "PaymentStep")
        return tuple(member(result, "paymentStatusInfo", name) for name in names)

    def expect_sealed(self, answer, status):
        shown = answer.raw[:200]
        expect_true(f"expected HTTP {status}, got {answer.status}: "
                    f"{answer.body if answer.sealed else shown}", answer.status == status)
        expect_true(f"{answer.media_type} instead of JOSE: {shown}", answer.sealed)

    def expect_json(self, answer, status):
        shown = answer.raw[:200]
        expect_true(f"expected HTTP {status}, got {answer.status}: {shown}",
                    answer.status == status)
        expect("content type", answer.media_type, "application/json")

    def expect_jose_failure(self, answer):
        self.expect_json(answer, 400)
        member(answer.body, "message")

    def expect_wrong_state(self, answer):
        self.expect_sealed(answer, 400)
        expect("responseCode", member(answer.body, "apiResponse", "responseCode"), "PC-B050013")

    def status_row(self, client, order):
        answer = client.transaction_status(order.order_no)
        self.expect_json(answer, 200)
        # PC-B050000 says that the inquiry worked, not that the order is paid.
        expect("responseCode", member(answer.body, "apiResponse", "responseCode"), "PC-B050000")
        rows = member(answer.body, "data")
        expect_true(f"data is no array: {rows!r:.100}", isinstance(rows, list))
        expect("rows", len(rows), 1)
        expect("orderNo", member(rows, 0, "orderNo"), order.order_no)
        return rows[0]

    def expect_inquiry(self, client, order, state):
        expect("state by inquiry", self.state(self.status_row(client, order)), state)

    def explain(self, answer):
        expect_true("no sandgate-exchange header", answer.exchange)
        explanation = self.sandgate.explain(answer.exchange)
        expect("exchange", member(explanation, "exchange"), answer.exchange)
        expect("verdict", member(explanation, "verdict"), "refused")
        return explanation

    def expect_failed_check(self, explanation, wanted=None):
        checks = member(explanation, "checks")
        failed = [check for check in checks if member(check, "verdict") == "failed"]
        # The first failed check ends the ladder, so there is never a second.
        expect("number of failed checks", len(failed), 1)
        identity = member(failed[0], "id")
        if wanted is not None:
            expect("failed check", identity, wanted)
        for name in ("title", "expected", "got", "fix"):
            expect_true(f"{identity} has no {name}", member(failed[0], name))

    def expect_near_miss(self, explanation):
        near = member(explanation, "near_misses")
        expect_true("there is no near miss", near)
        for name in ("id", "title", "evidence"):
            expect_true(f"a near miss has no {name}", member(near, 0, name))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sandgate", required=True, type=Path, help="the binary to test")
    parser.add_argument(
        "--timeout", type=float, default=30, help="the bound of every single wait, in seconds"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sandgate-paco-") as name:
        folder = Path(name)
        sandgate = Sandgate(options.sandgate.resolve(), folder, options.timeout)
        run = Run(sandgate, folder)
        try:
            run.all()
            if sandgate.process is not None:
                run.stop()
        finally:
            sandgate.kill()
        if run.failed:
            print(f"--- end of the server's output\n{sandgate.log_tail()}\n---", flush=True)
    print(f"{run.passed} passed, {run.failed} failed")
    sys.exit(1 if run.failed else 0)


if __name__ == "__main__":
    main()
