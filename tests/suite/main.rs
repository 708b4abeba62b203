//! The behaviour of Sandgate, seen through its sockets and its binary. One test binary, so that the
//! emulator is linked once; one file per provider and per surface.

mod admin;
mod architecture;
#[cfg(feature = "cli")]
mod cli;
mod conformance;
mod docs;
mod harness;
mod shop;
mod store;
mod vectors;
