//! Reading what a caller sent: query and body members by name, each unknown one refused with the
//! nearest that is known.

use axum::extract::Query as Pairs;
use axum::http::Uri;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::{json, limits};

/// The query of one request, every name of it known.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of `uri`, in which only `known` names may stand, each once.
    pub(super) fn read(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let Pairs(pairs) = Pairs::<Vec<(String, String)>>::try_from_uri(uri).map_err(|error| {
            Problem::bad_request(
                format!("the query cannot be read: {error}"),
                "write name=value pairs joined by &, percent-encoded",
            )
        })?;
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let fix = if known.is_empty() {
                    format!("leave it out; {} takes no query", uri.path())
                } else {
                    did_you_mean(name, known)
                };
                return Err(Problem::bad_request(
                    format!("{} has no query parameter \"{name}\"", uri.path()),
                    fix,
                ));
            }
            if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(Problem::bad_request(
                    format!("the query parameter \"{name}\" occurs twice"),
                    "give it once; ask twice for two values",
                ));
            }
        }
        Ok(Self(pairs))
    }

    /// The value of a name; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The value of a name as a number within bounds.
    pub(super) fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse::<u64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(Problem::bad_request(
                format!("{name}=\"{text}\" is not a whole number from {least} to {most}"),
                format!("write one, as in {name}={least}"),
            )),
        }
    }

    /// How many items the page shall have.
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        let limit = self.number("limit", 1, u64::from(limits::PAGE_ITEMS))?;
        Ok(limit.map_or(limits::DEFAULT_PAGE_ITEMS, |limit| {
            u32::try_from(limit).unwrap_or(limits::PAGE_ITEMS)
        }))
    }
}

/// The object in a body, in which only `known` members may stand.
pub(super) fn object(body: &[u8], known: &[&str]) -> Result<Map<String, Value>, Problem> {
    let members = json::parse_object(body)?;
    if let Some(unknown) = members.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Problem::bad_request(
            format!("there is no member \"{unknown}\""),
            did_you_mean(unknown, known),
        ));
    }
    Ok(members)
}

/// An instant, as RFC 3339 writes it.
pub(super) fn instant(name: &str, text: &str) -> Result<Timestamp, Problem> {
    text.parse().map_err(|error| {
        Problem::bad_request(
            format!("{name}: \"{text}\" is no instant ({error})"),
            "write it with its offset, as in 2026-01-01T09:30:00Z or 2026-01-01T16:30:00+07:00",
        )
    })
}

/// A length of time, in ISO 8601 or as people write it. A day is 24 hours.
pub(super) fn duration(name: &str, text: &str) -> Result<SignedDuration, Problem> {
    text.parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .map_err(|error| {
            Problem::bad_request(
                format!("{name}: \"{text}\" is no duration ({error})"),
                "write it as 90s, 5m, 2h, 1d, \"1h 30m\" or PT90S; a minus sign goes in front",
            )
        })
}

/// The name among `known` that looks most like `wrong`.
fn nearest<'k>(wrong: &str, known: &[&'k str]) -> Option<&'k str> {
    let wrong = wrong.to_lowercase();
    let score = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &wrong);
    known.iter().copied().max_by(|a, b| score(a).total_cmp(&score(b)))
}

/// "Did you mean …", with what else there is.
pub(super) fn did_you_mean(wrong: &str, known: &[&str]) -> String {
    // A list of everything helps as long as a person can take it in.
    const SHOWN: usize = 20;
    let mut text = match nearest(wrong, known) {
        None => return "there is none yet".to_owned(),
        Some(nearest) => format!("did you mean \"{nearest}\"?"),
    };
    if known.len() > 1 {
        text.push_str(" There are ");
        text.push_str(&known[..known.len().min(SHOWN)].join(", "));
        if known.len() > SHOWN {
            text.push_str(", …");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_and_iso_write_them() {
        for (text, seconds) in
            [("90s", 90), ("5m", 300), ("-5m", -300), ("2h", 7200), ("1d", 86_400), ("PT2H", 7200)]
        {
            let duration = duration("advance", text).expect(text);
            assert_eq!(duration.as_secs(), seconds, "{text}");
        }
        assert!(duration("advance", "soon").is_err());
        assert!(duration("advance", "1month").is_err(), "a month has no fixed length");
    }

    #[test]
    fn unknown_and_repeated_query_names_are_refused() {
        let read = |text: &str| Query::read(&text.parse().expect("a URI"), &["merchant", "limit"]);

        assert_eq!(read("/x?merchant=a%20b").expect("known").text("merchant"), Some("a b"));
        let fix = format!("{:?}", read("/x?merchnt=a").expect_err("unknown"));
        assert!(fix.contains("did you mean \\\"merchant\\\"?"), "{fix}");
        assert!(read("/x?limit=1&limit=2").is_err());
        assert!(read("/x?limit=0").expect("known").limit().is_err());
    }
}
