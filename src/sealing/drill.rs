//! The drill of a trustee set: a canary bid, sealed like any bid and opened like any bid, whose lot is `canary`. A release for it is
//! worth nothing for a real bid, because every share is bound to the lot.

use super::archive::Shelf;
use super::bid_document::ListedFile;
use super::bid_set::{BidSet, Closing, CountedBid};
use super::context::{Context, ContextTyp, EnvelopeKind, Mode, Suite};
use super::document::{Blob, Bytes, Count};
use super::drill_log::DrillLog;
use super::error::SealError;
use super::keys::payload_key;
use super::manifest::{Client, Manifest};
use super::open::open_payload;
use super::opening_check::{Reported, Verdict, check};
use super::release::{BundleTyp, OpeningBundle};
use super::seal::{Content, seal};
use super::signature::{Signer, SigningKey};
use super::trustees::TrusteeSet;
use crate::platform::digest::b64u;
use crate::platform::moment::Moment;
use crate::platform::random;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};

/// The lot of a canary. No real lot has this name: lots are numbered.
pub const CANARY_LOT: &str = "canary";
/// The form field that holds the canary's phrase.
const PHRASE: &str = "canary";

/// A canary bid.
pub struct Canary {
    pub manifest: Manifest,
    pub ciphertext: Vec<u8>,
    /// What must come out at the opening.
    pub phrase: String,
}

/// Seals a canary to `set`, with a signing key that is used once.
///
/// # Errors
/// The set does not check.
pub fn make(set: &TrusteeSet, origin: &str, now: Moment) -> Result<Canary, SealError> {
    let failed = |_| SealError::Key("no key could be generated");
    let key = rcgen::KeyPair::generate().map_err(failed)?;
    let certificate = rcgen::CertificateParams::default().self_signed(&key).map_err(failed)?;
    let signing = SigningKey::from_pkcs8(&key.serialize_der())?;
    let signer = Signer::new(signing, vec![Blob(certificate.der().to_vec())])?;
    let ctx = Context {
        bid: Bytes(random::bytes()),
        bidder: Bytes([0; 16]),
        envelope: EnvelopeKind::Single,
        lot: CANARY_LOT.into(),
        mode: Mode::Trustees,
        origin: origin.to_owned(),
        rev: 1,
        suite: Suite,
        tender: set.tender.clone(),
        tender_doc: Bytes([0; 32]),
        trustees: Bytes(set.hash()),
        typ: ContextTyp,
    };
    let phrase = b64u(&random::bytes::<32>());
    let content = Content {
        ctx: &ctx,
        trustees: set,
        files: &[],
        form: BTreeMap::from([(PHRASE.to_owned(), phrase.clone())]),
        prev: None,
        signer: &signer,
        client: Client { bundle: None, name: "sunbid-drill".into(), ver: "1".into() },
        created: now,
    };
    let mut ciphertext = Vec::new();
    let manifest = seal(&content, Cursor::new(&mut ciphertext))?.manifest;
    Ok(Canary { manifest, ciphertext, phrase })
}

/// The bid set of a drill. It names no closing: a canary is in no log.
pub fn bid_set(manifest: &Manifest, set: &TrusteeSet) -> BidSet {
    let closing = Closing { root: Bytes([0; 32]), size: Count(1) };
    let bids = vec![CountedBid { leaf: Count(0), m: Bytes(manifest.id()) }];
    BidSet::new(&set.tender, CANARY_LOT, EnvelopeKind::Single, closing, bids)
}

/// What trustees get for the drill, with the log as it stands.
pub fn bundle(
    manifest: &Manifest,
    set: &TrusteeSet,
    (session, at): (&[u8; 65], Moment),
    log: Option<DrillLog>,
) -> OpeningBundle {
    OpeningBundle {
        bid_set: bid_set(manifest, set),
        bidders: None,
        drill: log,
        log: None,
        manifests: vec![manifest.clone()],
        opens_at: at,
        session: Bytes(*session),
        trustees: set.clone(),
        typ: BundleTyp::Drill,
    }
}

/// What a drill has shown so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Too few trustees to tell.
    Nothing,
    /// The canary opened to its phrase; these trustees reported another share than their box holds.
    Opened { wrong: Vec<u8> },
    /// The shares that came do not open it.
    Shut,
}

/// Opens a canary with what trustees `reported`, and compares.
///
/// # Errors
/// It is no canary: nothing else is ever opened here.
pub fn open(
    canary: (&Manifest, &[u8], &str),
    set: &TrusteeSet,
    reported: &[Reported],
) -> Result<Shown, SealError> {
    let (manifest, ciphertext, phrase) = canary;
    if manifest.ctx.lot != CANARY_LOT {
        return Err(SealError::Document("it is no canary".into()));
    }
    manifest.check_trustees(set)?;
    let c = manifest.ctx.hash();
    let (key, wrong) = match check(&c, &manifest.lock, &set.box_keys(), reported) {
        Verdict::Sound { key, liars } => (key, liars),
        Verdict::NotEnough { .. } if reported.len() < usize::from(set.t) => return Ok(Shown::Nothing),
        Verdict::NotEnough { .. } | Verdict::BidderAtFault(_) => return Ok(Shown::Shut),
    };
    let key = payload_key(&c, &key, None);
    let document = open_payload(manifest, &key, ciphertext, &mut NoShelf)?;
    let same = document.form.get(PHRASE).is_some_and(|found| found == phrase);
    Ok(if same { Shown::Opened { wrong } } else { Shown::Shut })
}

/// A canary holds no files.
struct NoShelf;

impl Shelf for NoShelf {
    fn put(&mut self, _: &ListedFile, content: &mut dyn Read) -> std::io::Result<()> {
        std::io::copy(content, &mut std::io::sink()).map(drop)
    }
}
