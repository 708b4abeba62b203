//! Writing files: itemised ones in both published dialects, and the tables that v1 has of
//! summaries. Files come in blocks, so that the largest takes no more memory than the smallest.

use std::ops::Range;
use std::sync::Arc;
use std::vec::IntoIter;

use ::csv::{QuoteStyle, Terminator, WriterBuilder};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::generator::Day;
use super::own_csv::OwnCsv;
use super::summary::{Books, Summary, SummaryMoney};
use super::{Only, Product, Slice};

/// The two published versions of the file. [public: D-new against D-gen]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Dialect {
    /// Unquoted, `null` where there is no value.
    Newer,
    /// Every value quoted, fewer columns, one misspelt header, lower-case status.
    Older,
}

macro_rules! columns {
    ($($column:ident $name:literal,)*) => {
        /// A column of the itemised file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Column { $(#[doc = concat!("`", $name, "`")] $column,)* }

        impl Column {
            /// All of them, in the order of the newer file.
            pub(crate) const ALL: &[Self] = &[$(Self::$column,)*];

            /// Its name in the newer dialect.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$column => $name,)* }
            }
        }
    };
}

columns! {
    SettlementCycle "settlement_cycle",
    Product "product",
    TransactionType "transaction_type",
    InitiationTime "initiation_time",
    CompletionTime "completion_time",
    PayerFiid "payer_fiid",
    PayerId "payer_id",
    PayerName "payer_name",
    ReceiverFiid "receiver_fiid",
    ReceiverId "receiver_id",
    ReceiverName "receiver_name",
    Mcc "mcc",
    TraceId "trace_id",
    ReferenceId "reference_id",
    TransactionStatus "transaction_status",
    ResponseCode "response_code",
    TransactionAmount "transaction_amount",
    CashoutAmount "cashout_amount",
    CashoutFee "cashout_fee",
    NetworkFee "network_fee",
    InterchangeFee "interchange_fee",
    LocafFee "locaf_fee",
    ForeignCurrency "foreign_currency",
    FxRate "fx_rate",
    FxReferenceNumber "fx_reference_number",
    ForeignAmount "foreign_amount",
    ApprovalCode "iso_specific_1.approval_code",
    Mti "iso_specific_1.mti",
    Eci "iso_specific_1.eci",
    Pcde "iso_specific_1.pcde",
    Tpan "iso_specific_1.tpan",
    RvCode "iso_specific_1.rv_code",
    OemId "iso_specific_1.oem_id",
    EntryMode "iso_specific_1.entry_mode",
    TermCity "iso_specific_1.term_city",
    TermState "iso_specific_1.term_state",
    TranDatetime "iso_specific_2.tran_datetime",
    OriginalReferenceId "additional_fields_1.original_reference_id",
}

impl Column {
    /// Its header in a dialect that has it.
    pub(crate) fn header(self, dialect: Dialect) -> Option<&'static str> {
        match (dialect, self) {
            (Dialect::Older, Self::CashoutFee | Self::LocafFee) => None,
            (Dialect::Older, Self::ForeignCurrency) => Some("currency"),
            (Dialect::Older, Self::Pcde) => Some("iso_pecific_1.pcde"),
            _ => Some(self.name()),
        }
    }

    /// The header in the dialect that is most like a name.
    pub(crate) fn nearest(name: &str, dialect: Dialect) -> &'static str {
        let name: String = name.chars().take(64).collect();
        let headers = Self::ALL.iter().filter_map(|column| column.header(dialect));
        headers.min_by_key(|known| strsim::levenshtein(known, &name)).unwrap_or_default()
    }

    /// The column of a name: the header in the dialect, or its right spelling where that is misspelt.
    pub(crate) fn find(name: &str, dialect: Dialect) -> Option<Self> {
        Self::ALL.iter().copied().find(|column| {
            column.header(dialect) == Some(name)
                || *column == Self::Pcde && name == Self::Pcde.name()
        })
    }
}

/// Chosen columns in their order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Columns {
    dialect: Dialect,
    chosen: Vec<Column>,
}

/// Why columns cannot be chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ColumnFault {
    /// The dialect has no such column.
    #[error("\"{0}\" is no column of the file")]
    Unknown(String),
    /// The column is named more than once.
    #[error("\"{0}\" is named twice")]
    Twice(String),
}

impl Columns {
    /// Every column of a dialect.
    pub(crate) fn all(dialect: Dialect) -> Self {
        let chosen = Column::ALL.iter().copied();
        Self {
            dialect,
            chosen: chosen.filter(|column| column.header(dialect).is_some()).collect(),
        }
    }

    /// The named columns in the order of their names \[assumed\]; all of them if none is named
    /// \[assumed\].
    ///
    /// # Errors
    /// The first name that is unknown, or else the first that repeats.
    pub(crate) fn select<'n>(
        dialect: Dialect,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, ColumnFault> {
        let mut chosen = Vec::new();
        let mut twice = None;
        for name in names {
            let column =
                Column::find(name, dialect).ok_or_else(|| ColumnFault::Unknown(name.to_owned()))?;
            if chosen.contains(&column) {
                twice.get_or_insert_with(|| ColumnFault::Twice(name.to_owned()));
            } else {
                chosen.push(column);
            }
        }
        match twice {
            Some(fault) => Err(fault),
            None if chosen.is_empty() => Ok(Self::all(dialect)),
            None => Ok(Self { dialect, chosen }),
        }
    }
}

/// Rows in a block: some 40 KiB of text with all columns.
const BLOCK_ROWS: usize = 128;

/// A file, block by block. It can be made again from the same input, byte for byte.
#[derive(Clone, Debug)]
pub(crate) struct CsvBlocks {
    dialect: Dialect,
    /// Until it has been written.
    header: Option<Vec<String>>,
    rows: Rows,
    /// Data rows written so far.
    written: u64,
    /// Bytes that the next block will take, about: what waits for a slow client should not be air.
    room: usize,
}

#[derive(Clone, Debug)]
enum Rows {
    Generated { day: Day, left: Range<u32>, only: Only, columns: Vec<Column> },
    Own { file: Arc<OwnCsv>, left: IntoIter<usize>, columns: Vec<Column> },
    Table(IntoIter<Vec<String>>),
}

impl Books {
    /// The itemised file of a day or a part of it.
    pub(crate) fn itemised(
        &self,
        fiid: &str,
        product: Product,
        date: Date,
        slice: Slice,
        columns: &Columns,
    ) -> CsvBlocks {
        let dialect = columns.dialect;
        let headers = columns.chosen.iter().filter_map(|column| column.header(dialect));
        let rows = match self {
            Self::Generated { seed, rows_per_day } => {
                let day = Day::new(*seed, fiid, product, date, *rows_per_day);
                Rows::Generated {
                    left: day.range(slice.portion),
                    day,
                    only: slice.only,
                    columns: columns.chosen.clone(),
                }
            }
            Self::Own(file) => Rows::Own {
                left: file.rows(fiid, product, date, slice).collect::<Vec<_>>().into_iter(),
                file: Arc::clone(file),
                columns: columns.chosen.clone(),
            },
        };
        CsvBlocks {
            dialect,
            header: Some(headers.map(str::to_owned).collect()),
            rows,
            written: 0,
            room: 4096,
        }
    }
}

impl Summary {
    /// The summary as a file of v1: its members as columns. \[assumed\]
    pub(crate) fn file(&self, dialect: Dialect, is_month: bool) -> CsvBlocks {
        let text = |value: &Value| match value {
            Value::Null => if dialect == Dialect::Newer { "null" } else { "" }.to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let line = |line: &Map<String, Value>| line.values().map(text).collect();
        let rows = self.rows(SummaryMoney::Text, dialect);
        let lines: Vec<Vec<String>> = rows.iter().map(line).collect();
        let header = Self::members_in(dialect, is_month).map(str::to_owned);
        CsvBlocks {
            dialect,
            header: Some(header.collect()),
            rows: Rows::Table(lines.into_iter()),
            written: 0,
            room: 4096,
        }
    }
}

impl CsvBlocks {
    /// Data rows in the blocks so far, the header not counted.
    pub(crate) fn rows_written(&self) -> u64 {
        self.written
    }

    fn write_rows(&mut self, writer: &mut ::csv::Writer<Vec<u8>>) -> ::csv::Result<()> {
        let mut value = Vec::with_capacity(64);
        let end = b"" as &[u8; 0];
        let none: &[u8] = if self.dialect == Dialect::Newer { b"null" } else { end };
        let mut count = 0;
        match &mut self.rows {
            Rows::Generated {
                day,
                left,
                only,
                columns,
            } => {
                while count < BLOCK_ROWS {
                    let Some(row) = left.next() else { break };
                    let facts = day.facts(row);
                    if !facts.is_in(*only) {
                        continue;
                    }
                    for column in &*columns {
                        value.clear();
                        let is_there = day.write(&facts, *column, &mut value);
                        if self.dialect == Dialect::Older && *column == Column::TransactionStatus {
                            value.make_ascii_lowercase();
                        }
                        writer.write_field(if is_there { &value } else { none })?;
                    }
                    writer.write_record(None::<&[u8]>)?;
                    count += 1;
                }
            }
            Rows::Own {
                file,
                left,
                columns,
            } => {
                for row in left.by_ref().take(BLOCK_ROWS) {
                    for column in &*columns {
                        let is_status = *column == Column::TransactionStatus;
                        match file.value(row, *column) {
                            Some(text) if is_status => {
                                writer.write_field(status(text, self.dialect))?;
                            }
                            Some(text) => writer.write_field(text)?,
                            None => writer.write_field(none)?,
                        }
                    }
                    writer.write_record(None::<&[u8]>)?;
                    count += 1;
                }
            }
            Rows::Table(left) => {
                for line in left.by_ref().take(BLOCK_ROWS) {
                    writer.write_record(line)?;
                    count += 1;
                }
            }
        }
        self.written += count as u64;
        Ok(())
    }
}

/// A status in the letters of a dialect, whichever the file was loaded from.
fn status(text: &str, dialect: Dialect) -> String {
    let mut text = text.to_ascii_lowercase();
    if dialect == Dialect::Newer
        && let Some(first) = text.get_mut(..1)
    {
        first.make_ascii_uppercase();
    }
    text
}

impl Iterator for CsvBlocks {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let quotes = match self.dialect {
            Dialect::Newer => QuoteStyle::Necessary,
            Dialect::Older => QuoteStyle::Always,
        };
        let mut writer = WriterBuilder::new()
            .quote_style(quotes)
            .terminator(Terminator::Any(b'\n'))
            .from_writer(Vec::with_capacity(self.room));
        if let Some(header) = self.header.take() {
            writer.write_record(header).expect("memory takes everything");
        }
        self.write_rows(&mut writer).expect("memory takes everything, and rows are of one length");
        let block = writer.into_inner().expect("memory takes everything");
        self.room = block.len() + block.len() / 16;
        (!block.is_empty()).then_some(block)
    }
}

#[cfg(test)]
mod tests {
    use ::csv::{Reader, StringRecord};
    use jiff::civil::date;

    use super::*;
    use crate::providers::paynet::reports::calendar::Portion;

    const BOOKS: Books = Books::Generated {
        seed: 42,
        rows_per_day: 1_000,
    };

    fn file(product: Product, slice: Slice, columns: &Columns) -> String {
        let mut blocks = BOOKS.itemised("A1001", product, date(2026, 2, 15), slice, columns);
        let bytes: Vec<u8> = blocks.by_ref().flatten().collect();
        let rows = blocks.rows_written();
        let text = String::from_utf8(bytes).expect("UTF-8");
        let mut reader = Reader::from_reader(text.as_bytes());
        let read: Vec<StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
        assert_eq!(read.len() as u64, rows);
        text
    }

    fn records(text: &str) -> Vec<StringRecord> {
        Reader::from_reader(text.as_bytes()).records().map(|row| row.expect("a row")).collect()
    }

    #[test]
    fn the_newer_dialect_has_its_header_and_no_needless_quotes() {
        let text = file(Product::MyDebit, Slice::DAY, &Columns::all(Dialect::Newer));
        let header = text.lines().next().expect("a header");

        assert_eq!(header.split(',').count(), 38);
        assert!(header.starts_with("settlement_cycle,product,transaction_type,initiation_time,"));
        assert!(header.contains(",locaf_fee,foreign_currency,"));
        assert!(
            header.ends_with(
                "iso_specific_2.tran_datetime,additional_fields_1.original_reference_id"
            )
        );
        assert!(text.contains(",Approved,00,") && text.contains(",null,"));
        assert!(text.contains("\"FARMASI, KLINIK & OPTIK\""), "a comma needs its quotes");
        assert!(text.contains("\"KEDAI BUKU \"\"ILMU\"\"\""));
        assert!(!text.contains('\r') && text.ends_with('\n'));
    }

    #[test]
    fn the_older_dialect_quotes_everything_and_has_its_misspelt_header() {
        let text = file(Product::MyDebit, Slice::DAY, &Columns::all(Dialect::Older));
        let header = text.lines().next().expect("a header");

        assert_eq!(header.split(',').count(), 36);
        assert!(header.contains("\"iso_pecific_1.pcde\"") && header.contains("\"currency\""));
        assert!(!header.contains("cashout_fee") && !header.contains("locaf_fee"));
        assert!(text.lines().all(|line| line.starts_with('"') && line.ends_with('"')));
        assert!(text.contains(",\"approved\",\"00\",") && text.contains(",\"\","));
        assert!(!text.contains("null"));
    }

    #[test]
    fn both_dialects_say_the_same() {
        for product in [Product::San, Product::MyDebit, Product::Rpp] {
            let newer = records(&file(product, Slice::DAY, &Columns::all(Dialect::Newer)));
            let older = Columns::all(Dialect::Older);
            let columns = older.chosen.clone();
            let older = records(&file(product, Slice::DAY, &older));
            assert_eq!(newer.len(), 1_000);
            for (newer, older) in newer.iter().zip(&older) {
                for (at, column) in columns.iter().enumerate() {
                    let place = Column::ALL.iter().position(|one| one == column).expect("known");
                    let value = Some(&newer[place]).filter(|value| *value != "null");
                    assert!(value.unwrap_or_default().eq_ignore_ascii_case(&older[at]));
                }
            }
        }
    }

    #[test]
    fn fields_select_and_order_columns() {
        let names = ["iso_specific_1.mti", "transaction_amount", "settlement_cycle"];
        let columns = Columns::select(Dialect::Newer, names).expect("known");
        let whole = records(&file(Product::San, Slice::DAY, &Columns::all(Dialect::Newer)));

        let text = file(Product::San, Slice::DAY, &columns);

        assert!(text.starts_with("iso_specific_1.mti,transaction_amount,settlement_cycle\n"));
        for (few, all) in records(&text).iter().zip(&whole) {
            assert_eq!([&few[0], &few[1], &few[2]], [&all[27], &all[16], &all[0]]);
        }
    }

    #[test]
    fn what_is_no_column_or_comes_twice_is_named() {
        let select = |dialect, names: &[&'static str]| {
            Columns::select(dialect, names.iter().copied()).map(|columns| columns.chosen.len())
        };
        let unknown = |name: &str| Err(ColumnFault::Unknown(name.to_owned()));

        assert_eq!(select(Dialect::Newer, &[]), Ok(38));
        assert_eq!(select(Dialect::Newer, &["mcc", "mcc", "nope"]), unknown("nope"));
        assert_eq!(select(Dialect::Newer, &["mcc", "mcc"]), Err(ColumnFault::Twice("mcc".into())));
        assert_eq!(select(Dialect::Newer, &["currency"]), unknown("currency"));
        assert_eq!(select(Dialect::Newer, &["MCC"]), unknown("MCC"));
        assert_eq!(select(Dialect::Older, &["cashout_fee"]), unknown("cashout_fee"));
        assert_eq!(select(Dialect::Older, &["iso_specific_1.pcde", "currency"]), Ok(2));
        assert_eq!(select(Dialect::Older, &["iso_pecific_1.pcde"]), Ok(1));
    }

    #[test]
    fn the_cycles_files_are_the_days_rows() {
        let columns = Columns::all(Dialect::Newer);
        let rows = |portion| {
            records(&file(
                Product::Rpp,
                Slice {
                    portion,
                    ..Slice::DAY
                },
                &columns,
            ))
        };
        let (first, second) = (rows(Portion::First), rows(Portion::Second));

        assert!(first.iter().all(|row| &row[0] == "001" && &row[3][11..13] < "14"));
        assert!(second.iter().all(|row| &row[0] == "002" && &row[3][11..13] >= "14"));
        assert_eq!([first, second].concat(), rows(Portion::Day));
    }

    #[test]
    fn a_day_without_rows_is_a_header() {
        let books = Books::Generated {
            seed: 1,
            rows_per_day: 0,
        };
        let columns = Columns::select(Dialect::Older, ["mcc"]).expect("known");
        let blocks = books.itemised("A1001", Product::San, date(2026, 2, 15), Slice::DAY, &columns);

        assert_eq!(blocks.collect::<Vec<_>>(), [b"\"mcc\"\n"]);
    }

    #[test]
    fn references_are_unique_in_a_day() {
        let columns = Columns::select(Dialect::Newer, ["reference_id"]).expect("known");
        let text = file(Product::Rpp, Slice::DAY, &columns);
        let unique: std::collections::BTreeSet<&str> = text.lines().collect();

        assert_eq!(unique.len(), 1_001);
    }

    #[test]
    fn a_summary_is_a_table_of_its_members() {
        let period = crate::providers::paynet::reports::summary::Period::Day(
            date(2026, 2, 15),
            Portion::Day,
        );
        let summary = BOOKS.summary("A1001", Product::San, period, Only::Everything);
        let mut file = summary.file(Dialect::Newer, false);

        let bytes: Vec<u8> = file.by_ref().flatten().collect();
        let rows = file.rows_written();

        let text = String::from_utf8(bytes).expect("UTF-8");
        assert_eq!(rows, 2);
        assert!(text.starts_with("fiid,settlement_date,settlement_window,transaction_type,debit_"));
        assert!(text.contains("\nA1001,2026-02-15,null,PUR,"));
    }
}
