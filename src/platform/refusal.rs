//! How things end when they do not end well: a refusal (the rules said no), or a fault (disk, database, network).
//!
//! A refusal is a result of the business: it has a status, a sentence in both languages (a key of `locales/`)
//! with what to do, and the article that it rests on. A fault is an accident: people see an incident number, the
//! log has the chain of causes once. A bug is an `assert!`.

use std::borrow::Cow;
use std::fmt;

/// The rules said no. Rooms make their own enums and turn them into this at the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// HTTP status that fits: 403, 404, 409, 413, 415, 422, 429, 503.
    pub status: u16,
    /// Locale key of the sentence, `room.refusal.name`.
    pub key: Cow<'static, str>,
    /// Values for the `%{name}` places of the sentence.
    pub with: Vec<(&'static str, String)>,
    /// Locale keys of the parts of the sentence that depend on the cause, for `%{name}` places too. Such a part may
    /// hold places of its own, which `with` fills.
    pub words: Vec<(&'static str, Cow<'static, str>)>,
    /// The article or standard that says so, as printed for people.
    pub article: Option<String>,
    /// Name of the form field that must change, if one is to blame.
    pub field: Option<&'static str>,
}

impl Refused {
    pub fn new(status: u16, key: impl Into<Cow<'static, str>>) -> Self {
        Self { status, key: key.into(), with: Vec::new(), words: Vec::new(), article: None, field: None }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.with.push((name, value.to_string()));
        self
    }

    /// Fills `%{name}` with the sentence part of `key`, in the reader's language.
    #[must_use]
    pub fn word(mut self, name: &'static str, key: impl Into<Cow<'static, str>>) -> Self {
        self.words.push((name, key.into()));
        self
    }

    #[must_use]
    pub fn article(mut self, article: impl Into<String>) -> Self {
        self.article = Some(article.into());
        self
    }

    #[must_use]
    pub fn field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.key)?;
        self.words.iter().try_for_each(|(name, key)| write!(f, " {name}={key}"))?;
        self.with.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// Something outside the rules broke. Keeps its chain of causes for the log; never shown to people.
#[derive(Debug)]
pub struct Fault(anyhow::Error);

impl Fault {
    pub fn new(what: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Self {
        Self(anyhow::Error::msg(what))
    }

    /// Says what was being done when it broke.
    #[must_use]
    pub fn context(self, doing: impl fmt::Display + Send + Sync + 'static) -> Self {
        Self(self.0.context(doing))
    }

    /// Whether a full disk, the database's or the file store's, is behind it.
    pub fn is_disk_full(&self) -> bool {
        let chain = self.chain();
        ["No space left on device", "Disk quota exceeded", "database or disk is full"]
            .iter()
            .any(|words| chain.contains(words))
    }

    /// The whole chain, outermost first.
    pub fn chain(&self) -> String {
        format!("{:#}", self.0)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(anyhow::Error::new(error))
    }
}

/// Why an action did not happen.
#[derive(Debug)]
pub enum Failure {
    Refused(Refused),
    Fault(Fault),
}

impl Failure {
    /// For the clock, which nobody can tell what to do: a refusal is as bad as a fault.
    pub fn into_fault(self) -> Fault {
        match self {
            Self::Refused(refused) => Fault::new(format!("refused: {refused}")),
            Self::Fault(fault) => fault,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => write!(f, "refused: {refused}"),
            Self::Fault(fault) => write!(f, "fault: {fault}"),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Fault(error.into())
    }
}
