//! The behaviour of Sandgate, seen through its sockets and its binary. One test binary, so that the
//! emulator is linked once; one file per provider and per surface.

mod admin;
mod architecture;
mod bad_input;
#[cfg(feature = "cli")]
mod calls;
#[cfg(feature = "cli")]
mod cli;
mod clock;
mod conformance;
#[cfg(feature = "cli")]
mod docker;
mod docs;
#[cfg(feature = "cli")]
mod doctor;
#[cfg(feature = "cli")]
mod durability;
mod embedding;
mod harness;
mod near_misses;
mod notifications;
mod one_winner;
mod paco;
mod paco_keys;
mod paco_mistakes;
mod paco_pages;
mod paco_refunds;
mod paco_secrets;
mod paco_settings;
mod paynet;
mod paynet_messages;
mod paynet_mistakes;
mod paynet_secrets;
mod paynet_settings;
mod portal;
mod receiver;
mod scenarios;
mod shop;
mod store;
mod story;
mod vectors;
