//! What is published beside a file: its rows, its size and its MD5, all of the uncompressed bytes.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::csv::CsvBlocks;
use crate::crypto::hashes::Md5Stream;

/// The checksum of a file. Rows do not count the header; size and digest are of the uncompressed
/// bytes, the digest in lower-case hex. [public: D-gen names; assumed: what they mean]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksum {
    /// Data rows.
    pub rows: u64,
    /// Bytes.
    pub size: u64,
    /// MD5.
    pub md5hash: String,
}

impl Checksum {
    /// Makes the whole file once and keeps none of it. For a million rows that is seconds of work:
    /// not for the executor's threads, and worth keeping.
    pub(crate) fn of(mut file: CsvBlocks) -> Self {
        let mut md5 = Md5Stream::default();
        let mut size = 0;
        for block in file.by_ref() {
            size += block.len() as u64;
            md5.update(&block);
        }
        Self {
            rows: file.rows_written(),
            size,
            md5hash: md5.finish(),
        }
    }

    /// As it stands in an answer.
    pub(crate) fn json(&self) -> Value {
        json!({"rows": self.rows, "size": self.size, "md5hash": self.md5hash})
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::providers::paynet::reports::csv::{Columns, Dialect};
    use crate::providers::paynet::reports::summary::Books;
    use crate::providers::paynet::reports::{Product, Slice};

    #[test]
    fn the_checksum_is_that_of_the_file() {
        for dialect in [Dialect::Newer, Dialect::Older] {
            let books = Books::Generated {
                seed: 9,
                rows_per_day: 700,
            };
            let file = books.itemised(
                "A1001",
                Product::Rpp,
                date(2026, 2, 15),
                Slice::DAY,
                &Columns::all(dialect),
            );
            let bytes: Vec<u8> = file.clone().flatten().collect();
            let mut md5 = Md5Stream::default();
            md5.update(&bytes);

            let checksum = Checksum::of(file);

            assert_eq!(checksum.rows, 700);
            assert_eq!(checksum.size, bytes.len() as u64);
            assert_eq!(checksum.md5hash, md5.finish());
        }
    }
}
