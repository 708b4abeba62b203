//! Scenarios: switching files on and off, arming single rules.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::Admin;
use super::merchants::find;
use super::problem::Problem;
use super::query::{Query, did_you_mean, object};
use crate::blueprint::Provider;
use crate::scenario::Rule;

/// The paths of this resource.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/scenarios", get(list))
        .route("/scenarios/{name}/activate", post(activate))
        .route("/scenarios/{name}/deactivate", post(deactivate))
        .route("/scenarios/armed", post(arm))
        .route("/scenarios/armed/{id}", delete(disarm))
}

async fn list(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Json<Value>, Problem> {
    let query = Query::read(&uri, &["provider"])?;
    let wanted = query.text("provider");
    if let Some(provider) = wanted {
        admin.provider(provider)?;
    }
    let fits = |provider: &str| wanted.is_none_or(|wanted| wanted == provider);
    let engine = &admin.services.scenarios;
    let items: Vec<Value> = engine
        .files()
        .into_iter()
        .filter(|(file, _)| fits(&file.provider))
        .map(|(file, active)| {
            json!({
                "name": file.scenario,
                "provider": file.provider,
                "about": file.about,
                "teaches": file.teaches,
                "magic": file.magic,
                "active": active,
                "rules": file.rules,
            })
        })
        .collect();
    let mut armed = engine.armed();
    armed.retain(|armed| fits(&armed.provider));
    Ok(Json(json!({ "items": items, "armed": armed, "next_cursor": null })))
}

async fn activate(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    switch(&admin, &name, &uri, true).await
}

async fn deactivate(
    State(admin): State<Arc<Admin>>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    switch(&admin, &name, &uri, false).await
}

async fn switch(
    admin: &Admin,
    name: &str,
    uri: &Uri,
    active: bool,
) -> Result<Json<Value>, Problem> {
    Query::read(uri, &[])?;
    let services = &admin.services;
    services.scenarios.set_active(name, active, &services.clock).await?;
    Ok(Json(json!({ "name": name, "active": active })))
}

async fn arm(
    State(admin): State<Arc<Admin>>,
    uri: Uri,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    Query::read(&uri, &[])?;
    let members = object(&body, &["provider", "merchant", "rule"])?;
    let merchant = text(&members, "merchant")?.map(|id| find(&admin, id)).transpose()?;
    let named = text(&members, "provider")?;
    let provider = match (named, &merchant) {
        (Some(named), Some(merchant)) if merchant.record.provider != named => {
            return Err(Problem::bad_request(
                format!(
                    "merchant \"{}\" is one of {}, not of {named}",
                    merchant.id(),
                    merchant.record.provider
                ),
                "leave provider out; the merchant settles it",
            ));
        }
        (Some(named), _) => admin.provider(named)?,
        (None, Some(merchant)) => admin.provider(&merchant.record.provider)?,
        (None, None) => {
            return Err(Problem::bad_request(
                "the rule is for nobody",
                "name a \"merchant\" to leave all others alone, or a \"provider\"",
            ));
        }
    };
    let rule = read_rule(provider.as_ref(), members.get("rule"))?;
    let services = &admin.services;
    let merchant = merchant.as_ref().map(|merchant| merchant.id());
    let id = services.scenarios.arm(provider.id(), merchant, &rule, &services.clock).await?;
    let answer = json!({
        "id": id,
        "provider": provider.id(),
        "merchant": merchant,
        "remaining": rule.times.unwrap_or(1),
        "rule": rule,
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn disarm(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<StatusCode, Problem> {
    Query::read(&uri, &[])?;
    let id = id.parse().map_err(|_| {
        Problem::bad_request(
            format!("\"{id}\" is no number of an armed rule"),
            "GET /scenarios lists the armed rules with their numbers",
        )
    })?;
    admin.services.scenarios.disarm(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Result<Option<&'m str>, Problem> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Problem::bad_request(
            format!("\"{name}\" is {other}, a text is wanted"),
            format!("write \"{name}\": \"…\""),
        )),
    }
}

fn read_rule(provider: &dyn Provider, rule: Option<&Value>) -> Result<Rule, Problem> {
    let fix = "write {\"rule\": {\"when\": {\"endpoint\": …}, \"outcome\": \"declined\"}}; an \
               effect is one of outcome, fail_check, error, fault, misbehave, raw_reply";
    let Some(Value::Object(rule)) = rule else {
        return Err(Problem::bad_request("\"rule\" is missing, or no object", fix));
    };
    let mut rule = rule.clone();
    // A rule that lives for one request may go without a name.
    rule.entry("name").or_insert_with(|| "armed".into());
    let rule: Rule = serde_json::from_value(rule.into())
        .map_err(|error| Problem::bad_request(format!("the rule cannot be read: {error}"), fix))?;
    if let Some(wanted) = &rule.when.endpoint {
        let known: Vec<&str> = provider.endpoints().iter().map(|endpoint| endpoint.name).collect();
        if !known.iter().any(|name| name.eq_ignore_ascii_case(wanted)) {
            return Err(Problem::bad_request(
                format!("{} has no endpoint \"{wanted}\"", provider.id()),
                did_you_mean(wanted, &known),
            ));
        }
    }
    Ok(rule)
}
