//! Bidders before trustees: what a platform might write into its log about them, and what the verifier says to it.

use super::alterations::with_record;
use super::lot::{BIDDER_CODE, Evidence, LOT, Story, at};
use crate::opening::testing::wrong_key;
use crate::platform::canonical::jcs;
use crate::platform::digest::b64u;
use crate::sealing::boxes::BoxKey;
use crate::sealing::document::Bytes;
use crate::sealing::release::{BidderRelease, BiddersPhase};
use crate::sealing::seal::SealedBid;
use serde_json::json;

/// How the log tells of the closing and the bidders' phase; every order but the first is, or may be, a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Lawful,
    /// The closing tells these numbers of bidders and of incomplete ones. Three are in the log, all complete.
    Closed {
        bidders: u32,
        incomplete: Option<u32>,
    },
    /// Only another lot's closing is in the log.
    OtherLotClosed,
    /// Trustees release, and then the bidders' phase begins and ends.
    TrusteesFirst,
    /// The bidder came, and is said not to have come.
    AbsentInvented,
    /// The bidder did not come, and the end was declared before its time.
    AbsentEarly,
    /// The bidder first gave a wrong key, which was refused.
    WrongKeyTried,
    /// A wrong key is held against the bidder that nobody signed.
    WrongKeyUnsigned,
    /// One is held against it that another organisation signed.
    WrongKeyOfAnother,
    /// The bidder was asked for its key under another session's key, so that it looks wrong.
    OtherSessionAsked,
    /// The bidder's right key was refused as wrong the first time.
    RightKeyRefused,
    /// The end is not in the log.
    NoEnd,
    /// The end names another time than the beginning.
    OtherEnd,
    /// The envelope with the prices was opened after the last score sheet.
    ScoresFirst,
    /// It was opened before the last score sheet.
    PricesFirst,
}

impl Story {
    /// The first bidder sealed in mode dual and gives its key before any trustee.
    pub(super) fn bidder(
        &mut self,
        path: &dyn Fn(&str) -> String,
        bid: &SealedBid,
        session: &BoxKey,
        phase: &BiddersPhase,
    ) {
        let key = bid.bidder_key.as_ref().unwrap();
        let release = BidderRelease::make(key, &bid.manifest, &session.public()).unwrap();
        let refused = match self.order {
            Order::WrongKeyTried | Order::WrongKeyOfAnother | Order::WrongKeyUnsigned => {
                Some(wrong_key(&bid.manifest, &Bytes(session.public())))
            }
            Order::OtherSessionAsked => {
                Some(BidderRelease::make(key, &bid.manifest, &BoxKey::random().public()).unwrap())
            }
            Order::RightKeyRefused => {
                Some(BidderRelease::make(key, &bid.manifest, &session.public()).unwrap())
            }
            _ => None,
        };
        let signer = match self.order {
            Order::WrongKeyUnsigned => None,
            Order::WrongKeyOfAnother => Some(self.bid_signer("91110000000000000B")),
            _ => Some(self.bid_signer(BIDDER_CODE)),
        };
        let refused = refused.map(|refused| match signer {
            Some(signer) => refused.signed(&signer).unwrap(),
            None => refused,
        });
        if let Some(refused) = refused {
            let hash = refused.hash();
            self.files.insert(path(&format!("refused-{}.json", hex::encode(hash))), jcs(&refused));
            let why = "wrong_key";
            let said =
                json!({"lot": LOT, "envelope": "single", "m": refused.m, "hash": b64u(&hash), "why": why});
            self.event("opening.bidder_refused", 141, said);
        }
        if self.order != Order::AbsentEarly {
            self.files.insert(path(&format!("bidder-{}.json", hex::encode(release.m.0))), jcs(&release));
        }
        let said = json!({"lot": LOT, "envelope": "single", "m": release.m, "hash": b64u(&release.hash()), "second": false});
        if self.order != Order::AbsentEarly {
            self.event("opening.bidder_released", 140, said);
        }
        let absent = matches!(self.order, Order::AbsentInvented | Order::AbsentEarly);
        let nobody = Vec::new();
        let (released, absent) = if absent { (&nobody, &phase.released) } else { (&phase.released, &nobody) };
        let until = if self.order == Order::OtherEnd { at(3601) } else { phase.until };
        let said =
            json!({"lot": LOT, "envelope": "single", "until": until, "released": released, "absent": absent});
        if self.order != Order::NoEnd {
            self.event("opening.bidders_done", 142, said);
        }
    }
}

#[test]
fn prices_that_were_opened_before_the_last_score_sheet_are_named() {
    let broken = told(Order::PricesFirst);
    let words = "after the prices were opened from entry";
    assert!(
        broken.len() == 1 && broken[0].contains(words) && broken[0].contains(" m5 scored"),
        "{broken:#?}"
    );
    assert_eq!(told(Order::ScoresFirst), [""; 0]);
}

fn told(order: Order) -> Vec<String> {
    let broken = Evidence::in_order(order).verify();
    broken.broken_lines().map(|line| format!("{} {}", line.check, line.words)).collect()
}

/// Exactly one line is broken, and it says this.
fn says(told: &[String], words: &str) {
    assert!(told.len() == 1 && told[0].starts_with("bidders ") && told[0].contains(words), "{told:#?}");
}

#[test]
fn the_bidders_who_came_before_the_trustees_are_counted() {
    let lines: Vec<String> = Evidence::honest().verify().lines().iter().map(ToString::to_string).collect();
    let said = "1 bidders released their keys before the first trustee, 0 did not come";
    assert!(lines.iter().any(|line| line.starts_with("ok   bidders") && line.contains(said)), "{lines:#?}");
}

#[test]
fn a_trustee_before_the_bidders_is_named() {
    let told = told(Order::TrusteesFirst);
    assert!(told.iter().all(|line| line.starts_with("bidders ")), "{told:#?}");
    assert!(told.iter().any(|line| line.contains("a trustee released at entry")), "{told:#?}");
    assert!(told.iter().any(|line| line.contains("its key came at entry")), "{told:#?}");
}

#[test]
fn an_absent_bidder_who_was_invented_is_named() {
    says(&told(Order::AbsentInvented), "its bidder is said not to have come, but its key came at entry");
}

#[test]
fn a_bidder_who_was_declared_absent_too_early_is_named() {
    let told = told(Order::AbsentEarly);
    assert!(told.iter().any(|line| line.contains("declared absent before their time was over")), "{told:#?}");
    // and the price that nobody could have read
    assert!(told.len() == 2 && told[1].starts_with("evaluation "), "{told:#?}");
}

#[test]
fn an_end_of_the_bidders_time_that_is_missing_or_moved_is_named() {
    says(&told(Order::NoEnd), "does not say that the bidders' time was over");
    says(&told(Order::OtherEnd), "not the one that was announced");
}

#[test]
fn a_key_that_was_refused_as_wrong_is_judged_again() {
    let tried = Evidence::in_order(Order::WrongKeyTried);
    assert_eq!(tried.verify().broken_lines().count(), 0, "it was wrong indeed");
    let refused = |e: &Evidence| {
        e.files.keys().find(|path| path.starts_with("opening/single/refused-")).unwrap().clone()
    };
    let broken = |change: &dyn Fn(&mut Evidence)| -> Vec<String> {
        let mut evidence = tried.clone();
        change(&mut evidence);
        evidence.verify().broken_lines().map(|line| format!("{} {}", line.check, line.words)).collect()
    };
    says(&broken(&|e| drop(e.files.remove(&refused(e)))), "is missing");
    let other = broken(&|e| {
        let path = refused(e);
        let right = e.files.keys().find(|path| path.starts_with("opening/single/bidder-")).unwrap().clone();
        e.files.insert(path, e.files[&right].clone());
    });
    says(&other, "it is not the release of entry");
    says(&told(Order::RightKeyRefused), "its right key was refused as wrong at entry");
}

#[test]
fn a_wrong_key_that_its_bidder_did_not_sign_is_named_and_so_is_one_for_another_session() {
    says(&told(Order::WrongKeyUnsigned), "who has not signed it: there is no signature");
    says(&told(Order::WrongKeyOfAnother), "who has not signed it: the certificate is another organisation's");
    says(&told(Order::OtherSessionAsked), "was asked for under another session's key");
    // a record that tells of a wrong key where the log has none
    let mut invented = Evidence::honest();
    let bidder = invented.files.keys().find(|path| path.starts_with("opening/single/bidder-")).unwrap();
    let hex = bidder.strip_prefix("opening/single/bidder-").unwrap().strip_suffix(".json").unwrap();
    let m = b64u(&hex::decode(hex).unwrap());
    with_record(&mut invented, &m, "bidder", json!("bidder_key_wrong"));
    let broken: Vec<String> = invented.verify().broken_lines().map(|line| line.words.clone()).collect();
    assert!(broken.iter().any(|words| words.contains("and the log has none")), "{broken:#?}");
}

#[test]
fn a_bidders_release_that_is_missing_or_altered_is_named() {
    let path = |e: &Evidence| {
        e.files.keys().find(|path| path.starts_with("opening/single/bidder-")).unwrap().clone()
    };
    let broken = |change: &dyn Fn(&mut Evidence)| -> Vec<String> {
        let mut evidence = Evidence::honest();
        change(&mut evidence);
        evidence.verify().broken_lines().map(|line| format!("{} {}", line.check, line.words)).collect()
    };
    says(&broken(&|e| drop(e.files.remove(&path(e)))), "is missing");
    let altered = broken(&|e| {
        let path = path(e);
        e.alter(&path, |doc| {
            let text = doc["box"].as_str().unwrap().to_owned();
            let other =
                if text.contains('A') { text.replacen('A', "B", 1) } else { text.replacen('b', "c", 1) };
            doc["box"] = json!(other);
        });
    });
    says(&altered, "the log does not hold its hash");
}
