//! Reports of v1: the catalogue, and one-time URLs that are answered at once.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answers::{broken, coded, merchant_of, not_allowed};
use super::downloads::{self, Recipe};
use super::errors::{self, Api, Code, refused};
use super::merchant::PaynetMerchant;
use super::reports::Product;
use super::reports::calendar::{Age, Month, Portion, age_of_date, ends_at, read_date, today};
use super::reports::catalogue::{Contents, V1Report, find_v1, v1_types};
use super::security::{Caller, Message, shown};
use super::settings::Settings;
use crate::blueprint::{Call, Decision, Refusal, Reply, Verified};
use crate::checks::Failure;
use crate::scenario::Outcome;

/// `GET /v1/reports/types`.
pub(super) async fn types(
    _call: Call,
    settings: Arc<Settings>,
    _caller: Verified<Caller>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    match outcome {
        Outcome::Success => {}
        Outcome::AuthenticationFailed => return Err(not_allowed(&settings, outcome)),
        other => return Err(broken(other)),
    }
    Ok(Decision::reply(Reply::message(200, v1_types(&settings.entitlement()))))
}

/// `POST /v1/reports/download`.
pub(super) async fn download(
    call: Call,
    settings: Arc<Settings>,
    request: Verified<Message>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    match outcome {
        Outcome::Success => {}
        Outcome::AuthenticationFailed => return Err(not_allowed(&settings, outcome)),
        Outcome::Declined | Outcome::Pending => {
            return Err(coded(Api::V1, &errors::E0003, outcome));
        }
        Outcome::SystemError => return Err(coded(Api::V1, &errors::E9999, outcome)),
    }
    let merchant = merchant_of(&call)?;
    let parts = merchant.parts::<PaynetMerchant>();
    let Message { caller, members } = request.into_inner();
    let recipe = wanted(&members, &caller, &parts, &settings, call.now())?;
    call.set_subject(format!("{} {}", recipe.report, recipe.date));
    let sum = recipe.sum(&parts).await?;
    let link = downloads::new_link(&call, &merchant, recipe, sum, settings.ott_lifetime)?;
    let mut decision =
        Decision::reply(Reply::message(200, json!({"success": true, "data": {"url": link.url}})));
    decision.changes = link.changes;
    Ok(decision)
}

fn no(code: &'static Code, text: &str, wanted: &str, got: &str) -> Refusal {
    refused(Api::V1, code, text, Failure::new(wanted, got))
}

/// Judges a request, in the order of the codes.
fn wanted(
    members: &Map<String, Value>,
    caller: &Caller,
    merchant: &PaynetMerchant,
    settings: &Settings,
    now: Timestamp,
) -> Result<Recipe, Refusal> {
    let mut texts = [""; 3];
    let names = ["report_type", "product", "date"];
    for (name, text) in names.iter().zip(&mut texts) {
        match members.get(*name) {
            Some(Value::String(sent)) if !sent.trim().is_empty() => *text = sent.trim(),
            None | Some(Value::Null | Value::String(_)) => {
                let said = errors::E0006.naming(&[name]);
                return Err(no(&errors::E0006, &said, &format!("the member {name}"), "none"));
            }
            Some(_) => {}
        }
    }
    for name in ["report_type", "product", "date", "fiid", "window"] {
        if let Some(value) =
            members.get(name).filter(|value| !value.is_string() && !value.is_null())
        {
            return Err(invalid(name, &value.to_string(), "a string"));
        }
    }
    let [report_type, product, date] = texts;
    let report = find_v1(report_type)
        .filter(|report| settings.entitlement().allows(&report.name()))
        .ok_or_else(|| invalid("report_type", report_type, "a code of GET /v1/reports/types"))?;
    let product = Product::of_v1(product)
        .filter(|known| report.code.products.contains(known))
        .ok_or_else(|| {
            let names: Vec<&str> = report.code.products.iter().map(|one| one.v1_name()).collect();
            invalid("product", product, &names.join(" or "))
        })?;
    let fiid = institution(members, caller, merchant);
    let day = read_date(date).ok_or_else(|| {
        no(&errors::E0005, errors::E0005.text, "a day that exists, as yyyy-MM-dd", &shown(date))
    })?;
    match age_of_date(day, now) {
        Age::Future => {
            let got = format!("{date}, which is after {} in Malaysia", today(now));
            return Err(no(&errors::E0002, errors::E0002.text, "a day that has begun", &got));
        }
        Age::Gone => {
            return Err(no(&errors::E0001, errors::E0001.text, "one of the last 90 days", date));
        }
        Age::Kept => {}
    }
    let end = end_of(report, product, day);
    if end > now {
        let got = format!("{date}, whose data is complete at {end}");
        return Err(no(&errors::E0003, errors::E0003.text, "a time that is over", &got));
    }
    Ok(Recipe {
        fiid,
        product: product.v1_name().to_owned(),
        report: report.name(),
        date: date.to_owned(),
        fields: Vec::new(),
        dialect: settings.dialect,
        rows_per_day: settings.report_rows,
    })
}

fn end_of(report: V1Report, product: Product, day: jiff::civil::Date) -> Timestamp {
    match report.code.contents {
        Contents::Monthly => ends_at(Month::of(day).last(), Portion::Day, product),
        Contents::Itemised | Contents::Summary => ends_at(day, report.portion, product),
    }
}

fn invalid(name: &str, value: &str, wanted: &str) -> Refusal {
    let cut: String = value.chars().take(64).collect();
    let said = errors::E0004.naming(&[name, &cut]);
    no(&errors::E0004, &said, &format!("{wanted} in {name}"), &shown(value))
}

/// The institution of the body, of the header, or the client's first one.
fn institution(members: &Map<String, Value>, caller: &Caller, merchant: &PaynetMerchant) -> String {
    let asked = members.get("fiid").and_then(Value::as_str);
    let asked = asked.and_then(|fiid| merchant.fiid(fiid)).or(caller.fiid.as_deref());
    let usual = || merchant.fiids.first().map_or("", String::as_str);
    asked.unwrap_or_else(usual).to_owned()
}
