//! What can be untrue in the papers of an opening: one case for each lie that a trustee's program finds, each with a sentence
//! of its own here and in the locales (`opening.untrue.…`).

use thiserror::Error;

/// Why a trustee's program does not believe an opening bundle.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Untrue {
    #[error(
        "these papers are for a drill, or show nothing of the log: nothing real may be released from them"
    )]
    DrillOnly,
    #[error("these papers are not for a drill: they name a lot that is not the canary's")]
    NoDrill,
    #[error("these papers of a drill show nothing of the log: fetch them again from the trustees' page")]
    OldDrill,
    #[error("the log does not show that this drill was begun: it names another canary or session, or none")]
    OtherDrill,
    #[error(
        "by their own clocks the witnesses cosigned before the drill began; at the opening they would not count: {0}"
    )]
    SlowWitness(String),
    #[error("the newest cosignatures are more than a day old; at the opening there must be newer ones: {0}")]
    StaleCosigned(String),
    #[error("the log's changes of key do not hold: {0}")]
    Rotations(String),
    #[error("the checkpoint is not signed with the log key that you pinned: {0}")]
    OtherKey(String),
    #[error("the checkpoint is forged: {0}")]
    Forged(String),
    #[error("too few of the witnesses of your policy have cosigned this log: {0}")]
    NotCosigned(String),
    #[error("the witnesses cosigned before the opening time, which proves nothing about it: {0}")]
    OldCosigned(String),
    #[error(
        "the log as it was at the closing is not part of the log that was signed: two versions of it exist"
    )]
    SplitView,
    #[error("the bid {0} was not in the log when the box was closed: it was added later, or never handed in")]
    BidNotLogged(String),
    #[error("the bid {0} was sealed for another log")]
    OtherLog(String),
    #[error("the entry {0} that the papers show is not in the log")]
    EntryNotLogged(u64),
    #[error("the entry {0} can not be read: {1}")]
    BadEntry(u64, String),
    #[error("the papers do not show every notice of this tender, from the first on")]
    NoNotice,
    #[error("notice {0} is not signed by the key of the certificate that it names")]
    NoticeNotSigned(u32),
    #[error(
        "notice {0} is not signed with a certificate of the authorities that you trust, valid when it was signed"
    )]
    NoticeNotCertified(u32),
    #[error("the opening time is not the announced one: the papers say {said}, the notices say {announced}")]
    OtherTime { said: String, announced: String },
    #[error("the log does not show that the box of this lot was closed, once and as the papers say")]
    NotClosed,
    #[error("the box was closed before the opening time")]
    ClosedEarly,
    #[error("these are not the bids with which the box was closed: some were left out or added")]
    OtherBids,
    #[error("the session's key is not the one of the opening session in the log")]
    OtherSession,
    #[error("which bidders gave their keys is told differently from what the log says")]
    OtherBidders,
    #[error("the bidders' time to give their keys was declared over too early")]
    BiddersEarly,
}

impl Untrue {
    /// The end of the locale key.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DrillOnly => "drill_only",
            Self::NoDrill => "no_drill",
            Self::OldDrill => "old_drill",
            Self::OtherDrill => "other_drill",
            Self::SlowWitness(_) => "slow_witness",
            Self::StaleCosigned(_) => "stale_cosigned",
            Self::Rotations(_) => "rotations",
            Self::OtherKey(_) => "other_key",
            Self::Forged(_) => "forged",
            Self::NotCosigned(_) => "not_cosigned",
            Self::OldCosigned(_) => "old_cosigned",
            Self::SplitView => "split_view",
            Self::BidNotLogged(_) => "bid_not_logged",
            Self::OtherLog(_) => "other_log",
            Self::EntryNotLogged(_) => "entry_not_logged",
            Self::BadEntry(..) => "bad_entry",
            Self::NoNotice => "no_notice",
            Self::NoticeNotSigned(_) => "notice_not_signed",
            Self::NoticeNotCertified(_) => "notice_not_certified",
            Self::OtherTime { .. } => "other_time",
            Self::NotClosed => "not_closed",
            Self::ClosedEarly => "closed_early",
            Self::OtherBids => "other_bids",
            Self::OtherSession => "other_session",
            Self::OtherBidders => "other_bidders",
            Self::BiddersEarly => "bidders_early",
        }
    }
}
