//! Sockets. One port of a provider speaks plain HTTP and TLS: the first byte decides. The front
//! door speaks TLS only and finds the provider by the host name that the client asks for.

mod accept;
mod certificates;
mod tee;

pub(crate) use self::accept::{Door, Listener};
pub(crate) use self::certificates::ServerCertificates;
