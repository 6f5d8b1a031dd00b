//! What can be wrong with a bid, a key or a document. One sentence each, made for the log and the command line;
//! rooms turn them into refusals with their own words.

use super::untrue::Untrue;

/// Why a sealing operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A JSON document is not canonical, not of the expected type, or holds an unlawful value.
    #[error("document: {0}")]
    Document(String),
    /// The trustee set is not one that a bid may be sealed to.
    #[error("trustee set: {0}")]
    Trustees(String),
    /// The ciphertext is not a stream of the expected format under the expected key.
    #[error("ciphertext: {0}")]
    Stream(&'static str),
    /// The plaintext is not the strict archive of the format page.
    #[error("archive: {0}")]
    Archive(String),
    /// A signature does not fit its bytes or its certificate.
    #[error("signature: {0}")]
    Signature(&'static str),
    /// A private key or share box can not be used.
    #[error("key: {0}")]
    Key(&'static str),
    /// The papers of an opening say what the log does not show.
    #[error("do not release: {0}")]
    Untrue(#[from] Untrue),
}

impl From<crate::platform::canonical::NotCanonical> for SealError {
    fn from(why: crate::platform::canonical::NotCanonical) -> Self {
        Self::Document(why.to_string())
    }
}

impl SealError {
    /// The kind of cause, for rooms that have words of their own for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "io",
            Self::Document(_) => "document",
            Self::Trustees(_) => "trustees",
            Self::Stream(_) => "stream",
            Self::Archive(_) => "archive",
            Self::Signature(_) => "signature",
            Self::Key(_) => "key",
            Self::Untrue(_) => "untrue",
        }
    }

    /// The same error inside an [`std::io::Error`], for code that sits behind `Read` or `Write`.
    pub fn into_io(self) -> std::io::Error {
        match self {
            Self::Io(io) => io,
            other => std::io::Error::other(other),
        }
    }

    /// Takes a sealing error out of an [`std::io::Error`] that wrapped one.
    pub fn from_io(io: std::io::Error) -> Self {
        match io.downcast::<Self>() {
            Ok(inner) => inner,
            Err(io) => Self::Io(io),
        }
    }
}
