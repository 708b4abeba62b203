//! Mistakes with the day or month of a report: Malaysia's calendar decides, and others differ from it.

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Scene;
use super::mistakes::{DAY_NOT_OVER, FUTURE_DATE, MONTH_NOT_OVER, UTC_DAY, UTC_YESTERDAY};
use crate::diagnosis::Search;
use crate::diagnosis::instants::spoken;
use crate::providers::paynet::constants::REPORT_OFFSET;
use crate::providers::paynet::graphql::When;
use crate::providers::paynet::reports::Product;
use crate::providers::paynet::reports::calendar::{
    Month, Portion, ends_at, read_date, read_month, today,
};
use crate::providers::paynet::reports::catalogue::{Contents, V2Kind, find_v1, v2_code};
use crate::store::Verdict;

/// Whole hours from UTC of the zones whose day begins before Malaysia's.
const ZONES_AHEAD: std::ops::RangeInclusive<i8> = 9..=14;

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    let evidence = scene.evidence;
    let Some(asked) = evidence.opened.as_ref().and_then(Asked::read) else {
        return;
    };
    match (evidence.verdict, code(evidence.answer.as_ref())) {
        (Verdict::Refused, Some("E0002")) => not_begun(&asked, evidence.at, search),
        (Verdict::Refused, Some("E0003")) => not_over(&asked, evidence.at, search),
        (Verdict::Accepted, _) => {
            search.candidate(&UTC_YESTERDAY, || yesterday_in_utc(&asked, evidence.at));
        }
        _ => {}
    }
}

/// A report that was asked for.
struct Asked {
    /// As people call it.
    name: String,
    /// The day or month in the request.
    when: When,
    /// The month that the report covers, if it covers one.
    month: Option<Month>,
    /// When its data is complete.
    ends: Timestamp,
}

impl Asked {
    fn read(opened: &Value) -> Option<Self> {
        match opened.get("input") {
            Some(input) => Self::of_v2(input),
            None => Self::of_v1(opened),
        }
    }

    fn of_v1(members: &Value) -> Option<Self> {
        let report = find_v1(text(members, "report_type")?)?;
        let product = Product::of_v1(text(members, "product")?)?;
        let day = read_date(text(members, "date")?)?;
        let name = format!("{} of {}", report.name(), product.v1_name());
        let when = When::Day(day);
        Some(if report.code.contents == Contents::Monthly {
            Self::of_month(name, when, Month::of(day), product)
        } else {
            Self::of_day(name, day, report.portion, product)
        })
    }

    fn of_v2(input: &Value) -> Option<Self> {
        let kind = V2Kind::find(text(input, "report")?)?;
        let product = Product::of_v2(text(input, "product")?)?;
        let name = v2_code(product, kind);
        Some(if kind == V2Kind::Month {
            let month = read_month(text(input, "month")?)?;
            Self::of_month(name, When::Month(month), month, product)
        } else {
            Self::of_day(name, read_date(text(input, "date")?)?, kind.portion(), product)
        })
    }

    fn of_day(name: String, day: Date, portion: Portion, product: Product) -> Self {
        Self {
            name,
            when: When::Day(day),
            month: None,
            ends: ends_at(day, portion, product),
        }
    }

    fn of_month(name: String, when: When, month: Month, product: Product) -> Self {
        Self {
            name,
            when,
            month: Some(month),
            ends: ends_at(month.last(), Portion::Day, product),
        }
    }

    /// The day with which the day or month of the request begins.
    fn begins(&self) -> Date {
        match self.when {
            When::Day(day) => day,
            When::Month(month) => month.last().first_of_month(),
        }
    }

    fn shown(&self) -> String {
        match self.when {
            When::Day(day) => day.to_string(),
            When::Month(month) => month.to_string(),
        }
    }
}

pub(super) fn text<'v>(members: &'v Value, name: &str) -> Option<&'v str> {
    members.get(name)?.as_str().map(str::trim)
}

/// The code of an answer of v1 or v2.
pub(super) fn code(answer: Option<&Value>) -> Option<&str> {
    let answer = answer?;
    let code =
        answer.pointer("/error/code").or_else(|| answer.pointer("/errors/0/extensions/code"));
    code?.as_str()
}

/// E0002. Only tomorrow can be somebody's today, and only where the day begins before Malaysia's.
fn not_begun(asked: &Asked, at: Timestamp, search: &mut Search) {
    let (begins, malaysia) = (asked.begins(), today(at));
    let days = begins.duration_since(malaysia).as_hours() / 24;
    if days < 1 {
        return;
    }
    let shown = asked.shown();
    search.candidate(&UTC_DAY, || {
        let hours = begun_where(begins, at)?;
        Some(format!(
            "{shown} begins tomorrow in Malaysia, where it is {}; it has begun where clocks are {hours} \
             h ahead of UTC. Work out the day in the zone of Malaysia, UTC+08:00",
            clock(at)
        ))
    });
    if !search.has(&UTC_DAY) {
        search.candidate(&FUTURE_DATE, || {
            let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
            Some(format!("{shown} begins {days} after today, which is {malaysia} in Malaysia"))
        });
    }
}

/// How far ahead of UTC the nearest zone is in which a day has begun that has not begun in Malaysia.
fn begun_where(day: Date, at: Timestamp) -> Option<i8> {
    ZONES_AHEAD.into_iter().find(|hours| Offset::constant(*hours).to_datetime(at).date() >= day)
}

/// E0003 of a report whose time is running.
fn not_over(asked: &Asked, at: Timestamp, search: &mut Search) {
    let left = asked.ends.duration_since(at);
    if left <= SignedDuration::ZERO {
        return;
    }
    let (name, complete, left) = (&asked.name, clock(asked.ends), spoken(left));
    let complete = format!("complete at {complete} in Malaysia ({}), in {left}", asked.ends);
    if let Some(month) = asked.month {
        search.candidate(&MONTH_NOT_OVER, || {
            Some(format!("{name} covers the whole of {month}, whose data is {complete}"))
        });
        return;
    }
    search.candidate(&DAY_NOT_OVER, || {
        let elsewhere =
            asked.begins().tomorrow().ok().and_then(|next| begun_where(next, at)).map(|hours| {
                format!("; where clocks are {hours} h ahead of UTC it is yesterday already")
            });
        Some(format!(
            "{} is today in Malaysia, and the data of {name} is {complete}{}",
            asked.shown(),
            elsewhere.unwrap_or_default()
        ))
    });
}

/// While Malaysia has a new day and UTC the old one, yesterday in UTC is one day too old. The report
/// is there, so only the client knows whether it is the right one.
fn yesterday_in_utc(asked: &Asked, at: Timestamp) -> Option<String> {
    let (utc, malaysia) = (Offset::UTC.to_datetime(at).date(), today(at));
    if utc == malaysia {
        return None;
    }
    if let Some(month) = asked.month {
        let (in_utc, here) = (Month::of(utc), Month::of(malaysia));
        let before = Month::of(in_utc.last().first_of_month().yesterday().ok()?);
        return (in_utc != here && month == before).then(|| {
            format!(
                "{month} is last month in UTC, where it is still {utc}; in Malaysia it is {malaysia} \
                 already: if last month was meant, that is {in_utc}"
            )
        });
    }
    let day = asked.begins();
    (day == utc.yesterday().ok()?).then(|| {
        format!(
            "{day} is yesterday in UTC, where it is still {utc}; in Malaysia it is {malaysia} already: \
             if yesterday was meant, that is {utc}"
        )
    })
}

/// Day and time in Malaysia.
fn clock(at: Timestamp) -> String {
    REPORT_OFFSET.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
}
