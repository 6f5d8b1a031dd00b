//! What a bid must be to be taken, and what counts. Pure.

use crate::account::rules::Person;
use crate::account::signature::Signed;
use crate::ledger::EntryId;
use crate::party::rules::Organisation;
use crate::platform::canonical::jcs_text;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::{DAY, HOUR, Moment};
use crate::platform::refusal::{Failure, Refused};
use crate::project::rulebook::Rulebook;
use crate::project::rules::{Lot, Tender};
use crate::project::terms::{Envelopes, Terms};
use crate::sealing::archive::padded;
use crate::sealing::context::{Context, EnvelopeKind};
use crate::sealing::document::Bytes;
use crate::sealing::error::SealError;
use crate::sealing::manifest::Manifest;
use crate::sealing::signature::Signature;
use crate::sealing::stream::{HEADER, Measured, SLICE, ciphertext_size};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Names an upload.
pub enum Upload {}
/// Names a submission or withdrawal.
pub enum Step {}

/// How long an upload that belongs to no submission is kept.
pub const UPLOAD_KEPT: i64 = 3 * DAY;
/// How long what an ended upload left behind is kept for requests that are still under way, before all of it goes.
pub const LEFTOVERS_KEPT: i64 = HOUR;

/// Rows about bids and their entries in the log are padded to a multiple of so many bytes: one for all bids with up to about fifteen
/// trustees, and for covers.
pub const ROW_PAD: usize = 8192;
/// How long a cover is kept: longer than bids are usually taken for. The rows of bids stay, and by then their lots are opened.
pub const COVERS_KEPT: i64 = 30 * DAY;

/// Why this room says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 截止时间已到: the equal instant is late.
    Late { deadline: Moment },
    /// The deadline has passed, but the platform was away before it, and it is not known yet whether it moves.
    MayMove { deadline: Moment },
    /// What arrived at `at`, in time, found the box closed: the platform's fault.
    Shut { at: Moment },
    /// The trustees have not all signed the set yet.
    NoTrustees,
    /// The trustees have not shown that they can open bids, and nobody has said why bids come all the same.
    NoDrill,
    /// The first bytes are not a sealed bid's.
    NotSealed,
    /// No sealed bid has this size.
    WrongSize,
    /// Larger than the platform takes.
    TooLarge { max: u64 },
    /// Pieces that do not follow each other as they must.
    PartSize,
    /// The bytes do not start where the upload ends.
    WrongOffset { expected: u64 },
    /// The checksum of a piece differs.
    Checksum,
    /// Who uploads has no valid certificate, so could not sign a bid.
    NoCertificate,
    /// Too many unfinished uploads of an organisation.
    TooManyUploads { max: u32 },
    /// Too many bytes in an organisation's unfinished uploads; `max` in bytes.
    TooMuchUploaded { max: u64 },
    /// The disk has no room for another upload.
    NoRoom,
    /// The disk is full in the middle of an upload.
    DiskFull,
    /// Another connection brings bytes into this upload, or has gone on with it.
    Elsewhere,
    /// So many upload that there is no memory for another one right now.
    Crowded,
    /// A connection brought nothing for too long.
    Idle { seconds: u64 },
    /// There is no such upload of this bidder, or it has expired.
    NoUpload,
    /// Not all bytes have arrived.
    Unfinished { have: u64, size: u64 },
    /// The manifest or its signature can not be read. `cause` is the last part of a locale key, `why` the detail for
    /// whoever writes a sealing program.
    Malformed { cause: &'static str, why: String },
    /// The manifest names other bytes than were uploaded.
    OtherCiphertext,
    /// Sealed for another tender, lot, envelope or bidder.
    OtherTender,
    /// The tender documents have changed since the bid was sealed.
    DocumentsChanged,
    /// Sealed to another trustee set.
    OtherTrustees,
    /// Sealed by a program from before share commitments.
    OldSealer,
    /// When it says that it was sealed, the certificate that signed it was not valid: the clock of that computer is wrong.
    SealedWhen { created: Moment },
    /// The bid was replaced or withdrawn meanwhile, in another window.
    OtherRevision { expected: u32 },
    /// There is no bid to withdraw.
    NothingToWithdraw,
    /// This lot has no such envelope.
    NoSuchEnvelope,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        use Refusal as R;
        let say = |status, name: &str| Self::new(status, format!("sealed_bid.refusal.{name}"));
        match refusal {
            R::Late { deadline } => say(409, "late")
                .with("deadline", deadline.beijing())
                .article("招标投标法 第二十八条；电子招标投标办法 第二十七条"),
            R::MayMove { deadline } => say(409, "may_move").with("deadline", deadline.beijing()),
            R::Shut { at } => say(409, "shut").with("at", at.beijing()),
            R::NoTrustees => say(409, "no_trustees"),
            R::NoDrill => say(409, "no_drill"),
            R::NotSealed => say(415, "not_sealed").article("电子招标投标办法 第二十六条"),
            R::WrongSize => say(422, "wrong_size"),
            R::TooLarge { max } => say(413, "too_large").with("max", max >> 20),
            R::PartSize => say(422, "part_size"),
            R::WrongOffset { expected } => say(409, "wrong_offset").with("expected", expected),
            R::Checksum => say(422, "checksum"),
            R::NoCertificate => say(403, "no_certificate").article("电子签名法 第十三条"),
            R::TooManyUploads { max } => say(429, "too_many_uploads").with("max", max),
            R::TooMuchUploaded { max } => say(429, "too_much_uploaded").with("max", max >> 20),
            R::NoRoom => say(507, "no_room"),
            R::DiskFull => say(507, "disk_full"),
            R::Elsewhere => say(423, "elsewhere"),
            R::Crowded => say(503, "crowded"),
            R::Idle { seconds } => say(408, "idle").with("seconds", seconds),
            R::NoUpload => say(404, "no_upload"),
            R::Unfinished { have, size } => say(422, "unfinished")
                .with("have", have)
                .with("size", size)
                .article("电子招标投标办法 第二十七条"),
            R::Malformed { cause, why } => {
                say(422, "malformed").word("cause", format!("sealed_bid.malformed.{cause}")).with("why", why)
            }
            R::OtherCiphertext => say(422, "other_ciphertext"),
            R::OtherTender => say(422, "other_tender"),
            R::DocumentsChanged => say(409, "documents_changed"),
            R::OtherTrustees => say(422, "other_trustees"),
            R::OldSealer => say(422, "old_sealer"),
            R::SealedWhen { created } => say(422, "sealers_clock").with("created", created.beijing()),
            R::OtherRevision { expected } => say(409, "other_revision").with("expected", expected),
            R::NothingToWithdraw => say(409, "nothing_to_withdraw").article("招标投标法 第二十九条"),
            R::NoSuchEnvelope => say(404, "no_such_envelope"),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<SealError> for Refusal {
    fn from(why: SealError) -> Self {
        Self::Malformed { cause: why.code(), why: why.to_string() }
    }
}

/// The envelopes that bidders hand in for a lot, in the order of their opening.
pub fn envelopes_of(terms: &Terms) -> &'static [EnvelopeKind] {
    match terms.envelopes {
        Envelopes::One => EnvelopeKind::Single.whole(),
        Envelopes::Two => EnvelopeKind::Technical.whole(),
    }
}

/// The envelopes that a bidder must still hand in beside those that stand. While there is one, the bid is not whole: at the
/// deadline it counts as taken back, is in no bid set, and stays sealed (电子招标投标办法 第二十七条: 未完成投标文件传输的，视为撤回投标文件).
/// Nothing is missing of a bidder without a bid.
pub fn missing_envelopes(standing: &[EnvelopeKind]) -> Vec<EnvelopeKind> {
    let whole = standing.first().map_or(&[][..], |kind| kind.whole());
    whole.iter().filter(|kind| !standing.contains(kind)).copied().collect()
}

/// The bidders of whom nothing is missing; see [`missing_envelopes`]. `bids` are those that stand, of all envelopes of a lot.
pub fn complete_bidders<B: Copy + Ord>(bids: &[(EnvelopeKind, B)]) -> BTreeSet<B> {
    let mut standing: BTreeMap<B, Vec<EnvelopeKind>> = BTreeMap::new();
    for (kind, bidder) in bids {
        standing.entry(*bidder).or_default().push(*kind);
    }
    let complete = standing.into_iter().filter(|(_, kinds)| missing_envelopes(kinds).is_empty());
    complete.map(|(bidder, _)| bidder).collect()
}

/// The field in which a bidder declares what kind of enterprise it is (财库〔2020〕46号 中小企业声明函).
pub const ENTERPRISE: &str = "enterprise";

/// What may be declared; the same words as in evaluation documents.
pub const ENTERPRISES: [&str; 3] = ["ordinary", "small", "consortium"];

/// The fields of an envelope that are read out at its opening (电子招标投标办法 art. 30). The price stands only in
/// the envelope that is opened last; what kind of enterprise bids is asked in the first, where the rulebook knows a
/// preference for small ones.
pub fn fields_of(kind: EnvelopeKind, book: &Rulebook) -> Vec<&'static str> {
    let mut fields = match kind {
        EnvelopeKind::Technical => vec!["period_days", "quality", "manager"],
        EnvelopeKind::Commercial => vec!["price"],
        EnvelopeKind::Single => vec!["price", "period_days", "quality", "manager"],
    };
    if kind != EnvelopeKind::Commercial && book.evaluation.small_business_deduction.is_some() {
        fields.push(ENTERPRISE);
    }
    fields
}

/// Hash of what a bid answers: the lot's terms and the documents that bidders were given, by their hashes.
pub fn tender_documents_hash(terms: &Terms, documents: &[String]) -> Bytes<32> {
    let documents = documents.join("\n");
    Bytes(sha256(&[b"sunbid/tender-documents/v1\n", jcs_text(terms).as_bytes(), b"\n", documents.as_bytes()]))
}

/// Whether a sealed bid can have this size at all; otherwise an upload is refused before its first byte.
pub fn check_size(size: u64, max: u64) -> Result<(), Refusal> {
    if size > max {
        return Err(Refusal::TooLarge { max });
    }
    let segments = size.div_ceil(SLICE as u64);
    let plain = size.saturating_sub(HEADER as u64 + 16 * segments);
    if plain == padded(plain) && ciphertext_size(plain) == size { Ok(()) } else { Err(Refusal::WrongSize) }
}

/// What is on the disk and what is promised of it, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub free: u64,
    /// Never given away: the database, the log and what is already there need it.
    pub reserve: u64,
    /// What all open uploads may still bring.
    pub promised: u64,
}

impl Room {
    /// Whether an upload of `size` bytes fits beside all that is promised.
    pub fn takes(self, size: u64) -> bool {
        let needed = self.reserve.saturating_add(self.promised).saturating_add(size);
        self.free >= needed
    }
}

/// Checks a manifest against what this bidder was given to seal with. `expected` is complete: whatever differs, differs
/// in a way that the bidder must learn of.
pub fn check_manifest(
    manifest: &Manifest,
    expected: &Context,
    prev: Option<Bytes<32>>,
    uploaded: Measured,
) -> Result<(), Refusal> {
    let ctx = &manifest.ctx;
    if ctx.trustees != expected.trustees {
        return Err(Refusal::OtherTrustees);
    }
    if ctx.tender_doc != expected.tender_doc {
        return Err(Refusal::DocumentsChanged);
    }
    if ctx.bid == expected.bid && (ctx.rev != expected.rev || manifest.prev != prev) {
        return Err(Refusal::OtherRevision { expected: expected.rev });
    }
    if ctx != expected {
        return Err(Refusal::OtherTender);
    }
    manifest.check_shares().map_err(|_| Refusal::OldSealer)?;
    if manifest.measured() == uploaded { Ok(()) } else { Err(Refusal::OtherCiphertext) }
}

/// What a bidder did, as it lies in the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    Submitted { manifest: Box<Manifest>, signature: Signature, upload: Id<Upload> },
    Withdrawn { m: Bytes<32>, signed: Signed },
}

/// One step of a bidder on one envelope of a lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRecord {
    pub tender: Id<Tender>,
    pub lot: Id<Lot>,
    pub envelope: EnvelopeKind,
    pub person: Id<Person>,
    pub organisation: Id<Organisation>,
    pub deed: Deed,
}

/// A step with what the database knows of it.
#[derive(Clone, Debug)]
pub struct Kept {
    pub id: Id<Step>,
    pub at: Moment,
    pub entry: EntryId,
    pub record: StepRecord,
}

impl Kept {
    /// The manifest that this step submitted.
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.record.deed {
            Deed::Submitted { manifest, .. } => Some(manifest),
            Deed::Withdrawn { .. } => None,
        }
    }
}

/// The bid that stands after `steps` (of one bidder and envelope, in order): the last submission, unless it was
/// withdrawn.
pub fn standing_bid(steps: &[Kept]) -> Option<&Kept> {
    steps.last().filter(|step| step.manifest().is_some())
}

/// Number of the next revision, and the id of the one before.
pub fn next_revision(steps: &[Kept]) -> (u32, Option<Bytes<32>>) {
    let submitted: Vec<&Manifest> = steps.iter().filter_map(Kept::manifest).collect();
    let rev = submitted.last().map_or(1, |last| last.ctx.rev.saturating_add(1));
    (rev, submitted.last().map(|last| Bytes(last.id())))
}

/// The statement that withdraws a bid, as it is shown and signed. One line of canonical JSON.
pub fn withdrawal_statement(tender: &str, lot: &str, envelope: EnvelopeKind, m: &Bytes<32>) -> String {
    #[derive(Serialize)]
    struct Statement<'a> {
        envelope: EnvelopeKind,
        lot: &'a str,
        m: &'a Bytes<32>,
        tender: &'a str,
        typ: &'a str,
    }
    jcs_text(&Statement { envelope, lot, m, tender, typ: "sunbid/bid-withdrawal/v1" })
}
