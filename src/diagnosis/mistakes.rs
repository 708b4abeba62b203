//! A provider's usual mistakes as data, which its search, its explanation and its documentation share.

use std::fmt::Write as _;

use super::Mistake;

/// Declares the mistakes of a provider by theme, in the order of its documentation: a static for each,
/// `ALL` of them, and `mistakes_table` for its page. It stands in `near_misses/mistakes.rs`.
macro_rules! mistakes {
    ($($theme:literal { $($name:ident: $id:literal, $title:literal;)* })*) => {
        $($(pub(super) static $name: $crate::diagnosis::Mistake =
            $crate::diagnosis::Mistake { id: $id, title: $title };)*)*

        /// Every mistake that is looked for.
        pub(in super::super) static ALL: &[&$crate::diagnosis::Mistake] = &[$($(&$name),*),*];

        /// The mistakes as a Markdown table, for `docs.md`.
        pub(in super::super) fn mistakes_table() -> String {
            $crate::diagnosis::mistakes::table(&[$(($theme, &[$(&$name),*])),*])
        }
    };
}

pub(crate) use mistakes;

/// Mistakes by theme as a Markdown table.
pub(crate) fn table(themes: &[(&str, &[&Mistake])]) -> String {
    let mut table = String::from("| about | mistake | near miss |\n|---|---|---|\n");
    for (theme, mistakes) in themes {
        for (position, mistake) in mistakes.iter().enumerate() {
            let theme = if position == 0 { theme } else { "" };
            let _ = writeln!(table, "| {theme} | {} | `{}` |", mistake.title, mistake.id);
        }
    }
    table
}
