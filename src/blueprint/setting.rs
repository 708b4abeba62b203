//! Settings and named constants as data, for messages and generated documentation.

/// A setting of a provider.
#[derive(Clone, Copy, Debug)]
pub struct SettingDoc {
    /// Its name.
    pub name: &'static str,
    /// The values that it takes.
    pub values: &'static str,
    /// The value when nothing is set.
    pub default: &'static str,
    /// Its value in profile `documented`, where that differs.
    pub documented: Option<&'static str>,
    /// Whether an office can have its own.
    pub office: bool,
    /// The evidence behind it.
    pub why: &'static str,
}

/// A value that stands in one place, with its evidence.
#[derive(Clone, Copy, Debug)]
pub struct NamedConstant {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: &'static str,
    /// The evidence behind it.
    pub why: &'static str,
}
