//! Tests of the envelope format. `vectors` holds us to bytes that an independent Python sealer made; `attacks` plays
//! bidders and trustees who cheat; `properties` mutates.

mod attacks;
mod bidder_key;
mod command;
mod commitments;
pub mod foreign;
pub mod hostile;
pub(crate) mod properties;
mod release;
mod stored;
mod uncommitted;
mod vectors;

use super::boxes::BoxKey;
use super::context::{Context, ContextTyp, EnvelopeKind, Mode, Suite};
use super::document::{Blob, Bytes};
use super::envelope::Envelope;
use super::keys::{Draw, Secret};
use super::manifest::Client;
use super::opening_check::Reported;
use super::seal::{Content, FileToSeal, SealedBid, seal_drawn};
use super::signature::{Signer, SigningKey};
use super::trustees::{TrusteeKey, TrusteeSet, TrusteeSetTyp};
use super::warrant::OpeningWarrant;
use crate::platform::moment::Moment;
use std::collections::BTreeMap;
use std::io::Cursor;

/// A tender's trustees with their keys.
pub(super) struct Panel {
    pub(super) keys: Vec<TrusteeKey>,
    pub(super) set: TrusteeSet,
}

pub(super) fn panel(t: u8, n: u8) -> Panel {
    let keys: Vec<TrusteeKey> = (1..=n).map(|i| TrusteeKey::generate("TEST-1", i).unwrap().0).collect();
    let members = keys.iter().map(|key| key.member(&format!("Trustee {}", key.i))).collect();
    let mut set = TrusteeSet { members, t, tender: "TEST-1".into(), typ: TrusteeSetTyp };
    keys.iter().for_each(|key| key.sign_set(&mut set).unwrap());
    set.check().unwrap();
    Panel { keys, set }
}

pub(super) fn signer() -> Signer {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
    let signing = SigningKey::from_pkcs8(&key.serialize_der()).unwrap();
    Signer::new(signing, vec![Blob(certificate.der().to_vec())]).unwrap()
}

pub(super) fn context(set: &TrusteeSet, mode: Mode) -> Context {
    Context {
        bid: Bytes([7; 16]),
        bidder: Bytes([8; 16]),
        envelope: EnvelopeKind::Commercial,
        lot: "1".into(),
        mode,
        origin: "test.invalid/etrade".into(),
        rev: 1,
        suite: Suite,
        tender: "TEST-1".into(),
        tender_doc: Bytes([9; 32]),
        trustees: Bytes(set.hash()),
        typ: ContextTyp,
    }
}

pub(super) fn client() -> Client {
    Client { bundle: None, name: "test".into(), ver: "1".into() }
}

/// A sealed bid with its ciphertext and its secrets.
pub(super) struct Sealed {
    pub(super) bid: SealedBid,
    pub(super) ciphertext: Vec<u8>,
    pub(super) draw: Draw,
}

pub(super) fn seal_with(set: &TrusteeSet, ctx: &Context, files: &[(&str, Vec<u8>)], draw: Draw) -> Sealed {
    let signer = signer();
    let files: Vec<FileToSeal> =
        files.iter().map(|(name, bytes)| FileToSeal { name: (*name).into(), source: bytes }).collect();
    let content = Content {
        ctx,
        trustees: set,
        files: &files,
        form: BTreeMap::from([("price".into(), "1234567.89".into())]),
        prev: None,
        signer: &signer,
        client: client(),
        created: Moment::from_micros(1_800_000_000_000_000),
    };
    let mut ciphertext = Vec::new();
    let bid = seal_drawn(&content, Cursor::new(&mut ciphertext), &draw).unwrap();
    Sealed { bid, ciphertext, draw }
}

pub(super) fn sealed(panel: &Panel, mode: Mode) -> Sealed {
    let files = [("投标函.txt", b"price 1234567.89".to_vec()), ("plan.bin", vec![3; 5000])];
    seal_with(&panel.set, &context(&panel.set, mode), &files, Draw::fresh(mode))
}

/// What trustees `who` find in their boxes.
pub(super) fn reports(panel: &Panel, sealed: &Sealed, who: &[u8]) -> Vec<Reported> {
    let manifest = &sealed.bid.manifest;
    let c = manifest.ctx.hash();
    let report = |&i: &u8| {
        let at = usize::from(i) - 1;
        let share = panel.keys[at].boxes.open_share(&c, i, &manifest.lock.boxes[at].0).ok();
        Reported { i, share }
    };
    who.iter().map(report).collect()
}

pub(super) fn warrant(sealed: &Sealed) -> OpeningWarrant {
    OpeningWarrant::issue([sealed.bid.manifest.id()])
}

#[test]
fn two_of_three_trustees_open_what_was_sealed() {
    let panel = panel(2, 3);
    let sealed = sealed(&panel, Mode::Trustees);
    let envelope = Envelope::new(sealed.bid.manifest.clone());
    for who in [[1, 2], [1, 3], [3, 2]] {
        let unlocked =
            envelope.unlock(&warrant(&sealed), &panel.set, &reports(&panel, &sealed, &who), None).unwrap();
        let mut shelf: Vec<Vec<u8>> = Vec::new();
        let opened = unlocked.open(sealed.ciphertext.as_slice(), &mut shelf).unwrap();
        assert_eq!(opened.form()["price"], "1234567.89");
        assert_eq!(shelf, [b"price 1234567.89".to_vec(), vec![3; 5000]]);
        assert_eq!(opened.files()[0].name, "投标函.txt");
        assert!(unlocked.liars.is_empty());
    }
    sealed.bid.manifest.check_signature(&sealed.bid.signature).unwrap();
}

#[test]
fn the_dual_lock_needs_the_bidder_too() {
    let panel = panel(2, 3);
    let sealed = sealed(&panel, Mode::Dual);
    let envelope = Envelope::new(sealed.bid.manifest.clone());
    let (warrant, reported) = (warrant(&sealed), reports(&panel, &sealed, &[1, 2, 3]));
    let unlock = |k_b: Option<&Secret>| envelope.unlock(&warrant, &panel.set, &reported, k_b);
    assert!(unlock(None).is_err());
    assert!(unlock(Some(&Secret([1; 32]))).is_err());
    let k_b = Secret(sealed.bid.bidder_key.as_ref().unwrap().k_b.0);
    let mut shelf: Vec<Vec<u8>> = Vec::new();
    unlock(Some(&k_b)).unwrap().open(sealed.ciphertext.as_slice(), &mut shelf).unwrap();
}

#[test]
fn nothing_opens_without_a_warrant_for_this_very_bid() {
    let panel = panel(2, 3);
    let sealed = sealed(&panel, Mode::Trustees);
    let envelope = Envelope::new(sealed.bid.manifest.clone());
    let other = OpeningWarrant::issue([[0; 32]]);
    let reported = reports(&panel, &sealed, &[1, 2, 3]);
    assert!(envelope.unlock(&other, &panel.set, &reported, None).is_err());
    let held = |count: usize| -> Vec<(u8, BoxKey)> {
        let copy = |key: &TrusteeKey| (key.i, BoxKey::from_bytes(&key.boxes.to_bytes().0).unwrap());
        panel.keys[..count].iter().map(copy).collect()
    };
    assert!(OpeningWarrant::of_key_holders(&panel.set, &held(1), [0; 32]).is_none());
    assert!(OpeningWarrant::of_key_holders(&panel.set, &held(2), [0; 32]).is_some());
}
