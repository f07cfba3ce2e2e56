//! Why a request failed, and the one table from a reason to its HTTP code.
//!
//! *Upstream:* `apimachinery/pkg/apis/meta/v1/types.go` (`StatusReason`).

/// `Status.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No reason said.
    Unknown,
    /// Not authenticated.
    Unauthorized,
    /// Not allowed.
    Forbidden,
    /// No such object or path.
    NotFound,
    /// An object of that name is there.
    AlreadyExists,
    /// The object changed meanwhile, or a precondition failed.
    Conflict,
    /// The object was there once.
    Gone,
    /// The object is invalid.
    Invalid,
    /// The operation could not be completed in time.
    ServerTimeout,
    /// The data store is unreachable.
    StoreReadError,
    /// The request could not be completed in time.
    Timeout,
    /// Slow down.
    TooManyRequests,
    /// The request itself is malformed.
    BadRequest,
    /// The verb is not served there.
    MethodNotAllowed,
    /// None of the accepted encodings is served.
    NotAcceptable,
    /// The body is too large.
    RequestEntityTooLarge,
    /// The body's encoding is not read.
    UnsupportedMediaType,
    /// Our own fault.
    InternalError,
    /// The version asked for is compacted.
    Expired,
    /// Not available now.
    ServiceUnavailable,
    /// Kubernetes serves it, this emulator does not (yet).
    NotImplemented,
}

impl Reason {
    /// The HTTP code of a `Status` with this reason.
    pub const fn code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::AlreadyExists | Self::Conflict => 409,
            Self::Gone | Self::Expired => 410,
            Self::RequestEntityTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid => 422,
            Self::TooManyRequests => 429,
            Self::Unknown | Self::InternalError | Self::StoreReadError => 500,
            Self::NotImplemented => 501,
            Self::ServiceUnavailable => 503,
            Self::ServerTimeout => 500,
            Self::Timeout => 504,
        }
    }

    /// `Status.reason` on the wire; empty for [`Reason::Unknown`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "NotFound",
            Self::AlreadyExists => "AlreadyExists",
            Self::Conflict => "Conflict",
            Self::Gone => "Gone",
            Self::Invalid => "Invalid",
            Self::ServerTimeout => "ServerTimeout",
            Self::StoreReadError => "StorageReadError",
            Self::Timeout => "Timeout",
            Self::TooManyRequests => "TooManyRequests",
            Self::BadRequest => "BadRequest",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::NotAcceptable => "NotAcceptable",
            Self::RequestEntityTooLarge => "RequestEntityTooLarge",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            Self::InternalError => "InternalError",
            Self::Expired => "Expired",
            Self::ServiceUnavailable => "ServiceUnavailable",
            Self::NotImplemented => "NotImplemented",
        }
    }

    /// The reason that a word on the wire means; [`Reason::Unknown`] where it is none of these.
    pub fn of_text(text: &str) -> Self {
        ALL.into_iter()
            .find(|reason| reason.as_str() == text)
            .unwrap_or(Self::Unknown)
    }
}

/// Every reason.
const ALL: [Reason; 21] = [
    Reason::Unknown,
    Reason::Unauthorized,
    Reason::Forbidden,
    Reason::NotFound,
    Reason::AlreadyExists,
    Reason::Conflict,
    Reason::Gone,
    Reason::Invalid,
    Reason::ServerTimeout,
    Reason::StoreReadError,
    Reason::Timeout,
    Reason::TooManyRequests,
    Reason::BadRequest,
    Reason::MethodNotAllowed,
    Reason::NotAcceptable,
    Reason::RequestEntityTooLarge,
    Reason::UnsupportedMediaType,
    Reason::InternalError,
    Reason::Expired,
    Reason::ServiceUnavailable,
    Reason::NotImplemented,
];
