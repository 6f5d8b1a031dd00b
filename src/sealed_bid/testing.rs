//! What later rooms' tests need of this room: bids that were really sealed, uploaded and submitted.
//! The demonstration walks with these too; a walk that does not go as planned must stop at once, so it may unwrap.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::actions::{self, Submission};
use super::rules::{Kept, Upload};
use super::uploads;
use crate::account::signature::SignedFields;
use crate::account::testing::{Member, TestHouse};
use crate::platform::canonical::jcs_text;
use crate::platform::id::Id;
use crate::platform::refusal::Failure;
use crate::project::rules::Lot;
use crate::project::store as project;
use crate::sealing::command::BidParameters;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::Blob;
use crate::sealing::manifest::{BidderKeyFile, Client};
use crate::sealing::seal::{Content, FileToSeal, SealedBid, seal_for};
use crate::sealing::signature::{Signer, SigningKey};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::Cursor;

/// What goes into a test bid.
#[derive(Clone)]
pub struct Offer {
    pub form: Vec<(&'static str, String)>,
    pub files: Vec<(String, Vec<u8>)>,
}

impl Offer {
    /// An offer at this price (yuan) with one small file, whose text holds the price.
    pub fn priced(price: &str) -> Self {
        let form = vec![
            ("price", price.to_owned()),
            ("period_days", "180".to_owned()),
            ("quality", "合格".to_owned()),
            ("manager", "张三".to_owned()),
        ];
        Self {
            form, files: vec![("投标函.txt".to_owned(), format!("投标报价 {price} 元").into_bytes())]
        }
    }

    /// The same offer with the declaration of what kind of enterprise bids.
    pub fn declaring(mut self, enterprise: &str) -> Self {
        self.form.push((super::rules::ENTERPRISE, enterprise.to_owned()));
        self
    }

    /// A technical envelope with one file of this text.
    pub fn technical(text: &str) -> Self {
        let form = vec![
            ("period_days", "180".to_owned()),
            ("quality", "合格".to_owned()),
            ("manager", "张三".to_owned()),
        ];
        Self { form, files: vec![("施工组织设计.txt".to_owned(), text.as_bytes().to_vec())] }
    }
}

/// The parameters that `member` would download.
pub fn parameters(house: &TestHouse, member: &Member, lot: Id<Lot>, kind: EnvelopeKind) -> BidParameters {
    let door = house.door();
    let read = door.read(|db| {
        let facts = project::known_lot(db, lot)?;
        actions::parameters(db, door.vault(), &door.config().origin, &member.who, &facts, kind, door.now())
    });
    read.unwrap_or_else(|failure: Failure| panic!("{failure}"))
}

/// Seals an offer as the browser or the command line would; gives the bid and its ciphertext.
pub fn seal_offer(
    house: &TestHouse,
    member: &Member,
    parameters: &BidParameters,
    offer: &Offer,
) -> (SealedBid, Vec<u8>) {
    seal_offer_for(house, member, parameters, offer, None)
}

/// As [`seal_offer`], with a second holder of the bidder's key.
pub fn seal_offer_for(
    house: &TestHouse,
    member: &Member,
    parameters: &BidParameters,
    offer: &Offer,
    second: Option<&[u8; 65]>,
) -> (SealedBid, Vec<u8>) {
    let key = SigningKey::from_pkcs8(&member.pkcs8).unwrap();
    let signer = Signer::new(key, vec![Blob(member.certificate.clone())]).unwrap();
    let files: Vec<FileToSeal> =
        offer.files.iter().map(|(name, bytes)| FileToSeal { name: name.clone(), source: bytes }).collect();
    let form: BTreeMap<String, String> =
        offer.form.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    let content = Content {
        ctx: &parameters.ctx,
        trustees: &parameters.trustees,
        files: &files,
        form,
        prev: parameters.prev.map(|prev| prev.0),
        signer: &signer,
        client: Client { bundle: None, name: "test".into(), ver: "1".into() },
        created: house.door().now(),
    };
    let mut ciphertext = Vec::new();
    let bid = seal_for(&content, second, Cursor::new(&mut ciphertext)).unwrap();
    (bid, ciphertext)
}

/// Uploads a ciphertext through the acts behind the upload's pages.
pub fn upload(house: &TestHouse, member: &Member, ciphertext: &[u8]) -> Id<Upload> {
    let (who, size) = (member.who.clone(), ciphertext.len() as u64);
    let limits = uploads::Limits::of(house.door());
    let made = house.act(&member.who, move |act| uploads::create(act, &who, size, &limits)).unwrap().value;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut place = 0;
    for piece in ciphertext.chunks(uploads::PART_MAX) {
        let kept = uploads::keep(house.door().files(), made.id, place, Bytes::copy_from_slice(piece));
        let part = runtime.block_on(kept).unwrap();
        let (who, id) = (member.who.clone(), made.id);
        place =
            house.act(&member.who, move |act| uploads::accept(act, &who, id, &[], &[part])).unwrap().value;
    }
    made.id
}

/// The form with which a sealed bid is handed in.
pub fn submission(lot: Id<Lot>, bid: &SealedBid, upload: Id<Upload>) -> Submission {
    Submission {
        lot,
        envelope: bid.manifest.ctx.envelope,
        manifest: jcs_text(&bid.manifest),
        signature: jcs_text(&bid.signature),
        upload,
    }
}

/// Submits a sealed bid whose ciphertext was uploaded.
pub fn submit(
    house: &TestHouse,
    member: &Member,
    lot: Id<Lot>,
    bid: &SealedBid,
    upload: Id<Upload>,
) -> Result<Kept, Failure> {
    let submission = submission(lot, bid, upload);
    let (authority, who) = (house.authority().clone(), member.who.clone());
    let origin = house.door().config().origin.clone();
    house
        .act(&member.who, move |act| actions::submit(act, &authority, &origin, &who, &submission))
        .map(|done| done.value)
}

/// Seals, uploads and submits an offer of `member` for an envelope of `lot`.
pub fn bid(
    house: &TestHouse,
    member: &Member,
    lot: Id<Lot>,
    kind: EnvelopeKind,
    offer: &Offer,
) -> Result<Kept, Failure> {
    let (sealed, ciphertext) = seal_offer(house, member, &parameters(house, member, lot, kind), offer);
    let upload = upload(house, member, &ciphertext);
    submit(house, member, lot, &sealed, upload)
}

/// As [`bid`], for a lot whose bids are locked twice: gives the key file that the bidder keeps. `second` is the box key of a
/// second holder.
pub fn bid_dual(
    house: &TestHouse,
    member: &Member,
    lot: Id<Lot>,
    kind: EnvelopeKind,
    (offer, second): (&Offer, Option<&[u8; 65]>),
) -> BidderKeyFile {
    let parameters = parameters(house, member, lot, kind);
    let (sealed, ciphertext) = seal_offer_for(house, member, &parameters, offer, second);
    let upload = upload(house, member, &ciphertext);
    submit(house, member, lot, &sealed, upload).unwrap();
    sealed.bidder_key.unwrap()
}

/// A bid that its own bidder spoils between sealing and signing: `spoil` may change manifest and ciphertext.
pub fn bid_spoilt(
    house: &TestHouse,
    member: &Member,
    lot: Id<Lot>,
    kind: EnvelopeKind,
    offer: &Offer,
    spoil: impl FnOnce(&mut SealedBid, &mut Vec<u8>),
) -> Result<Kept, Failure> {
    let (mut sealed, mut ciphertext) =
        seal_offer(house, member, &parameters(house, member, lot, kind), offer);
    spoil(&mut sealed, &mut ciphertext);
    let key = SigningKey::from_pkcs8(&member.pkcs8).unwrap();
    let signer = Signer::new(key, vec![Blob(member.certificate.clone())]).unwrap();
    sealed.signature = signer.sign(&sealed.manifest.message()).unwrap();
    let upload = upload(house, member, &ciphertext);
    submit(house, member, lot, &sealed, upload)
}

/// The form with which `member` withdraws a bid.
pub fn withdrawal(house: &TestHouse, member: &Member, lot: Id<Lot>, kind: EnvelopeKind) -> SignedFields {
    let door = house.door();
    let statement = door.read(|db| {
        let facts = project::known_lot(db, lot)?;
        let steps = actions::own_bid(db, door.vault(), &member.who, lot, kind)?;
        let m =
            super::rules::standing_bid(&steps).and_then(Kept::manifest).map(|m| m.id()).unwrap_or_default();
        let (number, lot) = (facts.number.to_string(), facts.lot_number.to_string());
        Ok::<_, Failure>(super::rules::withdrawal_statement(
            &number,
            &lot,
            kind,
            &crate::sealing::document::Bytes(m),
        ))
    });
    member.sign(&statement.unwrap_or_else(|failure: Failure| panic!("{failure}")))
}

/// Withdraws the bid of `member`.
pub fn withdraw(
    house: &TestHouse,
    member: &Member,
    lot: Id<Lot>,
    kind: EnvelopeKind,
) -> Result<Kept, Failure> {
    let fields = withdrawal(house, member, lot, kind);
    let (authority, who) = (house.authority().clone(), member.who.clone());
    house
        .act(&member.who, move |act| actions::withdraw(act, &authority, &who, (lot, kind), &fields))
        .map(|done| done.value)
}
