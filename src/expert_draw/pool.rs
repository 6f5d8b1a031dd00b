//! The pool of experts, as a registry hands it over: one CSV file, read whole or refused row by row.
//!
//! A bad row never stops the good ones and is never repaired by guessing; it is listed with its line and what is
//! wrong, so that the registry can correct it. A file that is not UTF-8 is refused as a whole.

use crate::platform::refusal::Refused;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Largest file that is read.
pub const FILE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most experts in one pool.
pub const EXPERTS_MAX: usize = 200_000;
/// Most bad rows that are listed; the rest are counted.
pub const BAD_ROWS_LISTED_MAX: usize = 500;
const FIELD_CHARS_MAX: usize = 400;
const LIST_MAX: usize = 20;

/// Whether an expert may be drawn at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Active,
    Suspended,
    Retired,
}

impl Standing {
    /// The code kept in the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Retired => "retired",
        }
    }

    /// Reads a code or what Chinese registries write.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "active" | "正常" | "在库" => Some(Self::Active),
            "suspended" | "暂停" => Some(Self::Suspended),
            "retired" | "退出" | "退库" => Some(Self::Retired),
            _ => None,
        }
    }
}

/// An employer of the past.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormerEmployer {
    pub unit: String,
    /// Last day there.
    pub until: NaiveDate,
}

/// One expert of the pool. Confidential as a whole: no page but the supervisor's and the registry's shows one
/// in connection with a tender before the award.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expert {
    /// The registry's own number.
    pub registry_id: String,
    pub name: String,
    /// Speciality codes of the national classification, most specific level that the registry has.
    pub specialities: Vec<String>,
    pub employer: String,
    /// Administrative division code (GB/T 2260), six digits.
    pub region: String,
    pub standing: Standing,
    /// Empty if the registry has none.
    pub phone: String,
    pub former_employers: Vec<FormerEmployer>,
    /// Units that the expert declared to have an interest in.
    pub avoid_units: Vec<String>,
}

/// A row that was not taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BadRow {
    /// Line of the file, counted from 1 with the header.
    pub line: u64,
    pub reason: BadRowReason,
    /// What stood there, shortened.
    pub found: String,
}

/// What is wrong with a row. The sentences are in `locales/expert_draw.yml`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadRowReason {
    /// Not as many fields as the header.
    FieldCount,
    RegistryId,
    DuplicateRegistryId,
    Name,
    Specialities,
    Employer,
    Region,
    Standing,
    Phone,
    FormerEmployers,
    AvoidUnits,
}

impl BadRowReason {
    /// Locale key of the sentence.
    pub const fn key(self) -> &'static str {
        match self {
            Self::FieldCount => "expert_draw.bad_row.field_count",
            Self::RegistryId => "expert_draw.bad_row.registry_id",
            Self::DuplicateRegistryId => "expert_draw.bad_row.duplicate_registry_id",
            Self::Name => "expert_draw.bad_row.name",
            Self::Specialities => "expert_draw.bad_row.specialities",
            Self::Employer => "expert_draw.bad_row.employer",
            Self::Region => "expert_draw.bad_row.region",
            Self::Standing => "expert_draw.bad_row.standing",
            Self::Phone => "expert_draw.bad_row.phone",
            Self::FormerEmployers => "expert_draw.bad_row.former_employers",
            Self::AvoidUnits => "expert_draw.bad_row.avoid_units",
        }
    }
}

/// Why a whole file was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadPool {
    #[error("the file is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the file is not UTF-8; save it as CSV UTF-8 (byte {0} is the first that is not)")]
    NotUtf8(usize),
    #[error("the header lacks the column {0}")]
    MissingColumn(&'static str),
    #[error("the header has an unknown column or one twice: {0}")]
    StrangeColumn(String),
    #[error("more than {EXPERTS_MAX} experts")]
    TooMany,
    #[error("the file has no expert that can be read")]
    Empty,
}

impl BadPool {
    /// The sentence for whoever sent the file.
    pub fn refused(&self) -> Refused {
        let say = |name: &str| Refused::new(422, format!("expert_draw.refusal.pool.{name}"));
        match self {
            Self::TooLarge => say("too_large").with("most", FILE_BYTES_MAX >> 20),
            Self::NotUtf8(byte) => say("not_utf8").with("byte", byte),
            Self::MissingColumn(column) => say("missing_column").with("column", column),
            Self::StrangeColumn(column) => say("strange_column").with("column", column),
            Self::TooMany => say("too_many").with("most", EXPERTS_MAX),
            Self::Empty => say("empty"),
        }
    }
}

/// What a file came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import {
    /// Ascending by registry id.
    pub experts: Vec<Expert>,
    /// In the order of the file, at most [`BAD_ROWS_LISTED_MAX`].
    pub bad_rows: Vec<BadRow>,
    /// All bad rows, listed or not.
    pub bad_row_count: usize,
}

/// The columns: our name, what Chinese registries call it, whether it must be there.
const COLUMNS: [(&str, &str, bool); 9] = [
    ("registry_id", "专家编号", true),
    ("name", "姓名", true),
    ("specialities", "专业代码", true),
    ("employer", "工作单位", true),
    ("region", "地区", true),
    ("status", "状态", true),
    ("phone", "电话", false),
    ("former_employers", "曾任职单位", false),
    ("avoid_units", "回避单位", false),
];

/// Reads a pool file: CSV with a header in English or Chinese, UTF-8 with or without a byte order mark.
/// Lists inside a field are separated by `;` or `；`; a former employer is `unit@2024-05-31`.
pub fn read(bytes: &[u8]) -> Result<Import, BadPool> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(BadPool::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|e| BadPool::NotUtf8(e.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|_| BadPool::Empty)?.clone();
    let columns = columns_of(&header)?;
    let mut found: BTreeMap<String, Expert> = BTreeMap::new();
    let mut import = Import { experts: vec![], bad_rows: vec![], bad_row_count: 0 };
    for record in reader.records() {
        // the text is UTF-8 and lengths are flexible, so the reader has nothing left to fail on
        let Ok(record) = record else { continue };
        let line = record.position().map_or(0, csv::Position::line);
        let row = Row { record: &record, columns: &columns };
        let read =
            if record.len() == header.len() { row.expert() } else { Err((BadRowReason::FieldCount, "")) };
        let read = read.and_then(|expert| {
            let known = found.contains_key(&expert.registry_id);
            if known {
                Err((BadRowReason::DuplicateRegistryId, row.field("registry_id")))
            } else {
                Ok(expert)
            }
        });
        match read {
            Ok(expert) if found.len() < EXPERTS_MAX => {
                found.insert(expert.registry_id.clone(), expert);
            }
            Ok(_) => return Err(BadPool::TooMany),
            Err((reason, found)) => {
                import.bad_row_count += 1;
                if import.bad_rows.len() < BAD_ROWS_LISTED_MAX {
                    let found = found.chars().filter(|c| !c.is_control()).take(60).collect();
                    import.bad_rows.push(BadRow { line, reason, found });
                }
            }
        }
    }
    import.experts = found.into_values().collect();
    if import.experts.is_empty() { Err(BadPool::Empty) } else { Ok(import) }
}

/// Where each of our columns stands in the file.
fn columns_of(header: &csv::StringRecord) -> Result<HashMap<&'static str, usize>, BadPool> {
    let mut columns = HashMap::new();
    for (index, title) in header.iter().enumerate() {
        let known =
            COLUMNS.iter().find(|(ours, chinese, _)| title.eq_ignore_ascii_case(ours) || title == *chinese);
        let fresh = known.is_some_and(|(ours, _, _)| columns.insert(*ours, index).is_none());
        if !fresh {
            return Err(BadPool::StrangeColumn(title.chars().take(60).collect()));
        }
    }
    let missing = COLUMNS.iter().find(|(ours, _, needed)| *needed && !columns.contains_key(ours));
    missing.map_or(Ok(columns), |(ours, _, _)| Err(BadPool::MissingColumn(ours)))
}

type Wrong<'a> = (BadRowReason, &'a str);

struct Row<'a> {
    record: &'a csv::StringRecord,
    columns: &'a HashMap<&'static str, usize>,
}

impl<'a> Row<'a> {
    fn field(&self, column: &str) -> &'a str {
        self.columns.get(column).and_then(|index| self.record.get(*index)).unwrap_or_default()
    }

    /// A field that `fits`, or the reason why the row is bad.
    fn checked(
        &self,
        column: &str,
        reason: BadRowReason,
        fits: impl Fn(&str) -> bool,
    ) -> Result<String, Wrong<'a>> {
        let text = self.field(column);
        let short = text.chars().count() <= FIELD_CHARS_MAX && !text.chars().any(char::is_control);
        if short && fits(text) { Ok(text.to_owned()) } else { Err((reason, text)) }
    }

    /// The parts of a list field.
    fn list(&self, column: &str, reason: BadRowReason) -> Result<Vec<String>, Wrong<'a>> {
        let text = self.field(column);
        let parts: Vec<String> = text
            .split([';', '；'])
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        let fit = parts.len() <= LIST_MAX
            && parts
                .iter()
                .all(|part| part.chars().count() <= FIELD_CHARS_MAX && !part.chars().any(char::is_control));
        if fit { Ok(parts) } else { Err((reason, text)) }
    }

    fn expert(&self) -> Result<Expert, Wrong<'a>> {
        let some = |text: &str| !text.is_empty();
        let specialities = self.list("specialities", BadRowReason::Specialities)?;
        if specialities.is_empty() || !specialities.iter().all(|code| is_speciality(code)) {
            return Err((BadRowReason::Specialities, self.field("specialities")));
        }
        let standing =
            Standing::parse(self.field("status")).ok_or((BadRowReason::Standing, self.field("status")))?;
        Ok(Expert {
            registry_id: self.checked("registry_id", BadRowReason::RegistryId, is_registry_id)?,
            name: self.checked("name", BadRowReason::Name, some)?,
            specialities,
            employer: self.checked("employer", BadRowReason::Employer, some)?,
            region: self.checked("region", BadRowReason::Region, is_region)?,
            standing,
            phone: self.checked("phone", BadRowReason::Phone, is_phone)?,
            former_employers: self.former_employers()?,
            avoid_units: self.list("avoid_units", BadRowReason::AvoidUnits)?,
        })
    }

    fn former_employers(&self) -> Result<Vec<FormerEmployer>, Wrong<'a>> {
        let wrong = (BadRowReason::FormerEmployers, self.field("former_employers"));
        let parts = self.list("former_employers", BadRowReason::FormerEmployers)?;
        let read = |part: &String| {
            let (unit, until) = part.rsplit_once('@')?;
            let until = NaiveDate::parse_from_str(until.trim(), "%Y-%m-%d").ok()?;
            let unit = unit.trim();
            (!unit.is_empty()).then(|| FormerEmployer { unit: unit.to_owned(), until })
        };
        parts.iter().map(read).collect::<Option<Vec<_>>>().ok_or(wrong)
    }
}

/// 1 to 40 ASCII letters, digits and hyphens.
fn is_registry_id(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// A speciality code: 1 to 20 ASCII letters and digits (the national classification writes `A080201`).
pub fn is_speciality(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Six digits.
pub fn is_region(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Empty, or 5 to 20 digits with an optional plus sign and hyphens.
fn is_phone(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    text.is_empty() || ((5..=20).contains(&digits) && rest.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
}
