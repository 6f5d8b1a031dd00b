//! Deposits: what was credited, by random ids that name nobody, against the log's entries and against its own sums.

use super::container::Archive;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bundle::Bundle;
use super::findings::Findings;
use super::log_check::Proven;
use crate::deposit::rules::State;
use crate::platform::canonical::from_jcs;
use crate::platform::money::Fen;
use crate::sealing::document::fixed_text;

fixed_text!(
    /// The `typ` of the deposits document.
    DepositsTyp = "sunbid/evidence-deposits/v1"
);

/// Path of the deposits document.
pub const DEPOSITS: &str = "deposits.json";

/// `deposits.json`: every deposit of the lot by its random id; who paid is not in the bundle.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositsDoc {
    /// Ascending by id.
    pub deposits: Vec<DepositLine>,
    pub totals: DepositTotals,
    pub typ: DepositsTyp,
}

/// One deposit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositLine {
    /// What the lot asks for.
    pub amount: Fen,
    /// What came in for it.
    pub credited: Fen,
    pub deposit: String,
    pub state: State,
}

/// The sums over all deposits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositTotals {
    pub credited: Fen,
    pub deposits: String,
    /// Kept, with a reason that the law knows.
    pub forfeited: Fen,
    /// Given back, by the bank's report.
    pub refunded: Fen,
}

impl DepositsDoc {
    /// The document of `deposits`, sorted and summed; `None` if the sums leave the range of money.
    pub fn new(mut deposits: Vec<DepositLine>) -> Option<Self> {
        deposits.sort_by(|a, b| a.deposit.cmp(&b.deposit));
        let totals = totals(&deposits)?;
        Some(Self { deposits, totals, typ: DepositsTyp })
    }
}

fn totals(deposits: &[DepositLine]) -> Option<DepositTotals> {
    let sum = |of: &dyn Fn(&DepositLine) -> bool| {
        deposits.iter().filter(|line| of(line)).try_fold(Fen(0), |sum, line| sum.checked_add(line.credited))
    };
    Some(DepositTotals {
        credited: sum(&|_| true)?,
        deposits: deposits.len().to_string(),
        forfeited: sum(&|line| line.state == State::Forfeited)?,
        refunded: sum(&|line| line.state == State::Refunded)?,
    })
}

/// Checks the deposits document.
pub fn check<A: Archive>(bundle: &Bundle<A>, proven: &Proven, findings: &mut Findings) {
    let Some(bytes) = bundle.document(DEPOSITS) else {
        findings.absent("deposits", "the bundle has no deposits");
        return;
    };
    let doc: DepositsDoc = match from_jcs(bytes) {
        Ok(doc) => doc,
        Err(error) => {
            findings.broken("deposits", format!("{DEPOSITS}: {error}"));
            return;
        }
    };
    let mut complaints = Vec::new();
    if totals(&doc.deposits).as_ref() != Some(&doc.totals) {
        complaints.push("the totals are not the sums of the deposits".to_owned());
    }
    if !doc.deposits.windows(2).all(|pair| pair[0].deposit < pair[1].deposit) {
        complaints.push("a deposit is listed twice or out of order".to_owned());
    }
    let facts = logged(proven, &bundle.contents.id);
    for line in &doc.deposits {
        complaints.extend(compare(line, facts.get(&line.deposit)));
    }
    let known = |id: &str| doc.deposits.iter().any(|line| line.deposit == id);
    let missing = facts.keys().filter(|id| !known(id));
    complaints.extend(missing.map(|id| format!("deposit {id} is in the log and was left out")));
    let words = format!(
        "{} deposits, {} credited, {} given back, {} kept, as the log says",
        doc.totals.deposits, doc.totals.credited, doc.totals.refunded, doc.totals.forfeited
    );
    findings.judge("deposits", complaints, words);
}

/// What the log says of one deposit.
#[derive(Default)]
struct Facts {
    credited: Option<Fen>,
    complete: bool,
    forfeited: bool,
    released: bool,
}

fn logged(proven: &Proven, lot: &str) -> BTreeMap<String, Facts> {
    let mut facts: BTreeMap<String, Facts> = BTreeMap::new();
    let text =
        |event: &Value, field: &str| event.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    for (_, event) in proven.events("deposit.credited").filter(|(_, event)| text(&event.event, "lot") == lot)
    {
        let fact = facts
            .entry(text(&event.event, "deposit"))
            .or_insert_with(|| Facts { credited: Some(Fen(0)), ..Facts::default() });
        let amount = Fen::parse(&text(&event.event, "amount"));
        fact.credited = fact.credited.zip(amount).and_then(|(sum, amount)| sum.checked_add(amount));
        fact.complete |= event.event.get("complete") == Some(&Value::Bool(true));
    }
    for (_, event) in proven.events("deposit.forfeited") {
        facts.entry(text(&event.event, "deposit")).and_modify(|fact| fact.forfeited = true);
    }
    for (_, event) in proven.events("deposit.released") {
        for id in event.event.get("deposits").and_then(Value::as_array).into_iter().flatten() {
            facts.entry(id.as_str().unwrap_or_default().to_owned()).and_modify(|fact| fact.released = true);
        }
    }
    facts
}

fn compare(line: &DepositLine, fact: Option<&Facts>) -> Option<String> {
    let (credited, fact) = match fact {
        Some(fact) => (fact.credited, fact),
        None => (Some(Fen(0)), &Facts::default()),
    };
    let name = &line.deposit;
    if credited != Some(line.credited) {
        let logged = credited.map_or("more than there is".into(), |sum| sum.to_string());
        return Some(format!("deposit {name}: {} was credited, the log says {logged}", line.credited));
    }
    let told = match line.state {
        State::Demanded => !fact.complete,
        State::Paid | State::Frozen => fact.complete,
        State::RefundDue | State::Instructed | State::Refunded => fact.released,
        State::Forfeited => fact.forfeited,
    };
    if !told {
        return Some(format!("deposit {name}: the log does not say that it is {}", line.state.code()));
    }
    // whoever withdrew, was paid back and bid again has paid twice
    let full = line.credited >= line.amount;
    (fact.complete && !full)
        .then(|| format!("deposit {name}: complete with {} of {}", line.credited, line.amount))
}
