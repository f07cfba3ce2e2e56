//! What a file system refuses, in the words of `strerror`.

/// Why an operation on files failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each is said by its words")]
pub enum Errno {
    #[error("No such file or directory")]
    NoEntry,
    #[error("Not a directory")]
    NotDirectory,
    #[error("Is a directory")]
    IsDirectory,
    #[error("File exists")]
    Exists,
    #[error("Directory not empty")]
    NotEmpty,
    #[error("Too many levels of symbolic links")]
    Loop,
    #[error("Permission denied")]
    Access,
    #[error("Operation not permitted")]
    NotPermitted,
    #[error("Read-only file system")]
    ReadOnly,
    #[error("No space left on device")]
    NoSpace,
    #[error("File too large")]
    TooLarge,
    #[error("Invalid argument")]
    Invalid,
    #[error("File name too long")]
    NameTooLong,
    #[error("Invalid cross-device link")]
    CrossDevice,
    #[error("Bad file descriptor")]
    BadDescriptor,
    #[error("Device or resource busy")]
    Busy,
}

impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> Self {
        std::io::Error::other(errno)
    }
}
