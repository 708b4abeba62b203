//! A merchant's own itemised file, in either dialect, instead of generated transactions. Columns are
//! found by their headers; what is wrong is said with line and column.

use jiff::civil::{Date, DateTime};

use super::calendar::{Portion, second_cycle_begins};
use super::csv::{Column, Dialect};
use super::summary::Counted;
use super::{Product, Slice};
use crate::limits;
use crate::masking::scrub;

/// A file that was read whole.
#[derive(Debug)]
pub(crate) struct OwnCsv {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    /// By [`Column`], as they stand in [`Column::ALL`].
    values: Vec<Option<Box<str>>>,
    initiated: DateTime,
    portion: Option<Portion>,
    is_approved: bool,
    amount: u64,
    network_fee: u64,
    interchange_fee: u64,
    locaf_fee: u64,
}

/// Why a file is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OwnCsvError {
    /// Too large to keep in memory.
    #[error("the file has {got} bytes, at most {most} are read")]
    TooLarge {
        /// Its length.
        got: usize,
        /// The bound.
        most: usize,
    },
    /// More rows than are kept.
    #[error("the file has more than {0} rows")]
    TooManyRows(usize),
    /// Neither dialect has such a column.
    #[error("line 1: \"{name}\" is no column of an itemised file; the nearest is \"{nearest}\"")]
    UnknownColumn {
        /// The header.
        name: String,
        /// A header like it.
        nearest: &'static str,
    },
    /// Two headers mean the same column.
    #[error("line 1: the column \"{0}\" stands there twice")]
    ColumnTwice(String),
    /// A column without which nothing can be summed up.
    #[error("line 1: the column \"{0}\" is missing")]
    ColumnMissing(&'static str),
    /// A value that cannot be what its column says.
    #[error("line {line}, column \"{column}\": \"{got}\" is not {wanted}")]
    Value {
        /// The line, the header being the first.
        line: u64,
        /// The column by its name in the newer dialect.
        column: &'static str,
        /// The value, cut if it is long.
        got: String,
        /// What would do.
        wanted: &'static str,
    },
    /// Not CSV, not UTF-8, or a line with too few or too many values.
    #[error("{0}")]
    Form(String),
}

/// Columns that a file of a merchant's own must have.
pub(crate) const REQUIRED: [Column; 6] = [
    Column::TransactionType,
    Column::InitiationTime,
    Column::PayerFiid,
    Column::ReceiverFiid,
    Column::TransactionStatus,
    Column::TransactionAmount,
];

impl OwnCsv {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, OwnCsvError> {
        if bytes.len() > limits::OWN_REPORT_BYTES {
            return Err(OwnCsvError::TooLarge {
                got: bytes.len(),
                most: limits::OWN_REPORT_BYTES,
            });
        }
        // Spreadsheets put a byte order mark in front.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let form = |error: ::csv::Error| OwnCsvError::Form(error.to_string());
        let mut reader = ::csv::Reader::from_reader(bytes);
        let columns = header(reader.headers().map_err(form)?)?;
        let mut rows = Vec::new();
        for record in reader.records() {
            if rows.len() == limits::OWN_REPORT_ROWS {
                return Err(OwnCsvError::TooManyRows(limits::OWN_REPORT_ROWS));
            }
            rows.push(row(&columns, &record.map_err(form)?)?);
        }
        // Stable: rows of one instant stay in the file's order.
        rows.sort_by_key(|row| row.initiated);
        Ok(Self { rows })
    }

    /// Rows in all.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether any row belongs to one of these institutions.
    pub(crate) fn has_any_of(&self, fiids: &[String]) -> bool {
        self.rows.iter().any(|row| {
            fiids
                .iter()
                .any(|fiid| row.is(Column::PayerFiid, fiid) || row.is(Column::ReceiverFiid, fiid))
        })
    }

    /// Some of the institutions in it.
    pub(crate) fn some_fiids(&self) -> Vec<&str> {
        const SOME: usize = 5;
        let mut some = Vec::new();
        let all = self
            .rows
            .iter()
            .flat_map(|row| [Column::PayerFiid, Column::ReceiverFiid].map(|of| row.value(of)));
        for fiid in all.flatten() {
            if some.len() < SOME && !some.contains(&fiid) {
                some.push(fiid);
            }
        }
        some
    }

    /// The rows of a slice of a fiid's day, in time order. A row belongs to a fiid if it pays or
    /// receives, and to every product if it names none.
    pub(crate) fn rows<'f>(
        &'f self,
        fiid: &'f str,
        product: Product,
        date: Date,
        slice: Slice,
    ) -> impl Iterator<Item = usize> + 'f {
        let begin = self.rows.partition_point(|row| row.initiated.date() < date);
        let end = self.rows.partition_point(|row| row.initiated.date() <= date);
        (begin..end).filter(move |at| {
            let row = &self.rows[*at];
            let is_ours = |column| row.is(column, fiid);
            (is_ours(Column::PayerFiid) || is_ours(Column::ReceiverFiid))
                && row.value(Column::Product).is_none_or(|name| names(product, name))
                && (slice.portion == Portion::Day || row.portion(product) == slice.portion)
                && slice.only.takes(is_ours(Column::PayerFiid), row.is_foreign(), row.amount)
        })
    }

    /// A value; none where the file has nothing or `null`.
    pub(crate) fn value(&self, row: usize, column: Column) -> Option<&str> {
        self.rows[row].value(column)
    }

    /// The transaction type of a row.
    pub(crate) fn kind(&self, row: usize) -> &str {
        self.value(row, Column::TransactionType).unwrap_or_default()
    }

    /// What summaries count of a row; nothing of one that was not approved.
    pub(crate) fn counted(&self, row: usize, fiid: &str) -> Option<Counted> {
        let row = &self.rows[row];
        row.is_approved.then(|| Counted {
            is_debit: row.is(Column::PayerFiid, fiid),
            amount: row.amount,
            network_fee: row.network_fee,
            interchange_fee: row.interchange_fee,
            locaf_fee: row.locaf_fee,
        })
    }
}

/// The file without card numbers: they keep six and four digits. Its rows and columns stay as they are.
/// A file that cannot be read as CSV stays as it is, and will be refused.
pub(crate) fn without_card_numbers(text: String) -> String {
    masked(&text).unwrap_or(text)
}

/// `None`: nothing has to be masked, or nothing can be.
fn masked(text: &str) -> Option<String> {
    let mark = "\u{feff}";
    let (mark, content) = text.strip_prefix(mark).map_or(("", text), |content| (mark, content));
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(content.as_bytes());
    let mut writer = ::csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let mut references: Option<Vec<bool>> = None;
    let mut any = false;
    for record in reader.records() {
        let record = record.ok()?;
        let fields = record.iter().enumerate().map(|(at, field)| {
            let is_reference =
                references.as_ref().and_then(|all| all.get(at)).copied().unwrap_or_default();
            let scrubbed = scrub(field).filter(|_| !is_reference);
            any |= scrubbed.is_some();
            scrubbed.unwrap_or_else(|| field.to_owned())
        });
        writer.write_record(fields).ok()?;
        references.get_or_insert_with(|| record.iter().map(is_reference).collect());
    }
    let bytes = writer.into_inner().ok().filter(|_| any)?;
    String::from_utf8(bytes).ok().map(|content| format!("{mark}{content}"))
}

/// References and times have many digits, and some of them pass the check of a card number by chance.
fn is_reference(header: &str) -> bool {
    let column = [Dialect::Newer, Dialect::Older]
        .into_iter()
        .find_map(|dialect| Column::find(header.trim(), dialect));
    matches!(
        column,
        Some(
            Column::TraceId
                | Column::ReferenceId
                | Column::FxReferenceNumber
                | Column::OriginalReferenceId
                | Column::InitiationTime
                | Column::CompletionTime
                | Column::TranDatetime
        )
    )
}

/// The product in a file goes by any of its names.
fn names(product: Product, name: &str) -> bool {
    [product.code(), product.v1_name()].iter().any(|known| known.eq_ignore_ascii_case(name))
}

impl Row {
    fn value(&self, column: Column) -> Option<&str> {
        self.values[column as usize].as_deref()
    }

    fn is(&self, column: Column, fiid: &str) -> bool {
        self.value(column).is_some_and(|value| value.eq_ignore_ascii_case(fiid))
    }

    fn is_foreign(&self) -> bool {
        self.value(Column::ForeignCurrency).is_some_and(|currency| currency != "458")
    }

    /// The cycle as the file says it, or as the time says it where the file does not.
    fn portion(&self, product: Product) -> Portion {
        self.portion.unwrap_or_else(|| {
            let time = self.initiated.time();
            let (hour, minute) = (time.hour().unsigned_abs(), time.minute().unsigned_abs());
            let minutes = u32::from(hour) * 60 + u32::from(minute);
            if minutes * 60 < second_cycle_begins(product) {
                Portion::First
            } else {
                Portion::Second
            }
        })
    }
}

fn header(names: &::csv::StringRecord) -> Result<Vec<Column>, OwnCsvError> {
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let name = name.trim();
        let column = Column::find(name, Dialect::Newer)
            .or_else(|| Column::find(name, Dialect::Older))
            .ok_or_else(|| OwnCsvError::UnknownColumn {
                name: shortened(name),
                nearest: Column::nearest(name, Dialect::Newer),
            })?;
        if columns.contains(&column) {
            return Err(OwnCsvError::ColumnTwice(column.name().to_owned()));
        }
        columns.push(column);
    }
    match REQUIRED.iter().find(|column| !columns.contains(column)) {
        Some(missing) => Err(OwnCsvError::ColumnMissing(missing.name())),
        None => Ok(columns),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

fn row(columns: &[Column], record: &::csv::StringRecord) -> Result<Row, OwnCsvError> {
    let line = record.position().map_or(0, ::csv::Position::line);
    let mut values: Vec<Option<Box<str>>> = vec![None; Column::ALL.len()];
    for (column, value) in columns.iter().zip(record) {
        if !value.is_empty() && value != "null" {
            values[*column as usize] = Some(value.into());
        }
    }
    let fault = |column: Column, got: &str, wanted| OwnCsvError::Value {
        line,
        column: column.name(),
        got: shortened(got),
        wanted,
    };
    let value = |column: Column| values[column as usize].as_deref();
    if let Some(column) = REQUIRED.into_iter().find(|column| value(*column).is_none()) {
        return Err(fault(column, "", "a value, which every row needs"));
    }
    let money = |column| {
        value(column).map_or(Ok(0), |text| {
            sen(text).ok_or_else(|| {
                fault(
                    column,
                    text,
                    "an amount in ringgit with at most two decimals, below a billion",
                )
            })
        })
    };
    let initiated = value(Column::InitiationTime).unwrap_or_default();
    let status = value(Column::TransactionStatus).unwrap_or_default();
    let is_approved = match status.to_ascii_lowercase().as_str() {
        "approved" => true,
        "declined" => false,
        _ => return Err(fault(Column::TransactionStatus, status, "Approved or Declined")),
    };
    let portion = match value(Column::SettlementCycle) {
        None => None,
        Some("001") => Some(Portion::First),
        Some("002") => Some(Portion::Second),
        Some(other) => return Err(fault(Column::SettlementCycle, other, "001 or 002")),
    };
    Ok(Row {
        initiated: local_time(initiated).ok_or_else(|| {
            fault(Column::InitiationTime, initiated, "a local time such as 2026-02-15T09:30:00")
        })?,
        portion,
        is_approved,
        amount: money(Column::TransactionAmount)?,
        network_fee: money(Column::NetworkFee)?,
        interchange_fee: money(Column::InterchangeFee)?,
        locaf_fee: money(Column::LocafFee)?,
        values,
    })
}

/// ISO local time without zone; a zone would move rows to other days.
fn local_time(text: &str) -> Option<DateTime> {
    let is_plain = text.len() >= 19
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"-:T .".contains(&byte));
    is_plain.then(|| text.parse().ok()).flatten()
}

fn sen(text: &str) -> Option<u64> {
    const BILLION_RINGGIT: u64 = 100_000_000_000;
    let is_plain =
        text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let sen = is_plain.then(|| crate::money::Amount::minor_units_of(text, 2).ok()).flatten()?;
    (sen < BILLION_RINGGIT).then_some(sen)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::civil::date;

    use super::*;
    use crate::providers::paynet::reports::Only;
    use crate::providers::paynet::reports::checksum::Checksum;
    use crate::providers::paynet::reports::csv::Columns;
    use crate::providers::paynet::reports::summary::{Books, Period};

    const DAY: Date = date(2026, 2, 15);

    const SMALL: &str = "\
        initiation_time,payer_fiid,receiver_fiid,transaction_type,transaction_status,transaction_amount,network_fee\n\
        2026-02-15T14:00:00,A1001,B2002,PUR,approved,10.50,0.03\n\
        2026-02-15T13:59:59,B2002,a1001,PUR,Approved,4,null\n\
        2026-02-15T15:00:00,A1001,B2002,PUR,declined,99.99,\n\
        2026-02-14T23:59:59.999,A1001,C3003,PUR,Approved,7.00,0\n\
        2026-02-15T09:00:00,C3003,B2002,PUR,Approved,3.00,0\n";

    fn books(text: &str) -> Books {
        Books::Own(Arc::new(OwnCsv::read(text.as_bytes()).expect("a file")))
    }

    #[test]
    fn a_small_file_is_summed_by_hand() {
        let total = |product, portion| {
            books(SMALL)
                .summary("A1001", product, Period::Day(DAY, portion), Only::Everything)
                .total()
        };

        let day = total(Product::Rpp, Portion::Day);

        assert_eq!((day.debit_volume, day.debit_amount), (1, 1_050));
        assert_eq!((day.credit_volume, day.credit_amount), (1, 400));
        assert_eq!(day.debit_network_fee.fee, 3);
        assert_eq!(total(Product::Rpp, Portion::Second).debit_amount, 1_050);
        assert_eq!(total(Product::MyDebit, Portion::Second).debit_amount, 0);
        assert_eq!(total(Product::MyDebit, Portion::First).debit_amount, 1_050);
    }

    #[test]
    fn what_sandgate_wrote_it_reads_back_with_the_same_sums_and_bytes() {
        let generated = Books::Generated {
            seed: 77,
            rows_per_day: 2_000,
        };
        for product in [Product::San, Product::MyDebit, Product::Rpp] {
            for dialect in [Dialect::Newer, Dialect::Older] {
                let columns = Columns::all(dialect);
                let file =
                    |books: &Books, slice| books.itemised("A1001", product, DAY, slice, &columns);
                let bytes: Vec<u8> = file(&generated, Slice::DAY).flatten().collect();
                let own = Books::Own(Arc::new(OwnCsv::read(&bytes).expect("a file")));

                for portion in [Portion::Day, Portion::First, Portion::Second] {
                    for only in [Only::Everything, Only::Issued, Only::Foreign, Only::Above5000] {
                        let slice = Slice { portion, only };
                        assert_eq!(
                            Checksum::of(file(&own, slice)),
                            Checksum::of(file(&generated, slice))
                        );
                        let sums = |books: &Books| {
                            books.summary("A1001", product, Period::Day(DAY, portion), only).total()
                        };
                        let (mut wanted, mut got) = (sums(&generated), sums(&own));
                        if dialect == Dialect::Older {
                            // It has no such column.
                            wanted.debit_locaf_fee = super::super::summary::Fee::default();
                            got.debit_locaf_fee = wanted.debit_locaf_fee;
                        }
                        assert_eq!(got, wanted);
                    }
                }
            }
        }
    }

    #[test]
    fn a_file_of_one_dialect_can_be_asked_for_in_the_other() {
        let columns = Columns::select(
            Dialect::Older,
            ["transaction_status", "currency", "transaction_amount"],
        );
        let file =
            books(SMALL).itemised("A1001", Product::Rpp, DAY, Slice::DAY, &columns.expect("known"));

        let bytes: Vec<u8> = file.flatten().collect();

        assert_eq!(
            String::from_utf8(bytes).expect("UTF-8"),
            "\"transaction_status\",\"currency\",\"transaction_amount\"\n\
             \"approved\",\"\",\"4\"\n\"approved\",\"\",\"10.50\"\n\"declined\",\"\",\"99.99\"\n"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let with = |from: &str, to: &str| SMALL.replacen(from, to, 1);
        for (text, reason) in [
            (String::new(), "the column \"transaction_type\" is missing"),
            (with("network_fee", "netwrok_fee"), "the nearest is \"network_fee\""),
            (with("network_fee", "payer_fiid"), "\"payer_fiid\" stands there twice"),
            (with("transaction_amount", "mcc"), "\"transaction_amount\" is missing"),
            (with("10.50", "10.505"), "line 2, column \"transaction_amount\": \"10.505\" is not"),
            (with(",4,", ",-4,"), "line 3, column \"transaction_amount\": \"-4\""),
            (with(",4,", ",1e3,"), "\"1e3\" is not an amount"),
            (with("99.99", "100000000000"), "below a billion"),
            (with("declined", "maybe"), "line 4, column \"transaction_status\": \"maybe\""),
            (with("2026-02-15T14:00:00", "15/02/2026"), "line 2, column \"initiation_time\""),
            (with("T14:00:00", "T14:00:00+08:00"), "such as 2026-02-15T09:30:00"),
            (with("T14:00:00", "T25:00:00"), "column \"initiation_time\""),
            (with("B2002,PUR", ",PUR"), "line 2, column \"receiver_fiid\": \"\""),
            (with(",0.03", ""), "line: 2"),
        ] {
            let error = OwnCsv::read(text.as_bytes()).expect_err(reason).to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(matches!(OwnCsv::read(b"payer_fiid\n\xff\n"), Err(OwnCsvError::ColumnMissing(_))));
        let bytes = SMALL.replacen("C3003", "C\u{fffd}", 1).into_bytes();
        let bad: Vec<u8> =
            bytes.into_iter().map(|byte| if byte == 0xef { 0xff } else { byte }).collect();
        assert!(OwnCsv::read(&bad).expect_err("not UTF-8").to_string().contains("UTF-8"));
    }

    #[test]
    fn card_numbers_are_masked_and_nothing_else_changes() {
        let header = "transaction_type,initiation_time,payer_fiid,receiver_fiid,transaction_status,transaction_amount,payer_id,payer_name,reference_id";
        let file = format!(
            "\u{feff}{header}\r\n\
             PUR,2026-02-15T09:00:00,A,B,Approved,1,4012001037141112,\"Tan, 4012 0010 3714 1112\",4012001037141112\r\n\
             PUR,2026-02-15T09:00:01,A,B,Approved,1,4101490000057763,\"a \"\"b\"\"\",1\r\n"
        );

        let masked = without_card_numbers(file);

        assert_eq!(
            masked,
            format!(
                "\u{feff}{header}\n\
                 PUR,2026-02-15T09:00:00,A,B,Approved,1,401200XXXXXX1112,\"Tan, 401200XXXXXX1112\",4012001037141112\n\
                 PUR,2026-02-15T09:00:01,A,B,Approved,1,4101490000057763,\"a \"\"b\"\"\",1\n"
            )
        );
        assert_eq!(OwnCsv::read(masked.as_bytes()).map(|file| file.len()), Ok(2));
        assert_eq!(without_card_numbers(masked.clone()), masked);
        assert_eq!(without_card_numbers(SMALL.to_owned()), SMALL);
    }

    #[test]
    fn its_size_is_bounded() {
        let header = "transaction_type,initiation_time,payer_fiid,receiver_fiid,transaction_status,transaction_amount\n";
        let line = "P,2026-02-15T00:00:00,A,B,approved,1\n";
        let many = format!("{header}{}", line.repeat(limits::OWN_REPORT_ROWS + 1));

        assert!(matches!(OwnCsv::read(many.as_bytes()), Err(OwnCsvError::TooManyRows(_))));
        assert!(OwnCsv::read(&many.as_bytes()[..many.len() - line.len()]).is_ok());
        assert!(matches!(
            OwnCsv::read(&vec![b'x'; limits::OWN_REPORT_BYTES + 1]),
            Err(OwnCsvError::TooLarge { .. })
        ));
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(
            OwnCsv::read(format!("\u{feff}{SMALL}").as_bytes()).map(|file| file.len()),
            Ok(5)
        );
    }
}
