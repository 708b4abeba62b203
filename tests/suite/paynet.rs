//! The behaviour of PayNet's portal, through its socket.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::thread;

use flate2::read::GzDecoder;
use sandgate::crypto::hashes::Md5Stream;
use serde_json::{Value, json};

use crate::harness::{Sandbox, agent, wait_for};
use crate::portal::{FORM, JSON, LAST_DAY, Portal, link_whose_client_left, local, setl01};

const REPORT: &str = "query($input: ReportParam){Report(input:$input){status url expiry checksum{rows size md5hash}}}";

fn md5(bytes: &[u8]) -> String {
    let mut digest = Md5Stream::default();
    digest.update(bytes);
    digest.finish()
}

#[test]
fn both_paths_issue_tokens_compact_and_not_to_be_kept() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");

    for path in ["/oauth/token", "/token"] {
        let answer = sandbox.send("paynet", "POST", path, &[FORM], portal.form().as_bytes());

        answer.assert_status(200);
        let text = answer.text();
        assert!(text.starts_with("{\"access_token\":\"eyJ"), "{text}");
        assert!(text.ends_with("\",\"token_type\":\"bearer\",\"expires_in\":3600}"), "{text}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("pragma"), Some("no-cache"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("date"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
    }
    // printf 'demo-paynet:demoPaynetSecret0001' | base64
    let basic = ("authorization", "Basic ZGVtby1wYXluZXQ6ZGVtb1BheW5ldFNlY3JldDAwMDE=");
    let form = b"grant_type=client_credentials";
    sandbox.send("paynet", "POST", "/token", &[FORM, basic], form).assert_status(200);
    let wrong = ("authorization", "Basic ZGVtby1wYXluZXQ6eA==");
    let refused = sandbox.send("paynet", "POST", "/token", &[FORM, wrong], form);
    refused.assert_status(401);
    assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"PayNet SSO\""));
    let get = sandbox.send("paynet", "GET", "/token", &[], &[]);
    get.assert_status(405);
    assert_eq!(get.header("allow"), Some("POST"));
}

#[test]
fn the_journal_has_neither_secrets_nor_tokens() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    portal.types(&sandbox, &[]).assert_status(200);
    portal.types(&sandbox, &[("x-signature", &portal.secret)]).assert_status(400);

    let listed = sandbox.admin_get("/exchanges?merchant=bank").json();
    let items = listed["items"].as_array().expect("a list");
    assert_eq!(items.len(), 3);
    for item in items {
        let id = item["id"].as_str().expect("an id");
        for path in [format!("/exchanges/{id}"), format!("/exchanges/{id}/explanation")] {
            let text = sandbox.admin_get(&path).text();
            assert!(!text.contains(&portal.secret), "{text}");
            assert!(!text.contains(&portal.token), "{text}");
        }
    }
}

#[test]
fn a_token_expires_on_the_clock() {
    let sandbox = Sandbox::start();
    let portal = Portal::with(&sandbox, "bank", &json!({"skew_past_s": 86_400}));
    sandbox.admin_post("/clock", &json!({"advance": "3599s"})).assert_status(200);
    portal.types(&sandbox, &[]).assert_status(200);

    sandbox.admin_post("/clock", &json!({"advance": "1s"})).assert_status(200);
    let refused = portal.types(&sandbox, &[]);

    refused.assert_status(400);
    assert_eq!(refused.text(), r#"{"message":"Access to this resource is forbidden"}"#);
}

#[test]
fn the_catalogue_lists_what_a_client_may_have() {
    let sandbox = Sandbox::start();
    let all = Portal::new(&sandbox, "all");
    let settings = json!({"report_include": ["SETL01", "RECON"], "report_exclude": "SETL01_C2"});
    let some = Portal::with(&sandbox, "some", &settings);

    assert_eq!(all.types(&sandbox, &[]).json()["data"].as_array().map(Vec::len), Some(30));
    let listed = some.types(&sandbox, &[]).json();
    let types: Vec<&str> = listed["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|t| t["type"].as_str())
        .collect();
    assert_eq!(types, ["SETL01", "SETL01_C1", "RECON"]);
    let refused = some
        .download(&sandbox, &json!({"report_type": "AIR02", "product": "SAN", "date": LAST_DAY}));
    assert_eq!(refused.json()["error"]["code"], "E0004");
}

#[test]
fn a_one_time_url_gives_its_file_once() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let answer = portal.download(&sandbox, &setl01());
    assert!(answer.text().contains("csv\\u0026ott="), "{}", answer.text());
    let link = local(answer.json()["data"]["url"].as_str().expect("a URL"));

    let head = sandbox.send("paynet", "HEAD", &link, &[], &[]);
    let file = sandbox.send("paynet", "GET", &link, &[], &[]);
    let again = sandbox.send("paynet", "GET", &link, &[], &[]);

    head.assert_status(200);
    file.assert_status(200);
    assert_eq!(file.header("content-encoding"), None);
    let name = format!("attachment; filename=\"SAN_SETL01_{}_{LAST_DAY}.csv\"", portal.fiid);
    assert_eq!(file.header("content-disposition"), Some(name.as_str()));
    assert!(file.text().starts_with("fiid,settlement_date,settlement_window,"), "{}", file.text());
    again.assert_status(403);
    assert_eq!(again.text(), r#"{"message":"OTT invalid"}"#);
    let kept = sandbox.admin_get(&format!("/exchanges/{}", file.exchange())).json();
    assert!(kept.to_string().contains("streamed: made while it left"), "{kept}");
}

#[test]
fn of_fifty_who_fetch_at_once_exactly_one_gets_the_file() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let link = portal.link(&sandbox, &setl01());

    let statuses: Vec<u16> = thread::scope(|scope| {
        let fetch = || sandbox.send("paynet", "GET", &link, &[], &[]).status;
        let fetching: Vec<_> = (0..50).map(|_| scope.spawn(fetch)).collect();
        fetching.into_iter().map(|one| one.join().expect("answered")).collect()
    });

    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 49, "{statuses:?}");
}

#[test]
fn a_report_of_v2_becomes_ready_by_asking_again_and_its_checksum_is_true() {
    let sandbox = Sandbox::start();
    let portal = Portal::with(&sandbox, "bank", &json!({"report_rows": 2_000}));
    let fields = ["transaction_amount", "reference_id"];
    let input = json!({"product": "MYD", "report": "I01", "date": LAST_DAY, "fields": fields});
    let poll = || {
        let answer = portal.query(&sandbox, REPORT, &input);
        answer.assert_status(200);
        answer.json()["data"]["Report"].clone()
    };

    let unfinished =
        |status| json!({"status": status, "url": null, "expiry": null, "checksum": null});
    assert_eq!(poll(), unfinished("new"));
    assert_eq!(poll(), unfinished("processing"));
    let ready = poll();
    let later = poll();

    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["expiry"], "2026-01-01T00:15:00Z");
    assert_eq!(later["checksum"], ready["checksum"]);
    assert_ne!(later["url"], ready["url"]);
    let link = local(ready["url"].as_str().expect("a URL"));
    let plain = sandbox.send("paynet", "GET", &link, &[], &[]);
    assert_eq!(ready["checksum"]["size"], plain.body.len());
    assert_eq!(ready["checksum"]["md5hash"], md5(&plain.body));
    assert_eq!(ready["checksum"]["rows"], 2_000);
    assert_eq!(plain.text().lines().count(), 2_001);
    assert!(plain.text().starts_with("transaction_amount,reference_id\n"), "{}", plain.text());
    let link = local(later["url"].as_str().expect("a URL"));
    let packed = sandbox.send("paynet", "GET", &link, &[("accept-encoding", "gzip")], &[]);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut unpacked = Vec::new();
    GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).expect("gzip");
    assert_eq!(unpacked, plain.body);
}

#[test]
fn a_person_finishes_a_report_lets_it_fail_and_expires_a_link() {
    let sandbox = Sandbox::start();
    let portal = Portal::with(&sandbox, "bank", &json!({"polls_until_ready": 100}));
    let input = |product| json!({"product": product, "report": "I01", "date": LAST_DAY, "fields": ["reference_id"]});
    let poll =
        |product| portal.query(&sandbox, REPORT, &input(product)).json()["data"]["Report"].clone();
    let drive = |event: &str, kind: &str| {
        let listed = sandbox.admin_get("/transactions?merchant=bank").json();
        let items = listed["items"].as_array().expect("a list");
        let newest = items.iter().find(|item| item["kind"] == kind && item["status"] != "ready");
        let newest = newest.expect("one");
        let path =
            format!("/transactions/bank/{kind}/{}/events", newest["key"].as_str().expect("a key"));
        sandbox.admin_post(&path, &json!({ "event": event })).assert_status(200);
    };

    assert_eq!(poll("MYD")["status"], "new");
    drive("finish", "report");
    let ready = poll("MYD");
    assert_eq!(ready["status"], "ready");
    drive("expire", "link");
    let link = local(ready["url"].as_str().expect("a URL"));
    sandbox.send("paynet", "GET", &link, &[], &[]).assert_status(403);
    assert_eq!(poll("RPP")["status"], "new");
    drive("fail", "report");
    assert_eq!(poll("RPP")["status"], "error");
}

#[test]
fn summaries_add_up() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let query = "query($input: SummaryParam){Summary(input:$input){rows{transaction_type debit_volume debit_amount}}}";
    let sum = |report: &str| -> (u64, String) {
        let input = json!({"product": "RPP", "report": report, "date": LAST_DAY});
        let answer = portal.query(&sandbox, query, &input).json();
        let rows = answer["data"]["Summary"]["rows"].as_array().expect("rows").clone();
        let volume = rows.iter().filter_map(|row| row["debit_volume"].as_u64()).sum();
        (volume, rows[0]["debit_amount"].to_string())
    };

    let (first, second, day) = (sum("S01"), sum("S02"), sum("D01"));

    assert_eq!(first.0 + second.0, day.0);
    assert!(day.0 > 0 && day.1.starts_with('"'), "{day:?}");
    let month =
        "query($input: SummaryParam){Summary(input:$input){rows{month total_debit_volume}}}";
    let input = json!({"product": "RPP", "report": "M01", "month": "2025-12"});
    let answer = portal.query(&sandbox, month, &input).json();
    assert_eq!(answer["data"]["Summary"]["rows"][0]["month"], "2025-12");
}

#[test]
fn itemised_rows_add_up_to_cycles_and_these_to_the_day_and_days_to_the_month() {
    let sandbox = Sandbox::start();
    let at_once = json!({"polls_until_ready": 1, "report_rows": 400});
    let portal = Portal::with(&sandbox, "bank", &at_once);
    let day = "query($input: SummaryParam){Summary(input:$input){rows{debit_volume debit_amount \
               credit_volume credit_amount}}}";
    let month = "query($input: SummaryParam){Summary(input:$input){rows{total_debit_volume \
                 total_debit_amount total_credit_volume total_credit_amount}}}";
    let sums = |query: &str, input: &Value| -> [u64; 4] {
        let answer = portal.query(&sandbox, query, input).json();
        let rows = answer["data"]["Summary"]["rows"].as_array().expect("rows");
        let total = |at: usize| -> u64 {
            rows.iter()
                .map(|row| row.as_object().and_then(|row| row.values().nth(at)).expect("a member"))
                .map(sen)
                .sum()
        };
        [total(0), total(1), total(2), total(3)]
    };
    let summary = |product: &str, report: &str, date: &str| {
        sums(day, &json!({"product": product, "report": report, "date": date}))
    };
    let plus = |one: [u64; 4], other: [u64; 4]| std::array::from_fn(|at| one[at] + other[at]);
    for product in ["MYD", "RPP"] {
        let listed = itemised(&sandbox, &portal, product);
        let (first, second) =
            (summary(product, "S01", LAST_DAY), summary(product, "S02", LAST_DAY));

        assert_eq!(listed["001"], first, "{product}");
        assert_eq!(listed["002"], second, "{product}");
        assert!(first[0] > 10 && second[2] > 10, "{first:?} {second:?}");
        assert_eq!(summary(product, "D01", LAST_DAY), plus(first, second), "{product}");
        let days = (1..=31)
            .map(|day| summary(product, "D01", &format!("2025-12-{day:02}")))
            .fold([0; 4], plus);
        let asked = json!({"product": product, "report": "M01", "month": "2025-12"});
        assert_eq!(sums(month, &asked), days, "{product}");
    }
}

/// A count, or money in sen.
fn sen(value: &Value) -> u64 {
    match value.as_str() {
        None => value.as_u64().expect("a count"),
        Some(money) => money.replace('.', "").parse().expect("money with two decimals"),
    }
}

/// Volumes and amounts of the approved transactions of the last day's file, by cycle.
fn itemised(sandbox: &Sandbox, portal: &Portal, product: &str) -> BTreeMap<String, [u64; 4]> {
    let fields = [
        "settlement_cycle",
        "payer_fiid",
        "receiver_fiid",
        "transaction_status",
        "transaction_amount",
    ];
    let input = json!({"product": product, "report": "I01", "date": LAST_DAY, "fields": fields});
    let ready = portal.query(sandbox, REPORT, &input).json()["data"]["Report"].clone();
    let link = local(ready["url"].as_str().unwrap_or_else(|| panic!("{ready}")));
    let file = sandbox.send("paynet", "GET", &link, &[], &[]);
    assert_eq!(ready["checksum"]["rows"], 400);
    assert_eq!(ready["checksum"]["size"], file.body.len());
    assert_eq!(ready["checksum"]["md5hash"], md5(&file.body));
    let mut sums: BTreeMap<String, [u64; 4]> = BTreeMap::new();
    for row in csv::Reader::from_reader(file.body.as_slice()).records() {
        let row = row.expect("a row");
        let sum = sums.entry(row[0].to_owned()).or_default();
        if &row[3] != "Approved" {
            continue;
        }
        // A transaction within the institution is on both sides.
        for (side, fiid) in [(0, &row[1]), (2, &row[2])] {
            if *fiid == *portal.fiid {
                sum[side] += 1;
                sum[side + 1] += sen(&Value::from(&row[4]));
            }
        }
    }
    sums
}

#[test]
fn the_older_dialect_is_what_the_older_text_describes() {
    let sandbox = Sandbox::start();
    let settings = json!({"csv_dialect": "older", "polls_until_ready": 1});
    let portal = Portal::with(&sandbox, "bank", &settings);
    let fields = ["transaction_status", "currency", "iso_pecific_1.pcde"];
    let input = json!({"product": "MYD", "report": "I01", "date": LAST_DAY, "fields": fields});

    let ready = portal.query(&sandbox, REPORT, &input).json()["data"]["Report"].clone();
    let link = local(ready["url"].as_str().unwrap_or_else(|| panic!("{ready}")));
    let text = sandbox.send("paynet", "GET", &link, &[], &[]).text();

    assert!(text.starts_with("\"transaction_status\",\"currency\",\"iso_pecific_1.pcde\"\n"));
    assert_eq!(text.lines().count(), 101, "report_rows is 100 unless told otherwise");
    for line in text.lines().skip(1) {
        let status = line.split(',').next();
        assert!(status == Some("\"approved\"") || status == Some("\"declined\""), "{line}");
    }
    let window = "query($input: P){Summary(input:$input){rows{settlement_window debit_volume}}}";
    let input = json!({"product": "MYD", "report": "S01", "date": LAST_DAY});
    let answer = portal.query(&sandbox, window, &input).json();
    assert_eq!(answer["data"]["Summary"]["rows"][0]["settlement_window"], Value::Null);
    let link = portal.link(&sandbox, &setl01());
    let summary = sandbox.send("paynet", "GET", &link, &[], &[]).text();
    assert!(summary.starts_with("\"fiid\",\"settlement_date\",\"transaction_type\""), "{summary}");
}

#[test]
fn a_reset_lets_the_minute_begin_anew() {
    let sandbox = Sandbox::start();
    let portal = Portal::with(&sandbox, "bank", &json!({"rate_limit": 1}));
    portal.types(&sandbox, &[]).assert_status(200);
    portal.types(&sandbox, &[]).assert_status(429);

    sandbox.admin_post("/reset?merchant=bank", &json!({})).assert_status(200);

    portal.types(&sandbox, &[]).assert_status(200);
}

#[test]
fn basic_credentials_are_taken_encoded_and_as_they_are() {
    let sandbox = Sandbox::start();
    let credentials = json!({"client_id": "a+b%41c", "client_secret": "s+%41=&"});
    let asked = json!({"provider": "paynet", "id": "bank", "credentials": credentials});
    sandbox.admin_post("/merchants", &asked).assert_status(201);
    let form = b"grant_type=client_credentials";
    // printf '%s' 'a+b%41c:s+%41=&' | base64, and of 'a%2Bb%2541c:s%2B%2541%3D%26'.
    for pair in ["YStiJTQxYzpzKyU0MT0m", "YSUyQmIlMjU0MWM6cyUyQiUyNTQxJTNEJTI2"] {
        let basic = ("authorization", format!("Basic {pair}"));
        let basic = (basic.0, basic.1.as_str());

        sandbox.send("paynet", "POST", "/token", &[FORM, basic], form).assert_status(200);
        let twice = sandbox.send("paynet", "POST", "/token", &[FORM, basic, basic], form);
        twice.assert_status(400);
        assert_eq!(twice.json()["error"], "invalid_request");
    }
}

#[test]
fn a_signature_behind_foreign_white_space_is_another_one() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let signature = portal.headers()[1].1.clone();

    let blanks = portal.types(&sandbox, &[("x-signature", &format!(" {signature}\t"))]);
    let ideographic = portal.types(&sandbox, &[("x-signature", &format!("\u{3000}{signature}"))]);

    blanks.assert_status(200);
    assert_eq!(ideographic.json()["message"], "Invalid signature");
}

#[test]
fn what_cannot_be_asked_for_has_its_code() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let v1 = |report: &str, product: &str, date: &str| {
        let body = json!({"report_type": report, "product": product, "date": date});
        portal.download(&sandbox, &body).json()["error"]["code"].clone()
    };
    let v2 = |input: Value| {
        let answer = portal.query(&sandbox, REPORT, &input);
        answer.assert_status(200);
        answer.json()["errors"][0]["extensions"]["code"].clone()
    };
    let input = |report: &str, date: &str| json!({"product": "MYD", "report": report, "date": date, "fields": ["reference_id"]});

    for (date, code) in [
        ("2025-09-01", "E0001"),
        ("1926-01-01", "E0001"),
        ("2026-01-02", "E0002"),
        ("2026-01-01", "E0003"),
        ("2025-12-32", "E0005"),
        ("2025-2-15", "E0005"),
    ] {
        assert_eq!(v1("SETL01", "SAN", date), code, "{date}");
        assert_eq!(v2(input("I01", date)), code, "{date}");
    }
    assert_eq!(v1("SETL09", "SAN", LAST_DAY), "E0004");
    assert_eq!(v1("SETL01", "ZZZ", LAST_DAY), "E0004");
    assert_eq!(v1("", "SAN", LAST_DAY), "E0006");
    assert_eq!(v2(json!({"product": "MYD", "report": "I01", "date": LAST_DAY})), "E0006");
    assert_eq!(v2(json!({"product": "MYD", "report": "M01", "month": "2025-1"})), "E0007");
    assert_eq!(v2(json!({"product": "MYD", "report": "M01", "month": "2025-06"})), "E0011");
    let twice =
        json!({"product": "MYD", "report": "I01", "date": LAST_DAY, "fields": ["mcc", "mcc"]});
    assert_eq!(v2(twice), "E0010");
}

#[test]
fn bombs_and_broken_queries_are_e0012_and_cost_nothing() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let circle = "query{...a} fragment a on Query{...b} fragment b on Query{...a}";
    let aliases = (0..5_000)
        .map(|n| format!("a{n}:Report(input:{{}}){{status}}"))
        .collect::<Vec<_>>()
        .concat();
    for query in [
        circle.to_owned(),
        format!("{{{aliases}}}"),
        "{".repeat(100_000),
        "{ query Report($input: ReportParam) }".to_owned(),
        String::new(),
    ] {
        let answer = portal.query(&sandbox, &query, &json!({}));

        answer.assert_status(200);
        assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "E0012", "{}", answer.text());
        let explanation = sandbox.explanation(&answer.exchange());
        assert_eq!(explanation["failed_check"], "paynet.graphql");
    }
}

#[test]
fn malformed_token_requests_are_refused_and_recorded() {
    let sandbox = Sandbox::start();
    let long = "x".repeat((1 << 20) - 200);
    let form = format!("grant_type=client_credentials&client_id=demo-paynet&client_secret={long}");
    for (body, status) in [
        (form.as_str(), 401),
        ("", 400),
        ("grant_type=a&grant_type=b", 400),
        ("%", 400),
        ("grant_type=%ff", 400),
        ("&&&=&", 400),
    ] {
        let answer = sandbox.send("paynet", "POST", "/token", &[FORM], body.as_bytes());

        answer.assert_status(status);
        assert_eq!(sandbox.explanation(&answer.exchange())["verdict"], "refused");
    }
}

#[test]
fn a_merchant_s_own_transactions_take_the_place_of_made_ones() {
    let sandbox = Sandbox::start();
    let csv = "initiation_time,transaction_type,payer_fiid,receiver_fiid,transaction_status,transaction_amount\n\
               2025-12-31T10:00:00,PUR,A1001,B2002,Approved,12.50\n";
    let asked = json!({
        "provider": "paynet", "id": "own",
        "settings": {"polls_until_ready": 1},
        "credentials": {"fiids": ["A1001"], "transactions_csv": csv},
    });
    let portal = Portal::asking(&sandbox, &asked);
    let input = json!({"product": "MYD", "report": "I01", "date": LAST_DAY, "fields": ["transaction_amount"]});

    let ready = portal.query(&sandbox, REPORT, &input).json()["data"]["Report"].clone();
    let link = local(ready["url"].as_str().unwrap_or_else(|| panic!("{ready}")));

    assert_eq!(ready["checksum"]["rows"], 1);
    let file = sandbox.send("paynet", "GET", &link, &[], &[]);
    assert_eq!(file.text(), "transaction_amount\n12.50\n");
    let asked = json!({"provider": "paynet", "credentials": {"transactions_csv": "a,b\n"}});
    sandbox.admin_post("/merchants", &asked).assert_problem(400, "transactions_csv", "");
    // As long as the bound says, which is longer than what web servers usually take.
    let row = csv.lines().nth(1).expect("a row");
    let long = format!("{csv}{}", format!("{row}\n").repeat(90_000));
    assert!(long.len() > 4 << 20, "{}", long.len());
    let asked = json!({"provider": "paynet", "credentials": {"fiids": ["A1001"], "transactions_csv": long}});
    sandbox.admin_post("/merchants", &asked).assert_status(201);
    let elsewhere = json!({"fiids": ["Z9999"], "transactions_csv": csv});
    let asked = json!({"provider": "paynet", "credentials": elsewhere});
    let refused = sandbox.admin_post("/merchants", &asked);
    refused.assert_problem(400, "every report would be empty; the file has A1001, B2002", "");
}

#[test]
fn shipped_scenarios_do_what_they_say() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    for (name, message) in [
        ("paynet-invalid-signature", "Invalid signature"),
        ("paynet-expired-token", "Access to this resource is forbidden"),
    ] {
        let path = format!("/scenarios/{name}");
        sandbox.admin_post(&format!("{path}/activate"), &json!({})).assert_status(200);
        let answer = portal.types(&sandbox, &[]);
        answer.assert_status(400);
        assert_eq!(answer.json()["message"], message);
        sandbox.admin_post(&format!("{path}/deactivate"), &json!({})).assert_status(200);
        portal.types(&sandbox, &[]).assert_status(200);
    }
}

#[test]
fn a_client_without_the_grant_is_told_so_by_its_scenario() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let at = "/scenarios/paynet-unauthorized-client/activate";
    sandbox.admin_post(at, &json!({})).assert_status(200);

    for path in ["/oauth/token", "/token"] {
        let answer = sandbox.send("paynet", "POST", path, &[FORM], portal.form().as_bytes());

        answer.assert_status(400);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(
            answer.text(),
            "{\"error\":\"unauthorized_client\",\"error_description\":\"The client is not \
             authorized to use this grant type\"}"
        );
    }
    portal.types(&sandbox, &[]).assert_status(200);
}

#[test]
fn every_outcome_of_a_rule_has_its_answer_at_every_endpoint() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let day = json!({"product": "MYD", "report": "D01", "date": LAST_DAY});
    let report = |at: usize| {
        let fields = json!([["mcc"], ["product"], ["payer_id"], ["payer_name"]][at]);
        json!({"product": "MYD", "report": "I01", "date": LAST_DAY, "fields": fields})
    };
    let summary = "query($input: P){Summary(input:$input){rows{debit_volume}}}";
    let forbidden = "Access to this resource is forbidden";
    let broken = "Internal server error";
    for (at, (outcome, token, types, download, polled, summed, link)) in [
        ("declined", broken, broken, "E0003", "error", "E0003", broken),
        ("pending", broken, broken, "E0003", "processing", "E0003", broken),
        (
            "authentication_failed",
            "invalid_client",
            forbidden,
            forbidden,
            forbidden,
            forbidden,
            "OTT invalid",
        ),
        ("system_error", broken, broken, "E9999", "E9999", "E9999", broken),
    ]
    .into_iter()
    .enumerate()
    {
        let url = portal.link(&sandbox, &setl01());
        let armed = json!({"merchant": "bank", "rule": {"outcome": outcome, "times": 6}});
        sandbox.admin_post("/scenarios/armed", &armed).assert_status(201);

        for (endpoint, wanted, answer) in [
            (
                "token",
                token,
                sandbox.send("paynet", "POST", "/token", &[FORM], portal.form().as_bytes()),
            ),
            ("types", types, portal.types(&sandbox, &[])),
            ("download", download, portal.download(&sandbox, &setl01())),
            ("report", polled, portal.query(&sandbox, REPORT, &report(at))),
            ("summary", summed, portal.query(&sandbox, summary, &day)),
            ("link", link, sandbox.send("paynet", "GET", &url, &[], &[])),
        ] {
            let said = answer.text();
            assert!(said.contains(&format!("\"{wanted}\"")), "{outcome} {endpoint}: {said}");
            let status = match wanted {
                "invalid_client" => 401,
                "OTT invalid" => 403,
                wanted if wanted == forbidden => 400,
                wanted if wanted == broken => 500,
                _ => 200,
            };
            answer.assert_status(status);
            let explanation = sandbox.explanation(&answer.exchange());
            assert_eq!(explanation["near_misses"], json!([]), "{explanation}");
        }
        // A link that a rule refused is still there.
        sandbox.send("paynet", "GET", &url, &[], &[]).assert_status(200);
    }
}

#[test]
fn a_parameter_without_a_value_counts_as_left_out() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let (id, secret) = (&portal.client_id, &portal.secret);
    for form in [
        format!("grant_type=&client_id={id}&client_secret={secret}"),
        format!("grant_type=client_credentials&client_id=&client_secret={secret}"),
        format!("grant_type=client_credentials&client_id={id}&client_secret="),
        "grant_type=client_credentials&client_id=&client_secret=".to_owned(),
    ] {
        let answer = sandbox.send("paynet", "POST", "/token", &[FORM], form.as_bytes());

        answer.assert_status(400);
        assert_eq!(answer.json()["error"], "invalid_request", "{form}");
        let explanation = sandbox.explanation(&answer.exchange());
        assert!(explanation.to_string().contains(", empty"), "{explanation}");
    }
    let scope = format!("{}&scope=", portal.form());
    sandbox.send("paynet", "POST", "/token", &[FORM], scope.as_bytes()).assert_status(200);
}

#[test]
fn an_address_that_is_not_listed_is_told_nothing_else() {
    let sandbox = Sandbox::with(|builder| builder.setting("paynet", "ip_allow_list", "192.0.2.1"));
    for (method, path) in [("GET", "/token"), ("POST", "/tokens"), ("POST", "/oauth/token")] {
        let answer = sandbox.send("paynet", method, path, &[], &[]);

        answer.assert_status(403);
        assert_eq!(answer.text(), r#"{"message":"Forbidden"}"#);
    }
    // Whoever holds a link may fetch it from anywhere.
    let answer = sandbox.send("paynet", "GET", "/reports/file?ott=x", &[], &[]);
    assert_eq!(answer.text(), r#"{"message":"OTT invalid"}"#);
}

#[test]
fn an_institution_in_the_body_is_judged_before_the_business() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let body = json!({"fiid": "Z9999", "report_type": "X", "product": "X", "date": "X"});

    let answer = portal.download(&sandbox, &body);

    answer.assert_status(400);
    assert_eq!(answer.json()["message"], "Access to this resource is forbidden");
    let explanation = sandbox.explanation(&answer.exchange());
    assert_eq!(explanation["failed_check"], "paynet.body_fiid_tied");
}

#[test]
fn a_streamed_file_drips_where_a_rule_wants_it() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let link = portal.link(&sandbox, &setl01());
    let rule = json!({"merchant": "bank", "rule": {
        "name": "slow", "times": 1, "when": {"endpoint": "file"}, "fault": {"drip_ms": 1},
    }});
    sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);

    let file = sandbox.send("paynet", "GET", &link, &[], &[]);

    file.assert_status(200);
    assert!(file.text().ends_with('\n') && file.body.len() > 64, "{}", file.text());
    let broken = portal.send(&sandbox, ("POST", "/v1/reports/download"), &[JSON], b"[]");
    assert_eq!(broken.json()["error"]["code"], "E0012");
}

#[test]
fn a_file_that_is_cut_off_by_a_rule_is_recorded_and_its_link_is_used() {
    let sandbox = Sandbox::start();
    let portal = Portal::new(&sandbox, "bank");
    let link = portal.link(&sandbox, &setl01());
    let rule = json!({"merchant": "bank", "rule": {
        "name": "cut", "times": 1, "when": {"endpoint": "file"}, "fault": {"cut_after_bytes": 100},
    }});
    sandbox.admin_post("/scenarios/armed", &rule).assert_status(201);

    let url = format!("{}{link}", sandbox.emulator.base_url("paynet"));
    let mut answer = agent().get(&url).call().expect("a head");
    let received = answer.body_mut().read_to_vec();

    assert_eq!(answer.status(), 200);
    assert!(received.is_err(), "{received:?}");
    let listed = sandbox.admin_get("/exchanges?endpoint=file").json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["items"][0]["verdict"], "accepted");
    sandbox.send("paynet", "GET", &link, &[], &[]).assert_status(403);
}

#[test]
fn a_client_that_leaves_amid_a_large_file_is_noticed_and_the_next_is_served() {
    let sandbox = Sandbox::start();
    let (portal, _) = link_whose_client_left(&sandbox);

    let listed = sandbox.admin_get("/exchanges?endpoint=file").json();
    let id = listed["items"][0]["id"].as_str().expect("an id").to_owned();
    wait_for("the delivery's end", || {
        let shown = sandbox.admin_get(&format!("/exchanges/{id}")).json();
        (shown["delivery"] == "client_left").then_some(())
    });
    portal.types(&sandbox, &[]).assert_status(200);
}
