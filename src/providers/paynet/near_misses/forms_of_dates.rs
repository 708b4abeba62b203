//! Days that are written in another form than the one that both texts of the API want.

use jiff::civil::{Date, date};

use super::Scene;
use super::days::{code, text};
use super::mistakes::DATE_FORM;
use crate::diagnosis::Search;
use crate::providers::paynet::security::shown;
use crate::store::Verdict;

pub(super) fn all(scene: &Scene<'_>, search: &mut Search) {
    let evidence = scene.evidence;
    if evidence.verdict != Verdict::Refused || code(evidence.answer.as_ref()) != Some("E0005") {
        return;
    }
    search.candidate(&DATE_FORM, || {
        let opened = evidence.opened.as_ref()?;
        let sent = text(opened.get("input").unwrap_or(opened), "date")?;
        let (day, how) = meant(sent)?;
        Some(format!("{} is {how}; the same day as it is wanted is {day}", shown(sent)))
    });
}

/// The day that a text means, and what it is written as; none where it could be another day too.
fn meant(text: &str) -> Option<(Date, &'static str)> {
    let day = text.split(['T', ' ']).next()?;
    if day.len() < text.len()
        && let Ok(day) = day.parse::<Date>()
    {
        return Some((day, "a day with a time"));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return without_separators(text);
    }
    let separator = day.chars().find(|letter| ['/', '.', '-'].contains(letter))?;
    let parts: Vec<&str> = day.split(separator).collect();
    let [first, second, third] = parts[..] else { return None };
    let number = |part: &str| part.parse::<i16>().ok().filter(|_| part.len() <= 4);
    let (one, two, three) = (number(first)?, number(second)?, number(third)?);
    if first.len() == 4 {
        let how =
            if separator == '-' { "a day without its zeros" } else { "a day without hyphens" };
        return Some((a_day(one, two, three)?, how));
    }
    if third.len() != 4 {
        return None;
    }
    let (day_first, month_first) = (a_day(three, two, one), a_day(three, one, two));
    match (day_first, month_first) {
        (Some(day), None) => Some((day, "a day that begins with its day")),
        (None, Some(day)) => Some((day, "a day that begins with its month")),
        (Some(day), Some(same)) if day == same => Some((day, "a day that ends with its year")),
        _ => None,
    }
}

fn without_separators(text: &str) -> Option<(Date, &'static str)> {
    if text.len() != 8 {
        return None;
    }
    let number = |part: &str| part.parse::<i16>().ok();
    let (year, month, day) = (number(&text[..4])?, number(&text[4..6])?, number(&text[6..])?);
    if let Some(day) = a_day(year, month, day) {
        return Some((day, "a day without hyphens"));
    }
    let (day, month, year) = (number(&text[..2])?, number(&text[2..4])?, number(&text[4..])?);
    Some((a_day(year, month, day)?, "a day without hyphens that begins with its day"))
}

/// A day of this century: other numbers are no years.
fn a_day(year: i16, month: i16, day: i16) -> Option<Date> {
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let day = Date::new(year, month, day).ok()?;
    (date(2000, 1, 1)..date(2100, 1, 1)).contains(&day).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn a_day_is_read_where_it_can_be_only_one() {
        for text in [
            "20261124",
            "24112026",
            "2026/11/24",
            "2026.11.24",
            "24/11/2026",
            "24-11-2026",
            "11/24/2026",
            "2026-11-24T00:00:00Z",
            "2026-11-24 08:00",
        ] {
            let day = meant(text).map(|(day, _)| day.to_string());
            assert_eq!(day.as_deref(), Some("2026-11-24"), "{text}");
        }
        for text in ["05/11/2026", "2026-13-45", "soon", "", "1", "99999999", "1.2.3", "20261324"] {
            assert_eq!(meant(text), None, "{text}");
        }
        assert!(meant("2026-1-5").is_some() && meant("05/05/2026").is_some());
    }
}
