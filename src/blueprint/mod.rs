//! What a provider is made of, and what the life of a request hands from step to step.

mod call;
mod client;
mod endpoint;
pub mod enrolment;
mod merchant;
mod provider;
mod reception;
mod reply;
mod routing;
mod setting;
mod stream;
mod wish;

pub use self::call::{Call, Services, Verified};
pub use self::client::{
    Client, ClientAnswer, ClientRequest, KeyNote, Reading, Route, Routes, Tampering,
};
pub use self::endpoint::{Decision, Endpoint};
pub use self::merchant::{Enrolled, Enrolment, EnrolmentError, Merchant, Merchants, OfficeSpec};
pub use self::provider::{
    Driven, Earlier, EventDoc, EventRefusal, Evidence, ExportedFile, Kept, Movement, NamedBy,
    NotificationMessage, Provider,
};
pub use self::reception::{BodyFault, Connection, Received, Reception, Scheme};
pub use self::reply::{AnswerBody, Refusal, Reply, ReplyBody, WireReply};
pub use self::routing::{CaseRule, RouteMatch, find_endpoint};
pub use self::setting::{
    AllowList, NamedConstant, SettingDoc, SettingsReader, constant, constants_table, setting,
    settings_table,
};
pub use self::stream::{BodyStream, Pieces};
pub use self::wish::{CallError, CallWish};

/// A boxed future, for the few places where a type must be erased.
pub type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;
