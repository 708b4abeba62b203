//! PayNet's One Stop Portal: reports that banks download. Contents page.

mod graphql;
mod reports;
