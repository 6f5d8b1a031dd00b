//! Deposits in a form that reveals nobody: random ids, amounts and states, and their sums.

use super::Gathering;
use crate::deposit;
use crate::platform::canonical::jcs;
use crate::platform::money::Fen;
use crate::platform::refusal::Fault;
use crate::verify::deposit_check::{DEPOSITS, DepositLine, DepositsDoc};

pub(super) fn gather(gathering: &mut Gathering<'_>) -> Result<(), Fault> {
    let vault = gathering.door.vault().clone();
    let demands = deposit::store::of_lot(gathering.db, &vault, gathering.lot.lot)?;
    if demands.is_empty() {
        return Ok(());
    }
    let mut lines = Vec::with_capacity(demands.len());
    for demand in &demands {
        let credited = demand.credited;
        let (amount, deposit) = (demand.amount, demand.id.to_string());
        lines.push(DepositLine { amount, credited, deposit, state: demand.state });
    }
    let doc = DepositsDoc::new(lines).ok_or_else(|| Fault::new(format!("more than {}", Fen(i64::MAX))))?;
    gathering.document(DEPOSITS.into(), jcs(&doc));
    Ok(())
}
