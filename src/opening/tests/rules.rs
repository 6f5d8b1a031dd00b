use crate::opening::rules::{
    Blame, Cause, Closing, Facts, Judgement, Outcome, Refusal, check_close, check_words, judge, outcome,
    warrant,
};
use crate::platform::moment::{Deadline, Moment};
use crate::sealed_bid::rules::{complete_bidders, missing_envelopes};
use crate::sealing::bid_set::{BidSet, Closing as ClosingLine, CountedBid};
use crate::sealing::context::EnvelopeKind as Kind;
use crate::sealing::document::{Bytes, Count};
use crate::sealing::opening_check::{BidderFault, Verdict};
use crate::sealing::trustees::{TrusteeKey, TrusteeSet, TrusteeSetTyp};

const DEADLINE: Deadline = Deadline(Moment::from_micros(1_000));

fn now(micros: i64) -> Moment {
    Moment::from_micros(micros)
}

fn trustees() -> TrusteeSet {
    let keys: Vec<TrusteeKey> = (1..=3).map(|i| TrusteeKey::generate("T-1", i).unwrap().0).collect();
    let members = keys.iter().map(|key| key.member("某单位")).collect();
    TrusteeSet { members, t: 2, tender: "T-1".into(), typ: TrusteeSetTyp }
}

fn closing(bidders: u32) -> Closing {
    Closing { size: 9, root: [7; 32], note: String::new(), at: now(1_000), bidders }
}

fn set(size: u64) -> BidSet {
    let line = ClosingLine { root: Bytes([7; 32]), size: Count(size) };
    let bids = vec![CountedBid { leaf: Count(3), m: Bytes([1; 32]) }];
    BidSet::new("T-1", "1", Kind::Single, line, bids)
}

#[test]
fn a_box_is_closed_at_the_exact_deadline_and_only_once() {
    assert_eq!(check_close(DEADLINE, false, now(999)), Err(Refusal::TooEarly { opens_at: DEADLINE.0 }));
    assert_eq!(check_close(DEADLINE, false, now(1_000)), Ok(()));
    assert_eq!(check_close(DEADLINE, true, now(1_000)), Err(Refusal::Closed));
}

#[test]
fn a_warrant_needs_deadline_closing_bidders_and_quorum() {
    let (trustees, set, closed) = (trustees(), set(9), closing(3));
    let base = || Facts {
        deadline: DEADLINE,
        closing: Some(&closed),
        minimum: 3,
        trustees: &trustees,
        set: &set,
        released: &[1, 3],
        bidders: None,
        opened: false,
    };
    let issued = warrant(&base(), now(1_000)).unwrap();
    assert!(issued.covers(&[1; 32]) && !issued.covers(&[2; 32]));
    let refused = |facts: Facts<'_>, at: i64| warrant(&facts, now(at)).unwrap_err();
    assert_eq!(refused(base(), 999), Refusal::TooEarly { opens_at: DEADLINE.0 });
    assert_eq!(refused(Facts { closing: None, ..base() }, 1_000), Refusal::NotClosed);
    // by a clock that was set back the box is not closed yet
    let later = Closing { at: now(1_001), ..closing(3) };
    let early = Refusal::TooEarly { opens_at: now(1_001) };
    assert_eq!(refused(Facts { closing: Some(&later), ..base() }, 1_000), early);
    let (two, other) = (closing(2), super::rules::set(8));
    assert_eq!(
        refused(Facts { closing: Some(&two), ..base() }, 1_000),
        Refusal::TooFew { count: 2, minimum: 3 }
    );
    assert_eq!(refused(Facts { set: &other, ..base() }, 1_000), Refusal::NotClosed);
    assert_eq!(refused(Facts { opened: true, ..base() }, 1_000), Refusal::AlreadyOpened);
    assert_eq!(refused(Facts { released: &[3], ..base() }, 1_000), Refusal::Quorum { have: 1, need: 2 });
    // two releases of one trustee, or of somebody outside the set, are no quorum
    assert_eq!(
        refused(Facts { released: &[3, 3, 9], ..base() }, 1_000),
        Refusal::Quorum { have: 1, need: 2 }
    );
}

#[test]
fn a_bidder_counts_only_with_every_envelope() {
    let bids = [(Kind::Technical, 1), (Kind::Commercial, 1), (Kind::Technical, 2), (Kind::Commercial, 3)];
    assert_eq!(complete_bidders(&bids).into_iter().collect::<Vec<_>>(), [1]);
    assert_eq!(complete_bidders(&[(Kind::Single, 7)]).into_iter().collect::<Vec<_>>(), [7]);
    assert_eq!(missing_envelopes(&[Kind::Commercial]), [Kind::Technical]);
    assert!(missing_envelopes(&[]).is_empty());
    assert_eq!(outcome(2, 3), Outcome::TooFew);
    assert_eq!(outcome(3, 3), Outcome::Opens);
}

#[test]
fn a_bidder_is_blamed_only_for_what_is_proven() {
    let unfit = || Verdict::BidderAtFault(BidderFault::SharesDoNotFit);
    let differs = Verdict::BidderAtFault(BidderFault::BoxDiffers(2));
    assert_eq!(judge(&differs, 1, false), Judgement::Failed(Blame::Bidder, Cause::BoxDiffers(2)));
    assert_eq!(judge(&unfit(), 1, false), Judgement::Wait);
    assert_eq!(judge(&unfit(), 0, false), Judgement::Failed(Blame::Bidder, Cause::SharesDoNotFit));
    assert_eq!(judge(&unfit(), 1, true), Judgement::Failed(Blame::Trustees, Cause::SharesMissing));
    for (fault, cause) in [
        (BidderFault::KeyDiffers, Cause::KeyDiffers),
        (BidderFault::CommitmentDiffers(3), Cause::CommitmentDiffers(3)),
    ] {
        let proven = Verdict::BidderAtFault(fault);
        assert_eq!(judge(&proven, 1, false), Judgement::Failed(Blame::Bidder, cause), "waits for nobody");
    }
    let few = Verdict::NotEnough { have: 1, need: 2 };
    assert_eq!(judge(&few, 1, false), Judgement::Wait);
}

#[test]
fn trustees_who_did_not_come_are_blamed_only_if_their_shares_could_have_been_enough() {
    let few = |have, need| Verdict::NotEnough { have, need };
    let shut = |blame| Judgement::Failed(blame, Cause::SharesMissing);
    assert_eq!(judge(&few(1, 2), 1, true), shut(Blame::Trustees));
    assert_eq!(judge(&few(3, 4), 2, true), shut(Blame::Trustees));
    // nobody is left who could bring a true share, or too few are
    assert_eq!(judge(&few(3, 4), 0, false), shut(Blame::Unsettled));
    assert_eq!(judge(&few(0, 2), 1, true), shut(Blame::Unsettled));
    assert_eq!(judge(&few(2, 4), 1, true), shut(Blame::Unsettled));
    assert_eq!(judge(&few(2, 4), 1, false), Judgement::Wait);
}

#[test]
fn words_are_trimmed_and_bounded() {
    assert_eq!(check_words("  报价有误 \n"), Ok("报价有误"));
    for bad in ["", "   ", "a\u{7}b", &"字".repeat(2001)] {
        assert_eq!(check_words(bad), Err(Refusal::Words), "{bad:?}");
    }
}
