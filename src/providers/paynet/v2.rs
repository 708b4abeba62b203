//! Reports of v2: one query, asked again until the file is ready, and summaries that come at once.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answers::{coded, merchant_of, not_allowed};
use super::constants::REPORT_URL_LIFETIME;
use super::downloads::{self, Recipe};
use super::errors::{self, Api, Code, refused};
use super::graphql::{self, Fault, Parameters, Query, Root, When};
use super::ladder::{GRAPHQL, QUERY_CHECKS};
use super::merchant::PaynetMerchant;
use super::reports::Only;
use super::reports::calendar::{Age, Portion, age_of_date, age_of_month, ends_at, today};
use super::reports::catalogue::{V2Kind, v2_code};
use super::reports::checksum::Checksum;
use super::reports::summary::{Period, Summary, SummaryMoney};
use super::security::{Caller, guard};
use super::settings::Settings;
use super::states::{Status, at_poll};
use crate::blueprint::{Call, Decision, Merchant, Refusal, Reply, Verified};
use crate::checks::Failure;
use crate::crypto::hashes::sha256;
use crate::ids;
use crate::scenario::Outcome;
use crate::store::{Change, TransactionChange};

/// What the store calls a report that is asked for again and again.
pub(super) const KIND: &str = "report";

/// A report as it is kept between polls.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub recipe: Recipe,
    pub polls: u64,
    /// Worked out once, at the first poll that finds it ready.
    pub sum: Option<Checksum>,
    /// A person has made it fail.
    pub failed: bool,
    /// A person has made it ready.
    pub hurried: bool,
}

/// A query that is GraphQL; a name that comes twice is refused by the business.
pub(super) struct Asked {
    caller: Caller,
    query: Result<Query, Fault>,
}

/// The ladder of a query.
pub(super) fn open(call: &Call, settings: &Settings) -> Result<Verified<Asked>, Refusal> {
    let caller = guard(call, settings, Api::V2)?;
    let received = call.received();
    let query = graphql::read(received.header_text("content-type"), &received.body);
    let read = match &query {
        Err(fault) if *fault.code == errors::E0012 => {
            Err(Failure::new("a GraphQL request that can be processed", fault.detail.clone()))
        }
        Ok(_) | Err(_) => Ok(()),
    };
    call.step(&GRAPHQL, read)?;
    if let Ok(query) = &query {
        call.set_opened(json!({"root": query.response_name, "input": query.input}));
    }
    call.verified(&QUERY_CHECKS, Asked { caller, query })
}

/// `POST /v2/reports/query`.
pub(super) async fn query(
    call: Call,
    settings: Arc<Settings>,
    asked: Verified<Asked>,
    outcome: Outcome,
) -> Result<Decision, Refusal> {
    let merchant = merchant_of(&call)?;
    let parts = merchant.parts::<PaynetMerchant>();
    let Asked { caller, query } = asked.into_inner();
    let query = query.map_err(|fault| faulty(&fault))?;
    let is_summary = query.root == Root::Summary || query.names_a_summary();
    match outcome {
        Outcome::AuthenticationFailed => return Err(not_allowed(&settings, outcome)),
        Outcome::SystemError => return Err(coded(Api::V2, &errors::E9999, outcome)),
        // A summary has no state: its data is there at once or is not.
        Outcome::Declined | Outcome::Pending if is_summary => {
            return Err(coded(Api::V2, &errors::E0003, outcome));
        }
        Outcome::Success | Outcome::Declined => {}
        // Whatever it asks for: a rule may say so of a report that does not exist.
        Outcome::Pending => {
            return Ok(Decision::reply(answer(&query, &unfinished(Status::Processing))));
        }
    }
    let dialect = settings.dialect;
    let parameters = query.parameters(dialect).map_err(|fault| faulty(&fault))?;
    let fiid = caller.fiid.unwrap_or_else(|| parts.fiids.first().cloned().unwrap_or_default());
    let (kind, when) = (parameters.kind, parameters.when);
    if !settings.entitlement().allows(&v2_code(parameters.product, kind)) {
        let said = errors::E0004.naming(&["report", &parameters.report]);
        return Err(no(
            &errors::E0004,
            &said,
            "a report that the client may have",
            &parameters.report,
        ));
    }
    if query.root == Root::Summary && kind == V2Kind::Itemised {
        let said = errors::E0004.naming(&["report", &parameters.report]);
        return Err(no(&errors::E0004, &said, "S01, S02, D01 or M01 of Summary", "I01"));
    }
    in_time(&parameters, kind, when, call.now())?;
    if kind == V2Kind::Itemised {
        let recipe = recipe(&query, &parameters, when, fiid, &settings);
        let failing = outcome == Outcome::Declined;
        return poll(&call, &merchant, &parts, &settings, (&query, recipe, failing)).await;
    }
    let period = match when {
        When::Day(date) => Period::Day(date, kind.portion()),
        When::Month(month) => Period::Month(month),
    };
    call.set_subject(v2_code(parameters.product, kind));
    let rows = settings.report_rows;
    let making = parts.work(move |merchant| {
        merchant.books(rows).summary(&fiid, parameters.product, period, Only::Everything)
    });
    let summary = making.await?;
    Ok(Decision::reply(answer(&query, &summed(&query, &summary, &settings))))
}

fn no(code: &'static Code, text: &str, wanted: &str, got: &str) -> Refusal {
    refused(Api::V2, code, text, Failure::new(wanted, got))
}

fn faulty(fault: &Fault) -> Refusal {
    let wanted = match (fault.wanted.as_deref(), fault.parameter.as_deref()) {
        (Some(wanted), _) => wanted.to_owned(),
        (None, Some(name)) if *fault.code == errors::E0010 => format!("{name} once"),
        (None, Some(name)) => format!("a value for {name}"),
        (None, None) => "a query that can be processed".to_owned(),
    };
    no(fault.code, &fault.to_string(), &wanted, &fault.detail)
}

/// E0002, then E0001 or E0011, then E0003; all in Malaysian time.
fn in_time(
    parameters: &Parameters,
    kind: V2Kind,
    when: When,
    now: Timestamp,
) -> Result<(), Refusal> {
    let (age, gone, end, shown) = match when {
        When::Day(date) => {
            let end = ends_at(date, kind.portion(), parameters.product);
            (age_of_date(date, now), &errors::E0001, end, date.to_string())
        }
        When::Month(month) => {
            let end = ends_at(month.last(), Portion::Day, parameters.product);
            (age_of_month(month, now), &errors::E0011, end, month.to_string())
        }
    };
    match age {
        Age::Future => {
            let got = format!("{shown}; in Malaysia it is {}", today(now));
            Err(no(&errors::E0002, errors::E0002.text, "a time that has begun", &got))
        }
        Age::Gone => Err(no(gone, gone.text, "a time within the retention", &shown)),
        Age::Kept if end > now => {
            let got = format!("{shown}, whose data is complete at {end}");
            Err(no(&errors::E0003, errors::E0003.text, "a time that is over", &got))
        }
        Age::Kept => Ok(()),
    }
}

fn recipe(
    query: &Query,
    parameters: &Parameters,
    when: When,
    fiid: String,
    settings: &Settings,
) -> Recipe {
    let fields = query.input.get("fields").and_then(Value::as_array);
    let names = fields.into_iter().flatten().filter_map(Value::as_str);
    Recipe {
        fiid,
        product: parameters.product.code().to_owned(),
        report: V2Kind::Itemised.code().to_owned(),
        date: match when {
            When::Day(date) => date.to_string(),
            When::Month(month) => month.to_string(),
        },
        fields: names.map(ToOwned::to_owned).collect(),
        dialect: settings.dialect,
        rows_per_day: settings.report_rows,
    }
}

/// One more poll of a report. Who changes a field asks for another one (`job_key`).
async fn poll(
    call: &Call,
    merchant: &Merchant,
    parts: &Arc<PaynetMerchant>,
    settings: &Settings,
    (query, recipe, failing): (&Query, Recipe, bool),
) -> Result<Decision, Refusal> {
    let internal = |reason: String| Refusal::Internal { reason };
    let text = serde_json::to_string(&recipe).map_err(|error| internal(error.to_string()))?;
    let key = ids::hex(&sha256(text.as_bytes())[..16]);
    call.set_subject(format!("{}-{} {}", recipe.product, recipe.report, recipe.date));
    let kept = call.services().store.transaction(merchant.id(), KIND, &key).await;
    let kept = kept.map_err(|error| internal(error.to_string()))?;
    let mut job = match &kept {
        Some(kept) => {
            serde_json::from_str(&kept.state).map_err(|error| internal(error.to_string()))?
        }
        None => Job {
            recipe,
            polls: 0,
            sum: None,
            failed: false,
            hurried: false,
        },
    };
    job.polls += 1;
    let status = match (failing || job.failed, job.hurried) {
        (true, _) => Status::Error,
        (false, true) => Status::Ready,
        (false, false) => at_poll(job.polls, settings.polls_until_ready),
    };
    let mut changes = Vec::new();
    let said = if status == Status::Ready {
        let sum = match job.sum.take() {
            Some(sum) => sum,
            None => job.recipe.sum(parts).await?,
        };
        job.sum = Some(sum.clone());
        let link = downloads::new_link(
            call,
            merchant,
            job.recipe.clone(),
            sum.clone(),
            REPORT_URL_LIFETIME,
        )?;
        changes.extend(link.changes);
        let expiry = link.expires_at.round(jiff::Unit::Second).unwrap_or(link.expires_at);
        json!({
            "status": status.word(),
            "url": link.url,
            "expiry": expiry.to_string(),
            "checksum": sum.json(),
        })
    } else {
        unfinished(status)
    };
    let state = serde_json::to_string(&job).map_err(|error| internal(error.to_string()))?;
    changes.push(Change::Transaction(TransactionChange {
        merchant: merchant.id().to_owned(),
        provider: "paynet".to_owned(),
        kind: KIND,
        key,
        decided_on: kept.map(|kept| kept.version),
        status: status.word().to_owned(),
        state,
        at: call.now(),
        due_at: None,
    }));
    let mut decision = Decision::reply(answer(query, &said));
    decision.changes = changes;
    Ok(decision)
}

fn unfinished(status: Status) -> Value {
    json!({"status": status.word(), "url": null, "expiry": null, "checksum": null})
}

/// A summary as it was asked for: its lines themselves, or as the member `rows`.
fn summed(query: &Query, summary: &Summary, settings: &Settings) -> Value {
    let money = if settings.decimal_money { SummaryMoney::Decimal } else { SummaryMoney::Text };
    let dialect = settings.dialect;
    let lines: Vec<Value> = summary.rows(money, dialect).into_iter().map(Value::Object).collect();
    let about = ["status", "url", "expiry", "checksum", "rows"];
    if query.selection.iter().all(|field| about.contains(&field.name.as_str())) {
        let mut answer = unfinished(Status::Ready);
        answer["rows"] = Value::Array(lines);
        return answer;
    }
    Value::Array(lines)
}

fn answer(query: &Query, said: &Value) -> Reply {
    let mut data = Map::new();
    data.insert(query.response_name.clone(), graphql::respond(&query.selection, said));
    Reply::message(200, json!({ "data": data }))
}
