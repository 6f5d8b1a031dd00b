//! 标段条款: everything about a lot that bidders must know before they bid and that nobody may change in secret.
//!
//! The terms are one canonical JSON document. How bids are compared stands in it as the method document of
//! `docs/formats/evaluation.md`; this file writes that document from the few numbers that a tender decides.

use rust_decimal::Decimal;
use rust_i18n::t;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rulebook::{Method, Rulebook, TieStep};
use crate::platform::money::Fen;
use crate::platform::refusal::Refused;

/// `typ` of the document.
pub const TERMS_TYPE: &str = "sunbid/lot-terms/v1";

/// 单信封、双信封: whether technical and commercial parts are sealed and opened separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelopes {
    One,
    /// The technical part is opened and scored first.
    Two,
}

impl Envelopes {
    pub const fn code(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Two => "two",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        [Self::One, Self::Two].into_iter().find(|envelopes| envelopes.code() == code)
    }
}

/// 双重加密: bids are locked with a key of the bidder too, who must release it at the opening before any trustee does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DualLock {
    /// 投标人解密时限: minutes from the start of the opening session.
    pub minutes: u32,
}

/// 评标委员会组成
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitteePlan {
    /// All members.
    pub size: u32,
    /// Of these, drawn experts; the others represent the entity.
    pub experts: u32,
}

/// The terms of a lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Always [`TERMS_TYPE`].
    pub typ: String,
    /// 估算价、预算
    pub budget: Fen,
    /// 最高投标限价
    pub ceiling: Fen,
    /// 投标保证金; zero where none is asked.
    pub deposit: Fen,
    /// Surveying or design, for which a lower deposit cap holds.
    pub design: bool,
    pub envelopes: Envelopes,
    /// `None`: trustees alone open. Absent from the document then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dual: Option<DualLock>,
    pub method: Method,
    /// The method document.
    pub evaluation: Value,
    pub committee: CommitteePlan,
    /// Fewer bids than this are not opened.
    pub minimum_bidders: u32,
    /// 评标专业: codes that experts of the committee must have.
    pub specialities: Vec<String>,
}

impl Terms {
    /// Whether the rulebook allows these terms. All violations at once.
    pub fn check(&self, book: &Rulebook) -> Result<(), Vec<Refused>> {
        let mut refusals = Vec::new();
        self.check_money(book, &mut refusals);
        self.check_committee(book, &mut refusals);
        let methods = &book.evaluation.methods;
        if !methods.value.contains(&self.method) {
            refusals.push(
                Refused::new(422, "project.refusal.method_not_lawful")
                    .article(&methods.article)
                    .field("method"),
            );
        }
        let window = &book.opening.bidder_key_minutes;
        if self.dual.is_some_and(|dual| !window.value.contain(Decimal::from(dual.minutes))) {
            refusals.push(
                Refused::new(422, "project.refusal.bidder_minutes")
                    .with("from", window.value.from)
                    .with("to", window.value.to)
                    .article(&window.article)
                    .field("bidder_minutes"),
            );
        }
        if self.minimum_bidders < book.bidders.minimum.value {
            refusals.push(
                Refused::new(422, "project.refusal.minimum_bidders")
                    .with("least", book.bidders.minimum.value)
                    .article(&book.bidders.minimum.article)
                    .field("minimum_bidders"),
            );
        }
        if refusals.is_empty() { Ok(()) } else { Err(refusals) }
    }

    fn check_money(&self, book: &Rulebook, refusals: &mut Vec<Refused>) {
        let (cap, article) = book.deposit.cap_for(self.budget, self.design);
        if self.deposit > cap {
            refusals.push(
                Refused::new(422, "project.refusal.deposit_above_cap")
                    .with("cap", cap)
                    .article(article)
                    .field("deposit"),
            );
        }
        if self.budget.0 <= 0 {
            refusals.push(Refused::new(422, "project.refusal.field_missing").field("budget"));
        } else if self.ceiling > self.budget || self.ceiling.0 <= 0 {
            refusals.push(
                Refused::new(422, "project.refusal.ceiling_above_budget")
                    .with("budget", self.budget)
                    .field("ceiling"),
            );
        }
    }

    fn check_committee(&self, book: &Rulebook, refusals: &mut Vec<Refused>) {
        let CommitteePlan { size, experts } = self.committee;
        let rule = &book.committee;
        let least = rule.size_min_for(self.budget);
        if size < least.value || size > 99 {
            refusals.push(
                Refused::new(422, "project.refusal.committee_too_small")
                    .with("least", least.value)
                    .article(&least.article)
                    .field("committee_size"),
            );
        } else if rule.size_odd.value && size.is_multiple_of(2) {
            refusals.push(
                Refused::new(422, "project.refusal.committee_even")
                    .article(&rule.size_odd.article)
                    .field("committee_size"),
            );
        }
        let needed = rule.experts_share_min.value.of_whole(size.min(99));
        if experts < needed || experts > size {
            refusals.push(
                Refused::new(422, "project.refusal.experts_too_few")
                    .with("least", needed)
                    .with("size", size)
                    .article(&rule.experts_share_min.article)
                    .field("committee_experts"),
            );
        }
    }
}

/// Subtotal of a scored item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemClass {
    Technical,
    Commercial,
}

/// Whether members may differ on an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    Objective,
    Subjective,
}

/// One thing that the committee scores besides the price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScoredItem {
    pub name: String,
    /// What earns how many points.
    pub guide: String,
    pub class: ItemClass,
    pub kind: ItemKind,
    pub points: Decimal,
}

/// The numbers from which a method document is written. Those that a method does not use are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scoring {
    /// Points of the price (price weight).
    pub price_points: Decimal,
    pub items: Vec<ScoredItem>,
    /// Per cent among which the float-down K is drawn at the opening; a single one is fixed.
    pub floats: Vec<Decimal>,
    /// Points lost per per cent above and below the benchmark.
    pub above: Decimal,
    pub below: Decimal,
    /// From this many valid bids on, one highest and one lowest price are left out of the mean.
    pub trim_from: u32,
    /// Per cent taken off the price of small enterprises, and of consortia with them, for comparison only.
    pub small: Decimal,
    pub consortium: Decimal,
}

impl Scoring {
    /// The rulebook's defaults, without scored items.
    pub fn usual(book: &Rulebook) -> Self {
        let rule = &book.evaluation;
        let or = |cited: &Option<super::rulebook::Cited<Decimal>>, usual: Decimal| {
            cited.as_ref().map_or(usual, |cited| cited.value)
        };
        let least = |bounds: &Option<super::rulebook::Cited<super::rulebook::Bounds>>| {
            bounds.as_ref().map_or(Decimal::ZERO, |cited| cited.value.from)
        };
        Self {
            price_points: or(&rule.benchmark_full, Decimal::from(30)),
            items: Vec::new(),
            floats: rule.benchmark_floats.as_ref().map(|cited| cited.value.clone()).unwrap_or_default(),
            above: or(&rule.benchmark_above_per_percent, Decimal::ONE),
            below: or(&rule.benchmark_below_per_percent, Decimal::new(5, 1)),
            trim_from: rule.benchmark_trim_from.as_ref().map_or(5, |cited| cited.value),
            small: least(&rule.small_business_deduction),
            consortium: least(&rule.small_consortium_deduction),
        }
    }

    /// Whether points add up and weights keep the rulebook's bounds (`services`: the bounds of services).
    pub fn check(&self, book: &Rulebook, method: Method, services: bool) -> Result<(), Vec<Refused>> {
        let mut refusals = Vec::new();
        if matches!(method, Method::WorksBenchmark | Method::GpComprehensive) {
            let sum = self.items.iter().map(|item| item.points).sum::<Decimal>() + self.price_points;
            if sum != Decimal::ONE_HUNDRED {
                refusals.push(
                    Refused::new(422, "project.refusal.weights_do_not_add_up")
                        .with("sum", sum.normalize())
                        .field("price_points"),
                );
            }
        }
        let bounds = if services {
            &book.evaluation.price_weight_services
        } else {
            &book.evaluation.price_weight_goods
        };
        if let (Method::GpComprehensive, Some(bounds)) = (method, bounds)
            && !bounds.value.contain(self.price_points)
        {
            refusals.push(
                Refused::new(422, "project.refusal.price_weight_out_of_bounds")
                    .with("from", bounds.value.from)
                    .with("to", bounds.value.to)
                    .article(&bounds.article)
                    .field("price_points"),
            );
        }
        if refusals.is_empty() { Ok(()) } else { Err(refusals) }
    }

    /// The method document, format `sunbid/evaluation-method/1`.
    pub fn document(&self, book: &Rulebook, method: Method) -> Value {
        let rule = &book.evaluation;
        let scored = matches!(method, Method::WorksBenchmark | Method::GpComprehensive);
        let items: Vec<Value> = if scored { (1..).zip(&self.items).map(item).collect() } else { Vec::new() };
        let ties: Vec<&TieStep> =
            rule.tie_order.value.iter().filter(|step| scored || **step != TieStep::HigherTechnical).collect();
        let mut document = json!({
            "format": "sunbid/evaluation-method/1",
            "precision": {
                "money": rule.money_places.value,
                "deviation": rule.deviation_places.value,
                "score": rule.score_places.value,
            },
            "review": review(),
            "price": self.price(method),
            "items": items,
            "member_mean": "all",
            "ties": ties,
            "candidates_max": book.candidates.maximum.value,
        });
        let shares = (
            &rule.abnormal_below_mean_percent,
            &rule.abnormal_below_next_percent,
            &rule.abnormal_below_ceiling_percent,
        );
        if let (Some(mean), Some(next), Some(ceiling), Some(fields)) =
            (shares.0, shares.1, shares.2, document.as_object_mut())
        {
            let abnormal = json!({
                "of_mean": fraction(mean.value),
                "of_next_lowest": fraction(next.value),
                "of_ceiling": fraction(ceiling.value),
            });
            fields.insert("abnormal".into(), abnormal);
        }
        document
    }

    fn price(&self, method: Method) -> Value {
        let deductions = json!({ "small": fraction(self.small), "consortium": fraction(self.consortium) });
        match method {
            Method::WorksBenchmark => json!({ "benchmark": {
                "weight": text(self.price_points),
                "base": { "float_down": { "trim": self.trim(), "k": self.float() } },
                "deviation": { "above": text(self.above), "below": text(self.below), "floor": "0" },
                "frozen_at": "preliminary_review",
            } }),
            Method::GpComprehensive => {
                json!({ "lowest_price": { "weight": text(self.price_points), "deductions": deductions } })
            }
            Method::WorksLowestEvaluated | Method::GpLowestPrice => {
                json!({ "lowest_evaluated": { "deductions": deductions } })
            }
        }
    }

    fn trim(&self) -> Value {
        json!({ "steps": { "steps": [{ "from_bids": self.trim_from, "high": 1, "low": 1 }] } })
    }

    fn float(&self) -> Value {
        match self.floats.as_slice() {
            [] => json!({ "fixed": { "value": "0" } }),
            [one] => json!({ "fixed": { "value": fraction(*one) } }),
            several => {
                let choices: Vec<String> = several.iter().map(|&float| fraction(float)).collect();
                json!({ "drawn": { "name": "k", "choices": choices } })
            }
        }
    }
}

fn item((place, item): (usize, &ScoredItem)) -> Value {
    let class = match item.class {
        ItemClass::Technical => "technical",
        ItemClass::Commercial => "commercial",
    };
    let kind = match item.kind {
        ItemKind::Objective => "objective",
        ItemKind::Subjective => "subjective",
    };
    let mut fields = json!({
        "id": format!("s{place}"),
        "title": item.name,
        "class": class,
        "kind": kind,
        "least": "0",
        "most": text(item.points),
        "places": 2,
    });
    if let (false, Some(map)) = (item.guide.is_empty(), fields.as_object_mut()) {
        map.insert("guide".into(), json!(item.guide));
    }
    fields
}

/// The preliminary review that every tender has: form, qualification, response (招标投标法实施条例 第五十一条).
fn review() -> Vec<Value> {
    [
        ("signed", "formal", "not_signed"),
        ("qualified", "qualification", "unqualified"),
        ("single", "qualification", "two_bids"),
        ("ceiling", "responsive", "above_ceiling"),
        ("responsive", "responsive", "not_responsive"),
    ]
    .into_iter()
    .map(|(id, stage, ground)| {
        let title = t!(format!("project.review.{id}"), locale = "zh-CN");
        json!({ "id": id, "title": title, "stage": stage, "ground": ground })
    })
    .collect()
}

fn text(value: Decimal) -> String {
    value.normalize().to_string()
}

/// Per cent as a fraction: 3 becomes `0.03`.
fn fraction(percent: Decimal) -> String {
    text(percent / Decimal::ONE_HUNDRED)
}

impl Scoring {
    /// Reads the numbers back from a document that [`Scoring::document`] wrote, for a form that shows them again.
    /// What the document does not have keeps the rulebook's usual value.
    pub fn of_document(book: &Rulebook, document: &Value) -> Self {
        let mut scoring = Self::usual(book);
        let number = |value: &Value| value.as_str().and_then(|text| text.parse::<Decimal>().ok());
        let percent = |value: &Value| number(value).map(|fraction| fraction * Decimal::ONE_HUNDRED);
        let price = &document["price"];
        let (benchmark, lowest) = (&price["benchmark"], &price["lowest_price"]);
        let k = &benchmark["base"]["float_down"]["k"];
        let set =
            |slot: &mut Decimal, value: Option<Decimal>| value.into_iter().for_each(|value| *slot = value);
        set(&mut scoring.price_points, number(&benchmark["weight"]).or(number(&lowest["weight"])));
        set(&mut scoring.above, number(&benchmark["deviation"]["above"]));
        set(&mut scoring.below, number(&benchmark["deviation"]["below"]));
        let deductions =
            if lowest.is_null() { &price["lowest_evaluated"]["deductions"] } else { &lowest["deductions"] };
        set(&mut scoring.small, percent(&deductions["small"]));
        set(&mut scoring.consortium, percent(&deductions["consortium"]));
        if let Some(choices) = k["drawn"]["choices"].as_array() {
            scoring.floats = choices.iter().filter_map(percent).collect();
        } else if let Some(fixed) = percent(&k["fixed"]["value"]) {
            scoring.floats = vec![fixed];
        }
        let trim = &benchmark["base"]["float_down"]["trim"]["steps"]["steps"][0]["from_bids"];
        if let Some(from) = trim.as_u64().and_then(|from| u32::try_from(from).ok()) {
            scoring.trim_from = from;
        }
        scoring.items = document["items"]
            .as_array()
            .map(|items| items.iter().filter_map(item_of).collect())
            .unwrap_or_default();
        scoring
    }
}

fn item_of(value: &Value) -> Option<ScoredItem> {
    Some(ScoredItem {
        name: value["title"].as_str()?.to_owned(),
        guide: value["guide"].as_str().unwrap_or_default().to_owned(),
        class: if value["class"] == "commercial" { ItemClass::Commercial } else { ItemClass::Technical },
        kind: if value["kind"] == "objective" { ItemKind::Objective } else { ItemKind::Subjective },
        points: value["most"].as_str()?.parse().ok()?,
    })
}
