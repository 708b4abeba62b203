//! Dates that are not written as ISO 8601 wants them, and as what they are written instead.

/// The form of a date that is none of ISO 8601, where it is a usual one.
#[must_use]
pub fn other_form(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if text.starts_with("/Date(") {
        return Some("the form of old .NET JSON");
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return match text.len() {
            9 | 10 => Some("a number of seconds since 1970"),
            12 | 13 => Some("a number of milliseconds since 1970"),
            8 | 14 => Some("a date without separators"),
            _ => None,
        };
    }
    let names =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let lower = text.to_ascii_lowercase();
    if names.iter().any(|name| lower.contains(name)) {
        return Some("a date with the month as a word, as e-mail and HTTP have it");
    }
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['/', '.', '-']).collect();
    let numeric = parts.iter().all(|part| part.parse::<u16>().is_ok());
    match parts.as_slice() {
        [_, _, _] if !numeric => None,
        [year, _, _] if year.len() == 4 && day.contains(['/', '.']) => {
            Some("a date with slashes or dots")
        }
        [_, _, year] if year.len() == 4 => Some("a date that does not begin with its year"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_forms_are_named_and_others_are_not() {
        for (text, form) in [
            ("1767225600", "seconds since 1970"),
            ("1767225600000", "milliseconds since 1970"),
            ("20260101000000", "without separators"),
            ("01/01/2026 00:00:00", "not begin with its year"),
            ("01-01-2026", "not begin with its year"),
            ("2026/01/01 00:00", "slashes or dots"),
            ("Thu, 01 Jan 2026 00:00:00 GMT", "month as a word"),
            ("/Date(1767225600000)/", "old .NET"),
        ] {
            let found = other_form(text).unwrap_or_default();
            assert!(found.contains(form), "{text}: {found}");
        }
        for text in ["2026-01-01T00:00:00Z", "soon", "", "1.2", "2026-13-45"] {
            assert_eq!(other_form(text), None, "{text}");
        }
    }
}
