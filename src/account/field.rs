//! Forms as data: what a form asks ([`Asked`], shown by `templates/layout/_field.html`), and what came back
//! ([`Fields`]), read into values with a refusal that names the field.

use super::page::Page;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::platform::refusal::Refused;
use rust_decimal::Decimal;

/// How a field is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// One line of text.
    Line,
    /// A short line of digits.
    Number,
    /// Several lines of text.
    Area,
    /// Date and time, Beijing time.
    When,
    /// One of several (value, label), in a list.
    Choice(Vec<(String, String)>),
    /// One of a few (value, label), all visible.
    Radio(Vec<(String, String)>),
}

/// One question of a form.
#[derive(Clone, Debug)]
pub struct Asked {
    pub name: &'static str,
    pub label: String,
    /// Empty for none.
    pub hint: String,
    pub value: String,
    pub problem: Option<String>,
    pub article: Option<String>,
    pub input: Input,
}

impl Asked {
    /// The question `name`, labelled by the locale key `<prefix>.<name>` and explained by `<prefix>.<name>.hint` if
    /// there is one, with the value that was typed before and the problem that the page has with it.
    pub fn new(p: &Page, prefix: &str, name: &'static str, input: Input, fields: &Fields) -> Self {
        let key = format!("{prefix}.{name}");
        let hint_key = format!("{key}.hint");
        let hint = p.t(&hint_key);
        let problem = p.problem(name);
        Self {
            name,
            label: p.t(&key),
            hint: if hint.ends_with(&hint_key) { String::new() } else { hint },
            value: fields.get(name).to_owned(),
            problem: problem.map(|problem| problem.sentence.clone()),
            article: problem.and_then(|problem| problem.article.clone()),
            input,
        }
    }

    /// Ids of hint and problem, for `aria-describedby`.
    pub fn described_by(&self) -> String {
        let hint = if self.hint.is_empty() { String::new() } else { format!("{}-hint ", self.name) };
        let bad = if self.problem.is_some() { format!("{}-bad", self.name) } else { String::new() };
        format!("{hint}{bad}").trim().to_owned()
    }
}

/// The fields of a form as they came, or as they stand before anything was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// The first value of `name`; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
    }

    /// All values of `name`, in the order of the form.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Sets `name`, for a form that is shown filled in.
    pub fn set(&mut self, name: &str, value: impl ToString) {
        self.0.retain(|(field, _)| field != name);
        self.0.push((name.to_owned(), value.to_string()));
    }

    fn read<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Refused> {
        let text = self.get(name).trim();
        if text.is_empty() {
            return Err(Refused::new(422, "platform.refusal.field_missing").field(name));
        }
        parse(text).ok_or_else(|| Refused::new(422, "platform.refusal.field_bad").field(name))
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// 422, naming the field.
    pub fn text(&self, name: &'static str) -> Result<String, Refused> {
        self.read(name, |text| Some(text.to_owned()))
    }

    /// An amount in yuan.
    ///
    /// # Errors
    /// 422, naming the field.
    pub fn money(&self, name: &'static str) -> Result<Fen, Refused> {
        self.read(name, Fen::parse)
    }

    /// A Beijing time.
    ///
    /// # Errors
    /// 422, naming the field.
    pub fn moment(&self, name: &'static str) -> Result<Moment, Refused> {
        self.read(name, Moment::parse_beijing)
    }

    /// A small whole number.
    ///
    /// # Errors
    /// 422, naming the field.
    pub fn count(&self, name: &'static str) -> Result<u32, Refused> {
        self.read(name, |text| text.parse().ok().filter(|&count| count <= 1_000_000))
    }

    /// A decimal between 0 and 1,000,000 with at most four places.
    ///
    /// # Errors
    /// 422, naming the field.
    pub fn decimal(&self, name: &'static str) -> Result<Decimal, Refused> {
        self.read(name, decimal)
    }
}

/// Reads a plain decimal between 0 and 1,000,000 with at most four places.
pub fn decimal(text: &str) -> Option<Decimal> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.len() <= 12;
    let value: Decimal = text.parse().ok().filter(|_| plain)?;
    (value.scale() <= 4 && value <= Decimal::from(1_000_000)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_or_named_in_the_refusal() {
        let mut fields = Fields::default();
        fields.set("budget", "1,234.50");
        fields.set("when", "2026-03-25T09:30");
        fields.set("points", "12.5");
        assert_eq!(fields.money("budget"), Ok(Fen(123_450)));
        assert_eq!(fields.moment("when").unwrap().beijing(), "2026-03-25 09:30:00");
        assert_eq!(fields.decimal("points"), Ok(Decimal::new(125, 1)));
        let missing = fields.text("name").unwrap_err();
        assert_eq!((missing.field, missing.key.as_ref()), (Some("name"), "platform.refusal.field_missing"));
        assert_eq!(fields.count("budget").unwrap_err().key, "platform.refusal.field_bad");
    }

    #[test]
    fn decimals_are_plain_and_bounded() {
        for bad in ["-1", "1e3", "1.00001", "1000001", "1_000", ""] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
    }
}
