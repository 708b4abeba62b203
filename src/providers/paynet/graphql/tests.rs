//! Documents that are read, refused, or meant to break the reader.

use serde_json::json;

use super::*;
use crate::providers::paynet::errors::{E0004, E0006, E0010, E0012};
use crate::providers::paynet::reports::Product;
use crate::providers::paynet::reports::calendar::read_date;
use crate::providers::paynet::reports::catalogue::V2Kind;
use crate::providers::paynet::reports::csv::Dialect;

const VALID: &str = "query($input: ReportParam){Report(input:$input){status url expiry checksum{rows size md5hash}}}";

fn post(envelope: &Value) -> Result<Query, Fault> {
    read(Some("application/json"), envelope.to_string().as_bytes())
}

fn query(query: &str) -> Result<Query, Fault> {
    post(&json!({"query": query}))
}

fn fault(text: &str) -> Fault {
    query(text).expect_err(text)
}

fn input(input: &Value) -> Result<Parameters, Fault> {
    post(&json!({"query": VALID, "variables": {"input": input}}))
        .and_then(|query| query.parameters(Dialect::Newer))
}

fn code(sent: &Value) -> &'static str {
    input(sent).expect_err("refused").code.code
}

#[test]
fn the_valid_form_is_read() {
    let read = post(&json!({
        "query": VALID,
        "variables": {"input": {
            "product": "MYD", "report": "I01", "date": "2026-02-15",
            "fields": ["settlement_cycle", "reference_id"],
        }},
    }))
    .expect("valid");

    assert_eq!((read.root, read.response_name.as_str()), (Root::Report, "Report"));
    let names: Vec<&str> = read.selection.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["status", "url", "expiry", "checksum"]);
    let parameters = read.parameters(Dialect::Newer).expect("valid");
    assert_eq!(parameters.product, Product::MyDebit);
    assert_eq!(parameters.kind, V2Kind::Itemised);
    assert_eq!(Some(parameters.when), read_date("2026-02-15").map(When::Day));
}

#[test]
fn literals_defaults_aliases_and_fragments_are_read() {
    let text = r#"
        fragment sums on Checksum { rows size }
        query Other { Summary(input: {}) { rows { fiid } } }
        query Mine($date: String = "2026-02-15", $unused: Int) {
            file: Report(input: {product: "RPP", report: "I01", date: $date, fields: ["mcc"]}) {
                state: status
                ... on Report { checksum { ...sums md5hash } }
            }
        }"#;
    let envelope = json!({"query": text, "operationName": "Mine", "variables": null});

    let read = post(&envelope).expect("valid");

    assert_eq!(read.response_name, "file");
    assert_eq!(read.input["date"], "2026-02-15");
    let answer = json!({"url": null, "checksum": {"md5hash": "x", "rows": 3}, "status": "ready"});
    assert_eq!(
        respond(&read.selection, &answer).to_string(),
        r#"{"state":"ready","checksum":{"rows":3,"size":null,"md5hash":"x"}}"#
    );
}

#[test]
fn lists_are_shaped_element_by_element_and_null_stays_null() {
    let read =
        query("{Summary(input:{}){rows{type:transaction_type}checksum{rows}}}").expect("valid");
    let answer = json!({
        "rows": [{"fiid": "A", "transaction_type": "PUR"}, {"transaction_type": "RPRER"}],
        "checksum": null,
    });

    assert_eq!(
        respond(&read.selection, &answer).to_string(),
        r#"{"rows":[{"type":"PUR"},{"type":"RPRER"}],"checksum":null}"#
    );
}

#[test]
fn the_documents_own_sample_is_explained() {
    let sample = "{ query { Report($input: ReportParam { product: String! fields: []String! }) { status url } } }";
    for fault in
        [fault(sample), read(Some("application/json"), sample.as_bytes()).expect_err("no JSON")]
    {
        assert_eq!(fault.code, &E0012);
        assert_eq!(fault.to_string(), "Unprocessable request");
        for reason in ["pair of braces", "$variable", "[String]!"] {
            assert!(fault.detail.contains(reason), "{}", fault.detail);
        }
    }
}

#[test]
fn what_is_no_envelope_is_unprocessable_with_its_reason() {
    for (content_type, body, reason) in [
        (None, "{}", "no Content-Type"),
        (Some("text/plain"), "{}", "is \"text/plain\""),
        (Some("application/graphql"), "{}", "application/json is wanted"),
        (Some("application/json; charset=utf-8"), "{}", "no member \"query\""),
        (Some("application/json"), "", "empty"),
        (Some("application/json"), "[]", "an array"),
        (Some("application/json"), "{Report(input:{}){url}}", "the query itself was sent"),
        (Some("application/json"), r#"{"query":1}"#, "\"query\" is a number"),
        (Some("application/json"), r#"{"query":"{a}","query":"{b}"}"#, "occurs twice"),
        (Some("application/json"), r#"{"query":"{a}","variables":"{}"}"#, "serialised twice"),
        (Some("application/json"), r#"{"query":"{a}","operationName":7}"#, "a number"),
        (Some("application/json"), "{\"query\":\"\u{0}\"}", "no JSON"),
    ] {
        let fault = read(content_type, body.as_bytes()).expect_err(body);
        assert_eq!(fault.code, &E0012);
        assert!(fault.detail.contains(reason), "{}", fault.detail);
    }
}

#[test]
fn what_is_no_query_is_unprocessable_with_its_reason() {
    for (text, reason) in [
        ("", "no GraphQL"),
        ("{Report(input:{}){url}", "no GraphQL at character"),
        ("# nothing", "no GraphQL"),
        ("{Report(input:$input){url}}", "$input is not declared"),
        ("query($a:A=$b,$b:A){Report(input:$a){url}}", ""),
        ("query($a:A,$a:A){Report(input:$a){url}}", "declared twice"),
        ("mutation{Report(input:{}){url}}", "only queries"),
        ("subscription{Report(input:{}){url}}", "only queries"),
        ("type A{b:C}", "no part of a query"),
        ("fragment a on A{url}", "no operation"),
        ("{Report(input:{}){...a}}fragment a on A{url}fragment a on A{url}", "defined twice"),
        ("{Report(input:{}){...a}}", "no fragment a"),
        ("{Report(input:{}){...a}}fragment a on A{...b}fragment b on A{...a}", "contains itself"),
        ("query A{Report(input:{}){url}}query B{Report(input:{}){url}}", "2 operations"),
        ("{__schema{types{name}}}", "__schema asks for the schema"),
        ("{Report(input:{}){__typename}}", "__typename asks"),
        ("{Report(input:{}){url @include(if:true)}}", "@include"),
        ("{Rapport(input:{}){url}}", "no field Rapport"),
        ("{Report(input:{}){ulr}}", "the nearest is url"),
        ("{Report(input:{}){checksum{md5}}}", "the nearest is"),
        ("{Report(input:{}){checksum}}", "needs a selection"),
        ("{Report(input:{}){url{a}}}", "has no fields"),
        ("{Report(input:{})}", "needs a selection"),
        ("{Report(param:{}){url}}", "param is no argument"),
        ("{Report(input:{prod:\"MYD\"}){url}}", "prod is no parameter"),
        ("{a:Report(input:{}){url} b:Report(input:{}){url}}", "2 root fields"),
    ] {
        let fault = fault(text);
        assert_eq!(fault.code, &E0012, "{text}: {}", fault.detail);
        assert!(fault.detail.contains(reason), "{text}: {}", fault.detail);
    }
    let envelope = json!({"query": "query A{Report(input:{}){url}}", "operationName": "B"});
    assert!(post(&envelope).expect_err("no B").detail.contains("no operation has that name"));
}

#[test]
fn what_comes_twice_is_a_duplicate() {
    for (text, name) in [
        ("{Report(input:{}){url url}}", "url"),
        ("{Report(input:{}){a:url a:status}}", "a"),
        ("{Report(input:{}){url status:url status}}", "status"),
        ("{Report(input:{}){url ...a}}fragment a on A{url}", "url"),
        ("{Report(input:{}){checksum{rows rows}}}", "rows"),
        ("{Report(input:{}){url} Report(input:{}){status}}", "Report"),
        ("{Report(input:{report:\"I01\",report:\"I01\"}){url}}", "report"),
        ("{Report(input:{},input:{}){url}}", "input"),
    ] {
        let fault = fault(text);
        assert_eq!((fault.code, fault.parameter.as_deref()), (&E0010, Some(name)));
    }
    let twice = json!({"fields": ["mcc", "mcc"]});
    assert_eq!(input(&twice).expect_err("twice").to_string(), "Duplicate field or alias: mcc");
}

#[test]
fn bombs_end_soon() {
    let many =
        |count: usize, each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<String>();
    let doubling = many(30, &|at| format!("fragment f{at} on A{{...f{0} ...f{0}}}", at + 1));
    for text in [
        "{a".repeat(50_000),
        format!("{{Report(input:{}", "[".repeat(100_000)),
        format!("{{Report(input:{}){{url}}}}", "{a:".repeat(1_000) + "1" + &"}".repeat(1_000)),
        format!("{{Report(input:{{}}){{{}}}}}", many(600, &|at| format!("a{at}:url "))),
        format!("{{Report(input:{{}}){{{}}}}}", many(50_000, &|at| format!("a{at}:url "))),
        format!("{{Report(input:{{}}){{...f0}}}}{doubling}fragment f30 on A{{url}}"),
        format!(
            "{{Report(input:{{}}){{...f0}}}}{}fragment f6 on A{{url}}",
            many(6, &|at| format!(
                "fragment f{at} on A{{{}}}",
                format!("...f{} ", at + 1).repeat(20)
            ))
        ),
        "#".repeat(500_000),
        "query(".to_owned() + &"$a:[".repeat(20_000),
        "\"".repeat(100_000),
    ] {
        assert_eq!(fault(&text).code, &E0012);
    }
}

#[test]
fn a_long_variable_may_stand_once_and_not_again_and_again() {
    let list = |times: usize| {
        let query =
            format!("query($v:X){{Report(input:{{fields:[{}]}}){{url}}}}", "$v ".repeat(times));
        post(&json!({"query": query, "variables": {"v": "a".repeat(900_000)}}))
    };

    assert!(list(1).is_ok());
    let fault = list(500).expect_err("a bomb");
    assert_eq!(fault.code, &E0012);
    assert!(fault.detail.contains("again and again"), "{}", fault.detail);
}

#[test]
fn faults_come_in_the_documented_order() {
    assert_eq!(code(&json!({"product": "ZZZ", "fields": ["mcc", "mcc"]})), "E0010");
    assert_eq!(code(&json!({"product": "ZZZ", "report": "I01", "date": "x"})), "E0006");
    assert_eq!(
        code(&json!({"product": "ZZZ", "report": "I01", "date": "x", "fields": []})),
        "E0004"
    );
    assert_eq!(
        code(&json!({"product": "RPP", "report": "I01", "date": "x", "fields": ["nope"]})),
        "E0004"
    );
    assert_eq!(
        code(&json!({"product": "RPP", "report": "I01", "date": "x", "fields": []})),
        "E0005"
    );
    assert_eq!(code(&json!({"product": "RPP", "report": "D01", "date": "2026-02-30"})), "E0005");
    assert_eq!(code(&json!({"product": "RPP", "report": "M01", "month": "2026-2"})), "E0007");
    assert_eq!(code(&json!({"product": "RPP", "report": "M01", "date": "2026-02-01"})), "E0006");
}

#[test]
fn what_is_missing_is_named() {
    for (sent, name) in [
        (json!(null), "input"),
        (json!({}), "product"),
        (json!({"product": null, "report": "S01"}), "product"),
        (json!({"product": "MYD"}), "report"),
        (json!({"product": "MYD", "report": "S01"}), "date"),
        (json!({"product": "MYD", "report": "M01"}), "month"),
        (json!({"product": "MYD", "report": "I01", "date": "2026-02-01"}), "fields"),
    ] {
        let fault = input(&sent).expect_err(name);
        assert_eq!((fault.code, fault.parameter.as_deref()), (&E0006, Some(name)));
        assert_eq!(fault.to_string(), format!("Required field is missing: {name}"));
    }
    assert_eq!(fault("{Report{url}}").code, &E0006);
    assert_eq!(fault("query($i:R!){Report(input:$i){url}}").code, &E0006);
}

#[test]
fn values_of_a_wrong_kind_are_named_with_their_parameter() {
    for (sent, message) in [
        (json!(7), "input: 7"),
        (json!({"product": 5, "report": "S01", "date": "2026-02-01"}), "product: 5"),
        (json!({"product": "SAN", "report": "S01", "date": "2026-02-01"}), "product: SAN"),
        (json!({"product": "MYD", "report": "X01", "date": "2026-02-01"}), "report: X01"),
        (json!({"product": "MYD", "report": "S01", "date": 20_260_201}), "date: 20260201"),
        (
            json!({"product": "MYD", "report": "I01", "date": "2026-02-01", "fields": "mcc"}),
            "fields: mcc",
        ),
        (
            json!({"product": "MYD", "report": "I01", "date": "2026-02-01", "fields": [null]}),
            "fields: null",
        ),
        (
            json!({"product": "MYD", "report": "I01", "date": "2026-02-01", "fields": ["Mcc"]}),
            "fields: Mcc",
        ),
    ] {
        let fault = input(&sent).expect_err(message);
        assert_eq!(fault.to_string(), format!("Invalid value for {message}"));
    }
    let bare = query("{Report(input:{product:MYD,report:\"S01\",date:\"2026-02-01\"}){url}}")
        .and_then(|query| query.parameters(Dialect::Newer))
        .expect_err("a bare name");
    assert_eq!((bare.code, bare.parameter.as_deref()), (&E0004, Some("product")));
}
