//! What bidders do, honest ones and cheats, and what must come of it.

use super::world::{Came, World};
use crate::account::testing::Member;
use crate::ledger::EntryId;
use crate::ledger::crash::Point;
use crate::opening::rules::Cause;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::sealed_bid::rules::Upload;
use crate::sealed_bid::store::Part;
use crate::sealed_bid::testing::{Offer, parameters, seal_offer_for, submit};
use crate::sealed_bid::uploads;
use crate::sealing::context::EnvelopeKind;
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
    pub kind: EnvelopeKind,
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
    pub kind: EnvelopeKind,
    /// `None`: the bid was withdrawn.
    pub bid: Option<Rc<Content>>,
}

/// A sealed bid on its way.
pub struct Draft {
    pub bid: SealedBid,
    pub ciphertext: Vec<u8>,
    pub content: Rc<Content>,
    pub upload: Option<Uploading>,
}

#[derive(Clone, Copy)]
pub struct Uploading {
    pub id: Id<Upload>,
    pub have: usize,
    pub expires_at: Moment,
}

/// Whether a bidder's key comes, where bids are locked twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlan {
    Comes,
    Wrong,
    /// The bidder is prevented, and the second holder that it named steps in.
    Second,
    Absent,
}

pub struct Player {
    pub member: Member,
    pub deeds: Vec<Deed>,
    pub plan: KeyPlan,
    pub draft: Option<Draft>,
    /// What an insider may have copied of this bidder's last submission.
    pub copied: Option<(Vec<u8>, SealedBid)>,
    uploads: usize,
}

impl Player {
    pub fn new(member: Member, dice: &mut super::dice::Dice) -> Self {
        let plan = match dice.below(100) {
            0..50 => KeyPlan::Comes,
            50..62 => KeyPlan::Wrong,
            62..87 => KeyPlan::Second,
            _ => KeyPlan::Absent,
        };
        Self { member, deeds: Vec::new(), plan, draft: None, copied: None, uploads: 0 }
    }

    /// Whether a bid is uploaded and not yet handed in.
    pub fn is_ready(&self) -> bool {
        let whole = |draft: &Draft| draft.upload.is_some_and(|upload| upload.have == draft.ciphertext.len());
        self.draft.as_ref().is_some_and(whole)
    }

    /// The bid of this envelope that stands.
    pub fn bid(&self, kind: EnvelopeKind) -> Option<&Rc<Content>> {
        self.deeds.iter().rfind(|deed| deed.kind == kind)?.bid.as_ref()
    }
}

pub fn signer(member: &Member) -> Signer {
    let key = SigningKey::from_pkcs8(&member.pkcs8).unwrap();
    Signer::new(key, vec![Blob(member.certificate.clone())]).unwrap()
}

/// Stands in every hostile bid.
pub const HOSTILE_CANARY: &str = "4444444.44";

/// Why nobody is called late before it is known whether the platform was away.
pub const NOT_KNOWN: &str = "sealed_bid.refusal.may_move";

/// Why a bidder's act is refused because of the time.
pub const OUT_OF_TIME: [&str; 2] = ["sealed_bid.refusal.late", "project.refusal.not_in_this_phase"];

impl World {
    pub fn a_bidder_acts(&mut self) {
        let at = self.dice.below(self.players.len());
        if self.is_waiting(at) { self.a_turn_comes() } else { self.bidder_acts(at) }
    }

    pub fn bidder_acts(&mut self, at: usize) {
        let player = &self.players[at];
        let kind = *self.dice.one_of(&self.kinds);
        match &player.draft {
            None if player.bid(kind).is_some() && self.dice.comes(15) => self.withdraw(at, kind),
            None if self.dice.comes(12) => self.cheat_visibly(at, kind),
            None => {
                // nobody forgets an envelope for long
                let missing = self.kinds.iter().find(|kind| player.bid(**kind).is_none());
                self.seal(at, missing.copied().unwrap_or(kind));
            }
            Some(draft) => match &draft.upload {
                None => self.begin_upload(at),
                Some(upload) if upload.have < draft.ciphertext.len() => self.go_on(at),
                Some(_) => self.hand_in_bid(at),
            },
        }
    }

    fn seal(&mut self, at: usize, kind: EnvelopeKind) {
        self.say(&format!("bidder {} seals {kind:?}", at + 1));
        let hostile = self.dice.comes(30);
        let (mut bid, ciphertext, content) =
            if hostile { self.hostile(at, kind) } else { self.honest(at, kind) };
        if let Some(file) = &mut bid.bidder_key {
            file.m = Bytes(bid.manifest.id());
        }
        // whoever copied another's lock has no key that fits it
        let fits = |file: &BidderKeyFile| bid.manifest.is_bidder_key(&Secret(file.k_b.0));
        let key = bid.bidder_key.clone().filter(fits);
        let content = Rc::new(Content { m: bid.manifest.id(), key, ..content });
        self.players[at].draft = Some(Draft { bid, ciphertext, content, upload: None });
    }

    fn honest(&mut self, at: usize, kind: EnvelopeKind) -> (SealedBid, Vec<u8>, Content) {
        let number = self.dice.between(1_000_000, 9_999_999);
        let canary = format!("{}x{number}x", self.canary);
        let mut offer = match kind {
            EnvelopeKind::Technical => Offer::technical(&format!("方案{number}")),
            EnvelopeKind::Commercial | EnvelopeKind::Single => Offer::priced(&format!("{number}.25")),
        };
        let (_, manager) = offer.form.last_mut().unwrap();
        manager.clone_from(&canary);
        offer.files.push(("canary.txt".into(), canary.as_bytes().repeat(3)));
        if self.dice.comes(20) {
            let more = usize::try_from(self.dice.between(900_000, 2_400_000)).unwrap();
            offer.files.push(("drawing.bin".into(), vec![u8::try_from(at).unwrap(); more]));
        }
        let (house, member) = (self.house(), &self.players[at].member);
        let parameters = parameters(house, member, self.filled.lot, kind);
        let named = self.dual.is_some() && self.players[at].plan == KeyPlan::Second;
        let second = named.then(|| self.holder.public());
        let (bid, ciphertext) = seal_offer_for(house, member, &parameters, &offer, second.as_ref());
        let Offer { form, files } = offer;
        (bid, ciphertext, Content { kind, m: [0; 32], canary, form, files, cause: None, key: None })
    }

    /// A bid that its own bidder has spoilt, in a way that nobody can see before the opening.
    fn hostile(&mut self, at: usize, kind: EnvelopeKind) -> (SealedBid, Vec<u8>, Content) {
        let way = self.dice.below(ARCHIVES.len() + 7);
        let friend = self.dice.below(self.players.len());
        let (house, member) = (self.house(), &self.players[at].member);
        let parameters = parameters(house, member, self.filled.lot, kind);
        let made = Hostile::begin(&parameters, &signer(member));
        let content = || Cause::Content(String::new());
        let theirs = self.players.iter().find(|other| other.member.who.login != member.who.login);
        let theirs = theirs.and_then(|other| other.copied.as_ref());
        let (made, cause) = match way.checked_sub(ARCHIVES.len()) {
            None => (made.rewritten(ARCHIVES[way].1), content()),
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
            Some(5) => {
                let mut made = made;
                made.bid.manifest.lock.shares.as_mut().unwrap()[2] = Bytes([9; 32]);
                (made, Cause::CommitmentDiffers(3))
            }
            Some(_) => {
                let mut made = made;
                made.bid.manifest.lock.commit_t = Bytes([9; 32]);
                (made, Cause::KeyDiffers)
            }
        };
        let made = made.signed(&signer(member));
        self.say(&format!("  a hostile bid: {cause:?}"));
        let content = Content {
            kind,
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
            5..11 => self.hand_in_bid(at),
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

    pub fn upload_is_gone(&mut self, at: usize, key: &str, expires_at: Moment) {
        assert_eq!(key, "sealed_bid.refusal.no_upload");
        assert!(self.latest >= expires_at, "an upload is gone before its time");
        self.met("an upload expired");
        self.players[at].draft.as_mut().unwrap().upload = None;
    }

    /// Whether the box still takes something.
    pub fn is_open(&self) -> bool {
        self.now() < self.deadline && !self.hall.is_closed()
    }

    /// What can be seen to be wrong is refused at once.
    fn cheat_visibly(&mut self, at: usize, kind: EnvelopeKind) {
        let lot = self.filled.lot;
        let member = self.players[at].member.clone();
        let mut with = OUT_OF_TIME.to_vec();
        let way = self.dice.below(4);
        let parameters = parameters(self.house(), &member, lot, kind);
        let mut made = Hostile::begin(&parameters, &signer(&member));
        let wrong = match way {
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
        if self.is_stale() && !self.hall.is_closed() {
            with.push(NOT_KNOWN);
        }
        self.refused(&format!("bidder {} cheats: {wrong}", at + 1), &with, |house| {
            submit(house, &member, lot, &made.bid, row.id)
        });
        if open {
            self.met("cheated at submission and refused");
        }
    }
}
