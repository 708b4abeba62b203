//! The only door to primitives: no other room names josekit, openssl, rsa, hmac, md5, sha2 or rcgen.

pub mod digest_recovery;
pub mod hashes;
pub mod jose;
mod key_text;
pub mod keys;
pub mod rsa_pool;
pub mod sandbox_ca;
pub mod tls_client;
