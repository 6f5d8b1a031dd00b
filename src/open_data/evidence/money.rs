//! Deposits in a form that reveals nobody: random ids, amounts and states, and their sums.

use super::Gathering;
use crate::deposit;
use crate::deposit::records::Deposit;
use crate::deposit::rules::State;
use crate::ledger::Subject;
use crate::ledger::store::entries_about;
use crate::platform::canonical::jcs;
use crate::platform::digest::from_b64u;
use crate::platform::id::Id;
use crate::platform::money::Fen;
use crate::platform::refusal::Fault;
use crate::verify::deposit_check::{DEPOSITS, DepositLine, DepositsDoc};
use crate::verify::log_check::EventDoc;

pub(super) fn gather(gathering: &mut Gathering<'_>) -> Result<(), Fault> {
    let vault = gathering.door.vault().clone();
    let demands = deposit::store::of_lot(gathering.db, &vault, gathering.lot.lot)?;
    if demands.is_empty() {
        return Ok(());
    }
    let mut lines = Vec::with_capacity(demands.len());
    for demand in &demands {
        let credited = match (demand.paid_on, demand.state) {
            (Some(_), _) => demand.amount,
            (None, State::Instructed | State::Refunded) => entered(gathering, demand.id)?,
            (None, _) => demand.held,
        };
        let (amount, deposit) = (demand.amount, demand.id.to_string());
        lines.push(DepositLine { amount, credited, deposit, state: demand.state });
    }
    let doc = DepositsDoc::new(lines).ok_or_else(|| Fault::new(format!("more than {}", Fen(i64::MAX))))?;
    gathering.document(DEPOSITS.into(), jcs(&doc));
    Ok(())
}

/// What came in for a deposit that was never complete and has gone back: only the log still knows.
fn entered(gathering: &mut Gathering<'_>, deposit: Id<Deposit>) -> Result<Fen, Fault> {
    let column = Subject::sealed(deposit).column(gathering.door.vault());
    let mut sum = Fen(0);
    for row in entries_about(gathering.db, &[column])? {
        let opened = gathering.door.opened(&row)?;
        let event: Option<EventDoc> =
            serde_json::from_slice(&from_b64u(&opened.object).unwrap_or_default()).ok();
        let credited = event.filter(|event| event.kind == "deposit.credited");
        let amount = credited.and_then(|event| Fen::parse(event.event.get("amount")?.as_str()?));
        sum = sum
            .checked_add(amount.unwrap_or_default())
            .ok_or_else(|| Fault::new("more money than there is"))?;
    }
    Ok(sum)
}
