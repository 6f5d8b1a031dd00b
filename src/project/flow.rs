//! The flow as a table: step × who × phases × guard × milestone × article.
//!
//! [`may`] looks a step up: it judges role, phase and hold. What the guard names is checked by the room that
//! takes the step, because only that room has the facts. A step that is not in the table does not exist.

use serde::{Deserialize, Serialize};

use super::phase::{Hold, Milestone, Phase};
use super::rules::Refusal;
use crate::account::role::Role;

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// 步骤: something that a person does to a tender or lot.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Step { $($(#[$doc])* $name,)* }

        impl Step {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word in documents, tests and locale keys (`project.step.<code>`).
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

steps! {
    /// 建立、修改项目
    EditTender = "edit_tender",
    /// 发布公告
    PublishNotice = "publish_notice",
    /// 发布变更公告
    AmendNotice = "amend_notice",
    /// 因平台故障顺延截止时间
    ExtendDeadline = "extend_deadline",
    /// 上传招标文件
    UploadDocument = "upload_document",
    /// 下载招标文件
    DownloadDocument = "download_document",
    /// 提问
    AskQuestion = "ask_question",
    /// 答疑
    AnswerQuestion = "answer_question",
    /// 申请保证金账号
    RequestDepositAccount = "request_deposit_account",
    /// 导入银行到账通知
    ImportBankNotice = "import_bank_notice",
    /// 退还保证金
    RefundDeposits = "refund_deposits",
    /// 递交投标文件
    SubmitBid = "submit_bid",
    /// 替换投标文件
    ReplaceBid = "replace_bid",
    /// 撤回投标文件
    WithdrawBid = "withdraw_bid",
    /// 封箱: fix the closing checkpoint
    CloseBidding = "close_bidding",
    /// 确定抽取条件
    FixDraw = "fix_draw",
    /// 提交抽取承诺值
    CommitToDraw = "commit_to_draw",
    /// 揭示抽取随机值
    RevealForDraw = "reveal_for_draw",
    /// 抽取专家
    DrawExperts = "draw_experts",
    /// 专家答复
    AnswerCall = "answer_call",
    /// 开标签到
    SignInAtOpening = "sign_in_at_opening",
    /// 投标人解密
    ReleaseBidderKey = "release_bidder_key",
    /// 认定非投标人原因
    ExcuseAbsence = "excuse_absence",
    /// 释放密钥份额
    ReleaseShares = "release_shares",
    /// 不予开标
    DeclareNotOpened = "declare_not_opened",
    /// 开标
    OpenBids = "open_bids",
    /// 开标异议
    ObjectAtOpening = "object_at_opening",
    /// 答复开标异议
    AnswerAtOpening = "answer_at_opening",
    /// 签署开标记录
    SignOpeningRecord = "sign_opening_record",
    /// 组建评标委员会
    FormCommittee = "form_committee",
    /// 录制
    Record = "record",
    /// 开始评标
    StartEvaluation = "start_evaluation",
    /// 评审、打分
    Score = "score",
    /// 开启第二信封
    OpenSecond = "open_second",
    /// 签署评标报告
    SignReport = "sign_report",
    /// 公示中标候选人
    PublishCandidates = "publish_candidates",
    /// 提出异议
    RaiseObjection = "raise_objection",
    /// 答复异议
    AnswerObjection = "answer_objection",
    /// 定标
    DecideAward = "decide_award",
    /// 公布结果、发出中标通知书
    PublishResult = "publish_result",
    /// 签订合同
    SignContract = "sign_contract",
    /// 宣布流标
    DeclareUnsuccessful = "declare_unsuccessful",
    /// 终止招标
    CancelTender = "cancel_tender",
    /// 冻结
    Freeze = "freeze",
    /// 解除冻结
    Unfreeze = "unfreeze",
}

/// A condition beyond role, phase and hold. The room that takes the step checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    Nothing,
    /// Every period of the rulebook is kept.
    ScheduleLawful,
    /// Documents are being issued.
    DocumentsIssued,
    /// The question deadline has not passed.
    QuestionsOpen,
    /// The bid deadline has not passed.
    DeadlineAhead,
    /// An outage came near to the deadline. Nobody takes this step: the platform does, by its rule.
    PlatformWasAway,
    /// The bid deadline has passed.
    DeadlinePassed,
    /// Fewer bids than the minimum at the deadline.
    TooFewBids,
    /// The box is closed, enough bids, enough shares, and the re-derivation agrees.
    QuorumOfShares,
    /// All parties have committed, and revealed what they committed to.
    DrawRevealed,
    /// A lawful committee, none of whom is in conflict.
    CommitteeLawful,
    /// Every required track is being recorded.
    RecordingRuns,
    /// Every member signed, or refused with reasons.
    SheetsSigned,
    /// The time for objections is running.
    ObjectionTime,
    /// The publicity period is over and nothing is unanswered.
    PublicityOver,
    /// A refund is due.
    RefundDue,
    /// Only the lot's own people.
    OwnTender,
}

/// One row of the flow.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub step: Step,
    pub who: &'static [Role],
    pub phases: &'static [Phase],
    pub guard: Guard,
    /// What is reached, if the step is irreversible for the lot.
    pub milestone: Option<Milestone>,
    /// Whether the step may be taken while the lot is frozen or suspended.
    pub on_hold: bool,
    /// The article behind the row, as printed for people.
    pub article: &'static str,
}

use Phase as P;
use Role as R;
use Step as S;

const BEFORE_DEADLINE: &[Phase] = &[P::Announced, P::Bidding];
const RUNNING: &[Phase] =
    &[P::Announced, P::Bidding, P::Opening, P::Evaluation, P::Evaluated, P::Publicity, P::Awarded];
const PUBLIC: &[Phase] = &[
    P::Announced,
    P::Bidding,
    P::Opening,
    P::Evaluation,
    P::Evaluated,
    P::Publicity,
    P::Awarded,
    P::Completed,
    P::Unsuccessful,
    P::Cancelled,
];
const TRUSTEES: &[Role] = &[R::Agent, R::Entity, R::Supervisor, R::Centre];
const HALL: &[Role] = &[R::Bidder, R::Agent, R::Entity, R::Supervisor, R::Centre];

const fn row(
    step: Step,
    who: &'static [Role],
    phases: &'static [Phase],
    guard: Guard,
    milestone: Option<Milestone>,
    article: &'static str,
) -> Row {
    Row { step, who, phases, guard, milestone, on_hold: false, article }
}

const fn even_on_hold(mut row: Row) -> Row {
    row.on_hold = true;
    row
}

/// The whole flow, in the order of a tender's life.
#[rustfmt::skip]
pub const FLOW: &[Row] = &[
    row(S::EditTender, &[R::Agent], &[P::Draft], Guard::OwnTender, None, "招标投标法 第十九条"),
    row(S::PublishNotice, &[R::Agent], &[P::Draft], Guard::ScheduleLawful, Some(Milestone::Announced), "招标投标法 第十六条"),
    even_on_hold(row(S::AmendNotice, &[R::Agent], BEFORE_DEADLINE, Guard::ScheduleLawful, Some(Milestone::Amended), "招标投标法 第二十三条")),
    even_on_hold(row(S::ExtendDeadline, &[], &[P::Announced, P::Bidding, P::Opening], Guard::PlatformWasAway, Some(Milestone::Extended), "平台规则（rulebooks/outage.toml）")),
    row(S::UploadDocument, &[R::Agent], &[P::Draft, P::Announced, P::Bidding], Guard::OwnTender, None, "招标投标法实施条例 第十五条"),
    even_on_hold(row(S::DownloadDocument, &[R::Bidder], &[P::Bidding], Guard::DocumentsIssued, None, "招标投标法 第二十二条；电子招标投标办法 第二十条")),
    row(S::AskQuestion, &[R::Bidder], &[P::Bidding], Guard::QuestionsOpen, None, "招标投标法实施条例 第二十一条"),
    even_on_hold(row(S::AnswerQuestion, &[R::Agent], &[P::Bidding], Guard::ScheduleLawful, None, "招标投标法 第二十三条")),
    row(S::RequestDepositAccount, &[R::Bidder], BEFORE_DEADLINE, Guard::DeadlineAhead, None, "招标投标法实施条例 第二十六条"),
    even_on_hold(row(S::ImportBankNotice, &[R::Treasurer], PUBLIC, Guard::Nothing, None, "招标投标法实施条例 第二十六条")),
    even_on_hold(row(S::RefundDeposits, &[R::Treasurer], PUBLIC, Guard::RefundDue, None, "招标投标法实施条例 第五十七条")),
    row(S::SubmitBid, &[R::Bidder], &[P::Bidding], Guard::DeadlineAhead, None, "招标投标法 第二十八条"),
    row(S::ReplaceBid, &[R::Bidder], &[P::Bidding], Guard::DeadlineAhead, None, "招标投标法 第二十九条"),
    row(S::WithdrawBid, &[R::Bidder], &[P::Bidding], Guard::DeadlineAhead, None, "招标投标法 第二十九条"),
    row(S::CloseBidding, &[R::Agent, R::Centre], &[P::Opening], Guard::DeadlinePassed, Some(Milestone::BiddingClosed), "招标投标法 第三十四条"),
    row(S::FixDraw, &[R::Agent, R::Entity], &[P::Bidding, P::Opening, P::Evaluation], Guard::OwnTender, None, "招标投标法实施条例 第四十六条"),
    row(S::CommitToDraw, TRUSTEES, &[P::Bidding, P::Opening, P::Evaluation], Guard::Nothing, None, "招标投标法实施条例 第四十六条"),
    row(S::RevealForDraw, TRUSTEES, &[P::Bidding, P::Opening, P::Evaluation], Guard::Nothing, None, "招标投标法实施条例 第四十六条"),
    row(S::DrawExperts, &[R::Agent, R::Entity, R::Centre], &[P::Bidding, P::Opening, P::Evaluation], Guard::DrawRevealed, Some(Milestone::ExpertsDrawn), "招标投标法 第三十七条"),
    row(S::AnswerCall, &[R::Expert], &[P::Bidding, P::Opening, P::Evaluation], Guard::Nothing, None, "评标专家和评标专家库管理办法"),
    row(S::SignInAtOpening, HALL, &[P::Bidding, P::Opening], Guard::Nothing, None, "电子招标投标办法 第二十九条"),
    even_on_hold(row(S::ReleaseBidderKey, HALL, &[P::Opening, P::Evaluation], Guard::DeadlinePassed, None, "电子招标投标办法 第三十条")),
    row(S::ExcuseAbsence, &[R::Agent], &[P::Opening, P::Evaluation], Guard::OwnTender, None, "电子招标投标办法 第三十一条"),
    row(S::ReleaseShares, TRUSTEES, &[P::Opening, P::Evaluation], Guard::DeadlinePassed, None, "电子招标投标办法 第三十条"),
    row(S::DeclareNotOpened, &[R::Agent, R::Centre], &[P::Opening], Guard::TooFewBids, Some(Milestone::NotOpened), "招标投标法实施条例 第四十四条"),
    row(S::OpenBids, &[R::Agent, R::Centre], &[P::Opening], Guard::QuorumOfShares, Some(Milestone::Opened), "招标投标法 第三十四条、第三十六条"),
    row(S::ObjectAtOpening, &[R::Bidder], &[P::Opening, P::Evaluation], Guard::ObjectionTime, None, "招标投标法实施条例 第四十四条"),
    row(S::AnswerAtOpening, &[R::Agent], &[P::Opening, P::Evaluation], Guard::OwnTender, None, "招标投标法实施条例 第四十四条"),
    row(S::SignOpeningRecord, HALL, &[P::Opening, P::Evaluation], Guard::Nothing, None, "电子招标投标办法 第三十二条"),
    row(S::FormCommittee, &[R::Agent, R::Entity], &[P::Opening, P::Evaluation], Guard::CommitteeLawful, None, "招标投标法 第三十七条"),
    row(S::Record, &[R::Expert], &[P::Evaluation], Guard::Nothing, None, "电子招标投标办法 第三十三条"),
    row(S::StartEvaluation, &[R::Agent, R::Centre], &[P::Evaluation], Guard::RecordingRuns, Some(Milestone::EvaluationStarted), "招标投标法 第三十八条；电子招标投标办法 第三十三条"),
    row(S::Score, &[R::Expert], &[P::Evaluation], Guard::RecordingRuns, None, "招标投标法 第四十条、第四十四条"),
    row(S::OpenSecond, &[R::Agent, R::Centre], &[P::Evaluation], Guard::QuorumOfShares, Some(Milestone::SecondOpened), "招标投标法 第三十六条"),
    row(S::SignReport, &[R::Expert], &[P::Evaluation], Guard::SheetsSigned, Some(Milestone::Evaluated), "招标投标法实施条例 第五十三条"),
    row(S::PublishCandidates, &[R::Agent], &[P::Evaluated], Guard::ScheduleLawful, Some(Milestone::CandidatesPublished), "招标投标法实施条例 第五十四条"),
    even_on_hold(row(S::RaiseObjection, &[R::Bidder], &[P::Bidding, P::Publicity, P::Completed], Guard::ObjectionTime, Some(Milestone::Suspended), "招标投标法实施条例 第二十二条、第五十四条；政府采购法 第五十二条")),
    even_on_hold(row(S::AnswerObjection, &[R::Agent, R::Entity], PUBLIC, Guard::OwnTender, Some(Milestone::Resumed), "招标投标法实施条例 第二十二条、第五十四条；政府采购法 第五十三条")),
    row(S::DecideAward, &[R::Entity], &[P::Evaluated, P::Publicity], Guard::PublicityOver, Some(Milestone::Awarded), "招标投标法实施条例 第五十五条；政府采购法实施条例 第四十三条"),
    row(S::PublishResult, &[R::Agent, R::Entity], &[P::Awarded], Guard::OwnTender, Some(Milestone::ResultPublished), "招标投标法 第四十五条；政府采购法实施条例 第四十三条"),
    row(S::SignContract, &[R::Entity], &[P::Completed], Guard::OwnTender, Some(Milestone::ContractSigned), "招标投标法 第四十六条；政府采购法 第四十六条"),
    row(S::DeclareUnsuccessful, &[R::Agent, R::Entity], &[P::Opening, P::Evaluation, P::Evaluated, P::Publicity], Guard::OwnTender, Some(Milestone::Unsuccessful), "招标投标法 第二十八条、第四十二条；政府采购法 第三十六条"),
    even_on_hold(row(S::CancelTender, &[R::Entity], RUNNING, Guard::OwnTender, Some(Milestone::Cancelled), "招标投标法实施条例 第三十一条")),
    even_on_hold(row(S::Freeze, &[R::Supervisor], RUNNING, Guard::Nothing, Some(Milestone::Frozen), "招标投标法 第七条；招标投标法实施条例 第六十二条")),
    even_on_hold(row(S::Unfreeze, &[R::Supervisor], PUBLIC, Guard::DeadlineAhead, Some(Milestone::Unfrozen), "招标投标法 第七条；招标投标法实施条例 第六十二条")),
];

/// The row of `step`.
pub fn row_of(step: Step) -> Option<&'static Row> {
    FLOW.iter().find(|row| row.step == step)
}

/// Whether somebody in `role` may take `step` on a lot in `phase` under `hold`. Gives the row, whose guard the
/// caller checks next.
pub fn may(step: Step, role: Role, phase: Phase, hold: Hold) -> Result<&'static Row, Refusal> {
    let Some(row) = row_of(step).filter(|row| row.who.contains(&role)) else {
        let article = row_of(step).map_or("", |row| row.article);
        return Err(Refusal::NotYourStep { step, article });
    };
    in_phase(row, phase, hold)?;
    Ok(row)
}

/// Whether the clock itself may take `step` (a job, for steps that need no person's will).
pub fn may_clock(step: Step, phase: Phase, hold: Hold) -> Result<&'static Row, Refusal> {
    let by_itself = matches!(step, S::CloseBidding | S::DeclareNotOpened);
    let Some(row) = row_of(step).filter(|_| by_itself) else {
        let article = row_of(step).map_or("", |row| row.article);
        return Err(Refusal::NotYourStep { step, article });
    };
    in_phase(row, phase, hold)?;
    Ok(row)
}

fn in_phase(row: &Row, phase: Phase, hold: Hold) -> Result<(), Refusal> {
    if !row.phases.contains(&phase) {
        return Err(Refusal::NotInThisPhase { step: row.step, phase, article: row.article });
    }
    if hold.is_held() && !row.on_hold {
        return Err(Refusal::OnHold { step: row.step });
    }
    Ok(())
}
