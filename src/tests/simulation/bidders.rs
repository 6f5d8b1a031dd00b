//! What bidders do, honest ones and cheats, and what must come of it.

use super::world::{Came, Given, World};
use crate::account::testing::Member;
use crate::ledger::EntryId;
use crate::ledger::crash::Point;
use crate::opening::rules::Cause;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::sealed_bid::actions::own_bid;
use crate::sealed_bid::rules::{Deed as KeptDeed, Kept, Upload};
use crate::sealed_bid::store::Part;
use crate::sealed_bid::testing::{Offer, parameters, seal_offer, submit, withdraw};
use crate::sealed_bid::uploads;
use crate::sealing::context::EnvelopeKind::Single;
use crate::sealing::document::{Blob, Bytes};
use crate::sealing::keys::Secret;
use crate::sealing::manifest::BidderKeyFile;
use crate::sealing::seal::SealedBid;
use crate::sealing::signature::{Signer, SigningKey};
use crate::sealing::stream::SLICE;
use crate::sealing::tests::hostile::Hostile;
use crate::tests::browser::runtime;
use crate::tests::hostile_bids::ARCHIVES;
use bytes::Bytes as Body;
use std::rc::Rc;

/// What a bid holds, and what must be found in it.
pub struct Content {
    pub m: [u8; 32],
    /// Stands in the content and nowhere else.
    pub canary: String,
    pub form: Vec<(&'static str, String)>,
    pub files: Vec<(String, Vec<u8>)>,
    /// Of a hostile bid, what is wrong with it.
    pub cause: Option<Cause>,
    pub key: Option<BidderKeyFile>,
}

/// What a bidder has done for which a line must stand in the log.
pub struct Deed {
    pub entry: EntryId,
    /// `None`: the bid was withdrawn.
    pub bid: Option<Rc<Content>>,
}

/// A sealed bid on its way.
struct Draft {
    bid: SealedBid,
    ciphertext: Vec<u8>,
    content: Rc<Content>,
    upload: Option<Uploading>,
}

struct Uploading {
    id: Id<Upload>,
    have: usize,
    expires_at: Moment,
}

/// Whether a bidder's key comes, where bids are locked twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlan {
    Comes,
    Wrong,
    Absent,
}

pub struct Player {
    pub member: Member,
    pub deeds: Vec<Deed>,
    pub plan: KeyPlan,
    draft: Option<Draft>,
    /// What an insider may have copied of this bidder's last submission.
    copied: Option<(Vec<u8>, SealedBid)>,
    uploads: usize,
}

impl Player {
    pub fn new(member: Member, dice: &mut super::dice::Dice) -> Self {
        let plan = match dice.below(100) {
            0..70 => KeyPlan::Comes,
            70..85 => KeyPlan::Wrong,
            _ => KeyPlan::Absent,
        };
        Self { member, deeds: Vec::new(), plan, draft: None, copied: None, uploads: 0 }
    }

    /// The bid that stands.
    pub fn bid(&self) -> Option<&Rc<Content>> {
        self.deeds.last()?.bid.as_ref()
    }
}

fn signer(member: &Member) -> Signer {
    let key = SigningKey::from_pkcs8(&member.pkcs8).unwrap();
    Signer::new(key, vec![Blob(member.certificate.clone())]).unwrap()
}

/// Stands in every hostile bid.
pub const HOSTILE_CANARY: &str = "4444444.44";

/// Why a bidder's act is refused because of the time.
const OUT_OF_TIME: [&str; 2] = ["sealed_bid.refusal.late", "project.refusal.not_in_this_phase"];

impl World {
    pub fn a_bidder_acts(&mut self) {
        let at = self.dice.below(self.players.len());
        let player = &self.players[at];
        match &player.draft {
            None if player.bid().is_some() && self.dice.comes(15) => self.withdraw(at),
            None if self.dice.comes(12) => self.cheat_visibly(at),
            None => self.seal(at),
            Some(draft) => match &draft.upload {
                None => self.begin_upload(at),
                Some(upload) if upload.have < draft.ciphertext.len() => self.go_on(at),
                Some(_) => self.submit(at),
            },
        }
    }

    fn seal(&mut self, at: usize) {
        self.say(&format!("bidder {} seals", at + 1));
        let hostile = self.dice.comes(30);
        let (mut bid, ciphertext, content) = if hostile { self.hostile(at) } else { self.honest(at) };
        if let Some(file) = &mut bid.bidder_key {
            file.m = Bytes(bid.manifest.id());
        }
        // whoever copied another's lock has no key that fits it
        let fits = |file: &BidderKeyFile| bid.manifest.is_bidder_key(&Secret(file.k_b.0));
        let key = bid.bidder_key.clone().filter(fits);
        let content = Rc::new(Content { m: bid.manifest.id(), key, ..content });
        self.players[at].draft = Some(Draft { bid, ciphertext, content, upload: None });
    }

    fn honest(&mut self, at: usize) -> (SealedBid, Vec<u8>, Content) {
        let number = self.dice.between(1_000_000, 9_999_999);
        let canary = format!("{}x{number}x", self.canary);
        let mut offer = Offer::priced(&format!("{number}.25"));
        offer.form[3].1 = canary.clone();
        offer.files.push(("canary.txt".into(), canary.as_bytes().repeat(3)));
        if self.dice.comes(20) {
            let more = usize::try_from(self.dice.between(900_000, 2_400_000)).unwrap();
            offer.files.push(("drawing.bin".into(), vec![u8::try_from(at).unwrap(); more]));
        }
        let (house, member) = (self.house(), &self.players[at].member);
        let parameters = parameters(house, member, self.filled.lot, Single);
        let (bid, ciphertext) = seal_offer(house, member, &parameters, &offer);
        let Offer { form, files } = offer;
        (bid, ciphertext, Content { m: [0; 32], canary, form, files, cause: None, key: None })
    }

    /// A bid that its own bidder has spoilt, in a way that nobody can see before the opening.
    fn hostile(&mut self, at: usize) -> (SealedBid, Vec<u8>, Content) {
        let kind = self.dice.below(ARCHIVES.len() + 6);
        let friend = self.dice.below(self.players.len());
        let (house, member) = (self.house(), &self.players[at].member);
        let parameters = parameters(house, member, self.filled.lot, Single);
        let made = Hostile::begin(&parameters, &signer(member));
        let content = || Cause::Content(String::new());
        let theirs = self.players.iter().find(|other| other.member.who.login != member.who.login);
        let theirs = theirs.and_then(|other| other.copied.as_ref());
        let (made, cause) = match kind.checked_sub(ARCHIVES.len()) {
            None => (made.rewritten(ARCHIVES[kind].1), content()),
            Some(0) => {
                let mut made = made;
                made.bid.manifest.lock.boxes[2].0[80] ^= 1;
                (made, Cause::BoxDiffers(3))
            }
            Some(1) => (made.with_two_keys(&parameters), Cause::BoxDiffers(3)),
            Some(2) if friend != at => {
                let friend = signer(&self.players[friend].member);
                (Hostile::begin(&parameters, &friend), Cause::OtherSigner)
            }
            Some(3) if theirs.is_some() => (made.of_bytes(theirs.unwrap().0.clone()), content()),
            Some(4) if theirs.is_some() => {
                let mut made = made;
                made.bid.manifest.lock = theirs.unwrap().1.manifest.lock.clone();
                (made.of_bytes(theirs.unwrap().0.clone()), Cause::SharesDoNotFit)
            }
            Some(_) => {
                let mut made = made;
                made.bid.manifest.lock.commit_t = Bytes([9; 32]);
                (made, Cause::SharesDoNotFit)
            }
        };
        let made = made.signed(&signer(member));
        self.say(&format!("  a hostile bid: {cause:?}"));
        let content = Content {
            m: [0; 32],
            canary: HOSTILE_CANARY.into(),
            form: vec![],
            files: vec![],
            cause: Some(cause),
            key: None,
        };
        (made.bid, made.ciphertext, content)
    }

    fn begin_upload(&mut self, at: usize) {
        let player = &self.players[at];
        let (who, size) = (player.member.who.clone(), player.draft.as_ref().unwrap().ciphertext.len() as u64);
        let came = self.attempt(&format!("bidder {} begins an upload of {size}", at + 1), move |house| {
            let (limits, sender) = (uploads::Limits::of(house.door()), who.clone());
            house.act(&who, move |act| uploads::create(act, &sender, size, &limits)).map(|done| done.value)
        });
        let most = self.uploads_most();
        let player = &mut self.players[at];
        match came {
            Came::Done(row) => {
                player.uploads += 1;
                let upload = Uploading { id: row.id, have: 0, expires_at: row.expires_at };
                player.draft.as_mut().unwrap().upload = Some(upload);
            }
            Came::No(key) => {
                assert_eq!(key, "sealed_bid.refusal.too_many_uploads");
                assert!(player.uploads >= most, "{}", player.uploads);
            }
            // perhaps it is there; its id was never told
            Came::Stopped(_) => player.uploads += 1,
        }
    }

    fn uploads_most(&self) -> usize {
        self.house().door().config().uploads_per_bidder as usize
    }

    /// The next piece, or what may come instead of it.
    fn go_on(&mut self, at: usize) {
        match self.dice.below(100) {
            0..5 => {
                self.say(&format!("bidder {} gives the upload up", at + 1));
                self.players[at].draft = None;
            }
            5..11 => self.submit(at),
            11..20 => {
                self.met("stopped with a piece in the file store that does not count");
                self.keep_piece(at);
                self.reopen();
            }
            _ => self.take_piece(at),
        }
    }

    /// Puts the next piece into the file store: a whole number of slices, or one that ends in the middle of one, whose
    /// beginning then lies beside what follows or is sent along with it. Gives it, how far the upload is then, and the tails
    /// that it replaces.
    fn keep_piece(&mut self, at: usize) -> (Part, usize, Vec<String>) {
        let (how, odd) = (self.dice.below(4), usize::try_from(self.dice.between(1, 900_000)).unwrap());
        let draft = self.players[at].draft.as_ref().unwrap();
        let upload = draft.upload.as_ref().unwrap();
        let door = self.house().door();
        let tails = door.read(|db| uploads::standing(db, upload.id)).unwrap().tails;
        let then = upload.have + odd / 3;
        if how == 3 && upload.have % SLICE + odd / 3 < SLICE && odd > 3 && then < draft.ciphertext.len() {
            let piece = Body::copy_from_slice(&draft.ciphertext[upload.have..then]);
            let kept = uploads::keep_tail(door.files(), upload.id, upload.have as u64, piece);
            return (runtime().block_on(kept).unwrap(), then, Vec::new());
        }
        let from = upload.have - upload.have % SLICE;
        let rest = &draft.ciphertext[from..];
        let length = match how {
            0 => rest.len().min(SLICE),
            1 | 2 => rest.len().min(uploads::PART_MAX),
            _ => rest.len().min(upload.have - from + odd),
        };
        let piece = Body::copy_from_slice(&rest[..length]);
        let ends_in_a_slice = length % SLICE != 0 && length < rest.len();
        let kept = async {
            if ends_in_a_slice && length < SLICE {
                uploads::keep_tail(door.files(), upload.id, from as u64, piece).await
            } else {
                let whole = if ends_in_a_slice { piece.slice(..length - length % SLICE) } else { piece };
                uploads::keep(door.files(), upload.id, from as u64, whole).await
            }
        };
        let part = runtime().block_on(kept).unwrap();
        let then = from + usize::try_from(part.size).unwrap();
        (part, then, tails.into_iter().map(|tail| tail.file).collect())
    }

    fn take_piece(&mut self, at: usize) {
        let (part, then, tails) = self.keep_piece(at);
        let who = self.players[at].member.who.clone();
        let (id, have, expires_at) = {
            let upload = self.players[at].draft.as_ref().unwrap().upload.as_ref().unwrap();
            (upload.id, upload.have, upload.expires_at)
        };
        let came = self.attempt(&format!("bidder {} uploads up to {then}", at + 1), move |house| {
            let sender = who.clone();
            house
                .act(&who, move |act| uploads::accept(act, &sender, id, &tails, &[part]))
                .map(|done| done.value)
        });
        let now_there = match came {
            Came::Done(there) => there,
            Came::No(key) => return self.upload_is_gone(at, &key, expires_at),
            Came::Stopped(point) => {
                let there = self.house().door().read(|db| uploads::standing(db, id)).unwrap().have;
                let expected = if point == Point::Working { have } else { then };
                // where nothing of an act is left it may also have been refused
                assert!(
                    there == expected as u64 || self.latest >= expires_at,
                    "{there} bytes, not {expected}"
                );
                there
            }
        };
        let draft = self.players[at].draft.as_mut().unwrap();
        draft.upload.as_mut().unwrap().have = usize::try_from(now_there).unwrap();
    }

    fn upload_is_gone(&mut self, at: usize, key: &str, expires_at: Moment) {
        assert_eq!(key, "sealed_bid.refusal.no_upload");
        assert!(self.latest >= expires_at, "an upload is gone before its time");
        self.met("an upload expired");
        self.players[at].draft.as_mut().unwrap().upload = None;
    }

    /// Whether the box still takes something.
    fn is_open(&self) -> bool {
        self.now() < self.deadline && !self.hall.is_closed()
    }

    fn submit(&mut self, at: usize) {
        let (lot, open) = (self.filled.lot, self.is_open());
        let Player { member, draft, .. } = &mut self.players[at];
        let (member, Draft { bid, ciphertext, content, upload }) = (member.clone(), draft.take().unwrap());
        let Uploading { id, have, expires_at } = upload.unwrap();
        let whole = have == ciphertext.len();
        let came = self
            .attempt(&format!("bidder {} submits", at + 1), |house| submit(house, &member, lot, &bid, id));
        let hostile = content.cause.is_some();
        match came {
            Came::Done(kept) => {
                assert!(open, "a bid was taken after its time");
                assert!(whole, "a bid was taken without all its bytes");
                self.met(if self.players[at].bid().is_some() { "replaced" } else { "submitted" });
                if hostile {
                    self.met("handed in a hostile bid");
                }
                self.players[at].copied = Some((ciphertext, bid));
                self.answered(at, &kept, Some(content));
            }
            Came::No(key) if !open => {
                assert!(OUT_OF_TIME.contains(&key.as_str()), "{key}");
                self.met("late and refused");
            }
            Came::No(key) => {
                let upload = Some(Uploading { id, have, expires_at });
                self.players[at].draft = Some(Draft { bid, ciphertext, content, upload });
                if key == "sealed_bid.refusal.unfinished" {
                    assert!(!whole);
                    self.met("handed in before all bytes were there");
                } else {
                    self.upload_is_gone(at, &key, expires_at);
                }
            }
            Came::Stopped(point) => {
                // an upload past its time may be gone, or not yet
                let certain = (self.latest < expires_at).then_some(open && whole);
                let m = content.m;
                if self.unanswered(at, point, certain, Some(content), |kept| {
                    kept.manifest().is_some_and(|manifest| manifest.id() == m)
                }) {
                    self.players[at].copied = Some((ciphertext, bid));
                }
            }
        }
    }

    fn withdraw(&mut self, at: usize) {
        let (lot, open) = (self.filled.lot, self.is_open());
        let member = self.players[at].member.clone();
        let came = self
            .attempt(&format!("bidder {} withdraws", at + 1), |house| withdraw(house, &member, lot, Single));
        match came {
            Came::Done(kept) => {
                assert!(open, "a bid was withdrawn after its time");
                self.met("withdrawn");
                self.answered(at, &kept, None);
            }
            Came::No(key) => {
                assert!(!open && OUT_OF_TIME.contains(&key.as_str()), "{key}");
                self.met("late and refused");
            }
            Came::Stopped(point) => {
                let m = self.players[at].bid().unwrap().m;
                let of =
                    |kept: &Kept| matches!(&kept.record.deed, KeptDeed::Withdrawn { m: of, .. } if of.0 == m);
                self.unanswered(at, point, Some(open), None, of);
            }
        }
    }

    /// A bidder was told that it is done, and takes the receipt.
    fn answered(&mut self, at: usize, kept: &Kept, bid: Option<Rc<Content>>) {
        let door = self.house().door();
        let receipt = door.read(|db| door.receipt(db, kept.entry)).expect("who was answered gets a receipt");
        let object = kept.manifest().map(crate::sealing::manifest::Manifest::message);
        let kind = if bid.is_some() { 70 } else { 71 };
        self.given.push(Given { text: receipt.to_string(), kind, object, entry: kept.entry });
        self.players[at].deeds.push(Deed { entry: kept.entry, bid });
    }

    /// The program stopped in the middle: the whole act is there, or nothing of it. Gives which.
    fn unanswered(
        &mut self,
        at: usize,
        point: Point,
        lawful: Option<bool>,
        bid: Option<Rc<Content>>,
        is_it: impl Fn(&Kept) -> bool,
    ) -> bool {
        let steps = self.steps_of(at);
        let known = self.players[at].deeds.len();
        let new = steps.get(known).filter(|step| is_it(step));
        if let Some(lawful) = lawful {
            assert_eq!(
                new.is_some(),
                lawful && point != Point::Working,
                "stopped at {point:?}: all or nothing"
            );
        }
        let Some(entry) = new.map(|step| step.entry) else { return false };
        self.players[at].deeds.push(Deed { entry, bid });
        true
    }

    /// What the platform says that a bidder has done.
    pub fn steps_of(&self, at: usize) -> Vec<Kept> {
        let (door, who) = (self.house().door(), &self.players[at].member.who);
        door.read(|db| own_bid(db, door.vault(), who, self.filled.lot, Single)).unwrap()
    }

    /// What can be seen to be wrong is refused at once.
    fn cheat_visibly(&mut self, at: usize) {
        let lot = self.filled.lot;
        let member = self.players[at].member.clone();
        let mut with = OUT_OF_TIME.to_vec();
        let kind = self.dice.below(4);
        let parameters = parameters(self.house(), &member, lot, Single);
        let mut made = Hostile::begin(&parameters, &signer(&member));
        let wrong = match kind {
            0 => {
                made.bid.manifest.ctx.trustees = Bytes([7; 32]);
                "other_trustees"
            }
            1 => {
                made.bid.manifest.ctx.bidder = Bytes([7; 16]);
                "other_tender"
            }
            2 => {
                made.bid.manifest.ctx.rev += 1;
                made.bid.manifest.prev = Some(Bytes([7; 32]));
                "other_revision"
            }
            _ => {
                made.bid.manifest.ct.root = Bytes(sha256(&[b"other bytes"]));
                "other_ciphertext"
            }
        };
        let made = made.signed(&signer(&member));
        let (who, size) = (member.who.clone(), made.ciphertext.len() as u64);
        if self.players[at].uploads >= self.uploads_most() {
            return;
        }
        self.players[at].uploads += 1;
        let door = self.house().door();
        let limits = uploads::Limits::of(door);
        let row =
            door.write(who.actor(), move |act| uploads::create(act, &who, size, &limits)).unwrap().value;
        let kept = uploads::keep(door.files(), row.id, 0, Body::from(made.ciphertext));
        let (part, who) = (runtime().block_on(kept).unwrap(), member.who.clone());
        door.write(who.actor(), move |act| uploads::accept(act, &who, row.id, &[], &[part])).unwrap();
        let key = format!("sealed_bid.refusal.{wrong}");
        with.push(&key);
        let open = self.is_open();
        self.refused(&format!("bidder {} cheats: {wrong}", at + 1), &with, |house| {
            submit(house, &member, lot, &made.bid, row.id)
        });
        if open {
            self.met("cheated at submission and refused");
        }
    }
}
