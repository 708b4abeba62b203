//! Mistakes with the members of a request: their names, places, types and forms. Values of cards are
//! never looked at.

use serde_json::Value;

use super::mistakes::{
    CARD_EXPIRY_IN_ANOTHER_FORM, CURRENCY_IN_ANOTHER_FORM, DATE_IN_ANOTHER_FORM,
    FLAG_IN_ANOTHER_FORM, KEYED_BY_INVOICE_NO, LIST_OR_SINGLE, MEMBER_ELSEWHERE, MISSPELT_NAME,
    NAMES_IN_ANOTHER_CASE, NUMBER_AS_TEXT, OBJECT_AS_TEXT, REFUND_DETAILS_WRAPPER,
    REFUND_MAKER_MISSING, REQUEST_WRAPPED_IN_JSON, TEXT_AS_NUMBER, URL_WITHOUT_SCHEME, V4_NAMES,
};
use super::{Scene, loosely, member, quoted};
use crate::diagnosis::Search;
use crate::diagnosis::dates;
use crate::providers::paco::fields::{self, Fault, Kind, Member, Problem, Stranger};
use crate::providers::paco::messages::{
    PAYMENT, REFUND, SETTLEMENT, TRANSACTION_LIST, TRANSACTION_STATUS, VOID,
};

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    refund(scene, search);
    keyed_by_invoice_no(scene, search);
    let Some(schema) = schema(scene) else {
        return;
    };
    let problems = fields::problems(&scene.request, schema, scene.settings.strict_names);
    names(&problems, search);
    // A wrapping displaces every member; naming each would only hide it.
    let wrapped = [&REQUEST_WRAPPED_IN_JSON, &REFUND_DETAILS_WRAPPER, &V4_NAMES];
    if !wrapped.into_iter().any(|mistake| search.has(mistake)) {
        let strangers = fields::strangers(&scene.request, schema);
        missing_names(&problems, &strangers, search);
    }
    types(scene, &problems, search);
    forms(&problems, search);
}

/// What the endpoint reads.
fn schema(scene: &Scene<'_>) -> Option<&'static [Member]> {
    match scene.evidence.endpoint.as_deref()? {
        "prePaymentUi" | "nonUi" => Some(PAYMENT),
        "Void" => Some(VOID),
        "Settlement" => Some(SETTLEMENT),
        "refund" => Some(REFUND),
        "transactionList" => Some(TRANSACTION_LIST),
        "transactionStatus" => Some(TRANSACTION_STATUS),
        _ => None,
    }
}

/// Also asked by the business, whose codes say the same less clearly.
pub(super) fn refund(scene: &Scene<'_>, search: &mut Search) {
    if !scene.is_endpoint(&["Refund"]) {
        return;
    }
    search.candidate(&REFUND_DETAILS_WRAPPER, || {
        let wrapper = scene.member("refundDetails")?;
        wrapper.is_object().then(|| {
            "take refundAmount, refundItems and localMakerChecker out of refundDetails; they stand \
             beside orderNo"
                .to_owned()
        })
    });
    let wrapped = search.has(&REFUND_DETAILS_WRAPPER);
    search.candidate(&REFUND_MAKER_MISSING, || {
        let checker = scene.member("localMakerChecker").and_then(Value::as_object);
        let maker = checker.and_then(|checker| member(checker, "maker")).and_then(Value::as_object);
        let name = maker.and_then(|maker| member(maker, "username")).and_then(Value::as_str);
        let lacks = match (checker, maker, name) {
            (None, _, _) => "localMakerChecker",
            (_, None, _) => "localMakerChecker.maker",
            (_, _, None | Some("")) => "localMakerChecker.maker.username",
            _ => return None,
        };
        (!wrapped).then(|| {
            format!("{lacks} is missing; localMakerChecker.maker.username says who asked for it")
        })
    });
}

fn keyed_by_invoice_no(scene: &Scene<'_>, search: &mut Search) {
    search.candidate(&KEYED_BY_INVOICE_NO, || {
        let has = |name: &str| {
            scene.member(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
        };
        (has("invoiceNo2C2P") && !has("orderNo")).then(|| {
            "orderNo, the number that the merchant gave the order, is what names it in every call"
                .to_owned()
        })
    });
}

fn names(problems: &[Problem], search: &mut Search) {
    search.candidate(&NAMES_IN_ANOTHER_CASE, || {
        let respelt: Vec<String> = problems
            .iter()
            .filter_map(|problem| match &problem.fault {
                Fault::Spelling(name) => Some(format!("{name} for {}", problem.path)),
                _ => None,
            })
            .take(10)
            .collect();
        (!respelt.is_empty())
            .then(|| format!("{} (strict_names is on, so that case counts)", respelt.join(", ")))
    });
}

fn missing_names(problems: &[Problem], strangers: &[Stranger], search: &mut Search) {
    let missing = || problems.iter().filter(|problem| matches!(problem.fault, Fault::Missing));
    search.candidate(&MISSPELT_NAME, || {
        let pairs: Vec<String> = missing()
            .filter_map(|problem| {
                let (parent, leaf) = split(&problem.path);
                let alike = strangers.iter().find(|stranger| {
                    let (beside, _) = split(&stranger.path);
                    beside == parent && is_alike(&stranger.name, leaf)
                })?;
                Some(format!("{} stands where {} is wanted", alike.path, problem.path))
            })
            .take(10)
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    });
    search.candidate(&MEMBER_ELSEWHERE, || {
        let pairs: Vec<String> = missing()
            .filter_map(|problem| {
                let (_, leaf) = split(&problem.path);
                let elsewhere =
                    strangers.iter().find(|stranger| stranger.name.eq_ignore_ascii_case(leaf))?;
                Some(format!("{} belongs at {}", elsewhere.path, problem.path))
            })
            .take(10)
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    });
}

fn is_alike(name: &str, wanted: &str) -> bool {
    let (name, wanted) = (loosely(name), loosely(wanted));
    name == wanted || strsim::jaro_winkler(&name, &wanted) > 0.9
}

fn types(scene: &Scene<'_>, problems: &[Problem], search: &mut Search) {
    search.candidate(&NUMBER_AS_TEXT, || {
        let in_schema = problems.iter().find_map(|problem| {
            let wanted = match problem.fault {
                Fault::Form(Kind::Integer) => is_number(&problem.value).then_some("a number")?,
                Fault::Form(Kind::Boolean) => {
                    let word = problem.value.as_str()?.to_ascii_lowercase();
                    ["true", "false"].contains(&&*word).then_some("true or false")?
                }
                _ => return None,
            };
            Some(format!("{} is in quotes; it is {wanted} without them", problem.path))
        });
        in_schema.or_else(|| amount_as_text(scene))
    });
    search.candidate(&TEXT_AS_NUMBER, || {
        let problem = problems.iter().find(|problem| {
            let wants_text = match problem.fault {
                Fault::Form(kind) => matches!(
                    kind,
                    Kind::Text(_)
                        | Kind::CardNumber
                        | Kind::CardExpiry
                        | Kind::Cvv
                        | Kind::Currency
                ),
                _ => false,
            };
            wants_text && problem.value.is_number()
        })?;
        Some(format!("{} is a JSON number; put it in quotes", problem.path))
    });
    search.candidate(&FLAG_IN_ANOTHER_FORM, || {
        let problem = problems.iter().find(|problem| {
            let word = match &problem.value {
                Value::String(text) => text.to_ascii_lowercase(),
                other => other.to_string(),
            };
            matches!(problem.fault, Fault::Form(Kind::Flag))
                && ["y", "n", "yes", "no", "true", "false", "1", "0"].contains(&&*word)
        })?;
        Some(format!("{} is {}; it is \"Y\" or \"N\"", problem.path, problem.value))
    });
    search.candidate(&OBJECT_AS_TEXT, || {
        let problem = problems.iter().find(|problem| {
            let is_json = problem
                .value
                .as_str()
                .is_some_and(|text| text.trim_start().starts_with(['{', '[']));
            is_json && problem.wants_structure()
        })?;
        Some(format!("{} was serialized twice; send it as it is, not its text", problem.path))
    });
    search.candidate(&LIST_OR_SINGLE, || {
        problems.iter().find_map(|problem| match (&problem.fault, &problem.value) {
            (Fault::Form(Kind::List(_)), Value::String(text)) if text.starts_with(['{', '[']) => {
                None
            }
            (Fault::Form(Kind::List(_)), _) => {
                Some(format!("{} is a list, also where it has one element", problem.path))
            }
            (Fault::Form(_), Value::Array(_)) => {
                Some(format!("{} is a list; a single value is wanted", problem.path))
            }
            _ => None,
        })
    });
}

/// A schema takes an amount of any scalar, because working clients disagree; a number it must be.
fn amount_as_text(scene: &Scene<'_>) -> Option<String> {
    let mut found = None;
    super::amounts::walk(&scene.request, "", &mut |path, amount| {
        if member(amount, "amount").is_some_and(is_number) {
            found.get_or_insert_with(|| {
                format!("{path}.amount is in quotes; it is a number without them")
            });
        }
    });
    found
}

fn is_number(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().parse::<f64>().is_ok_and(f64::is_finite))
}

fn forms(problems: &[Problem], search: &mut Search) {
    search.candidate(&DATE_IN_ANOTHER_FORM, || {
        problems
            .iter()
            .filter(|problem| matches!(problem.fault, Fault::Form(Kind::DateTime)))
            .find_map(|problem| {
                let text = match &problem.value {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.to_string(),
                    _ => return None,
                };
                let form = dates::other_form(&text)?;
                Some(format!(
                    "{} {} is {form}; write it as 2026-01-01T00:00:00.000Z",
                    problem.path,
                    quoted(&text)
                ))
            })
    });
    search.candidate(&CURRENCY_IN_ANOTHER_FORM, || {
        let problem = problems.iter().find(|problem| {
            let text = problem.value.as_str().unwrap_or_default();
            matches!(problem.fault, Fault::Form(Kind::Currency))
                && text.len() == 3
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })?;
        let text = problem.value.as_str().unwrap_or_default();
        Some(if text.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("{} {text} is the numeric code; write the letters, as in NPR", problem.path)
        } else {
            format!("{} {} is written {}", problem.path, quoted(text), text.to_ascii_uppercase())
        })
    });
    search.candidate(&CARD_EXPIRY_IN_ANOTHER_FORM, || {
        let problem = problems.iter().find(|problem| {
            let text = problem.value.as_str().unwrap_or_default();
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            matches!(problem.fault, Fault::Form(Kind::CardExpiry)) && (3..=6).contains(&digits)
        })?;
        // Its digits are no business of an explanation.
        let text = problem.value.as_str().unwrap_or_default();
        let form = match text.len() {
            3 => "it lacks the zero in front of the month",
            4 => "the year stands in front of the month",
            5 => "the slash between month and year is one character too many",
            _ => "the year has four digits",
        };
        Some(format!("{}: {form}; write MMYY, as in 1228", problem.path))
    });
    search.candidate(&URL_WITHOUT_SCHEME, || {
        let problem = problems.iter().find(|problem| {
            let text = problem.value.as_str().unwrap_or_default();
            matches!(problem.fault, Fault::Form(Kind::Url(_)))
                && !text.contains("://")
                && text
                    .split('/')
                    .next()
                    .is_some_and(|host| host.contains('.') || host.contains(':'))
        })?;
        Some(format!("{} has to begin with https:// (or http://)", problem.path))
    });
}

/// A path's parent and its last name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}
