//! The evaluation method of a lot: everything that the tender document must fix before anyone bids.
//!
//! A method is one document (TOML for people who write it, canonical JSON when it is hashed and logged). Nothing in
//! it is a default that a reader could not see; decimals are text. `docs/formats/evaluation.md` describes each field.

use super::decimal::{self, Exact};
use super::responsiveness::Ground;
use super::rules::Refusal;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The only format that this version writes and reads.
pub const FORMAT: &str = "sunbid/evaluation-method/1";

/// Most digits after the point that any parameter of a method may have.
const PARAMETER_PLACES_MAX: u32 = 6;

/// How the bids of one lot are judged and ranked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// Always [`FORMAT`].
    pub format: String,
    pub precision: Precision,
    /// What every bid must meet before it is scored.
    pub review: Vec<ReviewItem>,
    /// How the price counts.
    pub price: Price,
    /// What the members score besides the price. Empty when only the price decides.
    pub items: Vec<Item>,
    pub member_mean: MemberMean,
    /// How bids that are equal in the main measure are parted, in this order.
    pub ties: Vec<TieRule>,
    /// How many candidates the committee recommends: 1 to 3 (条例第五十三条).
    pub candidates_max: u8,
    /// When a low price must be explained. Absent: only when the committee asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abnormal: Option<AbnormalRule>,
}

/// Digits after the point at which each shown value is rounded, half up on the magnitude.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Precision {
    /// Means and bases in yuan.
    pub money: u32,
    /// Deviations in percent.
    pub deviation: u32,
    /// Scores in points.
    pub score: u32,
}

/// One thing that a bid must meet. Failing it by the committee's majority rejects the bid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewItem {
    pub id: String,
    pub title: String,
    pub stage: ReviewStage,
    /// The legal ground on which a bid that fails is rejected.
    pub ground: Ground,
}

/// The three parts of the preliminary review (初步评审).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewStage {
    /// 形式: sealed, signed, complete.
    Formal,
    /// 资格: who the bidder is.
    Qualification,
    /// 响应性: what the bidder offers.
    Responsive,
}

/// How the price counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[allow(clippy::large_enum_variant)] // one for each lot
pub enum Price {
    /// 综合评分法 of government procurement: base / price × weight, the base being the lowest price of the bids that
    /// passed. Nothing is trimmed (87号令第五十五条).
    LowestPrice { weight: Exact, deductions: Deductions },
    /// 综合评估法 of works: points lost for each percent away from a computed base price.
    Benchmark {
        weight: Exact,
        base: Base,
        deviation: Deviation,
        frozen_at: FrozenAt,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        band: Option<Band>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        small_bonus: Option<SmallBonus>,
    },
    /// 最低评标价法, 经评审的最低投标价法: no points, the lowest evaluated price wins; the contract is at the bid price.
    LowestEvaluated { deductions: Deductions },
}

/// What is taken off a price for comparison only (财库〔2022〕19号). Rates as fractions: `"0.10"` is ten percent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deductions {
    /// For a small or micro enterprise.
    pub small: Exact,
    /// For a consortium or subcontract with at least 30 % for small or micro enterprises.
    pub consortium: Exact,
}

/// Points added to a small enterprise's own price score, as a fraction of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmallBonus {
    pub small: Exact,
    pub consortium: Exact,
    /// Whether the price score may pass its weight by the bonus.
    pub above_weight: AboveWeight,
}

/// Whether a bonus may lift a price score above its weight. The law is silent, so the tender document must say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AboveWeight {
    Allowed,
    Capped,
}

/// How the base price is made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Base {
    /// B1: trimmed mean × (1 - k).
    FloatDown { trim: Trim, k: Coefficient },
    /// B2: trimmed mean × k.
    Factor { trim: Trim, k: Coefficient },
    /// B3: trimmed mean × k1 × q + ceiling × k2 × (1 - q).
    Composite { trim: Trim, k1: Coefficient, k2: Coefficient, q: Coefficient },
}

/// How many of the highest and lowest prices are left out of the mean.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trim {
    /// A table: the row with the largest `from_bids` that is not above the number of prices applies; no row, no trim.
    Steps { steps: Vec<TrimStep> },
    /// A share of the number of prices on each side, half up, from `from_bids` prices on.
    Share { from_bids: usize, share: Exact, ties: CutTies },
}

/// One row of a trim table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrimStep {
    pub from_bids: usize,
    pub high: usize,
    pub low: usize,
}

/// What happens when the last price to be dropped equals the first to be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutTies {
    /// All prices equal to it are kept.
    Kept,
    /// As many are dropped as counted.
    Dropped,
}

/// A number of the base formula: fixed in the tender document, or drawn at the opening from published choices.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Coefficient {
    Fixed { value: Exact },
    Drawn { name: String, choices: Vec<Exact> },
}

/// Points lost per percent of deviation from the base, in a straight line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// E1: points per percent above the base.
    pub above: Exact,
    /// E2: points per percent below the base.
    pub below: Exact,
    /// The score never falls below this.
    pub floor: Exact,
}

/// Which bids make the base, and when it stops moving. After that only an arithmetic correction could change a price,
/// and it does not change the base.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrozenAt {
    /// All bids opened, at the prices read out.
    Opening,
    /// The bids that passed the preliminary review, at their corrected prices.
    PreliminaryReview,
}

/// Prices outside a band around the price ceiling do not enter the base, but are scored all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Lowest price that counts, as a fraction of the ceiling.
    pub least: Exact,
    /// Highest price that counts, as a fraction of the ceiling.
    pub most: Exact,
}

/// One thing that the members score.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub id: String,
    pub title: String,
    /// What earns how many points, as the tender document says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub guide: String,
    pub class: ItemClass,
    pub kind: ItemKind,
    pub least: Exact,
    pub most: Exact,
    /// Digits after the point that a score may have.
    pub places: u32,
}

/// Which subtotal an item belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemClass {
    Technical,
    Commercial,
}

/// Whether members may differ on an item.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A fact (certificates, years, periods): all members must score it the same (《政府采购法实施条例》第三十四条).
    Objective,
    /// A judgement.
    Subjective,
}

/// How the members' totals become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MemberMean {
    /// The mean of all members.
    All,
    /// Without one highest and one lowest, when there are at least this many members.
    TrimOneEach { from_members: usize },
}

/// One way to part equal bids.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TieRule {
    /// The lower evaluated price goes first.
    LowerPrice,
    /// The higher technical subtotal goes first.
    HigherTechnical,
    /// A draw that can be recomputed.
    Draw,
}

/// When a price looks abnormally low (财办库〔2024〕265号; the shares are set per tender). Fractions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbnormalRule {
    /// Below this share of the mean of the bids that passed.
    pub of_mean: Exact,
    /// Below this share of the next lowest price.
    pub of_next_lowest: Exact,
    /// Below this share of the ceiling.
    pub of_ceiling: Exact,
}

impl Method {
    /// Reads the TOML form and checks it.
    pub fn from_toml(text: &str) -> Result<Self, Refusal> {
        let method: Self = toml::from_str(text).map_err(|_| Refusal::Method { what: "format" })?;
        method.check()?;
        Ok(method)
    }

    /// Reads the canonical JSON form and checks it.
    pub fn from_jcs(bytes: &[u8]) -> Result<Self, Refusal> {
        let method: Self =
            crate::platform::canonical::from_jcs(bytes).map_err(|_| Refusal::Method { what: "format" })?;
        method.check()?;
        Ok(method)
    }

    /// The points that the price can earn; zero when the price is not scored.
    pub fn price_weight(&self) -> Decimal {
        match &self.price {
            Price::LowestPrice { weight, .. } | Price::Benchmark { weight, .. } => weight.0,
            Price::LowestEvaluated { .. } => Decimal::ZERO,
        }
    }

    /// Name and choices of each coefficient that must be drawn at the opening, in the order of the formula.
    pub fn to_draw(&self) -> Vec<(&str, &[Exact])> {
        let Price::Benchmark { base, .. } = &self.price else { return Vec::new() };
        base.coefficients()
            .into_iter()
            .filter_map(|coefficient| match coefficient {
                Coefficient::Drawn { name, choices } => Some((name.as_str(), choices.as_slice())),
                Coefficient::Fixed { .. } => None,
            })
            .collect()
    }

    /// The score item of that id.
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// Whether the document is complete and can be computed with. Says which part is wrong.
    pub fn check(&self) -> Result<(), Refusal> {
        let no = |what| Err(Refusal::Method { what });
        if self.format != FORMAT {
            return no("format");
        }
        if self.precision.money > 2 || self.precision.deviation > 6 || self.precision.score > 4 {
            return no("precision");
        }
        if !(1..=3).contains(&self.candidates_max) {
            return no("candidates_max");
        }
        if !distinct(self.review.iter().map(|item| item.id.as_str())) || self.review.is_empty() {
            return no("review");
        }
        if let MemberMean::TrimOneEach { from_members } = self.member_mean
            && from_members < 5
        {
            return no("member_mean");
        }
        self.check_price()?;
        self.check_items()
    }

    fn check_price(&self) -> Result<(), Refusal> {
        let no = |what| Err(Refusal::Method { what });
        match &self.price {
            Price::LowestPrice { weight, deductions } => {
                if !positive(*weight) || weight.0 > Decimal::ONE_HUNDRED {
                    return no("price.weight");
                }
                deductions.check()
            }
            Price::LowestEvaluated { deductions } => {
                if !self.items.is_empty() {
                    return no("items");
                }
                deductions.check()
            }
            Price::Benchmark { weight, base, deviation, band, small_bonus, .. } => {
                if !positive(*weight) || weight.0 > Decimal::ONE_HUNDRED {
                    return no("price.weight");
                }
                let slopes = [deviation.above, deviation.below];
                let floor = deviation.floor;
                if !slopes.iter().all(|&slope| not_negative(slope))
                    || !not_negative(floor)
                    || floor.0 > weight.0
                {
                    return no("price.deviation");
                }
                if band
                    .is_some_and(|band| !positive(band.least) || !fine(band.most) || band.least > band.most)
                {
                    return no("price.band");
                }
                if small_bonus.is_some_and(|bonus| !fraction(bonus.small) || !fraction(bonus.consortium)) {
                    return no("price.small_bonus");
                }
                base.check()
            }
        }
    }

    fn check_items(&self) -> Result<(), Refusal> {
        let no = |what| Err(Refusal::Method { what });
        if !distinct(self.items.iter().map(|item| item.id.as_str())) || self.items.len() > 200 {
            return no("items");
        }
        for item in &self.items {
            let coarse = item.places <= self.precision.score;
            let bounds = not_negative(item.least) && fine(item.most) && item.least.0 < item.most.0;
            if !bounds || !coarse || item.least.places() > item.places || item.most.places() > item.places {
                return no("items");
            }
        }
        if matches!(self.price, Price::LowestEvaluated { .. }) {
            return Ok(());
        }
        let most: Vec<Decimal> = self.items.iter().map(|item| item.most.0).collect();
        let total = decimal::sum(&most).and_then(|items| items.checked_add(self.price_weight()));
        if total == Some(Decimal::ONE_HUNDRED) { Ok(()) } else { no("weights") }
    }
}

impl Deductions {
    /// No deduction for anyone.
    pub const NONE: Self = Self { small: Exact(Decimal::ZERO), consortium: Exact(Decimal::ZERO) };

    fn check(self) -> Result<(), Refusal> {
        let lawful = fraction(self.small) && fraction(self.consortium);
        if lawful { Ok(()) } else { Err(Refusal::Method { what: "price.deductions" }) }
    }
}

impl Base {
    /// How the mean inside the base is trimmed.
    pub fn trim(&self) -> &Trim {
        match self {
            Self::FloatDown { trim, .. } | Self::Factor { trim, .. } | Self::Composite { trim, .. } => trim,
        }
    }

    /// The coefficients in the order of the formula.
    pub fn coefficients(&self) -> Vec<&Coefficient> {
        match self {
            Self::FloatDown { k, .. } | Self::Factor { k, .. } => vec![k],
            Self::Composite { k1, k2, q, .. } => vec![k1, k2, q],
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        let names: Vec<&str> = self.coefficients().into_iter().filter_map(Coefficient::name).collect();
        if !distinct(names.into_iter()) {
            return Err(Refusal::Method { what: "price.base" });
        }
        for coefficient in self.coefficients() {
            let choices = coefficient.choices();
            let several = coefficient.name().is_none() || choices.len() >= 2;
            let whole: BTreeSet<_> = choices.iter().map(|choice| choice.0.normalize()).collect();
            if !several
                || whole.len() != choices.len()
                || choices.len() > 100
                || !choices.iter().all(|&c| ratio(c))
            {
                return Err(Refusal::Method { what: "price.base" });
            }
        }
        self.trim().check()
    }
}

impl Coefficient {
    /// The name under which it is drawn, if it is.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Fixed { .. } => None,
            Self::Drawn { name, .. } => Some(name),
        }
    }

    /// The values that it can have.
    pub fn choices(&self) -> &[Exact] {
        match self {
            Self::Fixed { value } => std::slice::from_ref(value),
            Self::Drawn { choices, .. } => choices,
        }
    }
}

impl Trim {
    fn check(&self) -> Result<(), Refusal> {
        let lawful = match self {
            // something must be left for the mean: three tenths on each side leave it from three prices on
            Self::Steps { steps } => {
                steps.windows(2).all(|pair| matches!(pair, [a, b] if a.from_bids < b.from_bids))
                    && steps.iter().all(|step| step.high + step.low < step.from_bids)
            }
            Self::Share { from_bids, share, .. } => {
                fine(*share) && not_negative(*share) && share.0 <= Decimal::new(3, 1) && *from_bids >= 3
            }
        };
        if lawful { Ok(()) } else { Err(Refusal::Method { what: "price.trim" }) }
    }
}

fn fine(value: Exact) -> bool {
    value.places() <= PARAMETER_PLACES_MAX
}

fn positive(value: Exact) -> bool {
    fine(value) && value.0 > Decimal::ZERO
}

fn not_negative(value: Exact) -> bool {
    fine(value) && value.0 >= Decimal::ZERO
}

/// From zero up to, but not including, one: a share to take off or add.
fn fraction(value: Exact) -> bool {
    not_negative(value) && value.0 < Decimal::ONE
}

/// From zero to two: a factor of a price.
fn ratio(value: Exact) -> bool {
    not_negative(value) && value.0 <= Decimal::TWO
}

fn distinct<'a>(ids: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = BTreeSet::new();
    let mut ids = ids;
    ids.all(|id| !id.is_empty() && id.len() <= 60 && seen.insert(id))
}
