//! When a box may be closed and opened, and who is to blame for a bid that does not open. Pure.

use super::lockstep::Bidders;
use crate::platform::moment::{Deadline, Moment};
use crate::platform::refusal::Refused;
use crate::sealing::bid_set::BidSet;
use crate::sealing::opening_check::{BidderFault, Verdict};
use crate::sealing::trustees::TrusteeSet;
use crate::sealing::warrant::OpeningWarrant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most characters of an objection or an answer.
pub const WORDS_MAX: usize = 2000;

/// Why the hall says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The deadline, which is also the opening time, has not come.
    TooEarly {
        opens_at: Moment,
    },
    Closed,
    /// Somebody who came before the deadline is still on the way to a receipt.
    Arriving,
    NotClosed,
    /// Too few witnesses have cosigned the closing checkpoint.
    NotWitnessed,
    /// Fewer bidders than the tender asks for at the deadline.
    TooFew {
        count: usize,
        minimum: u32,
    },
    NotATrustee,
    AlreadyReleased,
    /// The release document does not fit this opening. `cause` is the last part of a locale key.
    BadRelease {
        cause: &'static str,
        why: String,
    },
    /// Not enough trustees have released their shares.
    Quorum {
        have: usize,
        need: u8,
    },
    /// Some bid does not open with the shares that are there, and these trustees' shares are missing.
    WaitFor {
        trustees: Vec<u8>,
    },
    AlreadyOpened,
    /// Bidders release their keys before any trustee does.
    BiddersFirst {
        until: Moment,
        waiting: usize,
    },
    /// No bid of this envelope is locked with its bidder's key.
    NoBidderLock,
    /// The bidders' time is over.
    KeysOver {
        until: Moment,
    },
    NotYourBid,
    KeyReleased,
    /// It is not the key that the bid committed to, and that is on record.
    WrongKey,
    /// It is not the key that the bid committed to, and its bidder has not signed it: nothing is kept of it.
    WrongKeyUnsigned,
    TooManyTries {
        max: usize,
    },
    /// There is no bid whose bidder did not come.
    NotAbsent,
    Excused,
    NotOpened,
    NotABidder,
    /// Something that the opening rests on was recorded while it went on.
    Changed,
    AlreadySignedIn,
    Words,
    /// A paper is of no kind that is accepted.
    Paper,
    AlreadyAnswered,
    /// Objections wait for an answer.
    Unanswered {
        count: usize,
    },
    NoRecord,
    Published,
    NotPresent,
    AlreadySigned,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        use Refusal as R;
        let say = |status, name: &str| Self::new(status, format!("opening.refusal.{name}"));
        match refusal {
            R::TooEarly { opens_at } => {
                say(409, "too_early").with("at", opens_at.beijing()).article("招标投标法 第三十四条")
            }
            R::Closed => say(409, "closed"),
            R::Arriving => say(409, "arriving"),
            R::NotClosed => say(409, "not_closed"),
            R::NotWitnessed => say(409, "not_witnessed"),
            R::TooFew { count, minimum } => say(409, "too_few")
                .with("count", count)
                .with("minimum", minimum)
                .article("招标投标法实施条例 第四十四条"),
            R::NotATrustee => say(403, "not_a_trustee"),
            R::AlreadyReleased => say(409, "already_released"),
            R::BadRelease { cause, why } => {
                say(422, "bad_release").word("cause", format!("opening.bad_release.{cause}")).with("why", why)
            }
            R::Quorum { have, need } => say(409, "quorum").with("have", have).with("need", need),
            R::WaitFor { trustees } => {
                let list: Vec<String> = trustees.iter().map(u8::to_string).collect();
                say(409, "wait_for").with("trustees", list.join(", "))
            }
            R::AlreadyOpened => say(409, "already_opened"),
            R::BiddersFirst { until, waiting } => say(409, "bidders_first")
                .with("until", until.beijing())
                .with("waiting", waiting)
                .article("电子招标投标办法 第三十条"),
            R::NoBidderLock => say(409, "no_bidder_lock"),
            R::KeysOver { until } => {
                say(409, "keys_over").with("until", until.beijing()).article("电子招标投标办法 第三十一条")
            }
            R::NotYourBid => say(403, "not_your_bid"),
            R::KeyReleased => say(409, "key_released"),
            R::WrongKey => say(422, "wrong_key"),
            R::WrongKeyUnsigned => say(422, "wrong_key_unsigned"),
            R::TooManyTries { max } => say(429, "too_many_tries").with("max", max),
            R::NotAbsent => say(409, "not_absent"),
            R::Excused => say(409, "excused"),
            R::NotOpened => say(409, "not_opened"),
            R::NotABidder => say(403, "not_a_bidder").article("招标投标法实施条例 第四十四条"),
            R::Changed => say(409, "changed"),
            R::AlreadySignedIn => say(409, "already_signed_in"),
            R::Words => say(422, "words").with("max", WORDS_MAX).field("words"),
            R::Paper => say(422, "paper").field("file"),
            R::AlreadyAnswered => say(409, "already_answered"),
            R::Unanswered { count } => {
                say(409, "unanswered").with("count", count).article("招标投标法实施条例 第四十四条")
            }
            R::NoRecord => say(409, "no_record"),
            R::Published => say(409, "published"),
            R::NotPresent => say(403, "not_present"),
            R::AlreadySigned => say(409, "already_signed"),
        }
    }
}

/// The closing checkpoint of a lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Leaves in the log; a bid counts if its index is below this.
    pub size: u64,
    pub root: [u8; 32],
    /// The signed note.
    pub note: String,
    pub at: Moment,
    /// Bidders who have handed in every envelope.
    pub bidders: u32,
}

/// What follows from the number of bidders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Opens,
    /// 不予开标: nothing is opened, every ciphertext stays as it is, deposits are due back.
    TooFew,
}

/// Whether the box may be closed at `now`.
pub fn check_close(deadline: Deadline, closed: bool, now: Moment) -> Result<(), Refusal> {
    if closed {
        return Err(Refusal::Closed);
    }
    if deadline.is_open(now) { Err(Refusal::TooEarly { opens_at: deadline.0 }) } else { Ok(()) }
}

/// What follows from `bidders` at the deadline.
pub fn outcome(bidders: usize, minimum: u32) -> Outcome {
    if u32::try_from(bidders).is_ok_and(|count| count < minimum) { Outcome::TooFew } else { Outcome::Opens }
}

/// Everything that decides whether bids may be opened.
pub struct Facts<'a> {
    pub deadline: Deadline,
    pub closing: Option<&'a Closing>,
    pub minimum: u32,
    pub trustees: &'a TrusteeSet,
    pub set: &'a BidSet,
    /// Numbers of the trustees whose releases were accepted.
    pub released: &'a [u8],
    /// The bidders' phase, where bids are locked twice.
    pub bidders: Option<&'a Bidders>,
    pub opened: bool,
}

/// Issues the warrant for the bids of `facts.set`: the only place that does.
///
/// # Errors
/// The deadline has not passed, the box is not closed (or by this clock not yet), the set is not of this closing, too few
/// bidders, too few trustees, or it was opened before.
pub fn warrant(facts: &Facts<'_>, now: Moment) -> Result<OpeningWarrant, Refusal> {
    if facts.deadline.is_open(now) {
        return Err(Refusal::TooEarly { opens_at: facts.deadline.0 });
    }
    let closing = facts.closing.ok_or(Refusal::NotClosed)?;
    if now < closing.at {
        // the clock was set back; a record that says so is refused by whoever verifies it
        return Err(Refusal::TooEarly { opens_at: closing.at });
    }
    if facts.set.closing.size.0 != closing.size || facts.set.closing.root.0 != closing.root {
        return Err(Refusal::NotClosed);
    }
    let count = usize::try_from(closing.bidders).unwrap_or(usize::MAX);
    if outcome(count, facts.minimum) == Outcome::TooFew {
        return Err(Refusal::TooFew { count, minimum: facts.minimum });
    }
    if facts.opened {
        return Err(Refusal::AlreadyOpened);
    }
    if let Some(bidders) = facts.bidders {
        bidders.check_share(now)?;
    }
    let released: BTreeSet<u8> = facts.released.iter().copied().collect();
    let have = released.iter().filter(|i| facts.trustees.member(**i).is_some()).count();
    if have < usize::from(facts.trustees.t) {
        return Err(Refusal::Quorum { have, need: facts.trustees.t });
    }
    Ok(OpeningWarrant::issue(facts.set.bids.iter().map(|bid| bid.m.0)))
}

/// Who is to blame for a bid that does not open (电子招标投标办法 第三十一条: 投标人原因为撤销, 非投标人原因为撤回).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// 撤销: the deposit may be kept.
    Bidder,
    /// 撤回: true shares of trustees who did not come could have opened it.
    Trustees,
    /// 撤回: what the server keeps is not what it accepted.
    Platform,
    /// 撤回: the agent has recorded a cause that is not the bidder's.
    Outside,
    /// 撤回: the bidder's boxes are false or trustees lie, and nobody can tell which. Nothing is proven, so nobody is punished.
    Unsettled,
}

impl Blame {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bidder => "bidder",
            Self::Trustees => "trustees",
            Self::Platform => "platform",
            Self::Outside => "outside",
            Self::Unsettled => "unsettled",
        }
    }
}

/// Why a bid does not open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The boxes hold something else than the shares that were committed to.
    SharesDoNotFit,
    /// The shares that were committed to give another key than the committed one.
    KeyDiffers,
    /// The share commitment of this trustee is not the one that the key gives.
    CommitmentDiffers(u8),
    /// The box of this trustee is not the one that the key gives.
    BoxDiffers(u8),
    /// There are fewer than t true shares.
    SharesMissing,
    /// The stored ciphertext is not the submitted one.
    CiphertextDamaged,
    /// The bidder's own key (dual lock) never came.
    BidderKeyMissing,
    /// What the bidder released was never the key that the bid committed to (dual lock).
    BidderKeyWrong,
    /// The content is not the strict archive that the format asks for.
    Content(String),
    /// The document inside is signed for somebody else.
    OtherSigner,
}

impl Cause {
    /// Whether trustees' shares alone decide it, so that whoever has them can judge it again.
    pub const fn is_of_shares(&self) -> bool {
        matches!(
            self,
            Self::SharesDoNotFit
                | Self::KeyDiffers
                | Self::CommitmentDiffers(_)
                | Self::BoxDiffers(_)
                | Self::SharesMissing
        )
    }

    /// The end of the locale key `opening.cause.…`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SharesDoNotFit => "shares_do_not_fit",
            Self::KeyDiffers => "key_differs",
            Self::CommitmentDiffers(_) => "commitment_differs",
            Self::BoxDiffers(_) => "box_differs",
            Self::SharesMissing => "shares_missing",
            Self::CiphertextDamaged => "ciphertext_damaged",
            Self::BidderKeyMissing => "bidder_key_missing",
            Self::BidderKeyWrong => "bidder_key_wrong",
            Self::Content(_) => "content",
            Self::OtherSigner => "other_signer",
        }
    }
}

/// What follows from a verdict of the opening check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The key is proven.
    Sound,
    Failed(Blame, Cause),
    /// Nothing can be said before more trustees release.
    Wait,
}

/// Judges a verdict of the opening check. `missing`: how many trustees have not released; `given_up`: the agent has declared
/// them lost. What is proven waits for nobody.
pub fn judge(verdict: &Verdict, missing: usize, given_up: bool) -> Judgement {
    match verdict {
        Verdict::Sound { .. } => Judgement::Sound,
        // liars can look the same, so all must have spoken
        Verdict::BidderAtFault(fault) if fault.is_proven() || missing == 0 => {
            Judgement::Failed(Blame::Bidder, cause_of(*fault))
        }
        // too few true shares, and nobody is left to bring one: the bidder may be honest
        Verdict::NotEnough { have, need } if missing == 0 || given_up => {
            let could_have_come = usize::from(*have) + missing;
            let blame =
                if could_have_come >= usize::from(*need) { Blame::Trustees } else { Blame::Unsettled };
            Judgement::Failed(blame, Cause::SharesMissing)
        }
        Verdict::BidderAtFault(_) if given_up => Judgement::Failed(Blame::Trustees, Cause::SharesMissing),
        Verdict::NotEnough { .. } | Verdict::BidderAtFault(_) => Judgement::Wait,
    }
}

const fn cause_of(fault: BidderFault) -> Cause {
    match fault {
        BidderFault::SharesDoNotFit => Cause::SharesDoNotFit,
        BidderFault::KeyDiffers => Cause::KeyDiffers,
        BidderFault::CommitmentDiffers(i) => Cause::CommitmentDiffers(i),
        BidderFault::BoxDiffers(i) => Cause::BoxDiffers(i),
    }
}

/// The name of a paper as it may stand in a record: without control characters, of bearable length, never empty.
pub fn paper_name(given: &str) -> String {
    let name: String = given.chars().filter(|c| !c.is_control()).take(200).collect();
    if name.trim().is_empty() { "file".into() } else { name.trim().into() }
}

/// Trimmed words of an objection or answer.
pub fn check_words(text: &str) -> Result<&str, Refusal> {
    let text = text.trim();
    let length = text.chars().count();
    let printable = text.chars().all(|c| !c.is_control() || c == '\n' || c == '\r');
    if (1..=WORDS_MAX).contains(&length) && printable { Ok(text) } else { Err(Refusal::Words) }
}
