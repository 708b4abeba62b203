#!/usr/bin/env python3
"""Runs independent PayNet clients against a real `sandgate` process.

    run.py --sandgate PATH_TO_BINARY [--timeout SECONDS]

It starts the server on free ports with throw-away data, exports the demo client's
credentials as a user would, runs `report.sh`, and then plays a client of its own
that is written on Python's standard library alone. One line a scenario; the last
is `N passed, N failed`, and the exit status is 1 if any failed.
"""

import argparse
import base64
import csv
import gzip
import hashlib
import hmac
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).resolve().parent
MALAYSIA = timezone(timedelta(hours=8))
REPORT = (
    "query($input: ReportParam){Report(input:$input)"
    "{status url expiry checksum{rows size md5hash}}}"
)
SUMMARY = (
    "query($input: SummaryParam){Summary(input:$input)"
    "{rows{transaction_type debit_volume debit_amount credit_volume credit_amount}}}"
)


def expect(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: expected {wanted!r}, got {got!r}")


def fetch(url, data=None, headers=None):
    """Status, headers and bytes of an answer, whatever its status."""
    request = urllib.request.Request(url, data=data, headers=headers or {})
    # No proxy of this machine may come between.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.headers, answer.read()


class Client:
    """A bank's client: a token, and a signature of each request's second."""

    def __init__(self, environment):
        self.base = environment["SANDGATE_PAYNET_BASE_URL"]
        self.id = environment["SANDGATE_PAYNET_CLIENT_ID"]
        self.secret = environment["SANDGATE_PAYNET_CLIENT_SECRET"]
        self.fiid = environment["SANDGATE_PAYNET_FIID"]
        self.token = None

    def ask_for_token(self):
        form = {"grant_type": "client_credentials", "client_id": self.id}
        form["client_secret"] = self.secret
        status, headers, body = fetch(
            f"{self.base}/oauth/token", urllib.parse.urlencode(form).encode()
        )
        expect("status of the token", status, 200)
        expect("Cache-Control", headers["Cache-Control"], "no-store")
        answer = json.loads(body)
        expect("type of the token", answer["token_type"].lower(), "bearer")
        self.token = answer["access_token"]

    def sign(self, timestamp):
        return hmac.new(self.secret.encode(), timestamp.encode(), hashlib.sha256).hexdigest()

    def headers(self):
        second = str(int(time.time()))
        return {
            "Authorization": f"Bearer {self.token}",
            "X-Timestamp": second,
            "X-Signature": self.sign(second),
            "X-Fiid": self.fiid,
        }

    def send(self, path, body=None, **otherwise):
        headers = {**self.headers(), **{name.replace("_", "-"): v for name, v in otherwise.items()}}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        return fetch(f"{self.base}{path}", data, headers)

    def query(self, query, **given):
        body = {"query": query, "variables": {"input": given}}
        status, _, answer = self.send("/v2/reports/query", body)
        expect("status of a query", status, 200)
        return json.loads(answer)

    def report(self, **given):
        for _ in range(50):
            answer = self.query(REPORT, **given)["data"]["Report"]
            if answer["status"] == "ready":
                return answer
            time.sleep(0.05)
        raise AssertionError(f"the report never became ready: {answer}")


class Run:
    def __init__(self, sandgate, admin, client, folder):
        self.sandgate, self.admin, self.client, self.folder = sandgate, admin, client, folder
        self.day = (datetime.now(MALAYSIA) - timedelta(days=1)).date()
        self.passed = self.failed = 0

    def play(self, title, scenario):
        try:
            scenario()
        except (AssertionError, KeyError, IndexError, ValueError, OSError) as error:
            self.failed += 1
            print(f"FAILED  {title}: {type(error).__name__}: {error}", flush=True)
        else:
            self.passed += 1
            print(f"ok      {title}", flush=True)

    def all(self):
        self.play("the shell's nightly job runs from token to checksum", self.shell)
        self.play("a token is issued for a form", self.client.ask_for_token)
        self.play("a token is issued for Basic credentials at /token", self.basic)
        self.play("the catalogue names reports and their products", self.catalogue)
        self.play("rows, size and MD5 of a report are true", self.checksum)
        self.play("a report has the fields that were asked for, in their order", self.fields)
        self.play("two cycles add up to the day", self.sums)
        self.play("of 50 fetches at once of a one-time URL exactly one wins", self.one_winner)
        for title, timestamp, signature, reason in self.mistakes():
            self.play(
                f"{title} is refused and named",
                lambda t=timestamp, s=signature, r=reason: self.mistake(t, s, r),
            )
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return self.failed == 0

    def shell(self):
        out = self.folder / "shell"
        out.mkdir()
        environment = {
            **os.environ,
            "PAYNET_BASE_URL": self.client.base,
            "PAYNET_CLIENT_ID": self.client.id,
            "PAYNET_CLIENT_SECRET": self.client.secret,
            "PAYNET_FIID": self.client.fiid,
            "REPORT_DATE": self.day.isoformat(),
            "OUT": str(out),
            "no_proxy": "*",
        }
        done = subprocess.run(
            ["bash", str(HERE / "report.sh")],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )
        expect(f"exit status (it said {done.stderr!r})", done.returncode, 0)
        expect("rows of SETL01", len((out / "setl01.csv").read_text().splitlines()) > 1, True)

    def basic(self):
        pair = base64.b64encode(f"{self.client.id}:{self.client.secret}".encode()).decode()
        status, _, body = fetch(
            f"{self.client.base}/token",
            b"grant_type=client_credentials",
            {"Authorization": f"Basic {pair}"},
        )
        expect("status", status, 200)
        expect("the token is the first member", body.startswith(b'{"access_token":"'), True)

    def catalogue(self):
        status, _, body = self.client.send("/v1/reports/types")
        expect("status", status, 200)
        types = {entry["type"]: entry for entry in json.loads(body)["data"]}
        expect("SETL01 is of SAN", "SAN" in types["SETL01"]["supported_products"], True)

    def itemised(self, fields, accept=None):
        ready = self.client.report(
            product="MYD", report="I01", date=self.day.isoformat(), fields=fields
        )
        headers = {"Accept-Encoding": accept} if accept else {}
        status, answered, body = fetch(ready["url"], headers=headers)
        expect("status of the file", status, 200)
        if accept:
            expect("Content-Encoding", answered["Content-Encoding"], accept)
            body = gzip.decompress(body)
        return ready["checksum"], body

    def checksum(self):
        checksum, body = self.itemised(["reference_id", "transaction_amount"], accept="gzip")
        expect("size", checksum["size"], len(body))
        expect("MD5", checksum["md5hash"], hashlib.md5(body).hexdigest())
        expect("rows", checksum["rows"], len(list(csv.DictReader(io.StringIO(body.decode())))))

    def fields(self):
        _, body = self.itemised(["transaction_amount", "reference_id"])
        rows = list(csv.reader(io.StringIO(body.decode())))
        expect("header", rows[0], ["transaction_amount", "reference_id"])
        expect("every row has two values", {len(row) for row in rows}, {2})

    def sums(self):
        def total(report, column):
            answer = self.client.query(
                SUMMARY, product="RPP", report=report, date=self.day.isoformat()
            )
            rows = answer["data"]["Summary"]["rows"]
            return sum((Decimal(str(row[column])) for row in rows), Decimal(0))

        for column in ("debit_volume", "debit_amount", "credit_volume", "credit_amount"):
            cycles = total("S01", column) + total("S02", column)
            expect(column, cycles, total("D01", column))

    def one_winner(self):
        asked = {
            "report_type": "SETL01", "product": "SAN", "date": self.day.isoformat(), "window": "",
        }
        status, _, body = self.client.send("/v1/reports/download", asked)
        expect("status of the download", status, 200)
        url = json.loads(body)["data"]["url"]
        with ThreadPoolExecutor(50) as pool:
            statuses = list(pool.map(lambda _: fetch(url)[0], range(50)))
        expect("winners", statuses.count(200), 1)
        expect("losers", statuses.count(403), 49)

    def mistakes(self):
        second = str(int(time.time()))
        secret, right = self.client.secret, self.client.sign(second)
        swapped = hmac.new(second.encode(), secret.encode(), hashlib.sha256).hexdigest()
        digest = hmac.new(secret.encode(), second.encode(), hashlib.sha256).digest()
        bare = hashlib.sha256((secret + second).encode()).hexdigest()
        late = str(int(time.time()) - 3600)
        return [
            ("a timestamp in milliseconds", f"{second}000", self.client.sign(f"{second}000"),
             "paynet.milliseconds"),
            ("a clock that is wrong by an hour", late, self.client.sign(late),
             "paynet.local_time"),
            ("key and message in each other's place", second, swapped,
             "paynet.signed_arguments_swapped"),
            ("a digest in base64", second, base64.b64encode(digest).decode(),
             "paynet.base64_digest"),
            ("a digest in upper case", second, right.upper(), "paynet.upper_case_hex"),
            ("a line break that echo added", second, self.client.sign(f"{second}\n"),
             "paynet.signed_newline"),
            ("a bare hash", second, bare, "paynet.hash_secret_first"),
            ("the token as the key", second,
             hmac.new(self.client.token.encode(), second.encode(), hashlib.sha256).hexdigest(),
             "paynet.token_as_key"),
        ]

    def mistake(self, timestamp, signature, reason):
        status, headers, _ = self.client.send(
            "/v1/reports/types", X_Timestamp=timestamp, X_Signature=signature
        )
        expect("status", status, 400)
        said = subprocess.run(
            [self.sandgate, "explain", headers["sandgate-exchange"], "--json",
             "--admin", self.admin],
            capture_output=True, text=True, timeout=30, check=True,
        )
        explanation = json.loads(said.stdout)
        expect("verdict", explanation["verdict"], "refused")
        found = [near["id"] for near in explanation["near_misses"]]
        expect(f"the first of {found}", found[:1], [reason])


def read_env(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--sandgate", required=True, type=Path)
    arguments.add_argument("--timeout", type=float, default=30.0)
    given = arguments.parse_args()
    sandgate = str(given.sandgate.resolve())
    for name in [name for name in os.environ if name.startswith("SANDGATE_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ready = folder / "ready.json"
        with open(folder / "server.log", "wb") as log:
            server = subprocess.Popen(
                [sandgate, "serve", "--ephemeral", "--port-base", "0", "--ready-file", str(ready)],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )
        try:
            until = time.monotonic() + given.timeout
            while not ready.exists():
                if server.poll() is not None or time.monotonic() > until:
                    print((folder / "server.log").read_text(), file=sys.stderr)
                    return 1
                time.sleep(0.02)
            admin = json.loads(ready.read_text())["base_urls"]["admin"]
            subprocess.run(
                [sandgate, "credentials", "export", "demo-paynet", "--out", "keys",
                 "--admin", admin],
                cwd=folder, stdout=subprocess.DEVNULL, timeout=30, check=True,
            )
            client = Client(read_env(folder / "keys/.env"))
            fine = Run(sandgate, admin, client, folder).all()
            server.terminate()
            expect("exit status after SIGTERM", server.wait(timeout=given.timeout), 0)
            return 0 if fine else 1
        finally:
            if server.poll() is None:
                server.kill()
                server.wait()


if __name__ == "__main__":
    sys.exit(main())
