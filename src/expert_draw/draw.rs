//! The draw itself: one document, some revealed secrets and one public value in; seats and alternates out.
//!
//! `docs/formats/draw.md` says the same in twenty lines of Python; a test runs them against this file. Nothing
//! here knows a name: candidates are salted ids. There is no modulo and no shuffle, only a sort by HMAC, so
//! every order of the candidates is equally likely and each rank can be checked on its own.

use super::hex_bytes::Hex;
use super::public_value::{BadPublicValue, PublicSource, PublicValue};
use crate::platform::canonical;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::{Moment, SECOND};
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const COMMIT_LABEL: &[u8] = b"etrade/draw/commit/v1\n";
const DOC_LABEL: &[u8] = b"etrade/draw/doc/v1\n";
const SEED_LABEL: &[u8] = b"etrade/draw/seed/v1\n";
const RANK_LABEL: &[u8] = b"etrade/draw/rank/v1\n";

/// Fewest parties that must commit: with three, one honest party is enough.
pub const PARTIES_MIN: usize = 3;
pub const PARTIES_MAX: usize = 15;
pub const CANDIDATES_MAX: usize = 200_000;
pub const STRATA_MAX: usize = 20;
/// Most seats of one draw; committees are far smaller.
pub const SEATS_MAX: u32 = 99;
/// Least time between the last reveal and the public value.
pub const PUBLIC_VALUE_AFTER: i64 = 60 * SECOND;

/// Names the id type of a draw.
pub enum Draw {}

/// The kind of a document of experts to be drawn; its only text is the version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum DrawTyp {
    #[serde(rename = "etrade/draw/v1")]
    V1,
}

/// One who commits to 32 secret bytes before the document is fixed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyCommit {
    /// A short word such as `agent` or `supervisor`: lower-case ASCII letters, digits and hyphens.
    pub id: String,
    /// [`commit_of`] the party's secret.
    pub commit: Hex<32>,
}

/// An expert who may be drawn. Neither field tells who it is without the salt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Salted id of the expert.
    pub id: Hex<16>,
    /// Name of the one stratum that the expert belongs to.
    pub stratum: String,
    /// Salted id of what may not have too many seats, normally the employer.
    pub group: Hex<16>,
}

/// A part of the committee that is filled on its own, for example one speciality.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stratum {
    pub name: String,
    pub seats: u32,
}

/// Everything about a draw that is fixed before anybody reveals. Its hash goes into the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawDoc {
    pub typ: DrawTyp,
    pub id: Id<Draw>,
    /// Public number of the tender.
    pub tender: String,
    /// Number of the lot within the tender.
    pub lot: String,
    /// In this order they enter the seed.
    pub parties: Vec<PartyCommit>,
    /// Strictly ascending by id.
    pub candidates: Vec<Candidate>,
    /// In this order they are filled.
    pub strata: Vec<Stratum>,
    /// Most seats that one group may get, over all strata.
    pub cap: u32,
    /// Hash of the list that says who was removed and why, logged before anybody committed.
    pub list: Hex<32>,
    pub public: PublicSource,
    /// Reveals count if they arrive before this (T1).
    pub reveal_by: Moment,
    /// When the public value appears (T2), at least a minute after T1.
    pub public_at: Moment,
}

/// The secrets that were revealed in time, by party.
pub type Reveals = BTreeMap<String, Hex<32>>;

/// How one stratum came out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StratumResult {
    pub stratum: String,
    pub selected: Vec<Hex<16>>,
    /// Everybody else of the stratum, in the order in which they are asked when somebody drops out.
    pub alternates: Vec<Hex<16>>,
}

/// The outcome of a draw. Only [`draw`] makes one from a document; reading one from a file proves nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawResult {
    pub seed: Hex<32>,
    pub strata: Vec<StratumResult>,
}

/// All that a stranger needs to recompute a draw; what `sunbid draw FILE` reads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawRecord {
    pub doc: DrawDoc,
    pub reveals: Reveals,
    pub public_value: PublicValue,
    pub result: DrawResult,
}

/// Why a document or its reveals can not make a draw.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadDraw {
    #[error("a draw needs {PARTIES_MIN} to {PARTIES_MAX} parties, each named once in lower-case ASCII")]
    Parties,
    #[error("two parties committed to the same value; one of them copied it")]
    CopiedCommit,
    #[error("candidates must be 1 to {CANDIDATES_MAX}, strictly ascending by id")]
    Candidates,
    #[error("a candidate belongs to no stratum of the document")]
    UnknownStratum,
    #[error(
        "strata must be 1 to {STRATA_MAX}, each named once, with 1 to {SEATS_MAX} seats in all, and the cap at least 1"
    )]
    Strata,
    #[error("stratum {0} may run out of candidates")]
    TooFewCandidates(String),
    #[error("tender, lot and stratum names must be 1 to 200 characters without control characters")]
    Text,
    #[error("the public value must appear at least a minute after the last reveal")]
    PublicTooEarly,
    #[error("public value: {0}")]
    Public(#[from] BadPublicValue),
    #[error("the reveal of {0} does not match its commitment")]
    WrongReveal(String),
    #[error("a reveal of {0}, who is not a party")]
    UnknownParty(String),
    #[error("the list must hold 2 to 1000 different decimal numbers")]
    Values,
    #[error("the recorded result is not what the documents give")]
    OtherResult,
}

/// What party `party` publishes before the draw: a hash that binds it to `secret` and to this draw only.
pub fn commit_of(draw: Id<Draw>, party: &str, secret: &[u8; 32]) -> Hex<32> {
    let id = draw.to_string();
    Hex(sha256(&[COMMIT_LABEL, id.as_bytes(), b"\n", party.as_bytes(), b"\n", secret]))
}

/// The document's hash: what is logged at T0 and what the seed begins with.
pub fn doc_hash<D: Serialize>(doc: &D) -> Hex<32> {
    Hex(sha256(&[DOC_LABEL, &canonical::jcs(doc)]))
}

/// The seed of any document that is drawn this way. A party that did not reveal counts as 33 zero bytes.
pub(super) fn seed_of<D: Serialize>(
    doc: &D,
    draw: Id<Draw>,
    parties: &[PartyCommit],
    reveals: &Reveals,
    public: &[u8],
) -> Result<Hex<32>, BadDraw> {
    if let Some(stranger) = reveals.keys().find(|id| parties.iter().all(|party| party.id != **id)) {
        return Err(BadDraw::UnknownParty(stranger.clone()));
    }
    let hash = doc_hash(doc);
    let mut input = SEED_LABEL.to_vec();
    input.extend(hash.0);
    for party in parties {
        match reveals.get(&party.id) {
            Some(secret) if commit_of(draw, &party.id, &secret.0) != party.commit => {
                return Err(BadDraw::WrongReveal(party.id.clone()));
            }
            Some(secret) => {
                input.push(1);
                input.extend(secret.0);
            }
            None => input.extend([0; 33]),
        }
    }
    Ok(Hex(sha256(&[&input, public])))
}

/// Place of `subject` in the random order: lower comes first.
pub(super) fn rank(key: &hmac::Key, subject: &str) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(RANK_LABEL);
    context.update(subject.as_bytes());
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// Checks that the parties of a document are enough, distinct and bound to values of their own.
pub(super) fn check_parties(parties: &[PartyCommit]) -> Result<(), BadDraw> {
    let named = |id: &str| {
        (1..=40).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let distinct: BTreeSet<&str> = parties.iter().map(|party| party.id.as_str()).collect();
    let enough = (PARTIES_MIN..=PARTIES_MAX).contains(&parties.len());
    if !enough || distinct.len() != parties.len() || !distinct.into_iter().all(named) {
        return Err(BadDraw::Parties);
    }
    let commits: BTreeSet<Hex<32>> = parties.iter().map(|party| party.commit).collect();
    if commits.len() == parties.len() { Ok(()) } else { Err(BadDraw::CopiedCommit) }
}

/// Checks the two times and the source of the public value.
pub(super) fn check_public(
    source: &PublicSource,
    reveal_by: Moment,
    public_at: Moment,
) -> Result<(), BadDraw> {
    if public_at < reveal_by.plus(PUBLIC_VALUE_AFTER) {
        return Err(BadDraw::PublicTooEarly);
    }
    Ok(source.check(public_at)?)
}

/// Whether a text may stand in a document: short and printable.
pub(super) fn is_plain_text(text: &str) -> bool {
    (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

impl DrawDoc {
    /// Reads a document in canonical form and checks it.
    pub fn from_jcs(bytes: &[u8]) -> anyhow::Result<Self> {
        let doc: Self = canonical::from_jcs(bytes)?;
        doc.check()?;
        Ok(doc)
    }

    /// Checks everything that a document must keep, except that its strata can be filled ([`check_fill`]).
    pub fn check(&self) -> Result<(), BadDraw> {
        check_parties(&self.parties)?;
        check_public(&self.public, self.reveal_by, self.public_at)?;
        let names: BTreeSet<&str> = self.strata.iter().map(|stratum| stratum.name.as_str()).collect();
        let texts = [self.tender.as_str(), self.lot.as_str()];
        if !texts.into_iter().chain(names.iter().copied()).all(is_plain_text) {
            return Err(BadDraw::Text);
        }
        let seats = self.strata.iter().try_fold(0_u32, |sum, stratum| sum.checked_add(stratum.seats));
        let some_seats = self.strata.iter().all(|stratum| stratum.seats > 0);
        let strata_fit = (1..=STRATA_MAX).contains(&self.strata.len()) && names.len() == self.strata.len();
        if !strata_fit || !some_seats || seats.is_none_or(|seats| seats > SEATS_MAX) || self.cap == 0 {
            return Err(BadDraw::Strata);
        }
        let ascending = self.candidates.windows(2).all(|pair| matches!(pair, [a, b] if a.id < b.id));
        if !(1..=CANDIDATES_MAX).contains(&self.candidates.len()) || !ascending {
            return Err(BadDraw::Candidates);
        }
        let known = self.candidates.iter().all(|candidate| names.contains(candidate.stratum.as_str()));
        if known { Ok(()) } else { Err(BadDraw::UnknownStratum) }
    }

    /// [`check_fill`] of this document.
    pub fn can_fill(&self) -> Result<(), BadDraw> {
        check_fill(&self.candidates, &self.strata, self.cap)
    }
}

/// Whether every stratum is filled whatever the seed. Seats that earlier strata take can use up at most one place of
/// a later stratum each, so the bound is safe, and chance can not make a draw fail.
pub fn check_fill(candidates: &[Candidate], strata: &[Stratum], cap: u32) -> Result<(), BadDraw> {
    let mut taken_before = 0_u64;
    for stratum in strata {
        let mut groups: HashMap<Hex<16>, u64> = HashMap::new();
        for candidate in candidates.iter().filter(|c| c.stratum == stratum.name) {
            *groups.entry(candidate.group).or_default() += 1;
        }
        let places: u64 = groups.values().map(|members| (*members).min(u64::from(cap))).sum();
        if places < taken_before + u64::from(stratum.seats) {
            return Err(BadDraw::TooFewCandidates(stratum.name.clone()));
        }
        taken_before += u64::from(stratum.seats);
    }
    Ok(())
}

/// Draws. Pure: the same document, reveals and value give the same result anywhere.
pub fn draw(doc: &DrawDoc, reveals: &Reveals, value: &PublicValue) -> Result<DrawResult, BadDraw> {
    doc.check()?;
    let seed = seed_of(doc, doc.id, &doc.parties, reveals, &doc.public.bytes(value)?)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &seed.0);
    let mut by_stratum: HashMap<&str, Vec<([u8; 32], &Candidate)>> = HashMap::new();
    for candidate in &doc.candidates {
        let place = rank(&key, &candidate.id.to_string());
        by_stratum.entry(candidate.stratum.as_str()).or_default().push((place, candidate));
    }
    let mut used: HashMap<Hex<16>, u32> = HashMap::new();
    let mut strata = Vec::with_capacity(doc.strata.len());
    for stratum in &doc.strata {
        let mut ranked = by_stratum.remove(stratum.name.as_str()).unwrap_or_default();
        ranked.sort_unstable_by_key(|(place, _)| *place);
        let mut out = StratumResult { stratum: stratum.name.clone(), selected: vec![], alternates: vec![] };
        for (_, candidate) in ranked {
            let holders = used.entry(candidate.group).or_default();
            if out.selected.len() < stratum.seats as usize && *holders < doc.cap {
                *holders += 1;
                out.selected.push(candidate.id);
            } else {
                out.alternates.push(candidate.id);
            }
        }
        strata.push(out);
    }
    Ok(DrawResult { seed, strata })
}

impl DrawRecord {
    /// Draws again and compares. `Ok` means: these documents give exactly this result.
    pub fn check(&self) -> Result<(), BadDraw> {
        let again = draw(&self.doc, &self.reveals, &self.public_value)?;
        if again == self.result { Ok(()) } else { Err(BadDraw::OtherResult) }
    }
}

/// Who holds the seats after some experts dropped out, per stratum in the document's order.
///
/// `dropped` is in the order in which it happened. For each, the free seat goes to the first alternate of the same
/// stratum, in rank order, who was not called before and whose group is below the cap now. A seat stays empty
/// when no such alternate is left: then the draw has failed and a new one, with a new id, needs a logged cause.
pub fn seat_holders(doc: &DrawDoc, result: &DrawResult, dropped: &[Hex<16>]) -> Vec<Vec<Hex<16>>> {
    let group_of: HashMap<Hex<16>, Hex<16>> = doc.candidates.iter().map(|c| (c.id, c.group)).collect();
    let mut seats: Vec<Vec<Hex<16>>> = result.strata.iter().map(|stratum| stratum.selected.clone()).collect();
    let mut called: BTreeSet<Hex<16>> = seats.iter().flatten().copied().collect();
    let holders_of = |seats: &[Vec<Hex<16>>], group: Option<&Hex<16>>| {
        seats.iter().flatten().filter(|id| group_of.get(id) == group).count()
    };
    for gone in dropped {
        let Some(index) = seats.iter().position(|stratum| stratum.contains(gone)) else { continue };
        for stratum in seats.iter_mut().skip(index).take(1) {
            stratum.retain(|id| id != gone);
        }
        let alternates =
            result.strata.get(index).map(|stratum| stratum.alternates.as_slice()).unwrap_or_default();
        let next = alternates
            .iter()
            .find(|id| !called.contains(*id) && holders_of(&seats, group_of.get(*id)) < doc.cap as usize);
        if let (Some(next), Some(stratum)) = (next, seats.get_mut(index)) {
            called.insert(*next);
            stratum.push(*next);
        }
    }
    seats
}
