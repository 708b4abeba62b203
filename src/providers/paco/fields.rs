//! Binding a message to its schema: names without regard to case, types, lengths, and every problem
//! at once, because a client's developer mends them at once.

use serde_json::{Map, Value};

use crate::checks::Failure;
use crate::json;
use crate::masking::passes_luhn;
use crate::money::Amount;

/// A member of a message.
#[derive(Debug)]
pub(super) struct Member {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
}

/// What a member may hold. `null` counts as absent.
#[derive(Debug)]
pub(super) enum Kind {
    /// A string of at most so many characters.
    Text(usize),
    /// A string, number or boolean: clients disagree, and nothing depends on it.
    Scalar,
    /// `Y` or `N`.
    Flag,
    /// A whole number.
    Integer,
    /// A boolean.
    Boolean,
    /// ISO 8601 date and time, with or without offset.
    DateTime,
    /// An absolute URL.
    Url(usize),
    /// An amount object.
    Amount,
    /// A currency code.
    Currency,
    /// A card number that passes the Luhn check.
    CardNumber,
    /// Month and year as MMYY.
    CardExpiry,
    /// Three or four digits.
    Cvv,
    /// An object of known members.
    Object(&'static [Member]),
    /// An array whose elements are all of one kind.
    List(&'static Kind),
    /// Anything: no source describes it closely.
    Any,
}

/// A required member.
pub(super) const fn required(name: &'static str, kind: Kind) -> Member {
    Member {
        name,
        kind,
        required: true,
    }
}

/// An optional member.
pub(super) const fn optional(name: &'static str, kind: Kind) -> Member {
    Member {
        name,
        kind,
        required: false,
    }
}

/// Binds a message to a schema: the result has the schema's own spelling of every known name.
///
/// # Errors
/// Every problem of the message, in the order of the schema.
pub(super) fn bind(
    message: &Map<String, Value>,
    schema: &'static [Member],
    strict_names: bool,
) -> Result<Value, Failure> {
    let mut binder = Binder {
        strict_names,
        problems: Vec::new(),
    };
    let bound = binder.object(message, schema, "");
    let Some(first) = binder.problems.first() else {
        return Ok(Value::Object(bound));
    };
    let failure = Failure::new(first.wanted.clone(), first.got.clone());
    let rest: Vec<String> = binder.problems[1..]
        .iter()
        .take(MOST_PROBLEMS)
        .map(|problem| format!("wanted {}, got {}", problem.wanted, problem.got))
        .collect();
    if rest.is_empty() { Err(failure) } else { Err(failure.detail(rest.join("; "))) }
}

/// What is wrong with a message, one by one, for whoever looks for the mistake behind it.
pub(super) fn problems(
    message: &Map<String, Value>,
    schema: &'static [Member],
    strict_names: bool,
) -> Vec<Problem> {
    let mut binder = Binder {
        strict_names,
        problems: Vec::new(),
    };
    binder.object(message, schema, "");
    binder.problems
}

/// A member that no schema knows.
#[derive(Debug)]
pub(super) struct Stranger {
    pub path: String,
    pub name: String,
}

/// The members of a message that its schema does not know. They are let through, and may be what
/// another place lacks.
pub(super) fn strangers(message: &Map<String, Value>, schema: &'static [Member]) -> Vec<Stranger> {
    let mut found = Vec::new();
    strange_members(message, schema, "", &mut found);
    found
}

fn strange_members(
    message: &Map<String, Value>,
    schema: &'static [Member],
    path: &str,
    found: &mut Vec<Stranger>,
) {
    /// More are no help to anybody.
    const MOST: usize = 500;
    for (name, value) in message {
        let here = join(path, &shortened(name));
        let kind = match schema.iter().find(|member| member.name.eq_ignore_ascii_case(name)) {
            Some(member) => &member.kind,
            None if found.len() >= MOST => return,
            None => {
                found.push(Stranger {
                    path: here.clone(),
                    name: name.clone(),
                });
                // Whatever is inside of it is as strange.
                &Kind::Object(&[])
            }
        };
        let kind = if let Kind::List(inner) = kind { *inner } else { kind };
        let inner = match kind {
            Kind::Object(schema) => *schema,
            Kind::Amount => AMOUNT,
            _ => continue,
        };
        match value {
            Value::Object(map) => strange_members(map, inner, &here, found),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Value::Object(map) = item {
                        strange_members(map, inner, &format!("{here}[{index}]"), found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Rules beyond a schema: what members demand of each other.
pub(super) type Rules = fn(&Value) -> Result<(), Failure>;

/// No rules beyond the schema.
#[expect(clippy::unnecessary_wraps, reason = "it stands where a message has rules")]
pub(super) fn no_more_rules(_bound: &Value) -> Result<(), Failure> {
    Ok(())
}

/// Problems told beside the first one.
const MOST_PROBLEMS: usize = 20;

struct Binder {
    strict_names: bool,
    problems: Vec<Problem>,
}

/// One thing that is wrong with a message.
#[derive(Debug)]
pub(super) struct Problem {
    /// Where the schema has the member.
    pub path: String,
    pub fault: Fault,
    /// What stands there.
    pub value: Value,
    wanted: String,
    got: String,
}

/// In what way a member is wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not there.
    Missing,
    /// It is there in two spellings.
    Twice,
    /// It is spelt so, where the case counts.
    Spelling(String),
    /// It is not what the schema wants.
    Form(&'static Kind),
    /// Its parts contradict each other.
    Amount,
}

impl Problem {
    /// Whether an object or a list belongs there.
    pub(super) fn wants_structure(&self) -> bool {
        matches!(self.fault, Fault::Form(Kind::Object(_) | Kind::List(_) | Kind::Amount))
    }
}

impl Binder {
    fn object(
        &mut self,
        message: &Map<String, Value>,
        schema: &'static [Member],
        path: &str,
    ) -> Map<String, Value> {
        let mut bound = Map::new();
        for member in schema {
            let here = join(path, member.name);
            let mut spellings =
                message.iter().filter(|(name, _)| name.eq_ignore_ascii_case(member.name));
            let found = spellings.next();
            if let (Some((first, _)), Some((second, _))) = (found, spellings.next()) {
                let got = format!("it as {first} and as {second}");
                self.problem(&here, Fault::Twice, &Value::Null, (format!("{here} once"), got));
                continue;
            }
            match found {
                Some((_, value)) if is_absent(value, member) => {}
                Some((name, value)) if !value.is_null() => {
                    if self.strict_names && name != member.name {
                        let got = format!("it spelt {}", join(path, name));
                        let fault = Fault::Spelling(name.clone());
                        self.problem(&here, fault, value, (here.clone(), got));
                        continue;
                    }
                    let value = self.value(value, &member.kind, &here);
                    bound.insert(member.name.to_owned(), value);
                }
                _ if member.required => {
                    let got = missing(message, schema, member, path);
                    let told = (format!("the member {here}"), got);
                    self.problem(&here, Fault::Missing, &Value::Null, told);
                }
                _ => {}
            }
        }
        for (name, value) in message {
            if !schema.iter().any(|member| member.name.eq_ignore_ascii_case(name)) {
                bound.insert(name.clone(), value.clone());
            }
        }
        bound
    }

    fn value(&mut self, value: &Value, kind: &'static Kind, path: &str) -> Value {
        match kind {
            Kind::Object(schema) => match value {
                Value::Object(map) => return Value::Object(self.object(map, schema, path)),
                other => self.wrong(path, kind, "an object", other),
            },
            Kind::List(each) => match value {
                Value::Array(items) => {
                    let items = items.iter().enumerate();
                    let bound =
                        items.map(|(i, item)| self.value(item, each, &format!("{path}[{i}]")));
                    return Value::Array(bound.collect());
                }
                other => self.wrong(path, kind, "an array", other),
            },
            Kind::Amount => match value {
                Value::Object(map) => return self.amount(map, path),
                other => self.wrong(path, kind, "an amount object", other),
            },
            scalar => {
                if let Err(wanted) = fits(value, scalar) {
                    self.wrong(path, scalar, &wanted, value);
                }
            }
        }
        value.clone()
    }

    fn amount(&mut self, map: &Map<String, Value>, path: &str) -> Value {
        let before = self.problems.len();
        let bound = Value::Object(self.object(map, AMOUNT, path));
        if self.problems.len() > before {
            return bound;
        }
        let text = bound["amountText"].as_str().unwrap_or_default();
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            self.wrong_amount(
                path,
                format!("{path}.amountText of exactly 12 digits (minor units, zeros in front)"),
                format!("\"{text}\""),
            );
            return bound;
        }
        let places = bound["decimalPlaces"].as_u64().and_then(|places| u8::try_from(places).ok());
        let Some(places) = places.filter(|places| *places <= 6) else {
            self.wrong_amount(
                path,
                format!("{path}.decimalPlaces from 0 to 6"),
                bound["decimalPlaces"].to_string(),
            );
            return bound;
        };
        let number = bound["amount"].to_string();
        match Amount::minor_units_of(&number, places) {
            Err(error) => {
                self.wrong_amount(path, format!("{path}.amount in major units"), error.to_string());
            }
            Ok(minor) if text.parse() != Ok(minor) => self.wrong_amount(
                path,
                format!(
                    "{path}.amountText {minor:012}, which is amount {number} in minor units with \
                     {places} decimal places"
                ),
                format!("amountText {text}"),
            ),
            Ok(_) => {}
        }
        bound
    }

    fn wrong(&mut self, path: &str, kind: &'static Kind, wanted: &str, found: &Value) {
        let shown = match found {
            Value::String(_) if path.ends_with("cvvCode") || path.ends_with("cardNumber") => {
                "another string".to_owned()
            }
            Value::String(text) => format!("\"{}\"", shortened(text)),
            other => json::kind(other).to_owned(),
        };
        self.problem(path, Fault::Form(kind), found, (format!("{path} to be {wanted}"), shown));
    }

    fn wrong_amount(&mut self, path: &str, wanted: String, got: String) {
        self.problem(path, Fault::Amount, &Value::Null, (wanted, got));
    }

    fn problem(&mut self, path: &str, fault: Fault, value: &Value, told: (String, String)) {
        let (wanted, got) = told;
        self.problems.push(Problem {
            path: path.to_owned(),
            fault,
            value: value.clone(),
            wanted,
            got,
        });
    }
}

/// An empty text says nothing where nothing has to be said; clients send many.
fn is_absent(value: &Value, member: &Member) -> bool {
    !member.required && value.as_str() == Some("")
}

/// Members of every amount.
static AMOUNT: &[Member] = &[
    required("amountText", Kind::Text(12)),
    required("currencyCode", Kind::Currency),
    required("decimalPlaces", Kind::Integer),
    required("amount", Kind::Scalar),
];

fn fits(value: &Value, kind: &Kind) -> Result<(), String> {
    let text = value.as_str();
    let fits = match kind {
        Kind::Text(most) => {
            text.is_some_and(|text| !text.is_empty() && text.chars().count() <= *most)
        }
        Kind::Scalar => !value.is_object() && !value.is_array(),
        Kind::Flag => matches!(text, Some("Y" | "N")),
        Kind::Integer => value.is_i64(),
        Kind::Currency => text.is_some_and(|text| {
            text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
        }),
        Kind::Boolean => value.is_boolean(),
        Kind::DateTime => text.is_some_and(is_date_time),
        Kind::Url(most) => text.is_some_and(|text| text.len() <= *most && is_absolute_url(text)),
        Kind::CardNumber => text.is_some_and(passes_luhn),
        Kind::CardExpiry => text.is_some_and(is_month_and_year),
        Kind::Cvv => text.is_some_and(|text| {
            (3..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        }),
        Kind::Object(_) | Kind::List(_) | Kind::Amount | Kind::Any => true,
    };
    if fits { Ok(()) } else { Err(wanted(kind)) }
}

fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::Text(most) => format!("a string of 1 to {most} characters"),
        Kind::Scalar => "a string, number or boolean".to_owned(),
        Kind::Flag => "\"Y\" or \"N\"".to_owned(),
        Kind::Integer => "a whole number".to_owned(),
        Kind::Currency => "an ISO 4217 code of three capital letters".to_owned(),
        Kind::Boolean => "true or false".to_owned(),
        Kind::DateTime => "an ISO 8601 date and time such as 2026-01-01T00:00:00.000Z".to_owned(),
        Kind::Url(most) => format!("an absolute http or https URL of at most {most} characters"),
        Kind::CardNumber => {
            "a card number of 12 to 19 digits that passes the Luhn check".to_owned()
        }
        Kind::CardExpiry => "four digits MMYY".to_owned(),
        Kind::Cvv => "three or four digits".to_owned(),
        Kind::Object(_) | Kind::List(_) | Kind::Amount | Kind::Any => String::new(),
    }
}

/// What the message has instead of a missing member: a misspelling, if there is one.
fn missing(
    message: &Map<String, Value>,
    schema: &'static [Member],
    member: &Member,
    path: &str,
) -> String {
    let like = message
        .keys()
        .take(200)
        .filter(|name| !schema.iter().any(|known| known.name.eq_ignore_ascii_case(name)))
        .map(|name| {
            let score = strsim::jaro_winkler(
                &shortened(name).to_ascii_lowercase(),
                &member.name.to_ascii_lowercase(),
            );
            (score, name)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match like {
        Some((score, name)) if score > 0.85 => {
            format!("none; the message has {}, which is not known", join(path, &shortened(name)))
        }
        _ => "none".to_owned(),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn is_date_time(text: &str) -> bool {
    // .NET's last instant is a day later than the last one that has a name in every zone.
    let named = text
        .strip_prefix("9999-12-31T")
        .map_or(text.to_owned(), |time| format!("9999-12-29T{time}"));
    named.parse::<jiff::Timestamp>().is_ok() || named.parse::<jiff::civil::DateTime>().is_ok()
}

fn is_absolute_url(text: &str) -> bool {
    // The case of a scheme does not matter (RFC 3986 §3.1).
    let after = text
        .split_once("://")
        .filter(|(scheme, _)| ["http", "https"].iter().any(|it| scheme.eq_ignore_ascii_case(it)))
        .filter(|(_, rest)| !rest.is_empty() && !rest.starts_with(['/', '?', '#']));
    after.is_some()
        && text
            .parse::<hyper::Uri>()
            .is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
}

fn is_month_and_year(text: &str) -> bool {
    text.len() == 4
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text[..2].parse::<u8>().is_ok_and(|month| (1..=12).contains(&month))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static SCHEMA: &[Member] = &[
        required("orderNo", Kind::Text(5)),
        optional("flag", Kind::Flag),
        optional("transactionAmount", Kind::Amount),
        optional("urls", Kind::List(&Kind::Url(40))),
    ];

    fn bound(message: &Value, strict: bool) -> Result<Value, Failure> {
        bind(message.as_object().expect("an object"), SCHEMA, strict)
    }

    #[test]
    fn names_bind_without_regard_to_case_unless_told_otherwise() {
        let message = json!({"ORDERNO": "1", "extra": 1});

        assert_eq!(bound(&message, false), Ok(json!({"orderNo": "1", "extra": 1})));
        let failure = bound(&message, true).expect_err("strict");
        assert_eq!(failure.got, "it spelt ORDERNO");
    }

    #[test]
    fn every_problem_is_told_with_the_misspelt_name_beside_the_missing_one() {
        let message = json!({"orderNumber": "1", "flag": "yes", "urls": ["x"]});

        let failure = bound(&message, false).expect_err("wrong");

        assert_eq!(failure.expected, "the member orderNo");
        assert_eq!(failure.got, "none; the message has orderNumber, which is not known");
        let detail = failure.detail.expect("more problems");
        assert!(detail.contains("flag to be \"Y\" or \"N\", got \"yes\""), "{detail}");
        assert!(detail.contains("urls[0]"), "{detail}");
    }

    #[test]
    fn an_amount_and_its_text_must_agree() {
        for (text, amount, good) in [
            ("000000012550", json!(125.5), true),
            ("000000000125", json!(125.5), false),
            ("12550", json!(125.5), false),
            ("000000012550", json!("125.5"), false),
            ("000000032005", json!(320.05), true),
        ] {
            let message = json!({"orderNo": "1", "transactionAmount": {
                "AmountText": text, "CurrencyCode": "NPR", "DecimalPlaces": 2, "Amount": amount}});
            assert_eq!(bound(&message, false).is_ok(), good, "{text} {amount}");
        }
    }

    #[test]
    fn dates_reach_as_far_as_dot_net_s_and_schemes_have_no_case() {
        for (text, good) in [
            ("9999-12-31T23:59:59Z", true),
            ("9999-12-31T23:59:59.9999999", true),
            ("0001-01-01T00:00:00", true),
            ("9999-12-31T25:00:00Z", false),
            ("tomorrow", false),
        ] {
            assert_eq!(is_date_time(text), good, "{text}");
        }
        assert!(is_absolute_url("HTTPS://shop.test/ok"));
        assert!(!is_absolute_url("ftp://shop.test/ok"));
    }

    #[test]
    fn a_name_in_two_spellings_is_ambiguous() {
        let failure = bound(&json!({"orderNo": "1", "OrderNo": "2"}), false).expect_err("twice");

        assert!(failure.got.contains("OrderNo"), "{failure:?}");
    }
}
