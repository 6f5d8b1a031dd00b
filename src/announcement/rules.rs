//! What a notice says, and when it may be said.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::platform::canonical::jcs_text;
use crate::platform::digest::{b64u, sha256};
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Refused;
use crate::project::place::Category;
use crate::project::rulebook::RulebookId;
use crate::project::rules::TenderNumber;
use crate::project::schedule::{Schedule, Weight};
use crate::project::standing::{LotFacts, TenderFacts};
use crate::project::terms::Terms;

/// Names a document in `Id<Document>`.
pub enum Document {}

/// `typ` of a notice document.
pub const NOTICE_TYPE: &str = "sunbid/notice/v1";

/// Longest text of one field, in characters.
pub const TEXT_CHARACTERS_MAX: usize = 8_000;
/// Largest document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 48 << 20;
/// Most documents of one tender.
pub const DOCUMENTS_MAX: usize = 40;

/// What the agent writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeText {
    /// 项目概况与招标范围
    pub scope: String,
    /// 投标人资格要求
    pub qualification: String,
    /// 联系方式
    pub contact: String,
    /// 其他
    pub remarks: String,
}

impl NoticeText {
    /// Trims every text and gives lines one kind of end.
    #[must_use]
    pub fn tidy(self) -> Self {
        let tidy = |text: String| text.replace("\r\n", "\n").trim().to_owned();
        Self {
            scope: tidy(self.scope),
            qualification: tidy(self.qualification),
            contact: tidy(self.contact),
            remarks: tidy(self.remarks),
        }
    }

    /// Scope, qualification and contact must be there; nothing may be endless. All problems at once.
    pub fn check(&self) -> Result<(), Vec<Refused>> {
        let fields = [
            ("scope", &self.scope, true),
            ("qualification", &self.qualification, true),
            ("contact", &self.contact, true),
            ("remarks", &self.remarks, false),
        ];
        let problems = fields.into_iter().filter_map(|(field, text, needed)| {
            if needed && text.is_empty() {
                Some(Refused::new(422, format!("announcement.refusal.missing.{field}")).field(field))
            } else {
                check_text(text, field).err()
            }
        });
        let problems: Vec<Refused> = problems.collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// Bounds a text and refuses control characters other than line ends and tabs.
pub fn check_text(text: &str, field: &'static str) -> Result<(), Refused> {
    let long = text.chars().count() > TEXT_CHARACTERS_MAX;
    let strange = text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    if long || strange {
        return Err(Refused::new(422, "announcement.refusal.text")
            .with("max", TEXT_CHARACTERS_MAX)
            .field(field));
    }
    Ok(())
}

/// A document as a notice lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    pub id: Id<Document>,
    pub name: String,
    /// SHA-256 of the content, lower-case hex.
    pub sha256: String,
    /// Size in bytes, as text.
    pub bytes: String,
}

/// A lot as a notice lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedLot {
    pub number: u8,
    pub title: String,
    pub terms: Terms,
}

/// What an amendment changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What is different, in the agent's words.
    pub summary: String,
    pub weight: Weight,
    /// Base64url SHA-256 of the notice before.
    pub previous: String,
}

/// A notice: everything that bidders may rely on, in one canonical document that the agent signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Always [`NOTICE_TYPE`].
    pub typ: String,
    pub number: TenderNumber,
    /// 1 for the first notice, then counting up.
    pub version: u32,
    pub title: String,
    pub category: Category,
    pub region: String,
    pub rulebook: RulebookId,
    /// Base64url SHA-256 of the rulebook's file.
    pub rulebook_digest: String,
    pub entity: String,
    pub agent: String,
    pub schedule: Schedule,
    pub lots: Vec<ListedLot>,
    pub text: NoticeText,
    pub documents: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub change: Option<Change>,
}

impl Notice {
    /// The first notice of a tender.
    pub fn first(
        tender: &TenderFacts,
        agent: &str,
        lots: &[LotFacts],
        schedule: Schedule,
        text: NoticeText,
        documents: Vec<Listed>,
    ) -> Self {
        let digest = tender.book().map(|book| b64u(&book.digest())).unwrap_or_default();
        let listed = |lot: &LotFacts| ListedLot {
            number: lot.lot_number.get(),
            title: lot.title.clone(),
            terms: lot.terms.clone(),
        };
        Self {
            typ: NOTICE_TYPE.into(),
            number: tender.number.clone(),
            version: 1,
            title: tender.title.clone(),
            category: tender.category,
            region: tender.region.clone(),
            rulebook: tender.rulebook.clone(),
            rulebook_digest: digest,
            entity: tender.entity_name.clone(),
            agent: agent.to_owned(),
            schedule,
            lots: lots.iter().map(listed).collect(),
            text,
            documents,
            change: None,
        }
    }

    /// The next version: another schedule, more documents, and what changed.
    pub fn amended(&self, schedule: Schedule, more: Vec<Listed>, summary: String, weight: Weight) -> Self {
        let mut next = self.clone();
        next.version += 1;
        next.schedule = schedule;
        next.documents.extend(more);
        next.change = Some(Change { summary, weight, previous: self.digest() });
        next
    }

    /// The very text that is signed: the canonical form of the document.
    pub fn statement(&self) -> String {
        jcs_text(self)
    }

    /// Base64url SHA-256 of [`Notice::statement`].
    pub fn digest(&self) -> String {
        b64u(&sha256(&[self.statement().as_bytes()]))
    }
}

/// A name that a file may have on people's disks: no path, no control characters, 1 to 120 characters.
pub fn check_file_name(name: &str) -> Result<String, Refused> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let plain = !base.is_empty()
        && base.chars().count() <= 120
        && !base.starts_with('.')
        && !base.contains(|c: char| c.is_control() || "<>:\"|?*\u{202e}\u{200f}".contains(c));
    if plain {
        Ok(base.to_owned())
    } else {
        Err(Refused::new(422, "announcement.refusal.file_name").field("file"))
    }
}

/// A line of a tender's plan with its date, for the page that shows what happens when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planned {
    At(Moment),
    On(NaiveDate),
}
