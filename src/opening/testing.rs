//! What later rooms' tests need of the hall: bids that were handed in, closed, released and opened by real acts.
//! The demonstration walks with these too; a walk that does not go as planned must stop at once, so it may unwrap.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::bidders::{self, Taken};
use super::progress::Progress;
use super::{actions, hall, store};
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::announcement::testing::published_by;
use crate::ledger::policy::Policy;
use crate::platform::canonical::jcs_text;
use crate::platform::id::Id;
use crate::platform::refusal::Failure;
use crate::project::rules::Lot;
use crate::project::store as projects;
use crate::project::testing::{Shape, Staff, staff};
use crate::sealed_bid::rules::envelopes_of;
use crate::sealed_bid::testing::{Offer, bid};
use crate::sealed_bid::trustees_testing::{Boxes, hold_drill, signed_set};
use crate::sealing::bidder_key::{KeyBundle, lock_key_file};
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::Bytes;
use crate::sealing::manifest::BidderKeyFile;
use crate::sealing::release::{OpeningBundle, Release};
use crate::sealing::signature::SigningKey;
use crate::sealing::trustees::TrusteeKey;
use std::path::{Path, PathBuf};

/// A lot whose bids are in. The clock stands a minute before the deadline, 2026-03-25 09:30.
pub struct BidBox {
    pub staff: Staff,
    pub lot: Id<Lot>,
    pub boxes: Boxes,
    /// In the order of their prices in the call.
    pub bidders: Vec<Member>,
    /// The bidders' own key files in the same order, where bids of one envelope are locked twice.
    pub bidder_keys: Vec<BidderKeyFile>,
}

/// A works lot with one envelope and bids at these prices.
pub fn bids_in(house: &TestHouse, prices: &[&str]) -> BidBox {
    bids_in_shape(house, &Shape::default(), prices)
}

/// A lot of this shape and bids at these prices; of two envelopes, the technical one holds a text.
pub fn bids_in_shape(house: &TestHouse, shape: &Shape, prices: &[&str]) -> BidBox {
    let mut filled = empty_box(house, shape);
    let facts = house.door().read(|db| projects::known_lot(db, filled.lot)).unwrap();
    house.at("2026-03-24 10:00:00");
    for (number, price) in (1..).zip(prices) {
        let member = house.member(Role::Bidder, &format!("bidder{number}"));
        for kind in envelopes_of(&facts.terms) {
            let offer = match kind {
                EnvelopeKind::Technical => Offer::technical(&format!("方案{number}")),
                EnvelopeKind::Commercial | EnvelopeKind::Single => Offer::priced(price),
            };
            bid(house, &member, filled.lot, *kind, &offer).unwrap();
        }
        filled.bidders.push(member);
    }
    house.at("2026-03-25 09:29:00");
    filled
}

/// A lot of this shape whose trustees are ready, without bids.
pub fn empty_box(house: &TestHouse, shape: &Shape) -> BidBox {
    let signed = signed_box(house, shape);
    let tender = house.door().read(|db| projects::known_lot(db, signed.lot)).unwrap().tender;
    hold_drill(house, tender, &signed.staff.trustees(), &signed.boxes);
    signed
}

/// A lot of this shape whose trustees have signed, but held no drill.
pub fn signed_box(house: &TestHouse, shape: &Shape) -> BidBox {
    let mut staff = staff(house);
    let further = (4..=shape.custody.1).map(|i| house.member(Role::Supervisor, &format!("trustee{i}")));
    staff.further = further.collect();
    let lot = published_by(house, &staff, shape);
    let tender = house.door().read(|db| projects::known_lot(db, lot)).unwrap().tender;
    let boxes = signed_set(house, tender, &staff.trustees());
    BidBox { staff, lot, boxes, bidders: Vec::new(), bidder_keys: Vec::new() }
}

/// What a trustee of this house knows of its log from elsewhere: the policy, or the key alone.
pub fn trust(house: &TestHouse) -> Policy {
    house.door().log_policy().cloned().unwrap_or_else(|| Policy::of_log(house.door().log_key()))
}

impl BidBox {
    /// The envelope that is opened first.
    pub fn first(&self, house: &TestHouse) -> EnvelopeKind {
        let facts = house.door().read(|db| projects::known_lot(db, self.lot)).unwrap();
        envelopes_of(&facts.terms)[0]
    }

    /// The trustee with this number, from 1.
    pub fn trustee(&self, i: u8) -> &Member {
        self.staff.trustees()[usize::from(i) - 1]
    }

    /// Moves the clock to the deadline and closes the box.
    pub fn close(&self, house: &TestHouse) -> super::rules::Outcome {
        let facts = house.door().read(|db| projects::known_lot(db, self.lot)).unwrap();
        house.clock.move_to(facts.schedule.unwrap().bids_until);
        let (who, lot) = (self.staff.agent.who.clone(), self.lot);
        house.act(&self.staff.agent.who, move |act| actions::close(act, Some(&who), lot)).unwrap().value
    }

    /// What trustees are given to release, as the page gives it.
    pub fn try_bundle(&self, house: &TestHouse, envelope: EnvelopeKind) -> Result<OpeningBundle, Failure> {
        let (door, lot) = (house.door(), self.lot);
        house.act(&self.staff.agent.who, move |act| bidders::end(act, lot, envelope))?;
        door.read(|db| {
            let facts = projects::known_lot(db, lot)?;
            let sitting = store::sitting(db, lot, envelope)?.expect("a session");
            hall::bundle(door, db, &facts, &sitting, door.now())
        })
    }

    /// What trustees are given to release.
    pub fn bundle(&self, house: &TestHouse, envelope: EnvelopeKind) -> OpeningBundle {
        self.try_bundle(house, envelope).unwrap()
    }

    /// What this member, or a second holder with this box key, is given to release bidders' keys from.
    pub fn key_bundle(
        &self,
        house: &TestHouse,
        envelope: EnvelopeKind,
        (member, holder): (&Member, Option<[u8; 65]>),
    ) -> Result<KeyBundle, Failure> {
        let (door, lot) = (house.door(), self.lot);
        door.read(|db| {
            let facts = projects::known_lot(db, lot)?;
            let sitting = store::sitting(db, lot, envelope)?.expect("a session");
            let asks = (&member.who, holder.map(Bytes));
            hall::key_bundle(db, door.vault(), &facts, &sitting, asks, door.now())
        })
    }

    /// The bidder with this number, from 1, gives the key in `file`.
    pub fn give_key(&self, house: &TestHouse, envelope: EnvelopeKind, i: usize, file: &BidderKeyFile) {
        let member = &self.bidders[i - 1];
        let bundle = self.key_bundle(house, envelope, (member, None)).unwrap();
        let locked = lock_key_file(file, "many hands").unwrap();
        let release = bundle.release(jcs_text(&locked).as_bytes(), "many hands", house.door().now()).unwrap();
        let (who, lot, text) = (member.who.clone(), self.lot, jcs_text(&release));
        let authority = house.authority().clone();
        let done = house
            .act(&member.who, move |act| bidders::release_key(act, &authority, &who, lot, envelope, &text));
        let taken = done.unwrap();
        assert_eq!(taken.value, Taken::Key);
    }

    /// The keys of the trustee with this number.
    pub fn key(&self, i: u8) -> TrusteeKey {
        let boxes = BoxKey::from_bytes(&self.boxes.keys[usize::from(i) - 1].to_bytes().0).unwrap();
        let sign = SigningKey::from_pkcs8(&self.trustee(i).pkcs8).unwrap();
        TrusteeKey { i, tender: self.boxes.set.tender.clone(), boxes, sign }
    }

    /// An honest release of one trustee.
    pub fn made(&self, house: &TestHouse, envelope: EnvelopeKind, i: u8) -> Release {
        let bundle = self.bundle(house, envelope);
        bundle.release(&self.key(i), &trust(house), house.door().now()).unwrap()
    }

    /// What the platform says of the opening, without anything that shows it.
    #[cfg(test)]
    pub fn claimed(&self, house: &TestHouse, envelope: EnvelopeKind) -> OpeningBundle {
        let (door, lot) = (house.door(), self.lot);
        door.read(|db| {
            let facts = projects::known_lot(db, lot)?;
            let sitting = store::sitting(db, lot, envelope)?.expect("a session");
            let size = store::closing(db, lot)?.expect("a closing").size;
            let counted = crate::sealed_bid::store::counted(db, door.vault(), lot, envelope, size)?;
            hall::claimed(db, &facts, &sitting, &counted, door.now())
        })
        .unwrap_or_else(|failure: Failure| panic!("{failure}"))
    }

    /// The release of a trustee whose program believes the platform.
    #[cfg(test)]
    pub fn made_believing(&self, house: &TestHouse, envelope: EnvelopeKind, i: u8) -> Release {
        self.claimed(house, envelope).release_believing(&self.key(i), house.door().now()).unwrap()
    }

    /// Hands in a release.
    pub fn hand_in(
        &self,
        house: &TestHouse,
        envelope: EnvelopeKind,
        release: &Release,
    ) -> Result<(), Failure> {
        let member = self.trustee(release.i);
        let (who, lot, text) = (member.who.clone(), self.lot, jcs_text(release));
        house.act(&member.who, move |act| actions::release(act, &who, lot, envelope, &text)).map(|_| ())
    }

    /// Makes and hands in honest releases of these trustees.
    pub fn release(&self, house: &TestHouse, envelope: EnvelopeKind, trustees: &[u8]) {
        for i in trustees {
            self.hand_in(house, envelope, &self.made(house, envelope, *i)).unwrap();
        }
    }

    /// Opens an envelope as the agent.
    pub fn open(&self, house: &TestHouse, envelope: EnvelopeKind, given_up: bool) -> Result<(), Failure> {
        let who = &self.staff.agent.who;
        hall::open_blocking(
            house.door(),
            house.authority(),
            who,
            self.lot,
            (envelope, given_up),
            &Progress::default(),
        )
    }

    /// Changes a byte of what the platform keeps of a bidder's envelope. The box must be closed.
    pub fn damage(&self, house: &TestHouse, envelope: EnvelopeKind, bidder: &Member) {
        let path = self.stored(house, envelope, bidder);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }

    /// The first piece that the platform keeps of a bidder's envelope. The box must be closed.
    pub fn stored(&self, house: &TestHouse, envelope: EnvelopeKind, bidder: &Member) -> PathBuf {
        let (door, lot) = (house.door(), self.lot);
        let parts = door.read(|db| {
            let all = crate::sealed_bid::store::counted(db, door.vault(), lot, envelope, u64::MAX)?;
            let own = all.into_iter().find(|bid| bid.organisation == bidder.who.organisation);
            crate::sealed_bid::store::parts(db, own.expect("a bid").upload)
        });
        Path::new(&door.config().files).join(&parts.unwrap().remove(0).file)
    }

    /// The whole way: deadline, closing, two trustees, first envelope open.
    pub fn opened(self, house: &TestHouse) -> Self {
        let envelope = self.first(house);
        self.close(house);
        self.release(house, envelope, &[1, 2]);
        self.open(house, envelope, false).unwrap();
        self
    }
}

/// A release of a key that the bid of `manifest` did not commit to, as a dishonest client would make it; not signed.
#[cfg(test)]
pub fn wrong_key(
    manifest: &crate::sealing::manifest::Manifest,
    session: &crate::sealing::document::Bytes<65>,
) -> crate::sealing::release::BidderRelease {
    use crate::sealing::document::Bytes;
    let key = crate::sealing::keys::Secret::random();
    let sealed = crate::sealing::boxes::bidder_box(&manifest.ctx.hash(), &key, &session.0).unwrap();
    crate::sealing::release::BidderRelease {
        sealed: Bytes(sealed),
        m: Bytes(manifest.id()),
        session: *session,
        signature: None,
        typ: crate::sealing::release::BidderReleaseTyp::Unsigned,
    }
}
