//! The opening itself: from the trustees' releases to readable bids. Runs outside any act, because a large bid takes
//! its time; what comes of it is then recorded in one act. Holds a few slices of each bid in memory. The files stay where
//! and as they are, sealed: what is recorded is the key that reads them ([`super::content`]).

use super::progress::{BidStep, Follower, Watched};
use super::record::NotOpened;
use super::rules::{self, Blame, Cause, Judgement};
use super::store::{BidRow, ContentRow};
use crate::account::authority::Authority;
use crate::platform::canonical::jcs;
use crate::platform::files::Files;
use crate::platform::refusal::Fault;
use crate::sealed_bid::ciphertext;
use crate::sealed_bid::store::{CountedEnvelope, Part};
use crate::sealing::archive::Shelf;
use crate::sealing::bid_document::{BidDocument, ListedFile};
use crate::sealing::boxes::BoxKey;
use crate::sealing::document::{Bytes, fixed_text};
use crate::sealing::envelope::{Envelope, Unlocked, Unopened};
use crate::sealing::error::SealError;
use crate::sealing::keys::Secret;
use crate::sealing::opening_check::Reported;
use crate::sealing::release::{BidderRelease, Release};
use crate::sealing::stream::measure;
use crate::sealing::trustees::TrusteeSet;
use crate::sealing::warrant::OpeningWarrant;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Handle;

/// Opened files are read in pieces of so many bytes.
const PIECE: usize = 1 << 18;

/// A bid that counts, where its ciphertext lies, and whose it is.
pub struct Sealed {
    pub counted: CountedEnvelope,
    pub parts: Vec<Part>,
    /// The credit code that the document inside must be signed for.
    pub credit_code: String,
}

/// Everything that an opening needs.
pub struct Material {
    pub trustees: TrusteeSet,
    pub releases: Vec<Release>,
    /// Bidders' releases, where bids are locked twice.
    pub keys: Vec<BidderRelease>,
    /// Why bids whose bidder did not come are not opened.
    pub absent: BTreeMap<Bytes<32>, NotOpened>,
    pub session: BoxKey,
    /// In the order of the bid set.
    pub bids: Vec<Sealed>,
    /// The agent has declared the trustees who are missing lost.
    pub given_up: bool,
}

/// What came of an opening.
pub struct Unsealed {
    /// In the order of submission, as they are read out.
    pub bids: Vec<BidRow>,
    /// Where the content of those that were opened lies, and its keys.
    pub contents: Vec<ContentRow>,
    /// The shares document of the evidence, JSON.
    pub shares: Vec<u8>,
}

fixed_text!(
    /// The `typ` of the shares document.
    SharesTyp = "sunbid/evidence-shares/v1"
);

#[derive(Serialize)]
struct SharesDoc {
    bids: Vec<BidShares>,
    session: Option<Bytes<32>>,
    typ: SharesTyp,
}

#[derive(Serialize)]
struct BidShares {
    k_b: Option<Bytes<32>>,
    m: Bytes<32>,
    reported: Vec<ReportedShare>,
}

#[derive(Serialize)]
struct ReportedShare {
    i: u8,
    share: Option<Bytes<33>>,
}

/// Opens the bids that `warrant` covers. `Err(trustees)` when some bid can not be judged before these trustees have
/// released too; then no bid was decrypted, and nothing may be recorded.
///
/// # Errors
/// Faults of the file store. What is wrong with a bid is part of the result.
pub fn unseal(
    files: &Files,
    authority: &Authority,
    warrant: &OpeningWarrant,
    material: &Material,
    follower: &Follower,
) -> Result<Result<Unsealed, Vec<u8>>, Fault> {
    let envelope = |sealed: &Sealed| Envelope::new(sealed.counted.manifest.clone());
    let envelopes: Vec<Envelope> = material.bids.iter().map(envelope).collect();
    // all locks first: whoever knew prices could choose whether to release for a bid that still waits (decision 9)
    let standings = side_by_side(&envelopes, |at, envelope| {
        let Some(sealed) = material.bids.get(at) else { return Ok(None) };
        let (reported, k_b) = (reports(sealed, material), bidder_key(sealed, material));
        let standing = standing(warrant, material, envelope, (&reported, k_b.as_ref()))?;
        Ok(standing.map(|standing| Bid {
            sealed,
            shares: shares_of(sealed, &reported, k_b.as_ref()),
            standing,
        }))
    });
    let mut bids = Vec::with_capacity(standings.len());
    for bid in standings {
        let Some(bid) = bid? else { return Ok(Err(missing(material))) };
        bids.push(bid);
    }
    let opened = side_by_side(&bids, |at, bid| {
        // only now: while keys are checked every bid waits, since none is opened before all are judged
        follower.set(at, BidStep::Opening(0));
        let row = open_one(files, authority, bid, (follower, at))?;
        follower.set(at, BidStep::Done);
        Ok(row)
    });
    let session = Some(Bytes(material.session.to_bytes().0));
    let mut out = Unsealed { bids: Vec::new(), contents: Vec::new(), shares: Vec::new() };
    for row in opened {
        let (row, content) = row?;
        out.bids.push(row);
        out.contents.extend(content);
    }
    out.bids.sort_by_key(|bid| (bid.submitted_at, bid.leaf));
    let shares = bids.into_iter().map(|bid| bid.shares).collect();
    out.shares = jcs(&SharesDoc { bids: shares, session, typ: SharesTyp });
    Ok(Ok(out))
}

/// Results of `work` for each of `items` with its place, in their order. Uses every core; what is in memory is what `work` needs, once for
/// each core.
fn side_by_side<'a, T: Sync, R: Send>(
    items: &'a [T],
    work: impl Fn(usize, &'a T) -> Result<R, Fault> + Sync,
) -> Vec<Result<R, Fault>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len());
    // files are read and written on the server's runtime, if there is one
    let runtime = Handle::try_current().ok();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let take = || {
        let _inside = runtime.as_ref().map(Handle::enter);
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return };
            let result = work(at, item);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(take))));
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn reports(sealed: &Sealed, material: &Material) -> Vec<Reported> {
    let manifest = &sealed.counted.manifest;
    material.releases.iter().filter_map(|release| release.reported(manifest, &material.session)).collect()
}

/// The bidder's key that was released for a bid.
fn bidder_key(sealed: &Sealed, material: &Material) -> Option<Secret> {
    let manifest = &sealed.counted.manifest;
    let release = material.keys.iter().find(|release| release.m.0 == sealed.counted.m)?;
    release.open(manifest, &material.session).ok()
}

fn shares_of(sealed: &Sealed, reported: &[Reported], k_b: Option<&Secret>) -> BidShares {
    let share = |report: &Reported| ReportedShare {
        i: report.i,
        share: report.share.as_ref().map(|share| Bytes(*share.to_bytes())),
    };
    BidShares {
        k_b: k_b.map(|key| Bytes(key.0)),
        m: Bytes(sealed.counted.m),
        reported: reported.iter().map(share).collect(),
    }
}

fn missing(material: &Material) -> Vec<u8> {
    let released = |i: u8| material.releases.iter().any(|release| release.i == i);
    material.trustees.members.iter().map(|member| member.i).filter(|i| !released(*i)).collect()
}

/// A bid on its way.
struct Bid<'a> {
    sealed: &'a Sealed,
    shares: BidShares,
    standing: Standing<'a>,
}

/// What the shares say of a bid before anything is decrypted.
enum Standing<'a> {
    Unlocked(Unlocked<'a>),
    Failed(NotOpened),
}

/// Judges one bid by what was reported of it and its bidder's key; `None` if it must wait for more trustees.
fn standing<'a>(
    warrant: &OpeningWarrant,
    material: &Material,
    envelope: &'a Envelope,
    (reported, k_b): (&[Reported], Option<&Secret>),
) -> Result<Option<Standing<'a>>, Fault> {
    let failed = |blame, cause| Ok(Some(Standing::Failed(NotOpened { blame, cause })));
    if let Some(absent) = material.absent.get(&Bytes(envelope.manifest().id())) {
        return failed(absent.blame, absent.cause.clone());
    }
    match envelope.unlock(warrant, &material.trustees, reported, k_b) {
        Ok(unlocked) => Ok(Some(Standing::Unlocked(unlocked))),
        Err(Unopened::Verdict(verdict)) => {
            let missing = material.trustees.members.len().saturating_sub(reported.len());
            match rules::judge(&verdict, missing, material.given_up) {
                Judgement::Failed(blame, cause) => failed(blame, cause),
                Judgement::Sound | Judgement::Wait => Ok(None),
            }
        }
        Err(Unopened::BidderKey) => failed(Blame::Bidder, Cause::BidderKeyMissing),
        Err(other @ (Unopened::NoWarrant | Unopened::WrongTrustees)) => Err(Fault::new(other.to_string())),
    }
}

/// Decrypts and checks one bid whose lock is judged.
fn open_one(
    files: &Files,
    authority: &Authority,
    bid: &Bid<'_>,
    (follower, at): (&Follower, usize),
) -> Result<(BidRow, Option<ContentRow>), Fault> {
    let sealed = bid.sealed;
    let counted = &sealed.counted;
    let m = Bytes(counted.m);
    let row = |document, not_opened, liars| BidRow {
        m,
        organisation: counted.organisation,
        leaf: counted.leaf,
        submitted_at: counted.at,
        document,
        not_opened,
        liars,
    };
    let failed = |blame, cause| (row(None, Some(NotOpened { blame, cause }), Vec::new()), None);
    let unlocked = match &bid.standing {
        Standing::Unlocked(unlocked) => unlocked,
        Standing::Failed(why) => return Ok(failed(why.blame, why.cause.clone())),
    };
    let mut shelf = Checking { piece: vec![0; PIECE] };
    let reader = ciphertext::reader(files.clone(), sealed.parts.clone())?;
    let size = counted.manifest.ct.size.0;
    let reader = Watched { inner: reader, follower, at, size, read: 0 };
    match unlocked.open_stored(reader, &mut shelf) {
        Ok(opened) if is_own(authority, sealed, opened.document()) => {
            let row = row(Some(opened.document().clone()), None, unlocked.liars.clone());
            let content = ContentRow { m, upload: counted.upload, key: unlocked.content_key() };
            Ok((row, Some(content)))
        }
        Ok(_) => Ok(failed(Blame::Bidder, Cause::OtherSigner)),
        Err(SealError::Io(error)) if ciphertext::is_lost(&error) => {
            Ok(failed(Blame::Platform, Cause::CiphertextDamaged))
        }
        Err(SealError::Io(error)) => Err(error.into()),
        Err(other) => {
            let (blame, cause) = content_fault(files, sealed, &other)?;
            Ok(failed(blame, cause))
        }
    }
}

/// Whether the document inside is signed by the organisation that submitted it, with a certificate that was valid at the manifest's
/// own time, which is what everybody can judge it by later.
fn is_own(authority: &Authority, sealed: &Sealed, document: &BidDocument) -> bool {
    let leaf = document.signature.x5c.first();
    let subject = leaf.and_then(|der| authority.check(&der.0, sealed.counted.manifest.created).ok());
    subject.is_some_and(|subject| subject.credit_code == sealed.credit_code)
}

/// The key is right and the content does not open: if the stored bytes are those that were accepted, the bidder made
/// them so; otherwise the platform lost what it had accepted.
fn content_fault(files: &Files, sealed: &Sealed, error: &SealError) -> Result<(Blame, Cause), Fault> {
    let reader = ciphertext::reader(files.clone(), sealed.parts.clone())?;
    let same = match measure(reader) {
        Err(error) if ciphertext::is_lost(&error) => false,
        measured => measured? == sealed.counted.manifest.measured(),
    };
    Ok(if same {
        (Blame::Bidder, Cause::Content(error.to_string()))
    } else {
        (Blame::Platform, Cause::CiphertextDamaged)
    })
}

/// Reads opened files to their end and keeps nothing: they stay where they are, under the key that is recorded.
struct Checking {
    piece: Vec<u8>,
}

impl Shelf for Checking {
    fn put(&mut self, _: &ListedFile, content: &mut dyn Read) -> io::Result<()> {
        while content.read(&mut self.piece)? > 0 {}
        Ok(())
    }
}
