//! The parameters of a query, judged in the provider's order.

use std::collections::HashSet;

use jiff::civil::Date;
use serde_json::Value;

use super::Query;
use super::faults::{Fault, shortened};
use crate::providers::paynet::errors::{E0004, E0005, E0006, E0007, E0010};
use crate::providers::paynet::reports::Product;
use crate::providers::paynet::reports::calendar::{Month, read_date, read_month};
use crate::providers::paynet::reports::catalogue::V2Kind;
use crate::providers::paynet::reports::csv::{Column, ColumnFault, Columns, Dialect};

/// The parameters of a query, judged in all but the clock and the client's entitlement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameters {
    /// The product.
    pub product: Product,
    /// The report as it was sent.
    pub report: String,
    /// Which report.
    pub kind: V2Kind,
    /// The day or month.
    pub when: When,
    /// The columns of the itemised file; all of them where none were named.
    pub columns: Columns,
}

/// What a query asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// A day.
    Day(Date),
    /// A month.
    Month(Month),
}

impl Query {
    /// Judges the parameters, in the provider's order: E0010, E0006, E0004, then E0005 or E0007.
    ///
    /// # Errors
    /// The first fault in that order.
    pub(crate) fn parameters(&self, dialect: Dialect) -> Result<Parameters, Fault> {
        let fields = self.present("fields");
        let names: Vec<&str> = match fields {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let mut seen = HashSet::new();
        if let Some(name) = names.iter().find(|name| !seen.insert(**name)) {
            let detail = format!("fields names {} twice", shortened(name));
            return Err(Fault::named(&E0010, name, detail));
        }

        let report = self.present("report");
        let kind = report.and_then(Value::as_str).and_then(V2Kind::find);
        let mut required = vec!["product", "report"];
        match kind {
            Some(V2Kind::Itemised) => required.extend(["date", "fields"]),
            Some(V2Kind::Month) => required.push("month"),
            Some(_) => required.push("date"),
            None => (),
        }
        if let Some(missing) = required.into_iter().find(|name| self.present(name).is_none()) {
            let detail = format!("{missing} has no value");
            return Err(Fault::named(&E0006, missing, detail));
        }

        let invalid = |name: &str, value: &Value, wanted: &str| {
            Err(Fault::invalid(&E0004, name, value, wanted))
        };
        for name in ["product", "report", "date", "month"] {
            if let Some(value) = self.present(name).filter(|value| !value.is_string()) {
                return invalid(name, value, "a string");
            }
        }
        let product_text = self.text("product");
        let Some(product) = Product::of_v2(product_text) else {
            return invalid("product", &product_text.into(), "MYD or RPP");
        };
        let report_text = self.text("report");
        let Some(kind) = kind else {
            return invalid("report", &report_text.into(), "I01, S01, S02, D01 or M01");
        };
        let columns = match fields {
            None => Columns::all(dialect),
            Some(Value::Array(items)) => {
                if let Some(item) = items.iter().find(|item| !item.is_string()) {
                    return invalid("fields", item, "a list of strings");
                }
                Columns::select(dialect, names).map_err(|fault| match fault {
                    ColumnFault::Unknown(name) => {
                        let nearest = Column::nearest(&name, dialect);
                        let wanted = format!("names of columns of the file, such as {nearest},");
                        Fault::invalid(&E0004, "fields", &name.into(), &wanted)
                    }
                    ColumnFault::Twice(name) => {
                        let detail = format!("fields names the column {name} twice");
                        Fault::named(&E0010, &name, detail)
                    }
                })?
            }
            Some(other) => return invalid("fields", other, "a list of strings"),
        };

        let when = match kind {
            V2Kind::Month => When::Month(self.month()?),
            _ => When::Day(self.date()?),
        };
        Ok(Parameters {
            product,
            report: report_text.to_owned(),
            kind,
            when,
            columns,
        })
    }

    /// Whether the report is one whose data comes at once.
    pub(crate) fn names_a_summary(&self) -> bool {
        let kind = self.present("report").and_then(Value::as_str).and_then(V2Kind::find);
        kind.is_some_and(|kind| kind != V2Kind::Itemised)
    }

    /// A parameter that has a value: `null` is none.
    fn present(&self, name: &str) -> Option<&Value> {
        self.input.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> &str {
        self.present(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn date(&self) -> Result<Date, Fault> {
        let text = self.text("date");
        read_date(text).ok_or_else(|| {
            Fault::invalid(&E0005, "date", &text.into(), "a day that exists, as yyyy-MM-dd")
        })
    }

    fn month(&self) -> Result<Month, Fault> {
        let text = self.text("month");
        read_month(text).ok_or_else(|| Fault::invalid(&E0007, "month", &text.into(), "yyyy-MM"))
    }
}
