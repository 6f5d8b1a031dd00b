//! Chinese first, English by a switch: one mechanism for every sentence on every page (`locales/`, one file a room).

use crate::platform::refusal::Refused;
use rust_i18n::t;

/// The language of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lang {
    #[default]
    Chinese,
    English,
}

impl Lang {
    /// The language tag: of the `lang` attribute, the cookie and the locale files.
    pub fn code(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "zh-CN" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The sentence of `key`.
    pub fn t(self, key: &str) -> String {
        t!(key, locale = self.code()).into_owned()
    }

    /// The sentence of `key` with its `%{name}` places filled in.
    pub fn with(self, key: &str, values: &[(&str, String)]) -> String {
        values.iter().fold(self.t(key), |text, (name, value)| text.replace(&format!("%{{{name}}}"), value))
    }

    /// What a refusal says to people, without its article.
    pub fn refusal(self, refused: &Refused) -> String {
        let words = refused.words.iter().map(|(name, key)| (*name, self.t(key)));
        let values = refused.with.iter().map(|(name, value)| (*name, value.clone()));
        // parts first: they may hold places for values
        let values: Vec<(&str, String)> = words.chain(values).collect();
        self.with(&refused.key, &values)
    }
}
