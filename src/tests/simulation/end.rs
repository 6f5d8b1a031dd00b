//! The end of a run: what was opened is what was sealed, who spoilt something is named and nobody else, and a stranger who
//! has only the evidence agrees.

use super::bidders::{Content, KeyPlan};
use super::hall::Trust;
use super::world::World;
use crate::ledger::proof::Receipt;
use crate::ledger::store as log;
use crate::open_data::evidence::{self, Contents};
use crate::opening::content::Content as OpenedContent;
use crate::opening::rules::{Blame, Cause};
use crate::opening::store::{self, BidRow};
use crate::platform::refusal::{Failure, Fault};
use crate::project::testing::facts;
use crate::sealed_bid::store::{measured, parts};
use crate::tests::browser::runtime;
use crate::tests::hostile_bids::publish;
use crate::verify::{Known, verify};
use std::collections::BTreeMap;
use std::io::Read;
use std::rc::Rc;

impl World {
    pub fn end(&mut self) {
        self.every_turn_comes();
        self.seen.forget_files();
        self.check();
        self.acts_came_in_their_order();
        self.receipts_still_verify();
        if !self.hall.read_out.is_empty() {
            for kind in &self.hall.read_out {
                publish(self.house(), &self.filled, *kind);
            }
            self.a_stranger_agrees();
            self.met("verified");
        } else {
            let facts = facts(self.house(), self.filled.lot);
            let asked = evidence::write(
                &self.house().house,
                &facts,
                NOTHING_LEFT_OUT,
                runtime().handle(),
                Vec::new(),
            );
            assert!(!matches!(asked, Err(Failure::Fault(_))), "{asked:?}");
        }
    }

    /// No act of a later phase stands before one that it waits for: by the places in the log, not by anybody's clock.
    fn acts_came_in_their_order(&self) {
        let door = self.house().door();
        let kinds: Vec<String> = door
            .read(|db| {
                let size = log::head(db)?.map_or(0, |head| head.size);
                let rows = (0..size).map(|index| Ok(log::entry_at(db, index)?.expect("an entry")));
                rows.map(|row: Result<_, Fault>| Ok(door.opened(&row?)?.kind)).collect::<Result<_, Fault>>()
            })
            .unwrap();
        self.outages_are_in_the_log(&kinds);
        let first = |kind: &str| kinds.iter().position(|other| other == kind);
        let last = |kind: &str| kinds.iter().rposition(|other| other == kind);
        let closed = first("opening.box_closed");
        assert_eq!(closed, last("opening.box_closed"), "closed twice");
        let opened = kinds.iter().filter(|kind| *kind == "opening.bids_opened").count();
        assert_eq!(opened, self.hall.read_out.len(), "opened twice");
        for kind in ["sealed_bid.submitted", "sealed_bid.withdrawn"] {
            assert!(before(last(kind), closed), "{kind} behind the closing");
        }
        for kind in ["opening.session_started", "opening.bidder_released", "opening.shares_released"] {
            assert!(before(closed, first(kind)), "{kind} before the closing");
        }
        // each session for itself
        let second =
            last("opening.session_started").filter(|at| first("opening.session_started") != Some(*at));
        let (one, two) = kinds.split_at(second.unwrap_or(kinds.len()));
        for (number, session) in [one, two].into_iter().enumerate() {
            self.session_came_in_its_order(session, self.hall.read_out.len() > number);
        }
        let submitted = kinds.iter().filter(|kind| *kind == "sealed_bid.submitted").count();
        let done =
            self.players.iter().flat_map(|player| &player.deeds).filter(|deed| deed.bid.is_some()).count();
        assert_eq!(submitted, done, "submissions in the log");
    }

    fn session_came_in_its_order(&self, kinds: &[String], opened: bool) {
        let first = |kind: &str| kinds.iter().position(|other| other == kind);
        let last = |kind: &str| kinds.iter().rposition(|other| other == kind);
        assert!(before(first("opening.bidders_done"), first("opening.shares_released")));
        assert!(before(last("opening.bidder_released"), first("opening.bidders_done")));
        if opened {
            let shares = kinds.iter().take(first("opening.bids_opened").expect("an opening is in the log"));
            let shares = shares.filter(|kind| *kind == "opening.shares_released").count();
            assert!(shares >= 2, "opened without a quorum");
            assert_eq!(first("opening.bidders_done").is_some(), self.dual.is_some());
        }
    }

    fn receipts_still_verify(&self) {
        let key = self.house().door().log_key().clone();
        for given in &self.given {
            let receipt = Receipt::parse(given.text.as_bytes()).unwrap();
            let hash = receipt.opening.object_hash;
            receipt.verify_hash(&hash, given.kind, key.name(), std::slice::from_ref(&key)).unwrap();
        }
    }

    /// What was opened just now is what was sealed.
    pub fn bids_are_what_they_were(&mut self) {
        let door = self.house().door();
        let (rows, counted) = door
            .read(|db| {
                let rows = store::bids(db, self.filled.lot, self.kind)?;
                let size = self.closing().size;
                let counted =
                    crate::sealed_bid::store::counted(db, door.vault(), self.filled.lot, self.kind, size)?;
                for bid in &counted {
                    let whole = measured(&parts(db, bid.upload)?);
                    assert_eq!(whole, bid.manifest.measured(), "a bid counts without all its bytes");
                }
                Ok::<_, Fault>((rows, counted))
            })
            .unwrap();
        let keys = door.read(|db| store::keys(db, self.filled.lot, self.kind)).unwrap();
        for (at, content) in self.counted() {
            let key = keys.iter().find(|key| key.release.m.0 == content.m);
            let by = |second: bool| if second { KeyPlan::Second } else { KeyPlan::Comes };
            assert_eq!(key.is_some(), self.hall.keys.contains(at), "whose key came");
            assert!(key.is_none_or(|key| by(key.second) == self.players[*at].plan), "who gave it");
        }
        assert_eq!((rows.len(), counted.len()), (self.counted().len(), self.counted().len()));
        for (at, content) in self.counted() {
            let row =
                rows.iter().find(|row| row.m.0 == content.m).expect("every bid that counts has its line");
            let Some((blame, cause)) = self.fault(*at, content) else {
                let document = row.document.as_ref().unwrap_or_else(|| panic!("{:?}", row.not_opened));
                let form: BTreeMap<String, String> =
                    content.form.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
                assert_eq!(document.form, form, "another content was read out");
                let files =
                    door.read(|db| OpenedContent::of(db, door.vault(), self.filled.lot, self.kind, row));
                let files = files.unwrap().expect("an opened bid can be read");
                for (place, (name, bytes)) in content.files.iter().enumerate() {
                    let mut read = Vec::new();
                    files.read(door.files(), place).unwrap().read_to_end(&mut read).unwrap();
                    assert!(document.files[place].name == *name && read == *bytes, "{name}");
                }
                self.only_liars_are_named(row);
                continue;
            };
            let found = row.not_opened.as_ref().unwrap_or_else(|| panic!("opened, and should be {cause:?}"));
            let same = matches!((&found.cause, &cause), (Cause::Content(_), Cause::Content(_)))
                || found.cause == cause;
            assert!(found.blame == blame && same, "{found:?} is not {blame:?} {cause:?}");
            assert!(row.document.is_none());
        }
        let faults: Vec<_> = self.counted().iter().map(|(at, bid)| self.fault(*at, bid)).collect();
        for (blame, _) in faults.iter().flatten() {
            self.met(&format!("not opened, and it is on: {blame:?}"));
        }
        self.hall.found.push(faults.iter().filter(|fault| fault.is_none()).count());
    }

    /// Whose fault it is by what everybody did; `None` for an honest bid whose key came.
    fn fault(&self, at: usize, content: &Rc<Content>) -> Option<(Blame, Cause)> {
        if self.dual.is_some() && !self.hall.keys.contains(&at) {
            let tried = self.hall.tried.contains(&at);
            assert!(!tried || self.players[at].plan == KeyPlan::Wrong);
            let cause = if tried { Cause::BidderKeyWrong } else { Cause::BidderKeyMissing };
            let excused = self.hall.excused.contains(&at);
            return Some((if excused { Blame::Outside } else { Blame::Bidder }, cause));
        }
        Some(self.settled(content.cause.clone()?))
    }

    /// What those who released can say of a bid that its bidder spoiled: with two true shares the fault is proven. With fewer it is the
    /// bidder's if all have released, since two of three would have to lie otherwise. If somebody was not waited for, nobody may be
    /// punished for it: it is on who did not come if that share could have been the second, and else nobody can tell.
    fn settled(&self, cause: Cause) -> (Blame, Cause) {
        let tells_truth = |i: u8| {
            let spoiled = match cause {
                Cause::BoxDiffers(own) | Cause::CommitmentDiffers(own) => own == i,
                Cause::SharesDoNotFit => true,
                _ => false,
            };
            self.hall.trust[usize::from(i) - 1] == Trust::Honest && !spoiled
        };
        let all = self.hall.released.len() == 3;
        let missing = 3 - self.hall.released.len();
        match (self.hall.released.iter().filter(|i| tells_truth(**i)).count(), &cause) {
            (_, Cause::Content(_) | Cause::OtherSigner) | (2.., _) => (Blame::Bidder, cause),
            _ if all => (Blame::Bidder, Cause::SharesDoNotFit),
            (true_shares, _) if true_shares + missing >= 2 => (Blame::Trustees, Cause::SharesMissing),
            _ => (Blame::Unsettled, Cause::SharesMissing),
        }
    }

    fn only_liars_are_named(&self, row: &BidRow) {
        let liars: Vec<u8> = (1..)
            .zip(&self.hall.trust)
            .filter(|(i, trust)| **trust == Trust::Liar && self.hall.released.contains(i))
            .map(|(i, _)| i)
            .collect();
        assert_eq!(row.liars, liars);
    }

    fn a_stranger_agrees(&self) {
        let (house, facts) = (self.house(), facts(self.house(), self.filled.lot));
        let bundle =
            evidence::write(&house.house, &facts, NOTHING_LEFT_OUT, runtime().handle(), Vec::new()).unwrap();
        let (key, roots) = (Some(house.door().log_key().clone()), house.authority().roots().to_vec());
        let policy = Some(self.outside.policy.clone());
        let findings = verify(bundle, &Known { key, roots, policy, ..Known::default() });
        let lies = |line: &String| {
            (1..).zip(&self.hall.trust).any(|(i, trust)| {
                let named = format!("the share of trustee {i} is not the one");
                *trust == Trust::Liar && line.contains(&named)
            })
        };
        let broken: Vec<String> =
            findings.broken_lines().map(ToString::to_string).filter(|line| !lies(line)).collect();
        assert!(broken.is_empty(), "{broken:#?}");
        for opened in &self.hall.found {
            let again = format!("{opened} were read out, {opened} opened again");
            assert!(
                findings.lines().iter().any(|line| line.to_string().contains(&again)),
                "{again}: {:#?}",
                findings.lines().iter().map(ToString::to_string).collect::<Vec<_>>()
            );
        }
    }
}

fn before(early: Option<usize>, late: Option<usize>) -> bool {
    early.zip(late).is_none_or(|(early, late)| early < late)
}

/// All that evidence can hold of a lot without evaluation.
const NOTHING_LEFT_OUT: Contents = Contents { ciphertexts: true, media: false };
