//! 阶段: where a lot stands. Computed from schedule, milestones and `now`; never stored.
//!
//! While a lot is frozen or suspended its clock stands still for the phase: a deadline that goes by during a
//! hold closes nothing, and has to be amended before the hold is lifted.

use serde::{Deserialize, Serialize};

use super::schedule::Schedule;
use crate::ledger::EntryId;
use crate::platform::moment::Moment;

/// 里程碑: an irreversible step that a lot has reached. Append-only; the rooms tell the spine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Milestone {
    /// 公告发布
    Announced,
    /// 变更公告发布
    Amended,
    /// 投标截止时间因平台故障顺延
    Extended,
    /// 投标截止：the closing checkpoint is fixed
    BiddingClosed,
    /// 不予开标：too few bids
    NotOpened,
    /// 专家抽取完成
    ExpertsDrawn,
    /// 开标完成 (of two envelopes: the technical one)
    Opened,
    /// 评标开始
    EvaluationStarted,
    /// 第二信封开启
    SecondOpened,
    /// 评标报告签署
    Evaluated,
    /// 中标候选人公示
    CandidatesPublished,
    /// 定标
    Awarded,
    /// 中标结果公告
    ResultPublished,
    /// 合同签订
    ContractSigned,
    /// 流标、废标
    Unsuccessful,
    /// 终止
    Cancelled,
    /// 监督冻结
    Frozen,
    /// 解除冻结
    Unfrozen,
    /// 因异议等暂停
    Suspended,
    /// 恢复
    Resumed,
}

impl Milestone {
    pub const ALL: [Self; 20] = [
        Self::Announced,
        Self::Amended,
        Self::Extended,
        Self::BiddingClosed,
        Self::NotOpened,
        Self::ExpertsDrawn,
        Self::Opened,
        Self::EvaluationStarted,
        Self::SecondOpened,
        Self::Evaluated,
        Self::CandidatesPublished,
        Self::Awarded,
        Self::ResultPublished,
        Self::ContractSigned,
        Self::Unsuccessful,
        Self::Cancelled,
        Self::Frozen,
        Self::Unfrozen,
        Self::Suspended,
        Self::Resumed,
    ];

    /// The word in databases and documents.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Amended => "amended",
            Self::Extended => "extended",
            Self::BiddingClosed => "bidding_closed",
            Self::NotOpened => "not_opened",
            Self::ExpertsDrawn => "experts_drawn",
            Self::Opened => "opened",
            Self::EvaluationStarted => "evaluation_started",
            Self::SecondOpened => "second_opened",
            Self::Evaluated => "evaluated",
            Self::CandidatesPublished => "candidates_published",
            Self::Awarded => "awarded",
            Self::ResultPublished => "result_published",
            Self::ContractSigned => "contract_signed",
            Self::Unsuccessful => "unsuccessful",
            Self::Cancelled => "cancelled",
            Self::Frozen => "frozen",
            Self::Unfrozen => "unfrozen",
            Self::Suspended => "suspended",
            Self::Resumed => "resumed",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|milestone| milestone.code() == code)
    }

    /// Whether a lot can reach it more than once.
    pub const fn repeats(self) -> bool {
        matches!(
            self,
            Self::Amended | Self::Extended | Self::Frozen | Self::Unfrozen | Self::Suspended | Self::Resumed
        )
    }
}

/// A milestone that was reached, and its entry in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    pub milestone: Milestone,
    pub at: Moment,
    /// The ledger entry that records it.
    pub entry: EntryId,
}

/// 阶段: what is going on with a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// 编制中：not announced
    Draft,
    /// 已公告：announced, documents not yet issued
    Announced,
    /// 投标中：documents are out, bids are taken
    Bidding,
    /// 开标中：the deadline has passed, bids are not open yet
    Opening,
    /// 评标中
    Evaluation,
    /// 评标完成：candidates not yet published
    Evaluated,
    /// 候选人公示
    Publicity,
    /// 已定标：result not yet published
    Awarded,
    /// 已公布结果
    Completed,
    /// 流标
    Unsuccessful,
    /// 终止
    Cancelled,
}

impl Phase {
    pub const ALL: [Self; 11] = [
        Self::Draft,
        Self::Announced,
        Self::Bidding,
        Self::Opening,
        Self::Evaluation,
        Self::Evaluated,
        Self::Publicity,
        Self::Awarded,
        Self::Completed,
        Self::Unsuccessful,
        Self::Cancelled,
    ];

    /// The word in addresses, documents and locale keys (`project.phase.<code>`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Announced => "announced",
            Self::Bidding => "bidding",
            Self::Opening => "opening",
            Self::Evaluation => "evaluation",
            Self::Evaluated => "evaluated",
            Self::Publicity => "publicity",
            Self::Awarded => "awarded",
            Self::Completed => "completed",
            Self::Unsuccessful => "unsuccessful",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.code() == code)
    }

    /// Whether nothing more can happen to the bids of the lot.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Unsuccessful | Self::Cancelled)
    }

    /// Whether the bids are still sealed: the deadline has not passed or nothing was opened.
    pub const fn is_before_opening(self) -> bool {
        matches!(self, Self::Draft | Self::Announced | Self::Bidding | Self::Opening)
    }
}

/// 冻结、暂停: what holds a lot up, if anything does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Hold {
    /// Frozen by a supervisor.
    pub frozen: bool,
    /// How many suspensions (unanswered objections) are open.
    pub suspensions: u32,
    /// Since when the lot has been held without a break.
    pub since: Option<Moment>,
}

impl Hold {
    pub fn is_held(self) -> bool {
        self.frozen || self.suspensions > 0
    }
}

/// What holds the lot up at the end of `milestones` (in the order of the ledger).
pub fn hold(milestones: &[Reached]) -> Hold {
    let mut hold = Hold::default();
    for reached in milestones {
        match reached.milestone {
            Milestone::Frozen => hold.frozen = true,
            Milestone::Unfrozen => hold.frozen = false,
            Milestone::Suspended => hold.suspensions += 1,
            Milestone::Resumed => hold.suspensions = hold.suspensions.saturating_sub(1),
            _ => {}
        }
        hold.since = if hold.is_held() { hold.since.or(Some(reached.at)) } else { None };
    }
    hold
}

/// Milestones that by themselves decide the phase, the strongest first.
const DECISIVE: [(Milestone, Phase); 9] = [
    (Milestone::Cancelled, Phase::Cancelled),
    (Milestone::Unsuccessful, Phase::Unsuccessful),
    (Milestone::NotOpened, Phase::Unsuccessful),
    (Milestone::ResultPublished, Phase::Completed),
    (Milestone::Awarded, Phase::Awarded),
    (Milestone::CandidatesPublished, Phase::Publicity),
    (Milestone::Evaluated, Phase::Evaluated),
    (Milestone::Opened, Phase::Evaluation),
    (Milestone::BiddingClosed, Phase::Opening),
];

/// The milestone that decides the phase: the strongest one reached, [`Milestone::Announced`] before any of those,
/// `None` for a draft. Lists keep it in a column so that a phase is one written filter.
pub fn furthest(milestones: &[Reached]) -> Option<Milestone> {
    let has = |milestone| milestones.iter().any(|reached| reached.milestone == milestone);
    let decisive = DECISIVE.iter().map(|(milestone, _)| *milestone).find(|milestone| has(*milestone));
    decisive.or_else(|| has(Milestone::Announced).then_some(Milestone::Announced))
}

/// Where a lot stands that has reached `furthest`, with `documents_from` and `bids_until` from its schedule, held
/// since `held_since`, at `now`. The one definition behind pages and lists.
pub fn phase_of(
    furthest: Option<Milestone>,
    (documents_from, bids_until): (Moment, Moment),
    held_since: Option<Moment>,
    now: Moment,
) -> Phase {
    let Some(furthest) = furthest else { return Phase::Draft };
    if let Some((_, phase)) = DECISIVE.iter().find(|(milestone, _)| *milestone == furthest) {
        return *phase;
    }
    let clock = held_since.map_or(now, |since| since.min(now));
    if clock >= bids_until {
        Phase::Opening
    } else if clock >= documents_from {
        Phase::Bidding
    } else {
        Phase::Announced
    }
}

/// Where the lot stands at `now`. A lot without a schedule, or not announced, is a draft.
pub fn phase(schedule: Option<&Schedule>, milestones: &[Reached], now: Moment) -> Phase {
    let furthest = furthest(milestones);
    match schedule {
        Some(schedule) => {
            let times = (schedule.documents_from, schedule.bids_until);
            phase_of(furthest, times, hold(milestones).since, now)
        }
        None if furthest == Some(Milestone::Cancelled) => Phase::Cancelled,
        None => Phase::Draft,
    }
}
