//! Law as data: one [`Rulebook`] per kind of procedure and wording of the law, read from `rulebooks/*.toml`.
//!
//! Every value is a [`Cited`]: it carries the article it rests on and how sure we are of it. A tender names its
//! rulebook when it is announced and keeps it; a change of law is a new file with a new id.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::LazyLock;

use crate::platform::calendar::Period;
use crate::platform::digest::sha256;
use crate::platform::money::Fen;

/// The rulebooks compiled in. A new one is one file and one line here.
const TEXTS: [&str; 2] = [
    include_str!("../../rulebooks/works-open-2026.toml"),
    include_str!("../../rulebooks/procurement-open-2026.toml"),
];

/// The name of a rulebook, such as `works-open-2026`: what a tender stores.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RulebookId(String);

impl RulebookId {
    /// Lower-case letters, digits and hyphens, at most forty.
    pub fn parse(text: &str) -> Option<Self> {
        let lawful = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (!text.is_empty() && text.len() <= 40 && text.bytes().all(lawful)).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RulebookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RulebookId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RulebookId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected a rulebook id"))
    }
}

/// How sure we are of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Status {
    /// Found in the published text.
    F,
    /// Found in a secondary source only.
    S,
    /// From memory: a lawyer must confirm it.
    M,
}

/// A value of the law with its source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cited<T> {
    pub value: T,
    /// Law and article, as printed for people.
    pub article: String,
    pub status: Status,
    /// Came into force on this day, if later than the rulebook.
    #[serde(default)]
    pub from: Option<NaiveDate>,
}

/// The two legal systems, which are never mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// 招标投标法
    Tendering,
    /// 政府采购法
    Procurement,
}

/// 对招标文件提出异议（质疑）的期限: until when documents may be objected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentObjection {
    /// Not later than this long before the bid deadline.
    BeforeDeadline(Period),
    /// Within this period after the documents were received, or their notice ended.
    AfterDocuments(Period),
}

/// 对结果提出异议（质疑）的期限: until when a result may be objected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultObjection {
    /// While the candidates are on public display.
    WithinPublicity,
    /// Within this period after the result notice ended.
    AfterResultNotice(Period),
}

/// The event from which a refund period runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// 中标通知书发出
    Awarded,
    /// 合同签订
    ContractSigned,
    /// 投标人书面撤回
    Withdrawn,
    /// 招标终止、流标
    Ended,
}

/// When a deposit must be back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundRule {
    pub after: Anchor,
    pub within: Period,
}

/// What a percentage cap is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapBase {
    /// 招标项目估算价
    Estimate,
    /// 采购项目预算
    Budget,
}

/// A share such as two thirds, kept exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    pub at_least: u32,
    pub of: u32,
}

impl Share {
    /// The smallest whole number that is at least this share of `whole`.
    pub fn of_whole(self, whole: u32) -> u32 {
        (whole * self.at_least).div_ceil(self.of.max(1))
    }
}

/// Bounds of a parameter that the tender documents choose, both included; per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    pub from: Decimal,
    pub to: Decimal,
}

impl Bounds {
    pub fn contain(self, value: Decimal) -> bool {
        self.from <= value && value <= self.to
    }
}

/// 评标办法: how bids are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// 工程综合评估法: price score by a benchmark price with trimming and a drawn float.
    WorksBenchmark,
    /// 经评审的最低投标价法
    WorksLowestEvaluated,
    /// 政府采购综合评分法: price score is lowest price / price.
    GpComprehensive,
    /// 政府采购最低评标价法
    GpLowestPrice,
}

impl Method {
    pub const ALL: [Self; 4] =
        [Self::WorksBenchmark, Self::WorksLowestEvaluated, Self::GpComprehensive, Self::GpLowestPrice];

    /// The word in databases, documents and forms.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WorksBenchmark => "works_benchmark",
            Self::WorksLowestEvaluated => "works_lowest_evaluated",
            Self::GpComprehensive => "gp_comprehensive",
            Self::GpLowestPrice => "gp_lowest_price",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.code() == code)
    }
}

/// One step of breaking a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TieStep {
    LowerPrice,
    HigherTechnical,
    /// The verifiable draw.
    Draw,
}

/// A name in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BothNames {
    #[serde(rename = "zh-CN")]
    pub zh: String,
    pub en: String,
}

impl BothNames {
    /// The name for a locale code; Chinese unless English is asked for.
    pub fn in_locale(&self, locale: &str) -> &str {
        if locale.starts_with("en") { &self.en } else { &self.zh }
    }
}

/// Everything the law fixes for one kind of procedure.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rulebook {
    pub id: RulebookId,
    pub name: BothNames,
    pub family: Family,
    /// `works` or `goods_and_services`.
    pub subject: String,
    /// `open`.
    pub method: String,
    /// ISO 3166 code of the territory.
    pub jurisdiction: String,
    pub effective_from: NaiveDate,
    /// The last day on which a tender may be announced under it, once a newer one replaces it.
    #[serde(default)]
    pub effective_to: Option<NaiveDate>,
    pub legal_basis: Vec<String>,
    pub periods: Periods,
    pub objections: Objections,
    pub opening: OpeningRule,
    pub bidders: Bidders,
    pub committee: CommitteeRule,
    pub candidates: Candidates,
    pub deposit: DepositRule,
    pub evaluation: EvaluationRule,
    pub publication: PublicationRule,
    pub retention: Retention,
}

/// 期限: every period. `None` where this law knows no such period.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Periods {
    pub notice_min: Option<Cited<Period>>,
    pub document_issue_min: Cited<Period>,
    pub bid_preparation_min: Cited<Period>,
    pub clarification_before_deadline: Cited<Period>,
    pub document_objection: Cited<DocumentObjection>,
    pub document_objection_answer: Cited<Period>,
    pub inquiry_answer: Option<Cited<Period>>,
    pub report_to_entity_within: Option<Cited<Period>>,
    pub candidates_published_within: Option<Cited<Period>>,
    /// 中标候选人公示期; `None` where candidates are not displayed before the award.
    pub candidate_publicity_min: Option<Cited<Period>>,
    pub award_decision_within: Option<Cited<Period>>,
    pub result_published_within: Option<Cited<Period>>,
    pub result_notice_min: Option<Cited<Period>>,
    pub result_objection: Cited<ResultObjection>,
    pub result_objection_answer: Cited<Period>,
    pub contract_within: Cited<Period>,
    pub contract_published_within: Option<Cited<Period>>,
    pub report_to_regulator_within: Cited<Period>,
    pub complaint_within: Cited<Period>,
    pub complaint_decision_within: Cited<Period>,
}

/// 异议、质疑
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objections {
    /// Whether an unanswered objection stops the procedure.
    pub suspend_until_answered: Cited<bool>,
    pub at_opening_on_the_spot: Cited<bool>,
}

/// 投标人数量
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bidders {
    /// Fewer bids than this at the deadline: nothing is opened.
    pub minimum: Cited<u32>,
    /// Fewer responsive bids than this after review: no award.
    pub responsive_minimum: Option<Cited<u32>>,
    pub invitees_min: Cited<u32>,
}

/// 评标委员会
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitteeRule {
    pub size_min: Cited<u32>,
    pub size_odd: Cited<bool>,
    pub experts_share_min: Cited<Share>,
    /// From this budget on, `large_size_min` members are needed.
    pub large_budget_from: Option<Cited<Fen>>,
    pub large_size_min: Option<Cited<u32>>,
    pub draw_not_before: Option<Cited<Period>>,
    /// Who worked for a party within so many years may not judge it (回避).
    pub avoidance_years: Cited<u32>,
}

impl CommitteeRule {
    /// The smallest lawful committee for a lot with this budget, with its source.
    pub fn size_min_for(&self, budget: Fen) -> &Cited<u32> {
        match (&self.large_budget_from, &self.large_size_min) {
            (Some(from), Some(size)) if budget >= from.value => size,
            _ => &self.size_min,
        }
    }
}

/// 中标候选人
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidates {
    pub maximum: Cited<u32>,
    /// Whether the first-ranked must win.
    pub first_must_win: Cited<bool>,
}

/// 保证金
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositRule {
    /// Per cent of the base.
    pub cap_percent: Cited<Decimal>,
    pub cap_base: Cited<CapBase>,
    pub cap_absolute: Option<Cited<Fen>>,
    /// The lower absolute cap for surveying and design.
    pub cap_absolute_design: Option<Cited<Fen>>,
    pub from_basic_account: Cited<bool>,
    /// Whether bank interest goes back with the deposit.
    pub bank_interest_due: Cited<bool>,
    /// Whether a bid whose deposit is not secured at the deadline is rejected.
    pub unpaid_rejects: Cited<bool>,
    pub refund_losers: Cited<RefundRule>,
    pub refund_winner: Cited<RefundRule>,
    pub refund_withdrawn: Cited<RefundRule>,
    pub refund_terminated: Cited<RefundRule>,
    /// Factor on the base lending rate for overdue refunds.
    pub late_refund_rate_factor: Option<Cited<Decimal>>,
    pub performance_bond_cap_percent: Cited<Decimal>,
}

impl DepositRule {
    /// The highest lawful deposit for a lot with this estimate or budget, rounded down to the fen, and the
    /// article that binds. `design` marks surveying and design lots.
    pub fn cap_for(&self, base: Fen, design: bool) -> (Fen, &str) {
        let percent = self.cap_percent.value / Decimal::ONE_HUNDRED;
        let by_share = Fen::from_yuan((base.yuan() * percent).trunc_with_scale(2)).unwrap_or(base);
        let absolute = if design { self.cap_absolute_design.as_ref() } else { self.cap_absolute.as_ref() };
        match absolute {
            Some(cap) if cap.value < by_share => (cap.value, &cap.article),
            _ => (by_share, &self.cap_percent.article),
        }
    }
}

/// 评标办法参数. Values of the benchmark method are defaults that the tender documents may change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationRule {
    pub methods: Cited<Vec<Method>>,
    pub benchmark_full: Option<Cited<Decimal>>,
    /// Points lost per per cent above the benchmark.
    pub benchmark_above_per_percent: Option<Cited<Decimal>>,
    /// Points lost per per cent below the benchmark.
    pub benchmark_below_per_percent: Option<Cited<Decimal>>,
    /// From this many valid bids on, one highest and one lowest are left out of the mean.
    pub benchmark_trim_from: Option<Cited<u32>>,
    /// The floats (per cent) among which one is drawn at the opening.
    pub benchmark_floats: Option<Cited<Vec<Decimal>>>,
    pub price_weight_goods: Option<Cited<Bounds>>,
    pub price_weight_services: Option<Cited<Bounds>>,
    pub small_business_deduction: Option<Cited<Bounds>>,
    pub small_consortium_deduction: Option<Cited<Bounds>>,
    pub abnormal_below_mean_percent: Option<Cited<Decimal>>,
    pub abnormal_below_next_percent: Option<Cited<Decimal>>,
    pub abnormal_below_ceiling_percent: Option<Cited<Decimal>>,
    /// Decimal places of money, scores and deviations; rounding is half up.
    pub money_places: Cited<u32>,
    pub score_places: Cited<u32>,
    pub deviation_places: Cited<u32>,
    pub tie_order: Cited<Vec<TieStep>>,
}

/// 开标
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningRule {
    /// 投标人解密时限: how long bidders have to release their own key, where bids are locked twice.
    pub bidder_key_minutes: Cited<Bounds>,
    /// What the form offers.
    pub bidder_key_minutes_usual: Cited<u32>,
}

/// 公开
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicationRule {
    pub expert_names_in_result: Cited<bool>,
    pub opening_record_public: Cited<bool>,
    pub losers_told_with_winner: Cited<bool>,
}

/// 保存期限
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub documents_years: Cited<u32>,
    /// Recordings stay at hand, not in an archive, for at least this many days.
    pub recording_hot_days: Cited<u32>,
    pub recording_years: Cited<u32>,
}

struct Embedded {
    book: Rulebook,
    digest: [u8; 32],
}

static EMBEDDED: LazyLock<Vec<Embedded>> = LazyLock::new(|| {
    let read = |text: &&str| match Rulebook::read(text) {
        Ok(book) => Embedded { book, digest: sha256(&[text.as_bytes()]) },
        Err(bad) => panic!("an embedded rulebook: {bad}"),
    };
    TEXTS.iter().map(read).collect()
});

impl Rulebook {
    /// Reads a rulebook file.
    ///
    /// # Errors
    /// The parser's message with line and column: a missing, unknown or malformed value.
    pub fn read(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// All rulebooks of this program, in the order of offer.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        EMBEDDED.iter().map(|embedded| &embedded.book)
    }

    /// The rulebook with this id, in force or not: old tenders keep theirs.
    pub fn find(id: &RulebookId) -> Option<&'static Self> {
        Self::all().find(|book| book.id == *id)
    }

    /// SHA-256 of the file, which a tender pins beside the id.
    pub fn digest(&self) -> [u8; 32] {
        EMBEDDED
            .iter()
            .find(|embedded| embedded.book.id == self.id)
            .map_or([0; 32], |embedded| embedded.digest)
    }

    /// Whether a tender may be announced under this rulebook on `day`.
    pub fn in_force(&self, day: NaiveDate) -> bool {
        self.effective_from <= day && self.effective_to.is_none_or(|last| day <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(id: &str) -> &'static Rulebook {
        Rulebook::find(&RulebookId::parse(id).unwrap()).unwrap()
    }

    #[test]
    fn both_embedded_rulebooks_read_and_have_their_own_ids_and_digests() {
        let ids: Vec<_> = Rulebook::all().map(|book| book.id.as_str()).collect();
        assert_eq!(ids, ["works-open-2026", "procurement-open-2026"]);
        assert_ne!(book("works-open-2026").digest(), book("procurement-open-2026").digest());
        assert_ne!(book("works-open-2026").digest(), [0; 32]);
    }

    #[test]
    fn every_value_names_an_article() {
        for text in TEXTS {
            let values = text.lines().filter(|line| line.contains("value = ") && !line.starts_with('#'));
            for line in values {
                let article = line.split("article = \"").nth(1).unwrap_or_default();
                assert!(article.chars().take_while(|&c| c != '"').count() >= 4, "{line}");
                assert!(line.contains("status = \""), "{line}");
            }
        }
    }

    #[test]
    fn the_two_laws_count_in_their_own_units() {
        let (works, procurement) = (book("works-open-2026"), book("procurement-open-2026"));
        assert_eq!(works.periods.document_issue_min.value, Period::calendar(5));
        assert_eq!(procurement.periods.document_issue_min.value, Period::working(5));
        assert_eq!(works.periods.candidate_publicity_min.as_ref().unwrap().value, Period::calendar(3));
        assert!(procurement.periods.candidate_publicity_min.is_none());
        assert_eq!(works.periods.bid_preparation_min.article, "招标投标法 第二十四条");
    }

    #[test]
    fn the_deposit_cap_is_two_per_cent_and_never_above_the_absolute_cap() {
        // example E9
        let yuan = |yuan: i64| Fen(yuan * 100);
        let works = &book("works-open-2026").deposit;
        assert_eq!(works.cap_for(yuan(30_000_000), false).0, yuan(600_000));
        let (cap, article) = works.cap_for(yuan(50_000_000), false);
        assert_eq!(cap, yuan(800_000));
        assert!(article.contains("30号令"));
        assert_eq!(works.cap_for(yuan(8_000_000), true).0, yuan(100_000));
        let procurement = &book("procurement-open-2026").deposit;
        assert_eq!(procurement.cap_for(yuan(3_000_000), false).0, yuan(60_000));
        assert_eq!(works.cap_for(Fen(99), false).0, Fen(1)); // 1.98 fen is rounded down
    }

    #[test]
    fn two_thirds_of_a_committee_round_up() {
        // example E12
        let share = book("works-open-2026").committee.experts_share_min.value;
        let needed: Vec<u32> = [3, 5, 7, 9].into_iter().map(|size| share.of_whole(size)).collect();
        assert_eq!(needed, [2, 4, 5, 6]);
    }

    #[test]
    fn a_large_procurement_needs_seven_members() {
        let committee = &book("procurement-open-2026").committee;
        assert_eq!(committee.size_min_for(Fen(999_999_999)).value, 5);
        assert_eq!(committee.size_min_for(Fen(1_000_000_000)).value, 7);
        assert_eq!(book("works-open-2026").committee.size_min_for(Fen(i64::MAX)).value, 5);
    }

    #[test]
    fn a_rulebook_with_a_misspelt_value_is_refused() {
        let text = TEXTS[0].replace("bid_preparation_min", "bid_preparation_mim");
        assert!(Rulebook::read(&text).is_err());
        let text = TEXTS[0].replace("\"20 calendar days\"", "\"20 days\"");
        assert!(Rulebook::read(&text).is_err());
    }

    #[test]
    fn a_rulebook_is_in_force_from_its_first_to_its_last_day() {
        let mut book = book("works-open-2026").clone();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert!(!book.in_force(day("2025-12-31")));
        assert!(book.in_force(day("2026-01-01")));
        book.effective_to = Some(day("2026-06-30"));
        assert!(book.in_force(day("2026-06-30")));
        assert!(!book.in_force(day("2026-07-01")));
    }

    #[test]
    fn methods_are_read_back_from_their_codes() {
        for method in Method::ALL {
            assert_eq!(Method::from_code(method.code()), Some(method));
        }
        assert!(book("procurement-open-2026").evaluation.methods.value.contains(&Method::GpComprehensive));
    }
}
